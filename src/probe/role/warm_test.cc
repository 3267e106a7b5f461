// The rows of docs/failover.md that concern a warm pair ("The shadow"), for the probe.
#include <gmock/gmock.h>

#include <set>

#include "probe/role/role.h"
#include "probe/role/test_bench.h"

namespace nezu::probe::role {
namespace {

using shadow::testing::at;
using shadow::testing::done;
using shadow::testing::plan;
using shadow::testing::request_name;
using shadow::testing::response_name;
using shadow::testing::seconds;
using shadow::testing::SliceMaker;
using shadow::testing::span;
using std::chrono::milliseconds;
using testing::Bench;
using ::testing::ElementsAre;
using testing::spans;
using testing::transactions;
using Numbers = std::multiset<std::uint64_t>;

window::Ledger ledger(std::vector<std::pair<std::uint64_t, double>> transactions) {
  window::Ledger l;
  for (const auto& [n, decided] : transactions) l.entries.push_back({request_name(n), response_name(n), at(decided)});
  return l;
}
Numbers named(const std::vector<window::Record>& records) {
  Numbers out;
  for (const auto& r : records) {
    for (const auto& e : r.ledger.entries) out.insert((e.request - 1) / 2);
  }
  return out;
}
wire::Stored stored(double until, window::Ledger l, std::uint64_t epoch = 4, std::optional<double> since = {}) {
  return {at(until), std::move(l), epoch, since ? std::optional(at(*since)) : std::nullopt};
}

Options warm(Options o = {}) {
  o.promoted = false;
  o.shadow.names = true;
  return o;
}
// A standby that measures, and knows its clock.
class Standby : public Bench {
 public:
  explicit Standby(const Options& o = {}) : Bench(warm(o)) {
    open_session();
    measure_service();
    wire::Beat beat;
    beat.offset = Nanos(0);
    tell(beat);
  }
  void promote() { take(role().promote(now())); }
};

TEST(Row, Warm_AStandbyMeasuresWithNames_AndSendsNothing) {
  Standby b;
  ASSERT_NE(b.last<Measure>(), nullptr);
  EXPECT_TRUE(b.last<Measure>()->names);
  b.worker().add(done(0.5, 1));
  b.measure(3);
  EXPECT_TRUE(b.sent<window::Record>().empty());
  EXPECT_TRUE(b.role().spool().empty());
  Bench cold;
  cold.open_session();
  cold.measure_service();
  EXPECT_FALSE(cold.last<Measure>()->names);
}

TEST(Row, Warm_APromotionTellsTheStepsThatLedToIt_AndTheNextOneItsOwn) {
  using Step = wire::ClusterStep;
  Standby b;
  EXPECT_TRUE(b.heartbeat().cluster_steps.empty());
  b.take(b.role().promote(b.now(), b.now() - Millis(2), b.now() - Millis(30)));
  EXPECT_EQ(b.heartbeat().cluster_steps, (std::vector<Step>{{Step::Kind::stopped, Millis(30)}, {Step::Kind::promote, Millis(2)}}));
  b.take(b.role().demote(b.now()));
  EXPECT_TRUE(b.heartbeat().cluster_steps.empty());
  b.promote();
  EXPECT_TRUE(b.heartbeat().cluster_steps.empty()) << "the agent said nothing this time";
}

TEST(Row, Warm_AnotherKeyOfTheNamesIsTakenUp) {
  Standby b;
  b.take(b.role().disconnected(b.now(), "reset"));
  b.forget();
  b.open_session();
  EXPECT_EQ(b.count<Measure>(), 0u) << "the same key";
  b.take(b.role().disconnected(b.now(), "reset"));
  b.take(b.role().connected(b.now()));
  wire::Welcome welcome;
  welcome.name_key = {3, 4};
  b.tell(welcome);
  ASSERT_EQ(b.count<Measure>(), 1u);
  EXPECT_EQ(b.last<Measure>()->names, (wire::NameKey{3, 4}));
  EXPECT_EQ(b.last<Measure>()->services.size(), 1u);
}

TEST(Row, Warm_OnAGrantTheShadowIsHandedOver_LessWhatTheLedgersName) {
  Standby b;
  for (const auto& [n, t] : {std::pair(1u, 0.5), {2u, 0.95}, {3u, 1.5}, {4u, 1.55}, {5u, 2.5}}) b.worker().add(done(t, n));
  b.measure(2.6);
  b.tell(stored(1, ledger({{1, 0.5}}), 4, -9));
  b.promote();
  EXPECT_TRUE(b.heartbeat().promoted);
  EXPECT_EQ(b.heartbeat().since, at(1));
  EXPECT_TRUE(b.heartbeat().whole);
  b.grant(5, 1.52, ledger({{1, 0.5}, {3, 1.5}}));  // the last one wasn't told before; it was cut short
  EXPECT_EQ(b.role().name(), Name::active);
  EXPECT_EQ(b.heartbeat().left_out, 1u) << "at this admission";
  EXPECT_EQ(b.heartbeat().handed_over, 3u);
  b.measure(3);
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(1.52), at(2)}, window::Span{at(2), at(3)}));
  EXPECT_EQ(sent.at(0).epoch, 5u);
  EXPECT_EQ(sent.at(0).covered, span(1.52, 2));
  EXPECT_FALSE(sent.at(0).seam_doubtful);
  EXPECT_EQ(named({sent.at(0)}), (Numbers{2, 4}));
  EXPECT_EQ(named({sent.at(1)}), (Numbers{5}));
  EXPECT_EQ(b.role().shadow().counters().put_in, 1u);
}

