#include "common/tls/pki.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/text.h"
#include "common/io/faulty_directory.h"
#include "common/tls/test_ca.h"

namespace nezu::tls::pki {
namespace {

const WallTime kNow = wall_time_ns(1'790'000'000'000'000'000);

TEST(Pki, IssuesWhatItWasAskedFor) {
  const TestCa ca(kNow);
  ASSERT_TRUE(issue(ca.path(),
                    {.name = "manager-1",
                     .role = Role::manager,
                     .hosts = {"manager.example", "*.m.example", "192.0.2.1", "2001:db8::1"},
                     .lifetime = Seconds(86400),
                     .force = false},
                    kNow));
  const auto info = inspect(ca.path() + "/manager-1.crt");
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(info->subject, "manager-1");
  EXPECT_EQ(info->issuer, "Test CA");
  EXPECT_EQ(info->hosts, (std::vector<std::string>{"manager.example", "*.m.example", "192.0.2.1", "2001:db8::1"}));
  EXPECT_EQ(info->not_before, kNow - std::chrono::minutes(5));
  EXPECT_EQ(info->not_after, kNow + std::chrono::hours(24));
  EXPECT_FALSE(info->is_ca);
  EXPECT_TRUE(info->for_server);
  EXPECT_FALSE(info->for_client);
  EXPECT_EQ(info->serial.size(), 32u);
  EXPECT_EQ(info->fingerprint.size(), 64u);
  ASSERT_TRUE(issue(ca.path(), {.name = "edge", .role = Role::probe, .hosts = {}, .lifetime = Seconds(60), .force = false}, kNow));
  const auto all = list(ca.path());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].subject, "Test CA");
  EXPECT_TRUE((*all)[0].is_ca);
  EXPECT_EQ((*all)[1].subject, "edge");
  EXPECT_TRUE((*all)[1].for_client);
  EXPECT_NE((*all)[1].serial, (*all)[2].serial);
}

TEST(Pki, KeysArePrivateAndNothingIsOverwrittenWithoutForce) {
  const TestCa ca(kNow);
  const IssueOptions options{.name = "edge", .role = Role::probe, .hosts = {}, .lifetime = Seconds(60), .force = false};
  ASSERT_TRUE(issue(ca.path(), options, kNow));
  struct stat key {
  }, certificate{};
  ASSERT_EQ(::stat((ca.path() + "/edge.key").c_str(), &key), 0);
  ASSERT_EQ(::stat((ca.path() + "/edge.crt").c_str(), &certificate), 0);
  EXPECT_EQ(key.st_mode & 07777, 0600u);
  EXPECT_EQ(certificate.st_mode & 07777, 0644u);
  const auto before = inspect(ca.path() + "/edge.crt");
  const Status again = issue(ca.path(), options, kNow);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::already_exists);
  EXPECT_EQ(inspect(ca.path() + "/edge.crt")->serial, before->serial);
  IssueOptions forced = options;
  forced.force = true;
  ASSERT_TRUE(issue(ca.path(), forced, kNow));
  EXPECT_NE(inspect(ca.path() + "/edge.crt")->serial, before->serial);
  const Status second_ca = init(ca.path(), {}, kNow);
  ASSERT_FALSE(second_ca);
  EXPECT_EQ(second_ca.error().code(), ErrorCode::already_exists);
}

TEST(Pki, BadOptionsAreNamed) {
  const TestCa ca(kNow);
  const auto refused = [&](const std::string& name, Role role, const std::vector<std::string>& hosts) {
    const Status status = issue(ca.path(), {.name = name, .role = role, .hosts = hosts, .lifetime = Seconds(60), .force = false}, kNow);
    if (status.ok()) return std::string("issued");
    EXPECT_EQ(status.error().code(), ErrorCode::invalid_argument);
    return status.error().message();
  };
  for (const char* name : {"", "ca", "../edge", "a/b", ".hidden", "-x", "läuft"}) {
    EXPECT_NE(refused(name, Role::probe, {}).find("name \"" + std::string(name) + "\""), std::string::npos) << name;
  }
  EXPECT_NE(refused("m", Role::manager, {}).find("needs the names"), std::string::npos);
  for (const char* host : {"", "a b", "host:7400", "-a.example", "a..b", "*", "http://x"}) {
    EXPECT_NE(refused("m", Role::manager, {host}).find("host \"" + std::string(host) + "\""), std::string::npos) << host;
  }
  EXPECT_EQ(refused("m.1_x-Y", Role::manager, {"::1", "localhost"}), "issued");
}

TEST(Pki, WithoutACaOrAfterItsEnd) {
  io::FaultyDirectory empty;
  const IssueOptions edge{.name = "edge", .role = Role::probe, .hosts = {}, .lifetime = Seconds(1000), .force = false};
  const Status missing = issue(empty, edge, kNow);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  ASSERT_TRUE(init(empty, {.common_name = "夜番 CA", .lifetime = Seconds(100), .force = false}, kNow));
  EXPECT_TRUE(issue(empty, edge, kNow));
  const Status late = issue(empty, {.name = "late", .role = Role::probe, .hosts = {}, .lifetime = Seconds(1), .force = false},
                            kNow + std::chrono::seconds(100));
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().message().find("the CA has expired"), std::string::npos);
}

TEST(Pki, ACertificateNeverOutlivesItsCa) {
  const TestCa ca(kNow);
  const auto authority = inspect(ca.path() + "/ca.crt");
  ASSERT_TRUE(
      issue(ca.path(), {.name = "edge", .role = Role::probe, .hosts = {}, .lifetime = Seconds(100 * 365 * 86400L), .force = false}, kNow));
  EXPECT_EQ(inspect(ca.path() + "/edge.crt")->not_after, authority->not_after);
}

// At each step of issue(), the disk fails or the machine stops: afterwards each file is whole and of one issue, or isn't there.
TEST(Pki, ACrashNeverLeavesHalfAFile) {
  io::FaultyDirectory counting;
  ASSERT_TRUE(init(counting, {}, kNow));
  const std::uint64_t before = counting.operations();
  const IssueOptions edge{.name = "edge", .role = Role::probe, .hosts = {}, .lifetime = Seconds(60), .force = true};
  ASSERT_TRUE(issue(counting, edge, kNow));
  const std::uint64_t steps = counting.operations() - before;
  ASSERT_GE(steps, 8u);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    io::FaultyDirectory directory;
    ASSERT_TRUE(init(directory, {}, kNow));
    directory.fail_at(step, io::FaultyDirectory::Fault::no_space, 1000);
    EXPECT_FALSE(issue(directory, edge, kNow)) << step;
    directory.fail_at(1000000, io::FaultyDirectory::Fault::io);
    directory.crash();
    for (const char* name : {"edge.key", "edge.crt"}) {
      const auto there = directory.exists(name);
      ASSERT_TRUE(there);
      if (!*there) continue;
      const auto text = directory.read(name, 1 << 20);
      ASSERT_TRUE(text);
      EXPECT_NE(text->find("-----END"), std::string::npos) << name << " is cut after step " << step;
    }
    EXPECT_TRUE(issue(directory, edge, kNow)) << step;  // and a second try succeeds
  }
}

}  // namespace
}  // namespace nezu::tls::pki
