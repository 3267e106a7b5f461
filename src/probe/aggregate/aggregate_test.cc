#include <gmock/gmock.h>

#include "common/base/random.h"
#include "probe/aggregate/add_figures.h"
#include "probe/aggregate/merger.h"
#include "probe/aggregate/worker.h"

namespace nezu::probe::aggregate {
namespace {

using std::chrono::milliseconds;
constexpr std::int64_t kBase = 1'700'000'000;
PacketTime at(double s) { return PacketTime(Seconds(kBase)) + Nanos(static_cast<std::int64_t>(s * 1e9 + (s < 0 ? -0.5 : 0.5))); }
MonoTime mono(double s) { return MonoTime(Nanos(static_cast<std::int64_t>(s * 1e9))); }
window::Spans span(double a, double b) { return {{at(a), at(b)}}; }

std::shared_ptr<const Plan> plan(std::uint64_t generation, std::vector<std::pair<window::ServiceId, std::uint64_t>> services,
                                 PacketTime not_before = {}, PacketTime effective = {}, bool anew = false) {
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
  return std::make_shared<Plan>(generation, std::move(list), not_before, effective, anew);
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
  t.status = status;
  t.response_bytes = 100;
  return t;
}

// A worker whose capture runs from 0 on.
class OneWorker {
 public:
  explicit OneWorker(std::shared_ptr<const Plan> p = plan(1, {{1, 1}}), std::uint32_t index = 0)
      : worker(Worker::Options{.worker = index, .window = Seconds(1), .max_windows = 120}) {
    worker.watch(at(0));
    worker.set_plan(std::move(p), at(0));
  }
  void advance(double watermark) { worker.advance(at(watermark), totals, windows); }
  std::uint64_t transactions(std::size_t i) const {
    std::uint64_t n = 0;
    for (std::size_t k = 0; k < windows[i]->used; ++k)
      n += windows[i]->slots[k].target % 10 == 0 ? windows[i]->slots[k].figures.transactions : 0;
    return n;
  }
  Worker worker;
  window::Counters totals;
  Windows windows;
};

TEST(Figures, WhatIsATransactionAnErrorATime) {
  window::Figures f;
  EXPECT_TRUE(add_figures(transaction(1, 0.5), false, f));
  EXPECT_TRUE(add_figures(transaction(1, 0.1, 1, 503), true, f));
  Transaction reset = transaction(1);
  reset.completeness = Completeness::no_response;
  reset.reason = Reason::reset;
  reset.has_times = false;
  EXPECT_TRUE(add_figures(reset, false, f));
  Transaction missed = reset;
  missed.reason = Reason::response_lost;
  EXPECT_TRUE(add_figures(missed, false, f));
  Transaction partly = transaction(1);
  partly.completeness = Completeness::timing_only;
  partly.has_times = false;
  EXPECT_TRUE(add_figures(partly, false, f));
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
  EXPECT_FALSE(add_figures(transaction(1, -3), false, f));
  EXPECT_EQ(f.transactions, 1u);
  EXPECT_EQ(f.timed, 0u);
  OneWorker w;
  w.worker.add(transaction(0.5, -3));
  EXPECT_EQ(w.worker.negative_times(), 1u);
}

TEST(Worker, AWindowClosesWhenTheWatermarkHasPassedItsEnd) {
  OneWorker w;
  w.worker.add(transaction(0.2));
  w.worker.add(transaction(0.999));
  w.worker.add(transaction(1.0));
  w.advance(0.999);
  EXPECT_TRUE(w.windows.empty());
  w.advance(1.0);
  ASSERT_EQ(w.windows.size(), 1u);
  EXPECT_EQ(w.windows[0]->span, (window::Span{at(0), at(1)}));
  EXPECT_EQ(w.windows[0]->covered, span(0, 1));
  EXPECT_EQ(w.transactions(0), 2u);
  w.advance(2.5);
  ASSERT_EQ(w.windows.size(), 2u);
  EXPECT_EQ(w.transactions(1), 1u);
}

TEST(Worker, WebTransactionsAndTheirServiceAreBothCounted) {
  OneWorker w;
  Transaction t = transaction(0.5, 0.01, 1, 404);
  t.method = "POST";
  w.worker.add(t);
  w.advance(1);
  ASSERT_EQ(w.windows[0]->used, 2u);
  EXPECT_EQ(w.windows[0]->slots[0].target, 10u);
  EXPECT_EQ(w.windows[0]->slots[1].target, 11u);
  EXPECT_EQ(w.windows[0]->slots[1].figures.errors, 1u) << "404 is chosen as an error";
}

TEST(Worker, IdleWindowsAreWindowsToo) {
  OneWorker w;
  w.advance(3.2);
  ASSERT_EQ(w.windows.size(), 3u);
  EXPECT_EQ(w.windows[2]->span, (window::Span{at(2), at(3)}));
  ASSERT_EQ(w.windows[2]->services.size(), 1u);
  EXPECT_EQ(w.windows[2]->services[0].covered, span(2, 3));
  EXPECT_EQ(w.windows[2]->used, 0u);
}

TEST(Worker, ALateTransactionIsCountedInTheOldestOpenWindowAndTold) {
  OneWorker w;
  w.advance(1);
  w.worker.add(transaction(0.9));
  w.advance(2);
  EXPECT_EQ(w.transactions(1), 1u);
  EXPECT_EQ(w.windows[1]->counters.late, 1u);
  w.advance(3);
  EXPECT_EQ(w.windows[2]->counters.late, 0u);
}

TEST(Worker, CountersAreDifferences) {
  OneWorker w;
  w.totals.frames = 10;
  w.advance(1);
  w.totals.frames = 25;
  w.advance(2);
  EXPECT_EQ(w.windows[0]->counters.frames, 10u);
  EXPECT_EQ(w.windows[1]->counters.frames, 15u);
}

TEST(Worker, AServiceThatStartsAndStopsInAWindowHasItsOwnCoverage) {
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
  ASSERT_EQ(w.windows[0]->services.size(), 2u);
  EXPECT_EQ(w.windows[0]->services[0].id, 1u);
  EXPECT_EQ(w.windows[0]->services[0].covered, span(0, 0.7));
  EXPECT_EQ(w.windows[0]->services[1].covered, span(0.4, 1));
  EXPECT_EQ(w.transactions(0), 2u);
  ASSERT_EQ(w.windows[1]->services.size(), 1u);
  EXPECT_EQ(w.windows[1]->services[0].id, 2u);
}

TEST(Worker, NothingBeforeTheEndOfWhatIsStoredIsCounted) {
  OneWorker w(plan(1, {{1, 1}}, at(0.5)));
  w.worker.add(transaction(0.4));
  w.worker.add(transaction(0.6));
  w.advance(1);
  EXPECT_EQ(w.transactions(0), 1u);
  EXPECT_EQ(w.windows[0]->services[0].covered, span(0.5, 1));
}

// The first pair on a connection that was joined in the middle is in doubt until the next request: it is decided later than it ended.
TEST(Worker, WhatEndedBeforeTheCoverageIsNotCounted_ThoughItIsDecidedIn) {
  OneWorker w(plan(1, {{1, 1}}, at(0.5)));
  Transaction t = transaction(0.6);
  t.response_end = at(0.4);
  w.worker.add(t);
  w.worker.add(transaction(0.7));
  w.advance(1);
  EXPECT_EQ(w.transactions(0), 1u);
}

// The capture stands since 0.5; the worker's watermark, and with it the instant at which it takes the plan up, still lies before that.
TEST(Worker, WhatEndedBeforeTheCaptureStoodIsNotCounted) {
  Worker worker(Worker::Options{.worker = 0, .window = Seconds(1), .max_windows = 120});
  worker.watch(at(0.5));
  worker.set_plan(plan(1, {{1, 1}}), at(0.4));
  worker.add(transaction(0.45));
  worker.add(transaction(0.6));
  Transaction begun_before = transaction(0.7);
  begun_before.request_begin = at(0.4);
  worker.add(begun_before);
  Windows windows;
  worker.advance(at(1), window::Counters{}, windows);
  ASSERT_EQ(windows.size(), 1u);
  ASSERT_EQ(windows[0]->used, 1u);
  EXPECT_EQ(windows[0]->slots[0].figures.transactions, 1u);
  EXPECT_EQ(windows[0]->services[0].covered, span(0.5, 1));
}

TEST(Worker, MeasuringAnewThrowsAwayWhatIsOpen) {
  OneWorker w;
  w.worker.add(transaction(0.2));
  w.advance(0.3);
  w.worker.set_plan(plan(2, {{1, 1}}, at(0.35), {}, true), at(0.3));
  w.worker.add(transaction(0.32));
  w.worker.add(transaction(0.5));
  w.advance(1);
  EXPECT_EQ(w.transactions(0), 1u);
  EXPECT_EQ(w.windows[0]->services[0].covered, span(0.35, 1));
}

TEST(Worker, AChangedDefinitionIsTakenUpAtItsEdge) {
  OneWorker w;
  w.worker.set_plan(plan(2, {{1, 2}}, {}, at(1)), at(0.3));
  w.worker.add(transaction(0.9));
  EXPECT_EQ(w.worker.generation(), 1u);
  w.worker.add(transaction(1.1));
  EXPECT_EQ(w.worker.generation(), 2u);
  w.advance(2);
  ASSERT_EQ(w.windows.size(), 2u);
  ASSERT_EQ(w.windows[0]->services.size(), 1u);
  EXPECT_EQ(w.windows[0]->services[0].version, 1u);
  EXPECT_EQ(w.windows[0]->slots[0].version, 1u);
  ASSERT_EQ(w.windows[1]->services.size(), 1u);
  EXPECT_EQ(w.windows[1]->services[0].version, 2u);
  EXPECT_EQ(w.windows[1]->services[0].covered, span(1, 2));
}

TEST(Worker, AnEdgeWithoutTraffic) {
  OneWorker w;
  w.worker.set_plan(plan(2, {{1, 2}}, {}, at(1)), at(0.3));
  w.advance(1.5);
  EXPECT_EQ(w.worker.generation(), 2u);
  w.advance(2);
  ASSERT_EQ(w.windows[1]->services.size(), 1u);
  EXPECT_EQ(w.windows[1]->services[0].covered, span(1, 2));
}

TEST(Worker, TheCaptureStandsForAWhile) {
  OneWorker w;
  w.advance(0.5);
  w.worker.unwatch(at(0.5));
  w.advance(2.25);
  w.worker.watch(at(2.25));
  w.advance(3);
  ASSERT_EQ(w.windows.size(), 3u);
  EXPECT_EQ(w.windows[0]->covered, span(0, 0.5));
  EXPECT_TRUE(w.windows[1]->covered.empty());
  EXPECT_EQ(w.windows[2]->covered, span(2.25, 3));
  EXPECT_EQ(w.worker.unbroken_since(), at(2.25));
}

TEST(Worker, AStepOfPacketTimeClosesNoWindowsInBetween) {
  OneWorker w;
  w.advance(0.5);
  w.advance(100'000.25);
  ASSERT_EQ(w.windows.size(), 1u);
  EXPECT_EQ(w.worker.jumps(), 1u);
  w.advance(100'001);
  ASSERT_EQ(w.windows.size(), 2u);
  EXPECT_EQ(w.windows[1]->span, (window::Span{at(100'000), at(100'001)}));
  EXPECT_EQ(w.windows[1]->covered, span(100'000.25, 100'001));
}

TEST(Worker, TheClockGoesBack_NothingClosesTwice) {
  OneWorker w;
  w.advance(5);
  const std::size_t before = w.windows.size();
  w.worker.add(transaction(1));
  w.advance(1.5);
  EXPECT_EQ(w.windows.size(), before);
  w.advance(6);
  ASSERT_EQ(w.windows.size(), before + 1);
  EXPECT_EQ(w.windows.back()->span.begin, at(5));
  EXPECT_EQ(w.windows.back()->counters.late, 1u);
}

TEST(Worker, TheEndCutsTheOpenWindowShort) {
  OneWorker w;
  w.worker.add(transaction(1.2));
  w.worker.finish(at(1.4), w.totals, w.windows);
  ASSERT_EQ(w.windows.size(), 2u);
  EXPECT_EQ(w.windows[1]->span, (window::Span{at(1), at(1.4)}));
  EXPECT_EQ(w.windows[1]->covered, span(1, 1.4));
}

TEST(Worker, RecycledWindowsCountFromZero) {
  OneWorker w;
  w.worker.add(transaction(0.5));
  w.advance(1);
  w.worker.recycle(std::move(w.windows[0]));
  w.windows.clear();
  w.worker.add(transaction(1.5));
  w.worker.add(transaction(2.5));
  w.advance(3);
  EXPECT_EQ(w.transactions(0), 1u);
  EXPECT_EQ(w.transactions(1), 1u);
  EXPECT_EQ(w.windows[1]->slots[0].figures.response_time.count(), 1u);
}

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

TEST(Drops, MarkTheWindowPartlyCovered) {
  OneWorker w;
  w.totals.frames = 0;
  w.worker.look(at(0), 0, 0);
  w.worker.look(at(2), 50, 0);
  w.advance(1.5);
  EXPECT_TRUE(w.windows.empty()) << "what was dropped may lie in this window: it isn't settled";
  w.totals.frames = 50;
  w.advance(2);
  ASSERT_EQ(w.windows.size(), 2u);
  EXPECT_EQ(w.windows[0]->covered, span(0, 1));
  EXPECT_TRUE(w.windows[1]->covered.empty());
  EXPECT_EQ(w.worker.unbroken_since(), at(2));
}

// ---- merging

class TwoWorkers {
 public:
  TwoWorkers() : merger(Merger::Options{.workers = 2, .window = Seconds(1), .grace = milliseconds(500), .max_waiting = 8}) {}
  void advance(std::size_t worker, double watermark, double now) {
    OneWorker& w = workers[worker];
    w.advance(watermark);
    for (auto& x : w.windows) merger.take(std::move(x), mono(now));
    w.windows.clear();
    merger.progress(static_cast<std::uint32_t>(worker), at(watermark), mono(now));
  }
  void poll(double now) { merger.poll(mono(now), records, used); }
  std::uint64_t transactions(std::size_t i) const { return records[i].services.at(0).targets.at(0).figures.transactions; }
  std::array<OneWorker, 2> workers{OneWorker(plan(1, {{1, 1}}), 0), OneWorker(plan(1, {{1, 1}}), 1)};
  Merger merger;
  std::vector<window::Record> records;
  std::vector<std::unique_ptr<WorkerWindow>> used;
};

TEST(Merger, ClosesWhenEveryWorkerHasPassedTheEnd) {
  TwoWorkers m;
  m.workers[0].worker.add(transaction(0.1));
  m.workers[1].worker.add(transaction(0.2));
  m.workers[1].totals.frames = 5;
  m.advance(0, 1.1, 1.1);
  m.poll(1.1);
  EXPECT_TRUE(m.records.empty());
  m.advance(1, 1.05, 1.3);
  m.poll(1.3);
  ASSERT_EQ(m.records.size(), 1u);
  const window::Record& r = m.records[0];
  EXPECT_EQ(r.span, (window::Span{at(0), at(1)}));
  EXPECT_FALSE(r.partly);
  EXPECT_EQ(r.covered, span(0, 1));
  EXPECT_EQ(m.transactions(0), 2u);
  EXPECT_EQ(r.counters.frames, 5u);
  EXPECT_EQ(window::validate(r, Seconds(1)), "");
  EXPECT_EQ(m.used.size(), 2u);
}

TEST(Merger, ASlowWorkerThatGoesOnIsWaitedFor) {
  TwoWorkers m;
  m.advance(0, 1, 1);
  for (int i = 1; i < 10; ++i) {
    m.merger.progress(1, at(0.05 * i), mono(1 + 0.4 * i));
    m.poll(1 + 0.4 * i);
  }
  EXPECT_TRUE(m.records.empty()) << "late, but whole";
  m.advance(1, 1, 5);
  m.poll(5);
  ASSERT_EQ(m.records.size(), 1u);
  EXPECT_FALSE(m.records[0].partly);
}

TEST(Merger, AStuckWorkerIsLeftOutAfterGrace_AndCountedLateInTheNextRecord) {
  TwoWorkers m;
  m.workers[1].worker.add(transaction(0.4));
  m.workers[0].worker.add(transaction(0.3));
  m.advance(0, 1, 1);
  m.poll(1);
  m.poll(1.499);
  EXPECT_TRUE(m.records.empty());
  m.poll(1.5);
  ASSERT_EQ(m.records.size(), 1u);
  EXPECT_TRUE(m.records[0].partly);
  EXPECT_EQ(m.transactions(0), 1u);
  m.advance(1, 1, 1.8);  // it wakes up
  m.advance(0, 2, 2);
  m.advance(1, 2, 2);
  m.poll(2);
  ASSERT_EQ(m.records.size(), 2u);
  EXPECT_FALSE(m.records[1].partly);
  EXPECT_EQ(m.records[1].counters.late, 1u);
  EXPECT_EQ(m.transactions(1), 1u) << "nothing is dropped in silence";
  EXPECT_EQ(window::validate(m.records[1], Seconds(1)), "");
  EXPECT_EQ(m.merger.left_out(), 1u);
}

TEST(Merger, TooManyWaitingWindowsLeaveTheSlowOneOut) {
  TwoWorkers m;
  for (int i = 1; i <= 12; ++i) {
    m.advance(0, i, 1);
    m.merger.progress(1, at(0.01 * i), mono(1));
  }
  m.poll(1);
  EXPECT_EQ(m.records.size(), 4u);
}

TEST(Merger, AServicesCoverageIsWhatAllWorkersWatched) {
  TwoWorkers m;
  m.workers[0].worker.set_plan(plan(2, {{1, 1}, {2, 1}}), at(0.25));
  m.workers[1].worker.set_plan(plan(2, {{1, 1}, {2, 1}}), at(0.5));
  m.advance(0, 1, 1);
  m.advance(1, 1, 1);
  m.poll(1);
  ASSERT_EQ(m.records.at(0).services.size(), 2u);
  EXPECT_EQ(m.records[0].services[0].covered, span(0, 1));
  EXPECT_EQ(m.records[0].services[1].covered, span(0.5, 1));
}

TEST(Merger, AServiceThatOneWorkerDoesNotMeasureYetIsNotCovered) {
  TwoWorkers m;
  m.workers[0].worker.set_plan(plan(2, {{1, 1}, {2, 1}}), at(0.25));
  m.advance(0, 1, 1);
  m.advance(1, 1, 1);
  m.poll(1);
  EXPECT_TRUE(m.records.at(0).services.at(1).covered.empty());
}

TEST(Merger, TwoVersionsInOneWindow_TheNewerStandsAndTheRestIsAGap) {
  TwoWorkers m;
  m.workers[0].worker.add(transaction(0.1));
  m.workers[0].advance(0.4);
  m.workers[1].advance(0.4);
  m.workers[0].worker.set_plan(plan(2, {{1, 2}}), at(0.4));
  m.workers[1].worker.set_plan(plan(2, {{1, 2}}), at(0.4));
  m.workers[0].worker.add(transaction(0.6));
  m.advance(0, 1, 1);
  m.advance(1, 1, 1);
  m.poll(1);
  ASSERT_EQ(m.records.at(0).services.size(), 1u);
  EXPECT_EQ(m.records[0].services[0].definition_version, 2u);
  EXPECT_EQ(m.records[0].services[0].covered, span(0.4, 1));
  EXPECT_EQ(m.transactions(0), 1u);
}

TEST(Merger, NothingMeasured_NoRecord_AndNoCountersLeak) {
  Merger m(Merger::Options{.workers = 1});
  OneWorker w(plan(1, {}));
  std::vector<window::Record> records;
  std::vector<std::unique_ptr<WorkerWindow>> used;
  w.totals.frames = 1000;
  w.advance(1);
  w.worker.set_plan(plan(2, {{1, 1}}), at(1));
  w.totals.frames = 1010;
  w.advance(2);
  for (auto& x : w.windows) m.take(std::move(x), mono(2));
  m.poll(mono(2), records, used);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].span.begin, at(1));
  EXPECT_EQ(records[0].counters.frames, 10u);
}

TEST(Merger, NothingCovered_NoRecord_ButItsCountersGoIntoTheNext) {
  Merger m(Merger::Options{.workers = 1});
  OneWorker w;
  std::vector<window::Record> records;
  std::vector<std::unique_ptr<WorkerWindow>> used;
  w.advance(1);
  w.worker.unwatch(at(1));
  w.totals.kernel_drops = 7;
  w.advance(2);
  w.worker.watch(at(2));
  w.advance(3);
  for (auto& x : w.windows) m.take(std::move(x), mono(3));
  m.poll(mono(3), records, used);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].span, (window::Span{at(2), at(3)}));
  EXPECT_EQ(records[1].counters.kernel_drops, 7u);
  EXPECT_EQ(m.uncovered(), 1u);
}