TEST(Row, Warm_ALedgerThatLeftNamesOutMakesTheSeamDoubtful) {
  Standby b;
  b.worker().add(done(1.4, 1));
  b.measure(2);
  b.promote();
  window::Ledger l;
  l.left_out_until = at(1.45);
  b.grant(5, 1.5, l);
  const auto sent = b.sent<window::Record>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(sent[0].seam_doubtful);
  EXPECT_EQ(transactions(sent), 0u);
}

TEST(Row, Warm_TheComparisonOfTheTwoPortsIsTold) {
  Standby b;
  b.worker().add(done(0.5, 1));
  b.worker().add(done(0.6, 2));
  b.measure(1);
  b.tell(stored(1, ledger({{1, 0.5}, {3, 0.7}}), 4, -9));
  for (int i = 2; i <= 12; ++i) {
    b.measure(i);
    b.tell(stored(i, {}));
  }
  b.pass(milliseconds(300));
  EXPECT_EQ(b.heartbeat().compared, 1u);
  EXPECT_EQ(b.heartbeat().only_here, 1u);
  EXPECT_EQ(b.heartbeat().only_named, 1u);
}

TEST(Row, Warm_AWaitingClaimGoesOnShadowing_AndIsAdmittedLater) {
  Standby b;
  b.promote();
  b.tell(wire::Wait{"node-b"});
  EXPECT_EQ(b.role().name(), Name::waiting);
  for (std::uint64_t n = 1; n <= 3; ++n) b.worker().add(done(static_cast<double>(n) - 0.5, n));
  b.measure(1);
  b.tell(stored(1, ledger({{1, 0.5}}), 4, -9));
  b.measure(3);
  EXPECT_TRUE(b.sent<window::Record>().empty());
  b.grant(9, 1, ledger({{1, 0.5}}));
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(1), at(2)}, window::Span{at(2), at(3)}));
  EXPECT_EQ(named(sent), (Numbers{2, 3})) << "nothing is lost, nothing counted twice";
}

TEST(Row, Warm_Superseded_WhatWasNotStoredBecomesShadowAgain) {
  Standby b;
  b.promote();
  b.grant(5, -1);
  for (std::uint64_t n = 1; n <= 6; ++n) b.worker().add(done(static_cast<double>(n) * 0.5 - 0.25, n));
  b.measure(3);
  ASSERT_EQ(b.sent<window::Record>().size(), 3u);
  b.ack(0, 1);
  b.tell(wire::Superseded{5, at(1)});
  EXPECT_EQ(b.role().name(), Name::waiting);
  EXPECT_TRUE(b.role().spool().empty()) << "[1, 2) and [2, 3) aren't wanted";
  EXPECT_EQ(b.role().shadow().kept(), 4u);
  EXPECT_EQ(b.heartbeat().epoch, 0u);
  EXPECT_EQ(b.heartbeat().was, 0u) << "it keeps nothing of it";
  // The other one counted some of it, with another edge.
  b.tell(stored(1.6, ledger({{3, 1.25}}), 6, -9));
  b.forget();
  b.grant(7, 1.6, ledger({{1, 0.25}, {2, 0.75}, {3, 1.25}}));
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(1.6), at(2)}, window::Span{at(2), at(3)}));
  EXPECT_EQ(named(sent), (Numbers{4, 5, 6}));
  EXPECT_EQ(transactions(sent), 3u);
  EXPECT_EQ(sent.at(0).epoch, 7u);
}

