// Several services, several logical probes, definitions that change, limits, what is kept. (The rules of failover: table_test.cc.)
#include "manager/monitor/monitor.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace nezu::monitor {
namespace {

constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

store::ServiceRow row(ServiceId id, const std::string& name, std::vector<std::string> probes = {}, std::uint64_t version = 1) {
  store::ServiceRow r;
  r.id = id;
  r.version = version;
  r.definition.name = name;
  r.definition.probes = std::move(probes);
  r.all_target = id * 10;
  return r;
}

class MonitorTest : public ::testing::Test {
 protected:
  void SetUp() override { begin({}, {}); }
  void begin(const Options& options, const store::Loaded& loaded) {
    auto created = Monitor::create(options, loaded, now);
    ASSERT_TRUE(created.ok()) << created.error().message();
    monitor = *std::move(created);
    take();
  }
  // What comes out is kept, and "stored".
  void take() {
    Outputs out = monitor->take();
    sent.insert(sent.end(), out.messages.begin(), out.messages.end());
    closed.insert(closed.end(), out.closings.begin(), out.closings.end());
    for (const auto& [key, value] : out.changes.state) disk.state[key] = value.value_or("");
  }
  void pass(Nanos span) {
    for (; span > Nanos{0}; span -= ms(100)) {
      now.mono += ms(100);
      now.wall += ms(100);
      for (const SessionId id : alive) monitor->word(id, now);
      monitor->tick(now);
    }
    take();
  }
  Status connect(SessionId id, const std::string& probe, std::uint8_t instance) {
    wire::Hello hello;
    hello.logical_probe = probe;
    hello.node = "n";
    hello.instance.bytes[0] = instance;
    const Status status = monitor->hello(id, hello, now);
    if (status.ok()) alive.insert(id);
    take();
    return status;
  }
  // A heartbeat of an instance that does what it was last told.
  void beat(SessionId id, bool promoted = true) {
    wire::Heartbeat heartbeat;
    heartbeat.promoted = promoted;
    heartbeat.claim_age = ms(1);
    for (const Outgoing& out : sent) {
      if (out.session != id) continue;
      if (const auto* grant = std::get_if<wire::Grant>(&out.message)) heartbeat.epoch = heartbeat.held = grant->epoch;
    }
    if (const auto* told = last<wire::Instruction>(id)) {
      heartbeat.applied = told->number;
      for (const auto& wish : told->services) heartbeat.services.push_back({wish.service, wish.definition_version, true, {}});
    }
    monitor->heartbeat(id, heartbeat, now);
    take();
  }
  template <class M>
  const M* last(SessionId id) const {
    const M* found = nullptr;
    for (const Outgoing& out : sent) {
      if (out.session != id) continue;
      if (const auto* m = std::get_if<M>(&out.message)) found = m;
    }
    return found;
  }
  std::vector<ServiceId> told(SessionId id) const {
    std::vector<ServiceId> ids;
    if (const auto* instruction = last<wire::Instruction>(id)) {
      for (const auto& wish : instruction->services) ids.push_back(wish.service);
    }
    return ids;
  }
  Now now{mono_time_ns(1'000'000'000'000), wall_time_ns(1'700'000'000'000'000'000)};
  std::unique_ptr<Monitor> monitor;
  std::vector<Outgoing> sent;
  std::vector<Closing> closed;
  std::set<SessionId> alive;
  store::Loaded disk;
};

TEST_F(MonitorTest, one_instruction_lists_all_services_of_the_logical_probe) {
  monitor->catalogue({row(1, "a"), row(2, "b"), row(3, "c", {"edge"}), row(4, "d", {"core"})}, now);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  for (const ServiceId id : {1u, 3u, 4u}) ASSERT_TRUE(monitor->wish(id, true, now).ok());
  take();
  EXPECT_EQ(told(1), (std::vector<ServiceId>{1, 3}));
  ASSERT_EQ(last<wire::Definitions>(1)->services.size(), 3u) << "also of services that aren't measured, not of other probes'";
  beat(1);
  EXPECT_EQ(monitor->service(1).state, State::starting) << "core, which a definition names, hasn't confirmed";
  EXPECT_EQ(monitor->service(3).state, State::monitoring);
  EXPECT_EQ(monitor->service(4).state, State::starting);
}

TEST_F(MonitorTest, a_service_without_probes_belongs_to_those_that_come_later_too) {
  monitor->catalogue({row(1, "a")}, now);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  ASSERT_TRUE(monitor->wish(1, true, now).ok());
  take();
  beat(1);
  EXPECT_EQ(monitor->service(1).state, State::monitoring);
  ASSERT_TRUE(connect(2, "core", 2).ok());
  beat(2);
  EXPECT_EQ(told(2), std::vector<ServiceId>{1});
  beat(2);
  EXPECT_EQ(monitor->service(1).parts.size(), 2u);
  EXPECT_EQ(monitor->service(1).state, State::monitoring);
  EXPECT_EQ(monitor->spans(1).size(), 2u);
}

TEST_F(MonitorTest, a_wish_before_any_logical_probe_is_known_waits_for_one) {
  monitor->catalogue({row(1, "a"), row(2, "b")}, now);
  ASSERT_TRUE(monitor->wish(1, true, now).ok());
  EXPECT_EQ(monitor->service(1).state, State::starting);
  pass(ms(30'000));
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  EXPECT_EQ(told(1), std::vector<ServiceId>{1});
}

TEST_F(MonitorTest, and_is_withdrawn_when_none_comes) {
  monitor->catalogue({row(1, "a")}, now);
  ASSERT_TRUE(monitor->wish(1, true, now).ok());
  pass(ms(61'000));
  EXPECT_EQ(monitor->service(1).state, State::stopped);
  EXPECT_FALSE(monitor->service(1).wished);
  ASSERT_EQ(monitor->events().newest_first().size(), 1u);
  EXPECT_EQ(monitor->events().newest_first()[0].code, "transition.timeout");
}

TEST_F(MonitorTest, a_changed_definition_is_sent_and_instructed_anew) {
  monitor->catalogue({row(1, "a")}, now);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  ASSERT_TRUE(monitor->wish(1, true, now).ok());
  take();
  beat(1);
  const std::uint64_t number = last<wire::Instruction>(1)->number;
  monitor->catalogue({row(1, "a", {}, 2)}, now);
  take();
  EXPECT_EQ(last<wire::Definitions>(1)->services[0].version, 2u);
  EXPECT_EQ(last<wire::Instruction>(1)->services[0].definition_version, 2u);
  EXPECT_GT(last<wire::Instruction>(1)->number, number) << "a repeated number would change nothing";
  beat(1);
  EXPECT_EQ(monitor->service(1).state, State::monitoring);
  EXPECT_EQ(monitor->spans(1).size(), 1u) << "monitoring goes on";
}

TEST_F(MonitorTest, a_service_that_leaves_a_logical_probe_is_stopped_there) {
  monitor->catalogue({row(1, "a")}, now);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  ASSERT_TRUE(monitor->wish(1, true, now).ok());
  take();
  beat(1);
  monitor->catalogue({row(1, "a", {"core"}, 2)}, now);
  take();
  EXPECT_TRUE(told(1).empty());
  beat(1);
  const ServiceStatus status = monitor->service(1);
  ASSERT_EQ(status.parts.size(), 1u);
  EXPECT_EQ(status.parts[0].logical_probe, "core");
  EXPECT_EQ(status.state, State::starting) << "and starts where it belongs now";
  EXPECT_TRUE(monitor->spans(1)[0].end.has_value());
}

TEST_F(MonitorTest, idle_says_whether_a_service_may_be_deleted) {
  monitor->catalogue({row(1, "a")}, now);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  EXPECT_TRUE(monitor->idle(1));
  ASSERT_TRUE(monitor->wish(1, true, now).ok());
  EXPECT_FALSE(monitor->idle(1));
  take();
  beat(1);
  ASSERT_TRUE(monitor->wish(1, false, now).ok());
  EXPECT_FALSE(monitor->idle(1)) << "stopping";
  take();
  beat(1);
  EXPECT_TRUE(monitor->idle(1));
}

TEST_F(MonitorTest, unknown_things_are_errors) {
  EXPECT_EQ(monitor->wish(9, true, now).error().code(), ErrorCode::not_found);
  EXPECT_EQ(monitor->start_discovery({"nowhere", {}, {}, {}}, now).error().code(), ErrorCode::not_found);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  EXPECT_EQ(monitor->start_discovery({"edge", {}, {}, {}}, now).error().code(), ErrorCode::conflict) << "nobody is at work";
  EXPECT_EQ(connect(2, "", 2).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(connect(2, "a/b", 2).error().code(), ErrorCode::invalid_argument);
}

// ---- gaps

class GapTest : public MonitorTest {
 protected:
  // shop is monitored at edge from second 0 on.
  void SetUp() override {
    MonitorTest::SetUp();
    monitor->catalogue({row(1, "shop")}, now);
    ASSERT_TRUE(connect(1, "edge", 1).ok());
    beat(1);
    ASSERT_TRUE(monitor->wish(1, true, now).ok());
    take();
    beat(1);
    ASSERT_EQ(monitor->service(1).state, State::monitoring);
    store(0, {{0, 1}});
  }
  static PacketTime at(double s) { return packet_time_ns(static_cast<std::int64_t>(s * 1e9)); }
  // The record of this second, with what it covers of the service.
  void store(int second, const std::vector<std::pair<double, double>>& covered) {
    window::Record record;
    record.epoch = 1;
    record.span = {at(second), at(second + 1)};
    window::ServicePart part{1, 1, {}, {}};
    for (const auto& [begin, end] : covered) part.covered.push_back({at(begin), at(end)});
    record.covered = part.covered;
    record.services = {part};
    store::WriteBatch batch;
    monitor->accept("edge", record, batch);
    monitor->stored("edge", 1, record, now);
    take();
  }
  std::vector<store::Event> gaps() const { return monitor->events().newest_first(); }
};

TEST_F(GapTest, whole_seconds_leave_none) {
  for (int s = 1; s < 20; ++s) store(s, {{s, s + 1}});
  EXPECT_TRUE(gaps().empty());
}

TEST_F(GapTest, many_short_ones_are_one_event_until_it_was_whole_for_five_seconds) {
  for (int s = 1; s < 9; ++s)
    store(s, s % 3 == 1 ? std::vector<std::pair<double, double>>{{s, s + 0.25}, {s + 0.75, s + 1}}
                        : std::vector<std::pair<double, double>>{{s, s + 1}});
  ASSERT_EQ(gaps().size(), 1u);
  EXPECT_FALSE(gaps()[0].closed.has_value());
  EXPECT_EQ(gaps()[0].text, "shop at edge: nobody measured from 1970-01-01T00:00:01.25Z on");
  for (int s = 9; s < 12; ++s) store(s, {{s, s + 1}});
  EXPECT_FALSE(gaps()[0].closed.has_value()) << "4.25 s";
  store(12, {{12, 13}});
  ASSERT_TRUE(gaps()[0].closed.has_value());
  EXPECT_EQ(
      gaps()[0].text,
      "shop at edge: nobody measured from 1970-01-01T00:00:01.25Z on; measured again from 1970-01-01T00:00:07.75Z, 1.5 s are missing");
  store(20, {{20, 21}});
  EXPECT_EQ(gaps().size(), 2u) << "the next one is another event";
}

TEST_F(GapTest, a_capture_that_stands_leaves_it_open) {
  for (int s = 1; s < 20; ++s) store(s, {});
  ASSERT_EQ(gaps().size(), 1u);
  EXPECT_FALSE(gaps()[0].closed.has_value());
}

TEST_F(GapTest, less_than_a_millisecond_is_none) {
  store(1, {{1.0005, 2}});
  EXPECT_TRUE(gaps().empty());
}

TEST_F(GapTest, who_is_told_to_stop_leaves_none) {
  ASSERT_TRUE(monitor->wish(1, false, now).ok());
  take();
  ASSERT_EQ(monitor->service(1).state, State::stopping);
  store(1, {{1, 1.5}});
  EXPECT_TRUE(gaps().empty());
}

TEST_F(GapTest, records_that_come_late_leave_none) {
  store(2, {{2, 3}});
  ASSERT_EQ(gaps().size(), 1u) << "second 1 is missing";
  store(1, {{1, 2}});
  EXPECT_EQ(gaps().size(), 1u);
}

TEST_F(MonitorTest, an_open_event_outlives_the_managers_restart_until_the_opposite_is_certain) {
  store::Loaded loaded;
  loaded.events.push_back({1, "superseded", store::Severity::warning, "edge", "n was at work", now.wall, std::nullopt});
  loaded.events.push_back({2, "clocks.apart", store::Severity::warning, "edge", "n is off", now.wall, std::nullopt});
  begin({}, loaded);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  pass(ms(3000));
  EXPECT_EQ(monitor->events().open_count(), 2u) << "the other instances have had no time to come back";
  pass(ms(3000));
  EXPECT_EQ(monitor->events().open_count(), 0u);
  EXPECT_EQ(monitor->events().newest_first().size(), 2u);
}

class SupersededTest : public MonitorTest {
 protected:
  // One that says: I hold `epoch`; I gave `superseded` up by your word.
  void say(SessionId id, std::uint64_t epoch, std::uint64_t superseded, bool promoted = true) {
    wire::Heartbeat heartbeat;
    heartbeat.promoted = promoted;
    heartbeat.claim_age = ms(1);
    heartbeat.epoch = epoch;
    heartbeat.held = std::max(epoch, superseded);
    heartbeat.superseded = superseded;
    monitor->heartbeat(id, heartbeat, now);
    take();
  }
  std::vector<store::Event> told() const {
    std::vector<store::Event> all;
    for (const store::Event& event : monitor->events().newest_first()) {
      if (event.code == "superseded") all.push_back(event);
    }
    return all;
  }
  // 1 is admitted (epoch 1), falls silent, and 2 is (epoch 2).
  void supersede() {
    ASSERT_TRUE(connect(1, "edge", 1).ok());
    beat(1);
    ASSERT_TRUE(connect(2, "edge", 2).ok());
    alive.erase(1);
    pass(ms(1500));
    beat(2);
    ASSERT_EQ(monitor->epoch("edge"), 2u);
    ASSERT_TRUE(connect(3, "edge", 1).ok());
  }
};

TEST_F(SupersededTest, both_words_are_one_event) {
  supersede();
  say(3, 1, 0);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_FALSE(told()[0].closed.has_value());
  say(3, 0, 1);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_TRUE(told()[0].closed.has_value());
  say(3, 1, 0);  // and what can't be: it was told
  EXPECT_EQ(told().size(), 1u);
}

TEST_F(SupersededTest, one_that_comes_back_when_the_other_was_demoted_meanwhile) {
  supersede();
  say(2, 0, 0, false);
  say(3, 1, 0);
  ASSERT_EQ(told().size(), 1u) << "nobody is admitted now, but another one was";
  EXPECT_EQ(monitor->epoch("edge"), 3u) << "and it is admitted anew";
  say(3, 3, 0);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_TRUE(told()[0].closed.has_value());
}

TEST_F(SupersededTest, two_that_slept_are_two_events) {
  supersede();
  ASSERT_TRUE(connect(4, "edge", 4).ok());
  alive.erase(2);
  alive.erase(3);
  pass(ms(1500));
  say(4, 0, 0);
  ASSERT_EQ(monitor->epoch("edge"), 3u);
  ASSERT_TRUE(connect(5, "edge", 1).ok());
  ASSERT_TRUE(connect(6, "edge", 2).ok());
  say(5, 1, 0);
  say(6, 2, 0);
  ASSERT_EQ(told().size(), 2u);
  EXPECT_NE(told()[0].text.find("epoch 2 and has been superseded (epoch 3)"), std::string::npos) << told()[0].text;
  EXPECT_NE(told()[1].text.find("epoch 1 and has been superseded (epoch 2)"), std::string::npos) << told()[1].text;
  say(5, 0, 1);
  say(6, 0, 2);
  EXPECT_EQ(told().size(), 2u);
  EXPECT_EQ(monitor->events().is_open("superseded", "edge"), false);
}

TEST_F(SupersededTest, is_nothing_that_one_can_say_of_anothers_epoch_or_of_its_own_present_one) {
  supersede();
  say(2, 2, 1);
  say(2, 2, 2);
  say(3, 0, 2);
  say(3, 0, 9);
  EXPECT_TRUE(told().empty()) << told()[0].text;
}

// ---- discovery

TEST_F(MonitorTest, a_discovery_is_instructed_found_stored_and_acknowledged) {
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  const auto job = monitor->start_discovery({"edge", *parse_ip_prefix("192.0.2.0/24"), ms(600'000), "hana"}, now);
  ASSERT_TRUE(job.ok()) << job.error().message();
  take();
  const auto* told = last<wire::Instruction>(1);
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->discovery_job, *job);
  EXPECT_EQ(to_string(*told->discovery_source), "192.0.2.0/24");
  EXPECT_EQ(told->discovery_limit, ms(600'000));
  const auto again = monitor->start_discovery({"edge", {}, {}, {}}, now);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::conflict);
  EXPECT_NE(again.error().message().find("started by hana"), std::string::npos) << again.error().message();

  monitor->found(1, {*job, {{"shop.example", 80, "/a", "GET", 3, ms(9), 3}}, 1, 0, 0, 0}, now);
  const Outputs out = monitor->take();
  ASSERT_EQ(out.messages.size(), 1u);
  EXPECT_EQ(std::get<wire::DiscoveryAck>(out.messages[0].message), (wire::DiscoveryAck{*job, 1}));
  EXPECT_FALSE(out.messages[0].at_once) << "only once it is durable";
  EXPECT_EQ(out.changes.discovery_entries.size(), 1u);
  EXPECT_EQ(out.changes.discoveries.size(), 1u);

  ASSERT_TRUE(monitor->end_discovery(*job, "jiro", now).ok());
  take();
  EXPECT_EQ(last<wire::Instruction>(1)->discovery_job, 0u);
  EXPECT_EQ(monitor->discoveries().find(*job)->reason, "person");
  EXPECT_EQ(monitor->discoveries().find(*job)->stopped_by, "jiro");
  EXPECT_TRUE(monitor->events().newest_first().empty()) << "who stopped it needn't be told";
  EXPECT_TRUE(monitor->end_discovery(*job, "", now).ok()) << "once more changes nothing";
  EXPECT_EQ(monitor->end_discovery(99, "", now).error().code(), ErrorCode::not_found);
}

TEST_F(MonitorTest, each_logical_probe_has_its_own_discovery) {
  for (const SessionId id : {1U, 2U}) {
    ASSERT_TRUE(connect(id, id == 1 ? "edge" : "core", static_cast<std::uint8_t>(id)).ok());
    beat(id);
  }
  const auto edge = monitor->start_discovery({"edge", {}, {}, {}}, now), core = monitor->start_discovery({"core", {}, {}, {}}, now);
  ASSERT_TRUE(edge.ok() && core.ok());
  ASSERT_NE(*edge, *core);
  take();
  alive.erase(2);
  monitor->lost(2, Lost::closed, now);
  pass(ms(4000));
  EXPECT_EQ(monitor->discoveries().find(*core)->reason, "failover") << "the one that dropped out";
  EXPECT_FALSE(monitor->discoveries().find(*edge)->stopped.has_value()) << "the other goes on";
  EXPECT_EQ(monitor->discoveries().discovering(), 1u);
}

TEST_F(MonitorTest, a_discovery_ends_at_its_time_limit) {
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  const auto job = monitor->start_discovery({"edge", {}, ms(3000), {}}, now);
  pass(ms(2900));
  EXPECT_FALSE(monitor->discoveries().find(*job)->stopped.has_value());
  pass(ms(200));
  EXPECT_EQ(monitor->discoveries().find(*job)->reason, "time_limit");
  EXPECT_EQ(last<wire::Instruction>(1)->discovery_job, 0u);
  ASSERT_EQ(monitor->events().newest_first().size(), 1u);
  EXPECT_EQ(monitor->events().newest_first()[0].severity, store::Severity::information);
}

TEST_F(MonitorTest, a_discovery_that_finds_too_much_ends_and_says_so) {
  Options options;
  options.discovery.entries = 2;
  begin(options, {});
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  const auto job = monitor->start_discovery({"edge", {}, {}, {}}, now);
  wire::DiscoveryEntries many{*job, {}, 1, 0, 0, 0};
  for (const char* path : {"/1", "/2", "/3"}) many.entries.push_back({"h", 80, path, "GET", 1, ms(1), 1});
  monitor->found(1, many, now);
  take();
  EXPECT_EQ(monitor->discoveries().find(*job)->reason, "limits_reached");
  EXPECT_EQ(monitor->discoveries().find(*job)->over_limit, 1u);
  ASSERT_EQ(monitor->events().newest_first().size(), 1u);
  EXPECT_EQ(monitor->events().newest_first()[0].severity, store::Severity::warning);
  beat(1);
  EXPECT_EQ(last<wire::Instruction>(1)->discovery_job, 0u);
}

TEST_F(MonitorTest, numbers_of_discoveries_are_never_used_again) {
  store::Loaded loaded;
  loaded.next_discovery_id = 8;
  begin({}, loaded);
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  EXPECT_EQ(*monitor->start_discovery({"edge", {}, {}, {}}, now), 8u);
}

TEST_F(MonitorTest, limits_hold) {
  Options options;
  options.max_probes = 2;
  options.max_sessions = 3;
  begin(options, {});
  EXPECT_TRUE(connect(1, "a", 1).ok());
  EXPECT_TRUE(connect(2, "b", 2).ok());
  EXPECT_EQ(connect(3, "c", 3).error().code(), ErrorCode::no_space);
  EXPECT_TRUE(connect(4, "b", 4).ok());
  EXPECT_EQ(connect(5, "b", 5).error().code(), ErrorCode::no_space);
  EXPECT_TRUE(connect(6, "b", 4).ok()) << "the same instance again takes its own place";
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].session, 4u);
}

TEST_F(MonitorTest, a_cold_successor_is_told_the_offset_of_the_logical_probes_time) {
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  wire::Heartbeat heartbeat;
  heartbeat.promoted = true;
  const auto packet = [&](Nanos ahead) { return packet_time_ns(to_ns(now.wall) + ahead.count()); };
  heartbeat.packet_clock = heartbeat.frame_clock = packet(ms(2000));
  monitor->heartbeat(1, heartbeat, now);
  take();
  heartbeat.epoch = heartbeat.held = 1;
  monitor->heartbeat(1, heartbeat, now);
  take();
  store::Loaded loaded;
  loaded.state = disk.state;
  begin({}, loaded);  // the manager's own restart in between
  ASSERT_TRUE(connect(2, "edge", 2).ok());
  pass(ms(1500));
  wire::Heartbeat successor;  // two seconds behind the first one
  successor.promoted = true;
  successor.claim_age = ms(1);
  successor.packet_clock = packet(Nanos{0});
  monitor->heartbeat(2, successor, now);
  take();
  ASSERT_NE(last<wire::Grant>(2), nullptr);
  EXPECT_EQ(last<wire::Grant>(2)->offset, ms(-2000));
}

TEST_F(MonitorTest, the_clusters_steps_become_times_of_ours_and_those_before_the_loss_are_left_out) {
  using Kind = wire::ClusterStep::Kind;
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  ASSERT_TRUE(connect(2, "edge", 2).ok());
  beat(2, false);
  pass(ms(3000));
  alive.erase(1);
  monitor->lost(1, Lost::closed, now);
  const WallTime lost = now.wall;
  now.mono += ms(500);
  now.wall += ms(500);
  wire::Heartbeat claim;
  claim.promoted = true;
  claim.claim_age = ms(1);
  claim.cluster_steps = {{Kind::stopped, ms(200)}, {Kind::start, ms(501)}, {Kind::promote, ms(7)}};
  monitor->heartbeat(2, claim, now);
  take();
  ASSERT_EQ(monitor->failovers().newest_first().size(), 1u);
  const store::FailoverRecord record = monitor->failovers().newest_first()[0];
  EXPECT_EQ(record.lost, lost);
  EXPECT_EQ(record.stopped, lost + ms(300));
  EXPECT_FALSE(record.start.has_value()) << "a millisecond before the loss";
  EXPECT_EQ(record.promote, now.wall - ms(7));
}

TEST_F(MonitorTest, steps_of_the_cluster_that_cant_be_are_no_times) {
  using Kind = wire::ClusterStep::Kind;
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  monitor->lost(1, Lost::closed, now);
  alive.erase(1);
  now.mono += ms(500);
  now.wall += ms(500);
  ASSERT_TRUE(connect(2, "edge", 2).ok());
  wire::Heartbeat claim;
  claim.promoted = true;
  claim.claim_age = ms(1);
  claim.cluster_steps = {{Kind::stopped, Nanos::max()}, {Kind::start, Nanos::min()}, {Kind::promote, ms(-1)}};
  monitor->heartbeat(2, claim, now);
  take();
  ASSERT_EQ(monitor->failovers().newest_first().size(), 1u);
  const store::FailoverRecord record = monitor->failovers().newest_first()[0];
  EXPECT_FALSE(record.stopped || record.start || record.promote);
}

TEST_F(MonitorTest, ledgers_go_to_the_others_and_to_who_is_admitted_and_are_kept) {
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  ASSERT_TRUE(connect(2, "edge", 2).ok());
  beat(2, false);
  window::Record record;
  record.instance.bytes[0] = 1;
  record.epoch = 1;
  record.span = {packet_time_ns(5'000'000'000), packet_time_ns(6'000'000'000)};
  record.ledger.entries.push_back({11, 12, packet_time_ns(5'500'000'000)});
  store::WriteBatch batch;
  monitor->accept("edge", record, batch);
  ASSERT_EQ(batch.state.size(), 1u);
  ASSERT_NE(last<wire::Stored>(2), nullptr);
  EXPECT_EQ(last<wire::Stored>(2)->ledger_since, PacketTime{}) << "that nothing was stored before is told, too";
  EXPECT_TRUE(last<wire::Stored>(2)->ledger.entries.empty()) << "not before it is durable";
  monitor->stored("edge", 1, record, now);
  take();
  ASSERT_NE(last<wire::Stored>(2), nullptr);
  EXPECT_EQ(last<wire::Stored>(2)->ledger, record.ledger);
  EXPECT_TRUE(last<wire::Stored>(1)->ledger.entries.empty()) << "who sent it knows";

  store::Loaded loaded;
  loaded.state = disk.state;
  for (const auto& [key, value] : batch.state) loaded.state[key] = *value;
  loaded.covered.push_back({"edge", {record.span}, record.instance, 1, record.span.end});
  begin({}, loaded);
  ASSERT_TRUE(connect(3, "edge", 3).ok());
  pass(ms(1500));
  beat(3);
  ASSERT_NE(last<wire::Grant>(3), nullptr);
  EXPECT_EQ(last<wire::Grant>(3)->ledger, record.ledger);
  EXPECT_EQ(last<wire::Grant>(3)->stored_until, record.span.end);
}

TEST_F(MonitorTest, ledgers_that_are_too_many_for_a_message_go_in_several_and_the_grant_completes_them) {
  Options options;
  options.names_per_message = 2;
  begin(options, {});
  ASSERT_TRUE(connect(1, "edge", 1).ok());
  beat(1);
  const auto second = [](std::int64_t s) { return packet_time_ns(s * 1'000'000'000); };
  for (std::int64_t s = 21; s <= 25; ++s) {
    window::Record record;
    record.instance.bytes[0] = 1;
    record.epoch = 1;
    record.span = {second(s - 1), second(s)};
    record.ledger.entries.push_back({static_cast<std::uint64_t>(s), 0, second(s - 1)});
    store::WriteBatch batch;
    monitor->accept("edge", record, batch);
    monitor->stored("edge", 1, record, now);
  }
  take();
  const auto told_by = [&](SessionId id) {
    std::vector<wire::Stored> all;
    for (const Outgoing& out : sent) {
      const auto* stored = std::get_if<wire::Stored>(&out.message);
      if (out.session == id && stored) all.push_back(*stored);
    }
    return all;
  };
  ASSERT_TRUE(connect(2, "edge", 2).ok());
  beat(2, false);
  std::vector<wire::Stored> told = told_by(2);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0].ledger_since, second(15));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(told[i].ledger.entries.size(), i == 0 ? 1u : 2u);
    EXPECT_EQ(told[i].stored_until, second(21 + 2 * static_cast<std::int64_t>(i)));
    EXPECT_EQ(told[i].epoch, 1u);
    if (i > 0) { EXPECT_EQ(told[i].ledger_since, told[i - 1].stored_until); }
  }

  monitor->lost(1, Lost::closed, now);
  alive.erase(1);
  sent.clear();
  wire::Heartbeat claim;
  claim.promoted = true;
  now.mono += ms(100);
  monitor->heartbeat(2, claim, now);
  take();
  const auto* grant = last<wire::Grant>(2);
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->epoch, 2u);
  EXPECT_EQ(grant->stored_until, second(25));
  EXPECT_EQ(grant->ledger_since, second(23));
  EXPECT_EQ(grant->ledger.entries.size(), 2u);
  told = told_by(2);
  ASSERT_EQ(told.size(), 2u) << "the older ones, before it";
  EXPECT_EQ(told[0].ledger_since, second(15));
  EXPECT_EQ(told[1].stored_until, second(23));
  EXPECT_EQ(told[1].epoch, 1u) << "those of the active that was: the comparison of the clocks with it stands";

  // It reads them: what is repeated meanwhile only lengthens its way.
  const auto repeated = [&](Nanos after) {
    sent.clear();
    pass(after);
    monitor->heartbeat(2, claim, now);
    take();
    return last<wire::Grant>(2) != nullptr;
  };
  EXPECT_FALSE(repeated(ms(2900)));
  EXPECT_TRUE(repeated(ms(200)));
}

TEST(Durable, reads_back_what_it_wrote) {
  SeededRandom random(3);
  for (int round = 0; round < 200; ++round) {
    ProbeState state;
    state.epoch = random.below(100);
    state.number = random.next_u64();
    if (random.below(2)) state.holder = InstanceId{random.next_id()};
    if (random.below(2)) state.offset = Nanos(static_cast<std::int64_t>(random.next_u64()));
    state.discovery_job = random.below(3);
    state.discovery_reason = "the \"cluster\"\n 寝ずの番";
    for (std::uint64_t i = random.below(4); i > 0; --i) {
      state.admissions.push_back(
          {i, InstanceId{random.next_id()}, "node", packet_time_ns(static_cast<std::int64_t>(random.next_u64())), random.below(2) == 1});
      AtProbe at{static_cast<State>(random.below(4)), random.below(2) == 1, random.next_u64(), std::nullopt, random.below(2) == 1};
      if (random.below(2)) at.span = random.below(1000);
      state.services[static_cast<ServiceId>(random.below(1000))] = at;
    }
    auto read = decode_probe(encode(state));
    ASSERT_TRUE(read.ok()) << read.error().message() << encode(state);
    EXPECT_EQ(*read, state);
  }
}

TEST(Durable, damage_is_named_with_its_key) {
  for (const char* bad : {"", "[]", "{}", "{\"epoch\": -1}", "{\"epoch\": 1, \"number\": \"x\"}"}) {
    store::Loaded loaded;
    loaded.state["probe/edge"] = bad;
    auto created = Monitor::create({}, loaded, {});
    ASSERT_FALSE(created.ok()) << bad;
    EXPECT_EQ(created.error().code(), ErrorCode::corrupt) << bad;
    EXPECT_NE(created.error().message().find("probe/edge"), std::string::npos);
  }
}

TEST(EventBook, opens_and_closes_once) {
  EventBook book;
  const WallTime now = wall_time_ns(1'700'000'000'000'000'000);
  EXPECT_TRUE(book.open("a", "x", store::Severity::error, "first", now));
  EXPECT_FALSE(book.open("a", "x", store::Severity::error, "second", now));
  EXPECT_EQ(book.take_changes().size(), 1u);
  EXPECT_TRUE(book.close("a", "x", now + ms(1)));
  EXPECT_FALSE(book.close("a", "x", now + ms(2)));
  const auto changes = book.take_changes();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].text, "first");
  EXPECT_EQ(changes[0].closed, now + ms(1));
  EXPECT_TRUE(book.open("a", "x", store::Severity::error, "again", now)) << "a new life";
}

TEST(EventBook, is_bounded_and_keeps_what_is_open) {
  EventBook book;
  const WallTime now{};
  book.open("open", "x", store::Severity::error, "", now);
  for (std::size_t i = 0; i < 3 * EventBook::kKept; ++i) book.happened("often", "x", store::Severity::information, "", now);
  EXPECT_LE(book.newest_first().size(), EventBook::kKept + 2);
  EXPECT_EQ(book.newest_first().back().code, "open");
}

}  // namespace
}  // namespace nezu::monitor