TEST(Merger, WorkersThatEndAtDifferentInstants) {
  TwoWorkers m;
  const double ends[] = {0.4, 0.6};
  for (std::size_t i = 0; i < 2; ++i) {
    m.workers[i].worker.add(transaction(0.3));
    m.workers[i].worker.finish(at(ends[i]), m.workers[i].totals, m.workers[i].windows);
    for (auto& x : m.workers[i].windows) m.merger.take(std::move(x), mono(1));
    m.merger.finished(static_cast<std::uint32_t>(i));
  }
  m.poll(1);
  ASSERT_EQ(m.records.size(), 1u);
  EXPECT_EQ(m.records[0].span, (window::Span{at(0), at(0.6)}));
  EXPECT_EQ(m.records[0].covered, span(0, 0.4));
  EXPECT_EQ(m.transactions(0), 2u);
}

// Whatever the order in which workers come on, every transaction is in exactly one record, records don't overlap, and each is well.
TEST(Merger, EveryTransactionIsCountedOnce) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    TwoWorkers m;
    std::uint64_t added = 0;
    double mark[2] = {0, 0}, now = 0;
    for (int step = 0; step < 200; ++step) {
      const std::size_t i = random.below(2);
      now += 0.05 * static_cast<double>(random.below(8));
      for (std::uint64_t n = random.below(4); n > 0; --n, ++added) {
        m.workers[i].worker.add(transaction(std::max(0.02, mark[i] + random.next_unit() * 1.5 - 0.3)));
      }
      mark[i] += random.next_unit() * 0.5;
      m.advance(i, mark[i], now);
      m.poll(now);
    }
    const double end = std::max(mark[0], mark[1]) + 3;
    for (std::size_t i = 0; i < 2; ++i) m.advance(i, end, now);
    m.poll(now);
    std::uint64_t counted = 0;
    for (std::size_t k = 0; k < m.records.size(); ++k) {
      for (const auto& t : m.records[k].services[0].targets) counted += t.figures.transactions;
      ASSERT_EQ(window::validate(m.records[k], Seconds(1)), "") << seed;
      if (k > 0) { ASSERT_GE(m.records[k].span.begin, m.records[k - 1].span.end) << seed; }
    }
    ASSERT_EQ(counted, added) << seed;
  }
}

}  // namespace
}  // namespace nezu::probe::aggregate