TEST(Row, Warm_Superseded_WhatIsStillWantedIsSent) {
  Standby b;
  b.promote();
  b.grant(5, -1);
  b.measure(3);
  b.take(b.role().disconnected(b.now(), "reset"));
  b.forget();
  b.open_session();
  EXPECT_EQ(b.sent<window::Record>().size(), 3u) << "it doesn't know yet";
  b.tell(wire::Superseded{5, at(2)});
  EXPECT_EQ(b.role().spool().granted(), 2u);
  b.pass(milliseconds(300));
  EXPECT_EQ(b.heartbeat().was, 5u);
  b.ack(0, 1);
  b.ack(1, 2);
  EXPECT_TRUE(b.role().spool().empty());
}

TEST(Row, Warm_Demotion_DropsNothing) {
  Standby b;
  b.promote();
  b.grant(5, -1);
  for (std::uint64_t n = 1; n <= 4; ++n) b.worker().add(done(static_cast<double>(n) - 0.5, n));
  b.measure(3.6);
  b.ack(0, 1);
  b.forget();
  b.take(b.role().demote(b.now()));
  EXPECT_TRUE(b.sent<window::Record>().empty()) << "and sends nothing";
  EXPECT_EQ(b.heartbeat().was, 5u) << "so the manager can say what of it is wanted";
  b.measure(5);
  EXPECT_TRUE(b.sent<window::Record>().empty());
  b.promote();
  // [1, 2) had arrived, its acknowledgement hadn't.
  b.grant(6, 2, ledger({{1, 0.5}, {2, 1.5}}));
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(2), at(3)}, window::Span{at(3), at(4)}, window::Span{at(4), at(5)}));
  EXPECT_EQ(named(sent), (Numbers{3, 4}));
  for (const auto& r : sent) EXPECT_EQ(r.epoch, 6u);
}

TEST(Row, Warm_PlannedStop_AStandbyHasEverything_NothingIsSent) {
  Standby b;
  b.promote();
  b.grant(5, -1);
  b.measure(1.5);
  b.ack(0, 1);
  wire::Beat beat;
  beat.standby_ok = true;
  b.tell(beat);
  b.forget();
  b.take(b.role().stop(b.now()));
  EXPECT_EQ(b.count<Cut>(), 0u);
  EXPECT_EQ(b.count<Finished>(), 1u);
  EXPECT_TRUE(b.sent<window::Record>().empty());
}

TEST(Row, Warm_PlannedStop_NoStandbyHasEverything_TheOpenWindowIsCutAndSent) {
  Standby b;
  b.promote();
  b.grant(5, -1);
  b.worker().add(done(1.2, 1));
  b.measure(1.3);
  b.ack(0, 1);
  b.forget();
  b.take(b.role().stop(b.now()));
  ASSERT_EQ(b.count<Cut>(), 1u);
  b.end_at(1.4);
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(1), at(1.4)}));
  EXPECT_EQ(named(sent), (Numbers{1}));
}

TEST(Row, Warm_ToldToStop_AStandbyKeepsWhatItHas) {
  Standby b;
  b.worker().add(done(1.5, 1));
  b.worker().add(done(2.3, 2));
  b.measure(2.5);
  b.tell(stored(1, {}, 4, -9));
  b.instruct(2, {});
  b.worker().set_plan(plan({}), 2.5);
  b.workers_follow(at(2.5));
  EXPECT_FALSE(b.heartbeat().whole) << "it doesn't measure";
  b.measure(6);
  b.pass(Seconds(3));
  b.promote();  // the active one died before it had delivered its last words
  b.grant(5, 1);
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(1), at(2)}, window::Span{at(2), at(3)}));
  EXPECT_EQ(named(sent), (Numbers{1, 2}));
  EXPECT_EQ(sent.at(1).services.at(0).covered, span(2, 2.5));
}

