#include <gmock/gmock.h>

#include <map>
#include <set>

#include "common/base/random.h"
#include "probe/aggregate/worker.h"

namespace nezu::probe::aggregate {
namespace {

using std::chrono::milliseconds;
constexpr std::int64_t kBase = 1'700'000'000;
constexpr HashKey kKey{7, 9};
PacketTime at(double s) { return PacketTime(Seconds(kBase)) + Nanos(static_cast<std::int64_t>(s * 1e9 + (s < 0 ? -0.5 : 0.5))); }
window::Spans span(double a, double b) { return {{at(a), at(b)}}; }

std::shared_ptr<const Plan> plan(std::uint64_t generation, std::vector<std::pair<window::ServiceId, std::uint64_t>> services,
                                 PacketTime effective = {}, std::optional<HashKey> names = {}) {
  std::vector<PlannedService> list;
  for (const auto& [id, version] : services) {
    PlannedService s;
    s.id = id;
    s.version = version;
    s.all_target = id * 10;
    s.definition.name = "s" + std::to_string(id);
    s.definition.ports = {static_cast<std::uint16_t>(id)};
    s.definition.errors = {404};
    definition::WebTransaction w;
    w.name = "pay";
    w.methods = {"POST"};
    s.definition.transactions = {w};
    s.transaction_targets = {id * 10 + 1};
    list.push_back(s);
  }
  return std::make_shared<Plan>(generation, std::move(list), effective, names);
}

Transaction transaction(double decided, double response_time = 0.01, std::uint16_t service = 1, std::uint16_t status = 200) {
  Transaction t;
  t.has_request = t.has_response = t.has_times = true;
  t.decided = t.response_end = at(decided);
  t.request_begin = t.request_end = at(decided - response_time);
  t.response_begin = at(decided - response_time / 2);
  t.method = "GET";
  t.host = "x";
  t.uri = "/";
  t.server.port = service;
  t.client.port = 40'000;
  t.status = status;
  t.response_bytes = 100;
  t.request_seq = 1000;
  t.response_seq = 5000;
  return t;
}

Transaction timed_out(double began, double decided) {
  Transaction t = transaction(decided, decided - began);
  t.has_response = t.has_times = false;
  t.completeness = Completeness::no_response;
  t.reason = Reason::timeout;
  t.status = 0;
  return t;
}

// A worker whose capture runs from 0 on.
class OneWorker {
 public:
  explicit OneWorker(std::shared_ptr<const Plan> p = plan(1, {{1, 1}})) : worker(Worker::Options{.worker = 3}) {
    worker.watch(at(0));
    worker.set_plan(std::move(p), at(0));
  }
  void advance(double watermark) { worker.advance(at(watermark), totals, slices); }
  // Of all slices.
  std::vector<const Item*> items() const {
    std::vector<const Item*> all;
    for (const auto& s : slices) {
      for (const Item& i : s->items) all.push_back(&i);
    }
    return all;
  }
  // What of the services' time all slices say was measured: (id, version) → spans, less what the capture lacked.
  std::map<std::pair<window::ServiceId, std::uint64_t>, window::Spans> measured() const {
    std::map<std::pair<window::ServiceId, std::uint64_t>, window::Spans> out;
    for (const auto& s : slices) {
      for (const Tenure& t : s->tenures) {
        for (std::size_t i = 0; i < t.plan->service_count(); ++i) {
          auto& spans = out[{t.plan->id(i), t.plan->version(i)}];
          spans = window::unite(spans, {t.span});
        }
      }
    }
    const window::Spans watched = covered();
    for (auto& [id, spans] : out) spans = window::intersect(spans, watched);
    return out;
  }
  window::Spans covered() const {
    window::Spans all;
    for (const auto& s : slices) all = window::unite(all, s->covered);
    return all;
  }
  Worker worker;
  window::Counters totals;
  Slices slices;
};

TEST(Figures, WhatIsATransactionAnErrorATime) {
  window::Figures f;
  const auto add = [&](const Transaction& t, bool is_error) { add_figures(outcome_of(t), is_error, f); };
  add(transaction(1, 0.5), false);
  add(transaction(1, 0.1, 1, 503), true);
  Transaction reset = transaction(1);
  reset.completeness = Completeness::no_response;
  reset.reason = Reason::reset;
  reset.has_times = false;
  add(reset, false);
  Transaction missed = reset;
  missed.reason = Reason::response_lost;
  add(missed, false);
  Transaction partly = transaction(1);
  partly.completeness = Completeness::timing_only;
  partly.has_times = false;
  add(partly, false);
  EXPECT_EQ(f.transactions, 4u);
  EXPECT_EQ(f.errors, 2u);
  EXPECT_EQ(f.failed_reset, 1u);
  EXPECT_EQ(f.unmeasured, 1u);
  EXPECT_EQ(f.timing_only, 1u);
  EXPECT_EQ(f.timed, 2u);
  EXPECT_EQ(f.response_time.count(), 2u);
  EXPECT_EQ(f.ttfb.count(), 2u);
  EXPECT_EQ(f.response_time_sum, milliseconds(600));
  EXPECT_EQ(f.response_time_max, milliseconds(500));
  EXPECT_EQ(f.status_class[2], 2u);
  EXPECT_EQ(f.status_class[5], 1u);
}

TEST(Figures, ANegativeTimeIsCountedNotTimed) {
  window::Figures f;
  add_figures(outcome_of(transaction(1, -3)), false, f);
  EXPECT_EQ(f.transactions, 1u);
  EXPECT_EQ(f.timed, 0u);
  OneWorker w;
  w.worker.add(transaction(0.5, -3));
  EXPECT_EQ(w.worker.negative_times(), 1u);
}

TEST(Worker, ASliceIsHandedOverWhenTheWatermarkHasComeOn) {
  OneWorker w;
  w.worker.add(transaction(0.015));
  w.advance(0.019);
  EXPECT_TRUE(w.slices.empty());
  w.advance(0.020);
  ASSERT_EQ(w.slices.size(), 1u);
  const Slice& s = *w.slices[0];
  EXPECT_EQ(s.worker, 3u);
  EXPECT_EQ(s.span, (window::Span{at(0), at(0.020)}));
  EXPECT_EQ(s.covered, span(0, 0.020));
  ASSERT_EQ(s.items.size(), 1u);
  EXPECT_EQ(s.items[0].decided, at(0.015));
  w.advance(0.5);
  ASSERT_EQ(w.slices.size(), 2u) << "one slice, however long it took";
  EXPECT_EQ(w.slices[1]->span, (window::Span{at(0.020), at(0.5)}));
  EXPECT_TRUE(w.slices[1]->items.empty()) << "each transaction is handed over once";
}

TEST(Worker, WhereNothingIsMeasuredSlicesAreFewer) {
  OneWorker w(plan(1, {}));
  w.advance(0.199);
  EXPECT_TRUE(w.slices.empty());
  w.advance(0.200);
  ASSERT_EQ(w.slices.size(), 1u);
  EXPECT_EQ(w.slices[0]->covered, span(0, 0.200)) << "the capture runs all the same";
  EXPECT_TRUE(w.slices[0]->tenures.empty());
}

TEST(Worker, WebTransactionsAndTheirServiceAreBothHit) {
  OneWorker w;
  Transaction t = transaction(0.5, 0.01, 1, 404);
  t.method = "POST";
  w.worker.add(t);
  w.worker.add(transaction(0.6, 0.01, 1, 200));
  w.advance(1);
  const auto& s = *w.slices.at(0);
  ASSERT_EQ(s.items.size(), 2u);
  ASSERT_EQ(s.items[0].hits, 2u);
  ASSERT_EQ(s.hits.size(), 3u);
  const Hit *all = &s.hits[s.items[0].first_hit], *pay = all + 1;
  EXPECT_EQ(all->target, 10u);
  EXPECT_EQ(pay->target, 11u);
  EXPECT_EQ(pay->service, 1u);
  EXPECT_TRUE(pay->is_error) << "404 is chosen as an error";
  EXPECT_FALSE(s.hits[s.items[1].first_hit].is_error);
}

TEST(Worker, WhatBelongsToNoServiceAndResponsesWithoutRequestAreNotHandedOver) {
  OneWorker w;
  w.worker.add(transaction(0.5, 0.01, 2));
  Transaction t = transaction(0.5);
  t.completeness = Completeness::no_request;
  t.has_request = false;
  w.worker.add(t);
  w.advance(1);
  EXPECT_TRUE(w.items().empty());
}

TEST(Worker, AnIdleSliceSaysThatTheServiceWasMeasured) {
  OneWorker w;
  w.advance(3.2);
  EXPECT_TRUE(w.items().empty());
  EXPECT_EQ((w.measured()[{1, 1}]), span(0, 3.2));
}

TEST(Worker, ALateTransactionKeepsItsTime) {
  OneWorker w;
  w.advance(1);
  w.worker.add(transaction(0.9));
  w.advance(2);
  ASSERT_EQ(w.slices.size(), 2u);
  ASSERT_EQ(w.slices[1]->items.size(), 1u);
  EXPECT_EQ(w.slices[1]->items[0].decided, at(0.9));
}

TEST(Worker, CountersAreDifferences) {
  OneWorker w;
  w.totals.frames = 10;
  w.advance(1);
  w.totals.frames = 25;
  w.advance(2);
  EXPECT_EQ(w.slices[0]->counters.frames, 10u);
  EXPECT_EQ(w.slices[1]->counters.frames, 15u);
}

TEST(Worker, AServiceThatStartsAndStopsHasItsOwnCoverage) {
  OneWorker w(plan(1, {{1, 1}}));
  w.worker.add(transaction(0.3, 0.01, 2));  // not measured yet
  w.advance(0.4);
  w.worker.set_plan(plan(2, {{1, 1}, {2, 1}}), at(0.4));
  w.worker.add(transaction(0.5, 0.01, 2));
  w.worker.add(transaction(0.5, 0.01, 1));
  w.advance(0.7);
  w.worker.set_plan(plan(3, {{2, 1}}), at(0.7));
  w.worker.add(transaction(0.8, 0.01, 1));  // no longer
  w.advance(2);
  EXPECT_EQ((w.measured()[{1, 1}]), span(0, 0.7));
  EXPECT_EQ((w.measured()[{2, 1}]), span(0.4, 2));
  EXPECT_EQ(w.items().size(), 2u);
}

TEST(Worker, APlanThatChangesWithinASliceGivesItTwoTenures) {
  OneWorker w;
  w.advance(0.005);
  w.worker.set_plan(plan(2, {{2, 1}}), at(0.005));
  w.advance(0.02);
  ASSERT_EQ(w.slices.size(), 1u);
  ASSERT_EQ(w.slices[0]->tenures.size(), 2u);
  EXPECT_EQ(w.slices[0]->tenures[0].span, (window::Span{at(0), at(0.005)}));
  EXPECT_EQ(w.slices[0]->tenures[1].span, (window::Span{at(0.005), at(0.02)}));
  EXPECT_EQ(w.slices[0]->tenures[1].plan->generation(), 2u);
}

TEST(Worker, NothingThatEndedBeforeItsServiceWasMeasuredIsHandedOver) {
  OneWorker w(plan(1, {}));
  w.advance(0.5);
  w.worker.set_plan(plan(2, {{1, 1}}), at(0.5));
  w.worker.add(transaction(0.4));
  w.worker.add(transaction(0.6));
  w.advance(1);
  ASSERT_EQ(w.items().size(), 1u);
  EXPECT_EQ(w.items()[0]->decided, at(0.6));
  EXPECT_EQ((w.measured()[{1, 1}]), span(0.5, 1));
}

// The first pair on a connection that was joined in the middle is in doubt until the next request: it is decided later than it ended.
TEST(Worker, WhatEndedBeforeTheCoverageIsNotHandedOver_ThoughItIsDecidedIn) {
  OneWorker w(plan(1, {}));
  w.advance(0.5);
  w.worker.set_plan(plan(2, {{1, 1}}), at(0.5));
  Transaction t = transaction(0.6);
  t.response_end = at(0.4);
  w.worker.add(t);
  w.worker.add(transaction(0.7));
  w.advance(1);
  EXPECT_EQ(w.items().size(), 1u);
}

// The capture stands since 0.5; the worker's watermark, and with it the instant at which it takes the plan up, still lies before that.
TEST(Worker, WhatEndedBeforeTheCaptureStoodIsNotHandedOver) {
  Worker worker(Worker::Options{});
  worker.watch(at(0.5));
  worker.set_plan(plan(1, {{1, 1}}), at(0.4));
  worker.add(transaction(0.45));
  worker.add(transaction(0.6));
  Transaction begun_before = transaction(0.7);
  begun_before.request_begin = at(0.4);
  worker.add(begun_before);
  Slices slices;
  worker.advance(at(1), window::Counters{}, slices);
  ASSERT_EQ(slices.size(), 1u);
  ASSERT_EQ(slices[0]->items.size(), 1u);
  EXPECT_EQ(slices[0]->items[0].decided, at(0.6));
  EXPECT_EQ(slices[0]->covered, span(0.5, 1));
  ASSERT_EQ(slices[0]->tenures.size(), 1u);
  EXPECT_EQ(slices[0]->tenures[0].span, (window::Span{at(0.5), at(1)}));
}

TEST(Worker, AChangedDefinitionIsTakenUpAtItsEdge) {
  OneWorker w;
  w.worker.set_plan(plan(2, {{1, 2}}, at(1)), at(0.3));
  w.worker.add(transaction(0.9));
  EXPECT_EQ(w.worker.generation(), 1u);
  w.worker.add(transaction(1.1));
  EXPECT_EQ(w.worker.generation(), 2u);
  w.advance(2);
  EXPECT_EQ((w.measured()[{1, 1}]), span(0, 1));
  EXPECT_EQ((w.measured()[{1, 2}]), span(1, 2));
  ASSERT_EQ(w.slices.size(), 1u);
  ASSERT_EQ(w.slices[0]->hits.size(), 2u);
  EXPECT_EQ(w.slices[0]->hits[0].version, 1u);
  EXPECT_EQ(w.slices[0]->hits[1].version, 2u);
}

TEST(Worker, AnEdgeWithoutTraffic) {
  OneWorker w;
  w.worker.set_plan(plan(2, {{1, 2}}, at(1)), at(0.3));
  w.advance(0.999);
  EXPECT_EQ(w.worker.generation(), 1u);
  w.advance(1.5);
  EXPECT_EQ(w.worker.generation(), 2u);
  EXPECT_EQ((w.measured()[{1, 2}]), span(1, 1.5));
}

TEST(Worker, APlanThatIsReplacedBeforeItsEdgeIsNeverTakenUp) {
  OneWorker w;
  w.worker.set_plan(plan(2, {{1, 2}}, at(1)), at(0.3));
  w.worker.set_plan(plan(3, {{1, 1}}), at(0.4));
  w.advance(2);
  EXPECT_EQ(w.worker.generation(), 3u);
  EXPECT_EQ((w.measured()[{1, 1}]), span(0, 2));
}

TEST(Worker, TheCaptureStandsForAWhile) {
  OneWorker w;
  w.advance(0.5);
  w.worker.unwatch(at(0.5));
  w.worker.add(transaction(0.6));
  EXPECT_FALSE(w.worker.watching());
  w.advance(2.24);
  w.worker.watch(at(2.25));  // in the middle of a slice
  w.worker.add(transaction(2.3));
  Transaction from_before = transaction(2.4);
  from_before.request_begin = at(2.0);
  w.worker.add(from_before);
  w.advance(3);
  EXPECT_EQ(w.covered(), (window::Spans{{at(0), at(0.5)}, {at(2.25), at(3)}}));
  ASSERT_EQ(w.items().size(), 1u) << "what wasn't watched from its beginning lies in the gap";
  EXPECT_EQ(w.items()[0]->decided, at(2.3));
  EXPECT_EQ(w.worker.unbroken_since(), at(2.25));
}

TEST(Worker, AStepOfPacketTimeIsNotCovered) {
  OneWorker w;
  w.advance(0.5);
  w.advance(100'000.25);
  EXPECT_EQ(w.worker.jumps(), 1u);
  w.advance(100'001);
  EXPECT_EQ(w.covered(), (window::Spans{{at(0), at(0.5)}, {at(100'000.25), at(100'001)}}));
  EXPECT_EQ(w.worker.unbroken_since(), at(100'000.25));
}

TEST(Worker, TheClockGoesBack_NothingIsHandedOverTwice) {
  OneWorker w;
  w.totals.frames = 10;
  w.advance(5);
  const std::size_t before = w.slices.size();
  w.worker.add(transaction(1));
  w.advance(1.5);
  EXPECT_EQ(w.slices.size(), before);
  w.advance(6);
  ASSERT_EQ(w.slices.size(), before + 1);
  EXPECT_EQ(w.slices.back()->span, (window::Span{at(5), at(6)}));
  ASSERT_EQ(w.slices.back()->items.size(), 1u);
  EXPECT_EQ(w.slices.back()->counters.frames, 0u);
}

TEST(Worker, TheEndHandsOverWhatThereIs) {
  OneWorker w;
  w.worker.add(transaction(0.005, 0.001));
  w.worker.finish(at(0.010), w.totals, w.slices);
  ASSERT_EQ(w.slices.size(), 1u);
  EXPECT_EQ(w.slices[0]->span, (window::Span{at(0), at(0.010)}));
  EXPECT_EQ(w.slices[0]->covered, span(0, 0.010));
  EXPECT_EQ(w.slices[0]->items.size(), 1u);
  EXPECT_EQ((w.measured()[{1, 1}]), span(0, 0.010));
}

TEST(Worker, AfterItsEndDropsThatNothingSettlesAreNotCovered) {
  OneWorker w;
  w.worker.look(at(0), 0, 0);
  w.worker.look(at(2), 50, 0);
  w.worker.finish(at(1.5), w.totals, w.slices);
  ASSERT_FALSE(w.slices.empty());
  EXPECT_EQ(w.slices.back()->span.end, at(1.5));
  EXPECT_TRUE(w.covered().empty());
}

// ---- names, and what tells how a transaction was decided

TEST(Names, AreGivenOnlyWithAKey) {
  OneWorker without;
  without.worker.add(transaction(0.5));
  without.advance(1);
  EXPECT_EQ(without.items().at(0)->request_name, 0u);
  EXPECT_EQ(without.items().at(0)->response_name, 0u);
  OneWorker with(plan(1, {{1, 1}}, {}, kKey));
  with.worker.add(transaction(0.5));
  with.advance(1);
  EXPECT_NE(with.items().at(0)->request_name, 0u);
  EXPECT_NE(with.items().at(0)->response_name, 0u);
  EXPECT_NE(with.items().at(0)->request_name, with.items().at(0)->response_name);
}

TEST(Names, TwoNodesGiveTheSameByTheBytesAloneWhateverTheirClocks) {
  OneWorker a(plan(1, {{1, 1}}, {}, kKey)), b(plan(7, {{1, 4}}, {}, kKey));
  a.worker.add(transaction(0.5));
  b.worker.add(transaction(0.9, 0.2, 1, 404));
  Transaction other = transaction(0.95);
  ++other.response_seq;
  b.worker.add(other);
  a.advance(1);
  b.advance(1);
  EXPECT_EQ(a.items().at(0)->request_name, b.items().at(0)->request_name);
  EXPECT_EQ(a.items().at(0)->response_name, b.items().at(0)->response_name);
  EXPECT_NE(a.items().at(0)->response_name, b.items().at(1)->response_name);
}

TEST(Names, WhatWasNotSeenHasNone) {
  OneWorker w(plan(1, {{1, 1}}, {}, kKey));
  w.worker.add(timed_out(0.1, 0.5));
  w.advance(1);
  ASSERT_EQ(w.items().size(), 1u);
  EXPECT_NE(w.items()[0]->request_name, 0u);
  EXPECT_EQ(w.items()[0]->response_name, 0u);
}

// Seen only after its own response, where the capture is known to lack something: unmeasured here, and measured by the other node.
TEST(Names, AreTheSameWhereOneNodeOnlyLacksTheStart) {
  OneWorker a(plan(1, {{1, 1}}, {}, kKey)), b(plan(1, {{1, 1}}, {}, kKey));
  Transaction t = transaction(0.5);
  a.worker.add(t);
  t.completeness = Completeness::no_response;
  t.reason = Reason::start_lost;
  t.has_response = t.has_times = false;
  b.worker.add(t);
  a.advance(1);
  b.advance(1);
  EXPECT_NE(b.items().at(0)->request_name, 0u);
  EXPECT_EQ(a.items().at(0)->request_name, b.items().at(0)->request_name);
  EXPECT_EQ(a.items().at(0)->response_name, b.items().at(0)->response_name);
  EXPECT_FALSE(b.items().at(0)->by_last_byte);
}

TEST(Items, SayWhenTheyBeganAndWhetherTheirLastByteDecidedThem) {
  OneWorker w;
  w.worker.add(transaction(0.5, 0.25));
  w.worker.add(timed_out(0.1, 0.6));
  Transaction in_doubt = transaction(0.7);  // decided by the next request
  in_doubt.response_end = at(0.65);
  w.worker.add(in_doubt);
  w.worker.add(transaction(0.8, -3));
  w.advance(1);
  ASSERT_EQ(w.items().size(), 4u);
  EXPECT_EQ(w.items()[0]->began, at(0.25));
  EXPECT_TRUE(w.items()[0]->by_last_byte);
  EXPECT_EQ(w.items()[1]->began, at(0.1));
  EXPECT_FALSE(w.items()[1]->by_last_byte);
  EXPECT_FALSE(w.items()[2]->by_last_byte);
  EXPECT_EQ(w.items()[3]->began, at(0.8)) << "never after it was decided";
}

// ---- drops

TEST(Drops, TheShareIsTakenFromTheEndOfTheInterval) {
  DropEstimator d;
  d.look(at(0), 0, 0);
  d.look(at(10), 90, 0);  // a process that stood still for 10 s; the ring holds 10 frames
  EXPECT_EQ(d.settle(at(9), 10), std::nullopt);
  EXPECT_EQ(d.unsettled_from(), at(0));
  const auto lost = d.settle(at(10), 10);
  ASSERT_TRUE(lost);
  EXPECT_EQ(*lost, (window::Span{at(1), at(10)}));
  EXPECT_EQ(d.unsettled_from(), std::nullopt);
  d.look(at(11), 90, 20);
  EXPECT_EQ(d.settle(at(12), 30), std::nullopt) << "no new drops";
}

TEST(Drops, HoldSlicesBackUntilItIsKnownWhatTheyCover) {
  OneWorker w;
  w.advance(0.5);
  w.worker.look(at(0.5), 0, 0);
  w.worker.look(at(2), 50, 0);
  w.worker.add(transaction(1));
  w.advance(1.5);
  EXPECT_EQ(w.slices.size(), 1u) << "what was dropped may lie in what follows: it isn't settled";
  w.totals.frames = 100;
  w.advance(2);
  ASSERT_EQ(w.slices.size(), 2u);
  EXPECT_EQ(w.slices[1]->span, (window::Span{at(0.5), at(2)}));
  EXPECT_EQ(w.slices[1]->covered, span(0.5, 1.5)) << "a third was dropped";
  EXPECT_EQ(w.slices[1]->items.size(), 1u);
  EXPECT_EQ(w.worker.unbroken_since(), at(2));
}

// Whatever happens, slices follow one another without a hole, every transaction that was watched is in one of them, and the counters add up.
TEST(Worker, EveryTransactionIsHandedOverOnce) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    OneWorker w(plan(1, {{1, 1}}, {}, kKey));
    std::multiset<PacketTime> added;
    double mark = 0;
    std::uint64_t generation = 1;
    for (int step = 0; step < 200; ++step) {
      for (std::uint64_t n = random.below(4); n > 0; --n) {
        const Transaction t = transaction(std::max(0.02, mark + random.next_unit() * 0.05 - 0.01));
        w.worker.add(t);
        added.insert(t.decided);
      }
      w.totals.frames += random.below(100);
      if (random.below(20) == 0) {
        ++generation;
        w.worker.set_plan(plan(generation, {{1, 1}, {2, generation}}, random.below(2) == 0 ? PacketTime{} : at(mark + 0.03), kKey),
                          at(mark));
      }
      if (random.below(30) == 0) w.worker.look(at(mark + random.next_unit() * 0.1), generation * 7, w.totals.frames);
      mark += random.next_unit() * 0.02;
      w.advance(mark);
    }
    w.worker.finish(at(mark + 1), w.totals, w.slices);
    std::multiset<PacketTime> handed_over;
    std::uint64_t frames = 0;
    PacketTime end = at(0);
    for (const auto& s : w.slices) {
      ASSERT_EQ(s->span.begin, end) << seed;
      end = s->span.end;
      frames += s->counters.frames;
      for (const Item& i : s->items) handed_over.insert(i.decided);
    }
    ASSERT_EQ(end, at(mark + 1)) << seed;
    ASSERT_EQ(frames, w.totals.frames) << seed;
    ASSERT_EQ(handed_over, added) << seed;
    ASSERT_EQ((w.measured()[{1, 1}]), w.covered()) << seed << ": a service whose definition stays is measured without a break";
  }
}

}  // namespace
}  // namespace nezu::probe::aggregate
