// failover.md as a table: each row of it is a test that bears its name.
#include <gtest/gtest.h>

#include "manager/monitor/testing/world.h"

namespace nezu::monitor {
namespace {

using testing::Config;
using testing::Instance;
using testing::kService;
using testing::World;
constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

// A pair at work for seven seconds; warm and cold.
class Row : public ::testing::TestWithParam<bool> {
 protected:
  void begin(bool monitored, bool discovers, const PlantedBugs& bugs = {}) {
    Config config;
    config.warm = GetParam();
    config.exact = true;
    config.options.bugs = bugs;
    config.options.transition_timeout = ms(12000);
    world_ = std::make_unique<World>(1, config);
    world_->run(ms(3500));
    if (monitored) world_->wish(true);
    world_->run(ms(3000));
    if (discovers) world_->discover(true);
    world_->run(ms(1000));
    ASSERT_EQ(state(), monitored ? State::monitoring : State::stopped);
    ASSERT_EQ(world_->probe().kept.discovery_job != 0, discovers);
    ASSERT_EQ(world_->probe().state, "connected");
    epoch_ = world_->epoch();
    first_ = world_->holder()->id;
  }
  World& world() { return *world_; }
  State state() { return world().service().state; }
  void kill(Nanos noticed) { world().kill(world().active_node(), noticed); }
  std::uint64_t admissions() { return world().epoch() - epoch_; }
  std::size_t told_discovery_stopped() { return world().notices("discovery.stopped"); }
  // Of the last discovery.
  std::string discovery_reason() { return world().monitor().discoveries().newest_first().at(0).reason; }
  // After all that was done: what the manager says is what the instance does.
  void settle() {
    world().run(ms(9000));
    const Instance* active = world().holder();
    ASSERT_NE(active, nullptr);
    EXPECT_EQ(active->measures, state() == State::monitoring);
    EXPECT_EQ(active->discovery, world().probe().kept.discovery_job);
    EXPECT_EQ(active->epoch, world().epoch());
    EXPECT_EQ(world().probe().state, "connected");
    EXPECT_TRUE(world().violations.empty()) << world().violations.front();
  }
  std::unique_ptr<World> world_;
  std::uint64_t epoch_ = 0;
  InstanceId first_;
};
INSTANTIATE_TEST_SUITE_P(Pair, Row, ::testing::Values(true, false), [](const auto& row) { return row.param ? "warm" : "cold"; });

// ---- the three flows

TEST_P(Row, flow_1_neither_monitoring_nor_discovery) {
  begin(false, false);
  kill(ms(5000));
  world().run(ms(1000));
  EXPECT_EQ(world().probe().state, "interrupted");
  world().run(ms(3500));
  EXPECT_EQ(world().probe().state, "disconnected");
  EXPECT_EQ(state(), State::stopped);
  EXPECT_TRUE(world().notice_open("probe.disconnected"));
  settle();
  EXPECT_EQ(state(), State::stopped);
  EXPECT_EQ(world().probe().kept.discovery_job, 0u);
  EXPECT_EQ(admissions(), 1u);
  EXPECT_FALSE(world().notice_open("probe.disconnected"));
  EXPECT_EQ(world().notices("probe.disconnected"), 1u);
  ASSERT_EQ(world().failovers().size(), 1u);
  EXPECT_FALSE(world().failovers()[0].open);
  EXPECT_TRUE(world().failovers()[0].gaps.empty());
}

TEST_P(Row, flow_2_monitoring) {
  begin(true, false);
  const PacketTime covered = world().probe().stored_until;
  kill(ms(5000));
  world().run(ms(1000));
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_TRUE(world().service().interrupted);
  settle();
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_FALSE(world().service().interrupted);
  EXPECT_EQ(admissions(), 1u);
  ASSERT_EQ(world().failovers().size(), 1u);
  const store::FailoverRecord record = world().failovers()[0];
  EXPECT_FALSE(record.open);
  EXPECT_EQ(record.reason, "connection closed");
  EXPECT_EQ(record.mode, GetParam() ? "warm" : "cold");
  EXPECT_EQ(record.from_node, "a");
  EXPECT_EQ(record.to_node, "b");
  EXPECT_EQ(record.epoch, epoch_ + 1);
  EXPECT_EQ(record.from_instance, to_string(first_));
  EXPECT_LE(record.lost, record.noticed);
  EXPECT_LT(record.noticed, record.announced);
  EXPECT_LE(record.announced, record.admitted);
  // The step that made it active. A warm one was started long before the loss, so its start is none of this failover.
  const auto& step = GetParam() ? record.promote : record.start;
  ASSERT_TRUE(step.has_value());
  EXPECT_LE(record.noticed, *step);
  EXPECT_LE(*step, record.admitted);
  if (!GetParam()) { EXPECT_LE(*step, record.announced); }
  EXPECT_FALSE((GetParam() ? record.start : record.promote).has_value());
  EXPECT_FALSE(record.stopped.has_value()) << "nobody told";
  ASSERT_TRUE(record.first_window.has_value());
  EXPECT_LT(record.admitted, *record.first_window);
  EXPECT_GE(record.last_covered, covered);
  ASSERT_EQ(record.gaps.size(), 1u);
  EXPECT_EQ(record.gaps[0].service, kService);
  EXPECT_EQ(record.gaps[0].begin, record.last_covered);
  EXPECT_EQ(record.gaps[0].end, *record.first_covered);
  // A warm standby has measured all the while: no gap. A cold one begins five seconds later.
  if (GetParam())
    EXPECT_EQ(record.gaps[0].end, record.gaps[0].begin);
  else
    EXPECT_GT(record.gaps[0].end - record.gaps[0].begin, ms(4000));
  EXPECT_EQ(world().notices("failover"), 1u);
  EXPECT_FALSE(world().notice_open("failover"));
  EXPECT_EQ(world().monitor().spans(kService).size(), 1u) << "monitoring is one span: the gap lies within it";
}

TEST_P(Row, flow_3_discovery) {
  begin(false, true);
  kill(ms(100));
  settle();
  EXPECT_EQ(state(), State::stopped);
  EXPECT_EQ(world().probe().kept.discovery_job, 0u);
  EXPECT_FALSE(world().probe().kept.discovery_reason.empty());
  EXPECT_EQ(discovery_reason(), "failover");
  EXPECT_EQ(told_discovery_stopped(), 1u);
  EXPECT_EQ(admissions(), 1u);
}

TEST_P(Row, flow_2_and_3_together) {
  begin(true, true);
  kill(ms(100));
  settle();
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_EQ(world().probe().kept.discovery_job, 0u);
  EXPECT_EQ(told_discovery_stopped(), 1u);
  EXPECT_EQ(admissions(), 1u);
}

// ---- lost connection or lost instance?

TEST_P(Row, the_same_instance_comes_back_within_the_grace_and_goes_on) {
  begin(true, true);
  world().reset(world().active_node());
  world().run(ms(20));
  EXPECT_TRUE(world().service().interrupted);
  EXPECT_EQ(world().probe().state, "interrupted");
  settle();
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_NE(world().probe().kept.discovery_job, 0u);
  EXPECT_EQ(admissions(), 0u);
  EXPECT_TRUE(world().failovers().empty());
  EXPECT_EQ(told_discovery_stopped(), 0u);
}

TEST_P(Row, the_end_of_the_grace_makes_it_a_failover_for_discovery) {
  begin(true, true);
  world().cluster_acts = false;
  world().cut_link(world().active_node(), ms(4500));
  world().run(ms(4300));
  EXPECT_EQ(world().probe().kept.discovery_job, 0u);
  EXPECT_TRUE(world().notice_open("probe.disconnected"));
  settle();
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_EQ(admissions(), 0u) << "the same instance goes on";
  EXPECT_EQ(told_discovery_stopped(), 1u);
  EXPECT_TRUE(world().failovers().empty());
  EXPECT_FALSE(world().notice_open("probe.disconnected"));
}

TEST_P(Row, a_claim_of_another_instance_ends_the_grace) {
  begin(true, true);
  kill(ms(60));
  world().run(ms(1000));
  EXPECT_EQ(admissions(), 1u);
  EXPECT_EQ(world().probe().kept.discovery_job, 0u);
  EXPECT_FALSE(world().notice_open("probe.disconnected"));
  settle();
}

TEST_P(Row, a_session_counts_as_lost_after_one_second_of_silence) {
  begin(true, false);
  world().cluster_acts = false;
  world().cut_link(world().active_node(), ms(2500));
  world().run(ms(700));
  EXPECT_EQ(world().probe().state, "connected");
  world().run(ms(800));
  EXPECT_EQ(world().probe().state, "interrupted");
  settle();
  EXPECT_EQ(admissions(), 0u);
}

// ---- states that are in transition

TEST_P(Row, monitoring_when_the_instance_is_lost_stays_monitoring) {
  begin(true, false);
  kill(ms(100));
  settle();
  EXPECT_EQ(state(), State::monitoring);
}

TEST_P(Row, stopped_when_the_instance_is_lost_stays_stopped) {
  begin(false, false);
  kill(ms(100));
  settle();
  EXPECT_EQ(state(), State::stopped);
}

TEST_P(Row, starting_and_not_sent_continues_and_completes_on_the_new_instance) {
  begin(false, false);
  kill(ms(100));
  world().run(ms(50));
  world().wish(true);
  EXPECT_EQ(state(), State::starting);
  settle();
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_EQ(admissions(), 1u);
}

TEST_P(Row, starting_sent_and_not_confirmed_the_wish_stands) {
  begin(false, false);
  Instance* old = world().holder();
  world().wish(true);
  for (int i = 0; i < 100 && !old->measures; ++i) world().run(ms(1));
  ASSERT_TRUE(old->measures);
  ASSERT_EQ(state(), State::starting);
  old->conn->probe_open = false;  // its confirmation is lost with it
  old->alive = false;
  world().crash_manager(ms(300));
  world().kill(old->node, ms(100));
  settle();
  EXPECT_EQ(state(), State::monitoring);
}

TEST_P(Row, starting_and_nobody_confirms_returns_to_stopped_with_an_event) {
  begin(false, false);
  world().cluster_acts = false;
  world().cut_link('a', ms(16000));
  world().cut_link('b', ms(16000));
  world().run(ms(1500));
  world().wish(true);
  world().run(ms(11000));
  EXPECT_EQ(state(), State::starting);
  world().run(ms(1500));
  EXPECT_EQ(state(), State::stopped);
  EXPECT_FALSE(world().service().wished);
  EXPECT_EQ(world().notices("transition.timeout"), 1u);
  settle();
  EXPECT_EQ(state(), State::stopped) << "an instance that comes later doesn't start it";
  EXPECT_EQ(world().notices("transition.timeout"), 1u);
}

TEST_P(Row, stopping_and_not_sent_continues_and_completes) {
  begin(true, false);
  kill(ms(100));
  world().run(ms(50));
  world().wish(false);
  EXPECT_EQ(state(), State::stopping);
  settle();
  EXPECT_EQ(state(), State::stopped);
  ASSERT_EQ(world().monitor().spans(kService).size(), 1u);
  EXPECT_TRUE(world().monitor().spans(kService)[0].end.has_value());
}

TEST_P(Row, stopping_sent_and_not_confirmed_the_wish_stands) {
  begin(true, false);
  Instance* old = world().holder();
  world().wish(false);
  for (int i = 0; i < 100 && old->measures; ++i) world().run(ms(1));
  ASSERT_FALSE(old->measures);
  ASSERT_EQ(state(), State::stopping);
  old->conn->manager_open = false;
  world().kill(old->node, ms(100));
  settle();
  EXPECT_EQ(state(), State::stopped);
}

TEST_P(Row, a_stop_and_a_start_at_once_are_not_confirmed_by_what_was_on_its_way) {
  begin(true, false);
  Instance* active = world().holder();
  world().wish(false);
  world().wish(true);
  const std::uint64_t number = world().probe().kept.services.at(kService).number;
  EXPECT_EQ(state(), State::starting);
  // A report from before either wish was carried out says "monitoring".
  active->paused = true;
  wire::Heartbeat old;
  old.promoted = true;
  old.epoch = active->epoch;
  old.applied = number - 2;
  old.services.push_back({kService, 1, true, {}});
  world().monitor().heartbeat(active->conn->id, old, world().clocks());
  EXPECT_EQ(state(), State::starting);
  old.applied = number;
  world().monitor().heartbeat(active->conn->id, old, world().clocks());
  EXPECT_EQ(state(), State::monitoring);
}

// ---- the manager's own failover

TEST_P(Row, the_managers_failover_stopped_stays) {
  begin(false, false);
  world().crash_manager(ms(2000));
  settle();
  EXPECT_EQ(state(), State::stopped);
  EXPECT_EQ(admissions(), 0u);
}

TEST_P(Row, the_managers_failover_monitoring_stays) {
  begin(true, false);
  world().crash_manager(ms(2000));
  settle();
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_EQ(admissions(), 0u);
  EXPECT_TRUE(world().failovers().empty());
  EXPECT_EQ(world().monitor().spans(kService).size(), 1u);
}

TEST_P(Row, the_managers_failover_starting_continues) {
  begin(false, false);
  world().wish(true);
  world().run(ms(13));
  EXPECT_EQ(state(), State::starting);
  world().crash_manager(ms(2000));
  settle();
  EXPECT_EQ(state(), State::monitoring);
}

TEST_P(Row, the_managers_failover_stopping_continues) {
  begin(true, false);
  world().wish(false);
  world().run(ms(13));
  EXPECT_EQ(state(), State::stopping);
  world().crash_manager(ms(2000));
  settle();
  EXPECT_EQ(state(), State::stopped);
}

TEST_P(Row, the_managers_failover_discovery_becomes_stopped) {
  begin(true, true);
  world().crash_manager(ms(2000));
  settle();
  EXPECT_EQ(state(), State::monitoring);
  EXPECT_EQ(world().probe().kept.discovery_job, 0u);
  EXPECT_EQ(world().probe().kept.discovery_reason, "the manager was restarted");
  EXPECT_EQ(discovery_reason(), "manager_restarted");
  EXPECT_EQ(told_discovery_stopped(), 1u);
}

TEST_P(Row, the_managers_failover_epochs_go_on) {
  begin(true, false);
  world().crash_manager(ms(500));
  world().run(ms(600));
  EXPECT_EQ(world().epoch(), epoch_);
  kill(ms(100));
  settle();
  EXPECT_EQ(world().epoch(), epoch_ + 1);
}

// ---- claims

TEST_P(Row, a_claim_is_admitted_at_once_where_nobody_is_admitted) {
  Config config;
  config.warm = GetParam();
  config.exact = true;
  World fresh(1, config);
  fresh.run(ms(1000));
  EXPECT_EQ(fresh.epoch(), 1u);
  ASSERT_NE(fresh.holder(), nullptr);
  EXPECT_EQ(fresh.holder()->epoch, 1u);
  EXPECT_TRUE(fresh.failovers().empty()) << "the first admission is no failover";
}

TEST_P(Row, a_claim_younger_than_the_loss_is_admitted_at_once) {
  begin(true, false);
  kill(ms(100));
  world().run(ms(600));  // noticed after 100 ms, started or promoted within 200 ms: well before claim_patience
  EXPECT_EQ(admissions(), 1u);
}

TEST_P(Row, a_new_instance_that_is_admitted_again_before_its_first_window_completes_the_failover) {
  begin(true, false);
  kill(ms(100));
  while (admissions() == 0) world().run(ms(1));
  world().cluster_acts = false;
  ASSERT_EQ(world().failovers().size(), 1u);
  ASSERT_FALSE(world().failovers().front().first_window.has_value());
  Instance* next = world().holder();
  world().demote(*next);
  world().promote(*next);
  settle();
  EXPECT_EQ(admissions(), 2u);
  ASSERT_EQ(world().failovers().size(), 1u) << "of the same instance: no other failover";
  const store::FailoverRecord& record = world().failovers().front();
  EXPECT_TRUE(record.first_window.has_value());
  EXPECT_FALSE(record.open);
  EXPECT_FALSE(world().notice_open("failover"));
}

class Claims : public Row {};
INSTANTIATE_TEST_SUITE_P(Pair, Claims, ::testing::Values(true), [](const auto&) { return "warm"; });

TEST_P(Claims, an_announcement_of_a_standby_does_not_end_the_grace) {
  begin(true, true);
  const char active = world().active_node(), standby = world().standby_node();
  world().reset(active);
  world().at_node(active)->retry_at = world().now() + ms(1500);
  world().reset(standby);
  settle();
  EXPECT_NE(world().probe().kept.discovery_job, 0u);
  EXPECT_EQ(admissions(), 0u);
  EXPECT_EQ(told_discovery_stopped(), 0u);
}

TEST_P(Claims, a_claim_that_was_there_before_waits) {
  begin(true, false);
  world().split(ms(8000));
  world().run(ms(3000));
  EXPECT_EQ(admissions(), 0u) << "the one that measures and delivers goes on";
  Instance* waiting = world().at_node('b');
  EXPECT_TRUE(waiting->waiting);
  EXPECT_TRUE(world().notice_open("claim.waiting"));
  EXPECT_NE(world().monitor().events().newest_first().front().text.find("a is at work, b waits"), std::string::npos);
  world().reset('a');  // its connection blinks: nothing flaps
  world().run(ms(900));
  EXPECT_EQ(admissions(), 0u);
  world().run(ms(8000));
  EXPECT_FALSE(world().notice_open("claim.waiting"));
  settle();
  EXPECT_EQ(admissions(), 0u);
}

// A's program dies, not its node: behind the cut its cluster starts it again at once. B waits, and has everything.
TEST_P(Claims, a_waiting_claim_that_has_everything_goes_before_the_new_one_of_a_restarted_active) {
  begin(true, false);
  world().split(ms(15000));
  world().run(ms(3000));
  Instance* waiting = world().at_node('b');
  ASSERT_TRUE(waiting->waiting);
  world().cluster_acts = false;
  world().kill('a', ms(0));
  world().run(ms(30));
  EXPECT_EQ(admissions(), 0u);
  world().start('a', true);
  world().run(ms(400));
  EXPECT_EQ(admissions(), 1u);
  EXPECT_EQ(world().active_node(), 'b');
  EXPECT_NE(waiting->epoch, 0u);
}

TEST_P(Claims, a_waiting_claim_is_admitted_after_claim_patience_without_a_word_from_the_active) {
  begin(true, false);
  world().split(ms(15000));
  world().run(ms(2000));
  Instance* active = world().at_node('a');
  world().pause('a', ms(4000));
  world().run(ms(700));
  EXPECT_EQ(admissions(), 0u);
  world().run(ms(800));
  EXPECT_EQ(admissions(), 1u);
  EXPECT_EQ(world().failovers().front().reason, "silent for 1s");
  EXPECT_NE(active->epoch, 0u) << "it sleeps, and believes to be active";
  world().run(ms(4000));
  EXPECT_EQ(active->epoch, 0u) << "told with its first word";
  EXPECT_TRUE(active->waiting) << "its cluster still holds it promoted: it lodges a waiting claim";
  EXPECT_EQ(admissions(), 1u);
}

TEST_P(Claims, after_the_managers_restart_the_patience_counts_from_the_start) {
  begin(true, false);
  world().split(ms(20000));
  world().run(ms(2000));
  world().at_node('a')->retry_at = world().now() + ms(60000);
  world().crash_manager(ms(3000));
  world().at_node('a')->retry_at = world().now() + ms(60000);
  world().run(ms(3050));
  world().at_node('a')->retry_at = world().now() + ms(60000);
  world().run(ms(800));
  EXPECT_EQ(admissions(), 0u);
  world().run(ms(700));
  EXPECT_EQ(admissions(), 1u);
}

TEST_P(Claims, a_demotion_ends_a_grant_also_unheard) {
  begin(true, false);
  world().cluster_acts = false;
  Instance* active = world().holder();
  world().cut_link(active->node, ms(1500));
  world().run(ms(300));
  world().demote(*active);
  world().promote(*active);
  world().run(ms(4000));
  EXPECT_EQ(admissions(), 1u) << "the next promotion is a new claim, with a new epoch";
  EXPECT_TRUE(world().failovers().empty()) << "of the same instance: no failover";
  settle();
}

TEST_P(Claims, a_planned_switch_says_so) {
  begin(true, true);
  world().planned();
  settle();
  EXPECT_EQ(admissions(), 1u);
  EXPECT_EQ(world().failovers().front().reason, "planned");
  EXPECT_EQ(world().notices("failover"), 0u) << "somebody wanted it: a record, and no event";
  EXPECT_EQ(discovery_reason(), "demoted");
  EXPECT_EQ(told_discovery_stopped(), 1u);
}

TEST_P(Claims, a_manager_that_was_frozen_admits_nobody_before_it_has_read_what_came) {
  begin(true, false);
  world().split(ms(20000));
  world().run(ms(2000));
  Monitor& monitor = world().monitor();
  const Now later{world().now() + ms(10000), world().clocks().wall + ms(10000)};
  wire::Heartbeat waiting;  // of b, the first thing that is read after ten seconds
  waiting.promoted = true;
  waiting.claim_age = ms(11500);
  monitor.heartbeat(world().at_node('b')->conn->id, waiting, later);
  monitor.tick(later);
  EXPECT_EQ(admissions(), 0u);
  EXPECT_TRUE(monitor.take().closings.empty());
}

// ---- planted bugs that the tables find

class RuleTest : public Row {};
INSTANTIATE_TEST_SUITE_P(Bug, RuleTest, ::testing::Values(true), [](const auto&) { return "planted"; });

TEST_P(RuleTest, old_grant_repeated_is_found) {
  begin(true, false, {.old_grant_repeated = true});
  world().cluster_acts = false;
  Instance* active = world().holder();
  world().cut_link(active->node, ms(1500));
  world().run(ms(300));
  world().demote(*active);
  world().promote(*active);
  world().run(ms(4000));
  EXPECT_EQ(admissions(), 0u);
}

TEST_P(RuleTest, announcement_ends_grace_is_found) {
  begin(true, true, {.announcement_ends_grace = true});
  const char active = world().active_node(), standby = world().standby_node();
  world().reset(active);
  world().at_node(active)->retry_at = world().now() + ms(1500);
  world().reset(standby);
  world().run(ms(9000));
  EXPECT_EQ(told_discovery_stopped(), 1u);
}

TEST_P(RuleTest, timeout_keeps_wish_is_found) {
  begin(false, false, {.timeout_keeps_wish = true});
  world().cluster_acts = false;
  world().cut_link('a', ms(16000));
  world().cut_link('b', ms(16000));
  world().run(ms(1500));
  world().wish(true);
  world().run(ms(13000));
  EXPECT_TRUE(world().service().wished);
}

TEST_P(RuleTest, any_report_confirms_is_found) {
  begin(true, false, {.any_report_confirms = true});
  Instance* active = world().holder();
  world().wish(false);
  world().wish(true);
  active->paused = true;
  wire::Heartbeat old;
  old.promoted = true;
  old.epoch = active->epoch;
  old.applied = 1;
  old.services.push_back({kService, 1, true, {}});
  world().monitor().heartbeat(active->conn->id, old, world().clocks());
  EXPECT_EQ(state(), State::monitoring);
}

}  // namespace
}  // namespace nezu::monitor