TEST(Row, Warm_Clock_FromHeartbeats_ThenCompared_ThenAnewWithAnotherActive) {
  Bench b(warm());
  b.open_session();
  b.measure_service();
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::none);
  wire::Beat beat;
  beat.offset = milliseconds(40);
  b.tell(beat);
  b.pass(milliseconds(250));
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::coarse);
  EXPECT_EQ(b.heartbeat().packet_clock - b.heartbeat().frame_clock, Nanos(milliseconds(40)));
  for (std::uint64_t n = 1; n <= 6; ++n) b.worker().add(done(static_cast<double>(n) * 0.1 + 0.041, n));
  b.measure(1);
  b.tell(stored(0.45, ledger({{1, 0.1}, {2, 0.2}, {3, 0.3}}), 4, -9));
  b.pass(milliseconds(250));
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::compared);
  EXPECT_EQ(b.heartbeat().packet_clock - b.heartbeat().frame_clock, Nanos(milliseconds(41)));
  b.tell(stored(0.5, ledger({}), 6));
  b.pass(milliseconds(250));
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::coarse) << "another active: its idea of the time";
  EXPECT_EQ(b.heartbeat().packet_clock - b.heartbeat().frame_clock, Nanos(milliseconds(41)));
  b.tell(stored(1.0, ledger({{4, 0.398}, {5, 0.498}, {6, 0.598}}), 6));
  b.pass(milliseconds(250));
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::compared);
  EXPECT_EQ(b.heartbeat().packet_clock - b.heartbeat().frame_clock, Nanos(milliseconds(43)));
}

TEST(Row, Warm_Clock_ADefinitionsEdgeIsInTheLogicalProbesTime) {
  Bench b(warm());
  b.open_session();
  b.measure_service();
  wire::Beat beat;
  beat.offset = milliseconds(40);
  b.tell(beat);
  b.define(1, 2);
  b.instruct(2, {{1, 2}});
  EXPECT_TRUE(b.last<Measure>()->at_edge);
  EXPECT_EQ(b.last<Measure>()->offset, Nanos(milliseconds(40)));
}

TEST(Row, Warm_Clock_TheLedgerOfTheGrantServesTooToCompareIt) {
  Bench b(warm());
  b.open_session();
  b.measure_service();
  for (std::uint64_t n = 1; n <= 4; ++n) b.worker().add(done(static_cast<double>(n) * 0.1 + 2, n));  // 2 s ahead
  b.worker().add(done(2.9, 5));
  b.measure(3.5);
  b.take(b.role().promote(b.now()));
  b.grant(5, 0.5, ledger({{1, 0.1}, {2, 0.2}, {3, 0.3}, {4, 0.4}}));
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::compared);
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(0.5), at(1)}));
  EXPECT_EQ(named(sent), (Numbers{5}));
}

TEST(Row, Warm_NoClock_ItBeginsAnew_NotBeforeTheEndOfWhatIsStored) {
  Bench b(warm());
  b.open_session();
  b.measure_service();
  b.worker().add(done(2.5, 1));
  b.pass(Seconds(3));
  b.measure(2.99);
  b.take(b.role().promote(b.now()));
  b.grant(6, 5);  // what is stored ends two seconds after the present of our clock
  EXPECT_EQ(b.role().shadow().counters().thrown_away, 1u);
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::own);
  EXPECT_EQ(b.heartbeat().frame_clock, at(5));
  b.worker().add(done(3.5, 2));
  b.measure(4);
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ElementsAre(window::Span{at(5), at(6)}));
  EXPECT_EQ(sent.at(0).covered, span(5, 6));
  EXPECT_EQ(named(sent), (Numbers{2}));
}

TEST(Row, Warm_NothingIsStored_ItsOwnClockIsTheLogicalProbes) {
  Bench b(warm());
  b.open_session();
  b.measure_service();
  b.worker().add(done(0.5, 1));
  b.measure(1);
  b.take(b.role().promote(b.now()));
  b.grant(1, -1);
  EXPECT_EQ(b.heartbeat().clock_known, wire::ClockKnown::own);
  EXPECT_EQ(named(b.sent<window::Record>()), (Numbers{1}));
}

