// Events of a pair: each is opened once and closed once a transition, also when the manager is restarted while it is open or afterwards.
#include <gtest/gtest.h>

#include "common/base/text.h"
#include "manager/monitor/testing/world.h"

namespace nezu::monitor {
namespace {

using testing::Config;
using testing::Instance;
using testing::World;
constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

// `restart`: the manager is killed and comes back wherever a test says restart().
class Events : public ::testing::TestWithParam<bool> {
 protected:
  void begin(bool warm, bool monitored = true) {
    Config config;
    config.warm = warm;
    config.exact = true;
    config.options.transition_timeout = ms(12000);
    world_ = std::make_unique<World>(1, config);
    world_->run(ms(3500));
    if (monitored) world_->wish(true);
    world_->run(ms(4000));
    ASSERT_TRUE(world_->monitor().events().newest_first().empty()) << world_->monitor().events().newest_first().front().text;
  }
  World& world() { return *world_; }
  void restart() {
    if (!GetParam()) return;
    world().crash_manager(ms(300));
    world().run(ms(500));
  }
  // Opened once, closed once, and nothing later opens it again.
  void expect_once(const std::string& code) {
    world().run(ms(15000));
    restart();
    world().run(ms(15000));
    EXPECT_EQ(world().notices(code), 1u);
    EXPECT_FALSE(world().notice_open(code));
    for (const store::Event& event : world().monitor().events().newest_first()) {
      if (event.code != code) continue;
      ASSERT_TRUE(event.closed.has_value());
      EXPECT_GE(*event.closed, event.opened);
    }
    EXPECT_TRUE(world().violations.empty()) << world().violations.front();
  }
  std::string text(const std::string& code) {
    for (const store::Event& event : world().monitor().events().newest_first()) {
      if (event.code == code) return event.text;
    }
    return "";
  }
  std::unique_ptr<World> world_;
};
INSTANTIATE_TEST_SUITE_P(Manager, Events, ::testing::Values(false, true),
                         [](const auto& events) { return events.param ? "restarted" : "stays"; });

TEST_P(Events, failover) {
  begin(true);
  world().kill(world().active_node(), ms(100));
  world().run(ms(1500));
  EXPECT_EQ(world().notices("failover"), 1u);
  restart();
  expect_once("failover");
  EXPECT_EQ(world().notices("gap"), 0u) << "the standby had measured all the while";
  EXPECT_EQ(world().notices("superseded"), 0u);
}

TEST_P(Events, failover_while_nothing_is_monitored_is_over_at_once) {
  begin(true, false);
  world().kill(world().active_node(), ms(100));
  expect_once("failover");
}

TEST_P(Events, a_planned_switch_raises_none) {
  begin(true);
  world().planned();
  world().run(ms(12000));
  restart();
  world().run(ms(12000));
  EXPECT_EQ(world().failovers().size(), 1u);
  EXPECT_TRUE(world().monitor().events().newest_first().empty()) << world().monitor().events().newest_first().front().text;
}

TEST_P(Events, gap_of_a_cold_failover) {
  begin(false);
  world().kill(world().active_node(), ms(2000));
  while (!world().notice_open("gap") && world().now() < mono_time_ns(1'100'000'000'000)) world().run(ms(100));
  ASSERT_TRUE(world().notice_open("gap")) << "certain once the new instance's first record says where its coverage begins";
  restart();
  EXPECT_TRUE(world().notice_open("gap")) << "not covered again for long enough";
  expect_once("gap");
  const auto record = world().failovers().front();
  EXPECT_NE(text("gap").find("nobody measured from " + format_rfc3339(to_ns(record.gaps.at(0).begin))), std::string::npos) << text("gap");
  if (!GetParam()) {
    EXPECT_NE(text("gap").find("measured again from " + format_rfc3339(to_ns(record.gaps.at(0).end))), std::string::npos) << text("gap");
  }
}

TEST_P(Events, gap_ends_with_the_monitoring) {
  begin(false);
  world().kill(world().active_node(), ms(2000));
  while (!world().notice_open("gap") && world().now() < mono_time_ns(1'100'000'000'000)) world().run(ms(100));
  world().wish(false);
  world().run(ms(1500));
  EXPECT_FALSE(world().notice_open("gap"));
  expect_once("gap");
}

// A record ends where its coverage ends, and none comes any more: the instance's own word tells.
TEST_P(Events, gap_while_the_capture_stands) {
  begin(false);
  world().at_node('a')->stands = true;
  world().run(ms(2500));
  EXPECT_EQ(world().notices("gap"), 0u) << "the other node may take over";
  world().run(ms(1500));
  ASSERT_TRUE(world().notice_open("gap"));
  EXPECT_NE(text("gap").find("nobody measures (a: interface mirror0 has no carrier)"), std::string::npos) << text("gap");
  restart();
  world().run(ms(9000));
  EXPECT_TRUE(world().notice_open("gap"));
  world().at_node('a')->stands = false;
  expect_once("gap");
}

TEST_P(Events, no_gap_while_a_probe_is_only_cut_off) {
  begin(true);
  world().cluster_acts = false;
  world().cut_link('a', ms(4500));
  world().cut_link('b', ms(4500));
  world().run(ms(9000));
  restart();
  world().run(ms(9000));
  EXPECT_EQ(world().notices("probe.disconnected"), 1u);
  EXPECT_EQ(world().notices("gap"), 0u);
}

TEST_P(Events, superseded) {
  begin(true);
  world().split(ms(25000));  // both are promoted, b waits
  world().run(ms(2000));
  world().pause('a', ms(4000));
  world().run(ms(3500));
  EXPECT_EQ(world().notices("superseded"), 0u) << "it sleeps, and has not said anything yet";
  world().run(ms(1500));
  EXPECT_EQ(world().notices("superseded"), 1u);
  EXPECT_NE(text("superseded").find("was at work under epoch 1 and has been superseded (epoch 2)"), std::string::npos)
      << text("superseded");
  restart();
  expect_once("superseded");
}

// It reads our word before it says any: that it believed to be at work is known from what it says afterwards, again and again.
TEST_P(Events, superseded_and_told_before_it_spoke) {
  begin(true);
  world().split(ms(60000));
  world().run(ms(2000));
  world().pause('a', ms(90000));
  world().run(ms(4000));
  ASSERT_EQ(world().epoch(), 2u);
  wire::Hello hello;
  hello.logical_probe = "edge";
  hello.node = "a";
  hello.instance = world().at_node('a')->id;
  const auto say = [&](SessionId session, int times) {
    ASSERT_TRUE(world().monitor().hello(session, hello, world().clocks()).ok());
    wire::Heartbeat told;
    told.promoted = true;
    told.held = told.superseded = 1;
    for (int i = 0; i < times; ++i) {
      world().monitor().heartbeat(session, told, world().clocks());
      world().run(ms(120));
    }
  };
  say(9001, 3);
  EXPECT_EQ(world().notices("superseded"), 1u);
  EXPECT_FALSE(world().notice_open("superseded"));
  EXPECT_NE(text("superseded").find("was at work under epoch 1 and has been superseded (epoch 2)"), std::string::npos)
      << text("superseded");
  restart();
  world().run(ms(500));
  say(9002, 3);
  EXPECT_EQ(world().notices("superseded"), 1u);
  world().monitor().lost(9002, Lost::closed, world().clocks());
  expect_once("superseded");
}

// An instance that never steps down: its words are there again and again, and the event stays open until it is gone.
TEST_P(Events, superseded_and_deaf) {
  begin(true);
  world().split(ms(60000));
  world().run(ms(2000));
  world().pause('a', ms(90000));  // what it says is said here
  world().run(ms(4000));
  ASSERT_EQ(world().notices("superseded"), 0u);
  const auto say = [&](SessionId session) {
    wire::Heartbeat old;
    old.promoted = true;
    old.epoch = old.held = 1;
    world().monitor().heartbeat(session, old, world().clocks());
    world().run(ms(20));
  };
  wire::Hello hello;
  hello.logical_probe = "edge";
  hello.node = "a";
  hello.instance = world().at_node('a')->id;
  ASSERT_TRUE(world().monitor().hello(9001, hello, world().clocks()).ok());
  for (int i = 0; i < 5; ++i) say(9001);
  EXPECT_TRUE(world().notice_open("superseded"));
  EXPECT_EQ(world().notices("superseded"), 1u);
  world().monitor().lost(9001, Lost::closed, world().clocks());
  world().run(ms(500));
  ASSERT_TRUE(world().monitor().hello(9002, hello, world().clocks()).ok());  // its connection blinks
  say(9002);
  EXPECT_EQ(world().notices("superseded"), 1u);
  EXPECT_TRUE(world().notice_open("superseded"));
  world().monitor().lost(9002, Lost::closed, world().clocks());
  world().run(ms(15000));
  restart();
  world().run(ms(500));
  EXPECT_FALSE(world().notice_open("superseded"));
  ASSERT_TRUE(world().monitor().hello(9003, hello, world().clocks()).ok());  // long after
  say(9003);
  world().monitor().lost(9003, Lost::closed, world().clocks());
  world().run(ms(15000));
  EXPECT_EQ(world().notices("superseded"), 1u);
  EXPECT_FALSE(world().notice_open("superseded"));
}

TEST_P(Events, clocks_apart) {
  begin(true);
  Instance* standby = world().at_node(world().standby_node());
  standby->clock = ms(40);
  world().run(ms(6000));
  EXPECT_EQ(world().notices("clocks.apart"), 0u);
  standby->clock = -ms(2000);
  world().run(ms(8000));
  EXPECT_TRUE(world().notice_open("clocks.apart"));
  EXPECT_NE(text("clocks.apart").find(std::string("the packet clock of ") + standby->node + " is -2.0"), std::string::npos)
      << text("clocks.apart");
  restart();
  world().run(ms(6000));
  EXPECT_TRUE(world().notice_open("clocks.apart"));
  world().reset(standby->node);  // a blink changes nothing
  world().run(ms(3000));
  EXPECT_TRUE(world().notice_open("clocks.apart"));
  standby->clock = ms(0);
  expect_once("clocks.apart");
}

TEST_P(Events, mirror_ports_differ) {
  begin(true);
  Instance* standby = world().at_node(world().standby_node());
  standby->compares = {100, 0, 0};  // each second
  world().run(ms(15000));
  EXPECT_EQ(world().notices("mirror.differs"), 0u);
  standby->compares = {100, 0, 5};
  world().run(ms(25000));
  EXPECT_TRUE(world().notice_open("mirror.differs"));
  EXPECT_NE(text("mirror.differs").find(std::string("(active) missed 0.0 % of the transactions, ") + standby->node + " (standby) 4."),
            std::string::npos)
      << text("mirror.differs");
  restart();
  world().run(ms(12000));
  EXPECT_TRUE(world().notice_open("mirror.differs"));
  standby->compares = {100, 0, 0};
  world().run(ms(15000));
  expect_once("mirror.differs");
}

TEST_P(Events, clocks_apart_until_the_node_is_gone) {
  begin(true);
  world().cluster_acts = false;
  Instance* standby = world().at_node(world().standby_node());
  standby->clock = ms(2000);
  world().run(ms(8000));
  EXPECT_TRUE(world().notice_open("clocks.apart"));
  world().cut_link(standby->node, ms(12000));
  world().run(ms(11000));
  EXPECT_FALSE(world().notice_open("clocks.apart"));
  standby->clock = ms(0);
  expect_once("clocks.apart");
}

// One that was active in between compares anew: what it missed before says nothing of the present active's port.
TEST_P(Events, mirror_ports_are_compared_within_one_time_as_the_standby) {
  begin(true);
  Instance* standby = world().at_node(world().standby_node());
  standby->compares = {100, 0, 5};
  world().run(ms(4000));  // not long enough to compare
  world().planned();
  world().run(ms(3000));
  standby->compares = {100, 0, 0};
  world().planned();
  world().run(ms(15000));
  EXPECT_EQ(world().notices("mirror.differs"), 0u);
}

// Nothing is known of clocks, or mirror ports, while nobody is there; and who comes back first doesn't speak for the other.
TEST_P(Events, clocks_apart_is_not_over_while_nobody_is_there) {
  begin(true);
  world().cluster_acts = false;
  const char active = world().active_node();
  Instance* standby = world().at_node(world().standby_node());
  standby->clock = ms(2000);
  world().run(ms(8000));
  EXPECT_TRUE(world().notice_open("clocks.apart"));
  world().cut_link(standby->node, ms(11000));
  world().cut_link(active, ms(9000));
  for (int i = 0; i < 150; ++i) {
    world().run(ms(100));
    ASSERT_TRUE(world().notice_open("clocks.apart")) << i;
  }
  standby->clock = ms(0);
  expect_once("clocks.apart");
}

TEST_P(Events, mirror_ports_differ_is_not_over_while_nobody_is_there) {
  begin(true);
  world().cluster_acts = false;
  const char active = world().active_node();
  Instance* standby = world().at_node(world().standby_node());
  standby->compares = {100, 0, 5};
  world().run(ms(25000));
  EXPECT_TRUE(world().notice_open("mirror.differs"));
  world().cut_link(standby->node, ms(30000));
  world().cut_link(active, ms(30000));
  for (int i = 0; i < 400; ++i) {
    world().run(ms(100));
    ASSERT_TRUE(world().notice_open("mirror.differs")) << i;
  }
  standby->compares = {100, 0, 0};
  world().run(ms(15000));
  expect_once("mirror.differs");
}

TEST_P(Events, claim_waiting) {
  begin(true);
  world().split(ms(8000));
  world().run(ms(3000));
  EXPECT_TRUE(world().notice_open("claim.waiting"));
  expect_once("claim.waiting");
}

TEST_P(Events, probe_disconnected) {
  begin(true);
  world().cluster_acts = false;
  world().cut_link('a', ms(6000));
  world().cut_link('b', ms(6000));
  world().run(ms(5500));
  EXPECT_TRUE(world().notice_open("probe.disconnected"));
  expect_once("probe.disconnected");
}

TEST_P(Events, discovery_stopped) {
  begin(true);
  world().discover(true);
  world().run(ms(1000));
  world().kill(world().active_node(), ms(100));
  expect_once("discovery.stopped");
}

TEST_P(Events, transition_timeout) {
  begin(true, false);
  world().cluster_acts = false;
  world().cut_link('a', ms(16000));
  world().cut_link('b', ms(16000));
  world().run(ms(1500));
  world().wish(true);
  world().run(ms(14000));
  EXPECT_EQ(world().notices("transition.timeout"), 1u);
  expect_once("transition.timeout");
}

}  // namespace
}  // namespace nezu::monitor
