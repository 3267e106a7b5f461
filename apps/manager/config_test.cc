#include "manager/config.h"

#include <gtest/gtest.h>

#include "common/io/directory.h"

namespace nezu::manager_app {
namespace {

const char* const kPlain = "link: {listen: \"127.0.0.1:7400\", insecure: true}\n";

std::string errors(const std::string& text) {
  auto config = parse_config(text, "manager.yaml");
  return config.ok() ? "" : config.error().message();
}

TEST(Config, defaults_work) {
  auto config = parse_config(kPlain, "manager.yaml");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->api, (HostPort{"127.0.0.1", 7480}));
  EXPECT_EQ(config->store.path, "/var/lib/nezuban/manager.db");
  EXPECT_EQ(config->driver.monitor.reconnect_grace, Nanos(Seconds(3)));
  EXPECT_EQ(config->driver.ingest.window, Nanos(Seconds(1)));
}

// The example shows every key with its default: reading it gives what an almost empty file gives.
TEST(Config, the_example_is_well_and_has_the_defaults) {
  auto text = io::read_file(NEZU_EXAMPLE);
  ASSERT_TRUE(text.ok());
  auto example = parse_config(*text, "example");
  ASSERT_TRUE(example.ok()) << example.error().message();
  auto tls = parse_config(
      "link: {tls: {ca: /etc/nezuban/pki/ca.crt, certificate: /etc/nezuban/pki/manager.crt, key: /etc/nezuban/pki/manager.key}}\n", "f");
  ASSERT_TRUE(tls.ok());
  EXPECT_TRUE(needs_restart(*example, *tls).empty());
}

TEST(Config, plain_text_is_for_loopback_only) {
  const std::string text = errors("link: {listen: \"0.0.0.0:7400\", insecure: true}\n");
  EXPECT_EQ(text.rfind("manager.yaml:1:42: link.insecure", 0), 0u) << text;
}

TEST(Config, without_insecure_all_three_files_are_needed) {
  const std::string text = errors("link: {tls: {ca: x}}\n");
  EXPECT_EQ(text.find("link.tls.ca"), std::string::npos) << text;
  EXPECT_NE(text.find("link.tls.certificate"), std::string::npos) << text;
  EXPECT_NE(text.find("link.tls.key"), std::string::npos) << text;
}

TEST(Config, all_errors_are_told_with_their_places) {
  const std::string text =
      errors(std::string(kPlain) +
             "window: 10s\nfailover:\n  claim_patience: soon\nlimits: {probes: 0}\napi: {listen: \"0.0.0.0:7480\"}\nfoo: 1\n");
  EXPECT_NE(text.find("manager.yaml:2:9: window"), std::string::npos) << text;
  EXPECT_NE(text.find("manager.yaml:4:19: failover.claim_patience"), std::string::npos) << text;
  EXPECT_NE(text.find("manager.yaml:5:18: limits.probes"), std::string::npos) << text;
  EXPECT_NE(text.find("api.listen"), std::string::npos) << text;
  EXPECT_NE(text.find("foo"), std::string::npos) << text;
}

TEST(Config, a_window_divides_a_second) {
  EXPECT_EQ(errors(std::string(kPlain) + "window: 250ms\n"), "");
  EXPECT_NE(errors(std::string(kPlain) + "window: 300ms\n"), "");
}

TEST(Config, a_coarser_level_is_kept_as_long_as_a_finer_one) {
  EXPECT_NE(errors(std::string(kPlain) + "store: {retention: {1s: 30d, 10s: 14d}}\n"), "");
  auto longer = parse_config(std::string(kPlain) + "store: {retention: {1s: 30d}}\n", "f");
  ASSERT_TRUE(longer.ok()) << longer.error().message();
  EXPECT_EQ(longer->store.retention.s10, longer->store.retention.s1) << "a default grows with what it must cover";
}

TEST(Config, a_reload_names_what_needs_a_restart) {
  auto now = parse_config(kPlain, "f");
  auto next = parse_config(
      "link: {listen: \"127.0.0.1:7401\", insecure: true}\nlog: {level: debug}\nfailover: {reconnect_grace: 5s}\ndiscovery: {kept: 5}\n",
      "f");
  ASSERT_TRUE(now.ok() && next.ok());
  EXPECT_EQ(needs_restart(*now, *next), (std::vector<std::string>{"link.listen", "failover", "discovery"}));
}

}  // namespace
}  // namespace nezu::manager_app
