// probe.yaml: what hangs together. (Every key stands in the example and in the manual pages: tests/docs.)
#include "probe/config.h"

#include <gmock/gmock.h>

#include "common/io/directory.h"

namespace nezu::probe_app {
namespace {

using ::testing::HasSubstr;
constexpr const char* kPlain = "probe: {name: edge}\nmanager: {insecure: true}\ncapture: {interface: lo}\n";

Result<Config> parse(const std::string& more) { return parse_config(kPlain + more, "probe.yaml", "node-a", 4); }

TEST(Config, an_isolated_probe_stays_unless_the_file_says_otherwise) {
  const auto left_out = parse("");
  ASSERT_TRUE(left_out.ok()) << left_out.error().message();
  EXPECT_FALSE(left_out->isolation.has_value());
  const auto stays = parse("on_isolation: stay\nisolation_timeout: 5s\n");
  ASSERT_TRUE(stays.ok()) << stays.error().message();
  EXPECT_FALSE(stays->isolation.has_value());
  const auto ends = parse("on_isolation: exit\n");
  ASSERT_TRUE(ends.ok()) << ends.error().message();
  EXPECT_EQ(ends->isolation, Nanos(Seconds(30)));
  const auto soon = parse("on_isolation: exit\nisolation_timeout: 5s\n");
  ASSERT_TRUE(soon.ok()) << soon.error().message();
  EXPECT_EQ(soon->isolation, Nanos(Seconds(5)));
}

TEST(Config, mistakes_about_isolation_are_told_with_their_place) {
  const auto wrong = parse("on_isolation: restart\nisolation_timeout: 100ms\n");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(), HasSubstr("probe.yaml:4:"));
  EXPECT_THAT(wrong.error().message(), HasSubstr("stay"));
  EXPECT_THAT(wrong.error().message(), HasSubstr("probe.yaml:5:"));
}

TEST(Config, isolation_is_taken_by_a_reload) {
  const auto now = parse("");
  const auto next = parse("on_isolation: exit\nisolation_timeout: 5s\nstandby: warm\n");
  ASSERT_TRUE(now.ok() && next.ok());
  EXPECT_EQ(needs_restart(*now, *next), std::vector<std::string>{"standby"});
}

TEST(Config, the_example_says_the_defaults) {
  const auto text = io::read_file(NEZU_EXAMPLE, 1 << 20);
  ASSERT_TRUE(text.ok());
  const auto example = parse_config(*text, "example", "node-a", 4);
  ASSERT_TRUE(example.ok()) << example.error().message();
  EXPECT_FALSE(example->isolation.has_value());
}

}  // namespace
}  // namespace nezu::probe_app
