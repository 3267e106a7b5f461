#include "agent/parameters.h"

#include <gtest/gtest.h>

#include <map>

#include "agent/memory.h"
#include "agent/meta_data.h"
#include "common/io/directory.h"

namespace nezu::agent {
namespace {

Parameters read(Kind kind, const std::map<std::string, std::string>& environment) {
  return read_parameters(
      kind,
      [&](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
      },
      "/nowhere/lib/nezuban/nezu-agent");
}

TEST(Parameters, Defaults) {
  const auto p = read(Kind::probe, {});
  EXPECT_EQ(p.wrong, "");
  EXPECT_EQ(p.config, "/etc/nezuban/probe.yaml");
  EXPECT_EQ(p.binary, "/usr/bin/nezu-probe");
  EXPECT_EQ(p.user, "nezuban");
  EXPECT_EQ(p.log, "/var/log/nezuban/probe.log");
  EXPECT_EQ(p.isolation_timeout, Nanos(Seconds(30)));
  EXPECT_EQ(p.check_level, 0);
  EXPECT_FALSE(p.clone_known);
  EXPECT_TRUE(p.notice.nodes.empty());
}

TEST(Parameters, WhatTheClusterSays) {
  const auto p = read(Kind::probe, {{"OCF_RESOURCE_INSTANCE", "edge:1"},
                                    {"OCF_RESKEY_config", "/etc/nezuban/probe-edge.yaml"},
                                    {"OCF_RESKEY_isolation_timeout", "45"},
                                    {"OCF_RESKEY_long_poll", "500ms"},
                                    {"OCF_CHECK_LEVEL", "10"},
                                    {"OCF_RESKEY_CRM_meta_interval", "1001"},
                                    {"OCF_RESKEY_CRM_meta_timeout", "20000"},
                                    {"OCF_RESKEY_CRM_meta_promoted_max", "1"},
                                    {"OCF_RESKEY_CRM_meta_on_node", "node-b"},
                                    {"OCF_RESKEY_CRM_meta_notify_type", "post"},
                                    {"OCF_RESKEY_CRM_meta_notify_operation", "demote"},
                                    {"OCF_RESKEY_CRM_meta_notify_stop_uname", "node-c"},
                                    {"OCF_RESKEY_CRM_meta_notify_demote_uname", "node-a"}});
  EXPECT_EQ(p.wrong, "");
  EXPECT_EQ(p.instance, "edge");
  EXPECT_EQ(p.log, "/var/log/nezuban/edge.log");
  EXPECT_EQ(p.isolation_timeout, Nanos(Seconds(45)));
  EXPECT_EQ(p.long_poll, Nanos(Millis(500)));
  EXPECT_EQ(p.check_level, 10);
  EXPECT_EQ(p.interval, Nanos(Millis(1001)));
  EXPECT_EQ(p.timeout, Nanos(Seconds(20)));
  EXPECT_TRUE(p.clone_known);
  EXPECT_EQ(p.node, "node-b");
  EXPECT_EQ(p.notice.type + " " + p.notice.operation + " " + p.notice.nodes, "post demote node-a");
}

TEST(Parameters, OfWrongOnesTheFirstIsNamed_AndDefaultsStand) {
  const auto p =
      read(Kind::manager, {{"OCF_RESKEY_stop_timeout", "soon"}, {"OCF_RESKEY_isolation_timeout", "45s"}, {"OCF_CHECK_LEVEL", "10"}});
  EXPECT_NE(p.wrong.find("stop_timeout"), std::string::npos);
  EXPECT_EQ(p.stop_timeout, Nanos(Seconds(10)));
  EXPECT_EQ(p.isolation_timeout, Nanos(Seconds(45)));
  EXPECT_EQ(p.check_level, 10);
  const auto nothing = read(Kind::probe, {{"OCF_RESKEY_check_timeout", "0"}});
  EXPECT_NE(nothing.wrong.find("check_timeout"), std::string::npos);
  EXPECT_EQ(nothing.check_timeout, Nanos(Seconds(2)));
}

TEST(Parameters, TimesAreWhatTheClusterTakesForTimes) {
  const std::pair<const char*, Nanos> good[] = {{"30", Seconds(30)},    {"30s", Seconds(30)},     {"30sec", Seconds(30)},
                                                {"500ms", Millis(500)}, {"500msec", Millis(500)}, {"1min", Seconds(60)},
                                                {"1m", Seconds(60)},    {"2hr", Seconds(7200)},   {"2h", Seconds(7200)}};
  for (const auto& [text, value] : good) {
    const auto parsed = parse_ocf_duration(text);
    EXPECT_TRUE(parsed.ok() && *parsed == value) << text;
  }
  for (const char* text : {"", "sec", "1 min", "1minute", "-1s", "1.5s"}) EXPECT_FALSE(parse_ocf_duration(text).ok()) << text;
}

TEST(MetaData, SaysEveryParameterOnce) {
  const std::string probe = meta_data(Kind::probe), manager = meta_data(Kind::manager);
  EXPECT_NE(probe.find("<parameter name=\"isolation_timeout\""), std::string::npos);
  EXPECT_NE(probe.find("<action name=\"promote\""), std::string::npos);
  EXPECT_EQ(manager.find("isolation_timeout"), std::string::npos);
  EXPECT_EQ(manager.find("<action name=\"promote\""), std::string::npos);
  EXPECT_NE(manager.find("default=\"/etc/nezuban/manager.yaml\""), std::string::npos);
}

TEST(Memory, IsAsItWasOrEmpty) {
  const std::string folder = ::testing::TempDir();
  Memory m;
  m.score = 100;
  m.drops = 7;
  m.stopped = mono_time_ns(123456000);
  m.returned = mono_time_ns(123456789);
  m.interval = Millis(1001);
  m.place = Place{"/run/nezuban/probe.sock", "::1", 7480};
  remember(folder, "agent-test.json", m);
  EXPECT_EQ(recall(folder, "agent-test.json"), m);
  EXPECT_EQ(recall(folder, "agent-none.json"), Memory());
  auto directory = io::SystemDirectory::open(folder);
  ASSERT_TRUE(directory.ok());
  ASSERT_TRUE(io::write_whole(**directory, "agent-test.json", "{\"score\":").ok());
  EXPECT_EQ(recall(folder, "agent-test.json"), Memory());
  EXPECT_TRUE((*directory)->remove("agent-test.json").ok());
}

}  // namespace
}  // namespace nezu::agent