TEST(Row, Warm_WindowsThatWereAddedUpAreSentOnlyIfTheyBeginAfterWhatIsStored) {
  Options o;
  o.shadow.memory = 120'000;
  Standby b(o);
  b.tell(stored(0, {}, 4, -10));
  for (int i = 0; i < 300; ++i) {
    b.worker().add(done(i * 0.1 + 0.05, static_cast<std::uint64_t>(i)));
    b.measure(i * 0.1 + 0.1);
  }
  EXPECT_GT(b.role().spool().size(), 10u);
  EXPECT_EQ(b.role().spool().granted(), 0u);
  EXPECT_TRUE(b.sent<window::Record>().empty());
  b.promote();
  b.grant(5, 2.5);  // what was stored meanwhile wasn't told
  EXPECT_EQ(b.role().discarded(), 3u) << "[0, 1), [1, 2), [2, 3): something that ends after their beginning is stored";
  const auto sent = b.sent<window::Record>();
  ASSERT_EQ(sent.size(), 27u);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].span.begin, at(3 + static_cast<double>(i)));
    EXPECT_EQ(transactions({sent[i]}), 10u) << i;
  }
  EXPECT_TRUE(sent.front().seam_doubtful);
  EXPECT_FALSE(sent.back().seam_doubtful);
}

TEST(Row, Warm_WhatIsPushedOutOfTheSpoolIsGone) {
  Options o;
  o.spool.windows = 2;
  Standby b(o);
  b.promote();
  b.grant(5, -1);
  b.take(b.role().disconnected(b.now(), "cut"));
  for (std::uint64_t n = 1; n <= 4; ++n) b.worker().add(done(static_cast<double>(n) - 0.5, n));
  b.measure(4);
  EXPECT_EQ(b.role().shadow().kept(), 2u);
  b.open_session();
  EXPECT_EQ(b.heartbeat().since, at(2)) << "nobody covers what lies before";
  EXPECT_EQ(named(b.sent<window::Record>()), (Numbers{3, 4}));
}

TEST(Row, Warm_LedgersThatComeInPartsBeforeTheGrantAreLeftOutToo) {
  Standby b;
  for (std::uint64_t n = 1; n <= 4; ++n) b.worker().add(done(static_cast<double>(n) - 0.5, n));
  b.measure(4);
  b.promote();
  b.tell(stored(1, ledger({{1, 0.5}}), 4, -6));
  b.tell(stored(2, ledger({{2, 1.5}}), 4, 1));
  wire::Grant grant;
  grant.epoch = 5;
  grant.stored_until = at(3);
  grant.ledger_since = at(2);
  grant.ledger = ledger({{3, 2.5}});
  b.tell(grant);
  b.measure(5);
  EXPECT_EQ(named(b.sent<window::Record>()), (Numbers{4}));
  EXPECT_FALSE(b.sent<window::Record>().at(0).seam_doubtful);
}

TEST(Row, Warm_AWindowThatNoMessageHoldsIsAGap_AndTheSessionGoesOn) {
  Standby b;
  b.promote();
  b.grant(5, -1);
  for (window::TargetId t = 1; t <= 50'000; ++t) {
    aggregate::Item item = done(0.5, t);
    b.worker().add(item, t);
  }
  std::vector<std::pair<window::ServiceId, std::uint64_t>> services;
  for (window::ServiceId s = 1; s <= 50'000; ++s) services.emplace_back(s, 1);
  b.worker().set_plan(plan(services), 0.01);
  b.measure(1);
  EXPECT_TRUE(b.sent<window::Record>().empty());
  EXPECT_EQ(b.role().spool().size(), 0u);
  b.worker().set_plan(plan({{1, 1}}), 1);
  b.worker().add(done(1.5, 70'000));
  b.measure(2);
  EXPECT_THAT(spans(b.sent<window::Record>()), ElementsAre(window::Span{at(1), at(2)}));
  b.pass(seconds(0.3));
  EXPECT_EQ(b.heartbeat().overflow_windows, 1u);
}

}  // namespace
}  // namespace nezu::probe::role
