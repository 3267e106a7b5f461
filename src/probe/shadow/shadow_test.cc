#include "probe/shadow/shadow.h"

#include <gmock/gmock.h>

#include "common/base/random.h"
#include "probe/shadow/test_bench.h"

namespace nezu::probe::shadow {
namespace {

using testing::at;
using testing::Bench;
using testing::Cold;
using testing::done;
using testing::ledger;
using testing::mono;
using testing::named;
using testing::options;
using testing::plan;
using testing::Records;
using testing::request_name;
using testing::response_name;
using testing::seconds;
using testing::SliceMaker;
using testing::span;
using testing::timed_out;
using testing::transactions;
using testing::Warm;

// ---- cutting: the workers' watermarks

TEST(Cut, ARecordIsCompleteWhenEveryWorkerHasPassedItsEnd) {
  Cold b(2);
  b.workers[0].add(done(0.1, 1));
  b.workers[1].add(done(0.2, 2));
  b.workers[1].frames(5);
  b.come_to(0, 1.1, 1.1);
  EXPECT_TRUE(b.cut(1.1).empty());
  b.come_to(1, 0.999, 1.2);
  EXPECT_TRUE(b.cut(1.2).empty());
  b.come_to(1, 1.0, 1.3);
  const Records r = b.cut(1.3);
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].span, (window::Span{at(0), at(1)}));
  EXPECT_FALSE(r[0].partly);
  EXPECT_EQ(r[0].covered, span(0, 1));
  ASSERT_EQ(r[0].services.size(), 1u);
  EXPECT_EQ(r[0].services[0].covered, span(0, 1));
  EXPECT_EQ(transactions(r[0]), 2u);
  EXPECT_EQ(r[0].counters.frames, 5u);
}

TEST(Cut, ATransactionFallsIntoTheWindowInWhichItWasDecided) {
  Cold b;
  b.workers[0].add(done(0.999, 1));
  b.workers[0].add(done(1.0, 2));
  b.come_to(2);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(transactions(r[0]), 1u);
  EXPECT_EQ(transactions(r[1]), 1u);
}

TEST(Cut, NothingIsCutBeforeTheBegin) {
  Bench b(options(false));
  b.come_to(2);
  EXPECT_TRUE(b.cut().empty());
  b.shadow.begin(at(1), false);
  EXPECT_EQ(b.cut().size(), 1u);
  b.shadow.end();
  b.come_to(4);
  EXPECT_TRUE(b.cut().empty());
}

TEST(Cut, IdleWindowsAreRecordsToo) {
  Cold b;
  b.come_to(3.2);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 3u);
  EXPECT_EQ(r[2].span, (window::Span{at(2), at(3)}));
  EXPECT_EQ(r[2].services.at(0).covered, span(2, 3));
  EXPECT_TRUE(r[2].services[0].targets.empty());
}

TEST(Cut, ASlowWorkerThatGoesOnIsWaitedFor) {
  Cold b(2);
  b.come_to(0, 1, 1);
  for (int i = 1; i < 10; ++i) {
    b.shadow.alive(1, at(0.05 * i), mono(1 + 0.4 * i));
    EXPECT_TRUE(b.cut(1 + 0.4 * i).empty()) << "late, but whole";
  }
  b.come_to(1, 1, 5);
  const Records r = b.cut(5);
  ASSERT_EQ(r.size(), 1u);
  EXPECT_FALSE(r[0].partly);
}

// The main thread is the first to run again: the worker's packets are in its ring, and it needs a moment for them.
TEST(Cut, AfterAStandstillOfTheMachineAWorkerIsGivenTheGraceAnew) {
  Cold b;
  b.come_to(0.9);
  EXPECT_TRUE(b.cut(0.9).empty());
  EXPECT_TRUE(b.cut(3).empty()) << "it can't have come on";
  b.come_to(0, 2.9, 3.01);
  const Records r = b.cut(3.02);
  ASSERT_EQ(r.size(), 2u);
  EXPECT_FALSE(r[0].partly || r[1].partly);
  EXPECT_EQ(r[0].covered, span(0, 1));
  for (const double t : {3.2, 3.4, 3.5}) EXPECT_TRUE(b.cut(t).empty());
  const Records stuck = b.cut(3.52);
  ASSERT_EQ(stuck.size(), 1u) << "awake for the grace, and no progress";
  EXPECT_TRUE(stuck[0].partly);
}

TEST(Cut, AStuckWorkerIsLeftOutAfterGrace_AndCountedLateInTheNextRecord) {
  Cold b(2);
  b.workers[0].add(done(0.3, 1));
  b.workers[1].add(done(0.4, 2));
  b.come_to(0, 1, 1);
  auto held = b.workers[1].until(0.5);
  b.shadow.take(SliceMaker(0, 1).until(0.2), mono(0.2));
  EXPECT_TRUE(b.cut(1.499).empty());
  const Records partly = b.cut(1.5);
  ASSERT_EQ(partly.size(), 1u);
  EXPECT_TRUE(partly[0].partly);
  EXPECT_EQ(partly[0].covered, span(0, 0.2));
  EXPECT_EQ(transactions(partly[0]), 1u);
  b.shadow.take(std::move(held), mono(1.8));  // it wakes up
  b.come_to(0, 2, 2);
  b.come_to(1, 2, 2);
  const Records next = b.cut(2);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_FALSE(next[0].partly);
  EXPECT_EQ(next[0].counters.late, 1u);
  EXPECT_EQ(transactions(next[0]), 1u) << "nothing is dropped in silence";
  EXPECT_EQ(b.shadow.counters().partly, 1u);
  EXPECT_EQ(b.shadow.counters().late, 1u);
}

TEST(Cut, AStuckWorkerWhereNothingIsMeasured_NoRecord) {
  Cold b(2);
  b.workers[0] = SliceMaker(0, 0, plan({}));
  b.workers[1] = SliceMaker(0, 1, plan({}));
  b.come_to(0, 1, 1);
  b.come_to(1, 0.5, 0.5);
  EXPECT_TRUE(b.cut(3).empty());
  EXPECT_EQ(b.shadow.counters().uncovered, 0u);
}

TEST(Cut, CoverageIsWhatAllWorkersWatched) {
  Cold b(2);
  b.workers[0].set_plan(plan({{1, 1}, {2, 1}}), 0.25);
  b.workers[1].set_plan(plan({{1, 1}, {2, 1}}), 0.5);
  b.come_to(0, 1, 1, span(0.8, 0.9));
  b.come_to(1, 1, 1);
  const Records r = b.cut(1);
  ASSERT_EQ(r.size(), 1u);
  const window::Spans watched{{at(0), at(0.8)}, {at(0.9), at(1)}};
  EXPECT_EQ(r[0].covered, watched);
  ASSERT_EQ(r[0].services.size(), 2u);
  EXPECT_EQ(r[0].services[0].covered, watched);
  EXPECT_EQ(r[0].services[1].covered, (window::Spans{{at(0.5), at(0.8)}, {at(0.9), at(1)}}));
}

TEST(Cut, AServiceThatOneWorkerDoesNotMeasureYetIsNotCovered) {
  Cold b(2);
  b.workers[0].set_plan(plan({{1, 1}, {2, 1}}), 0.25);
  b.come_to(0, 1, 1);
  b.come_to(1, 1, 1);
  const Records r = b.cut(1);
  ASSERT_EQ(r.size(), 1u);
  EXPECT_TRUE(r[0].services.at(1).covered.empty());
}

TEST(Cut, TwoVersionsInOneWindow_TheNewerStandsAndTheRestIsAGap) {
  Cold b;
  b.workers[0].add(done(0.1, 1));
  b.workers[0].set_plan(plan({{1, 2}}), 0.4);
  b.workers[0].add(done(0.6, 2), 1, 2);
  b.come_to(1);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  ASSERT_EQ(r[0].services.size(), 1u);
  EXPECT_EQ(r[0].services[0].definition_version, 2u);
  EXPECT_EQ(r[0].services[0].covered, span(0.4, 1));
  EXPECT_EQ(transactions(r[0]), 1u);
  EXPECT_EQ(b.shadow.counters().not_measured, 1u);
  EXPECT_EQ(r[0].counters.late, 0u) << "it came in time";
}

TEST(Cut, TwoVersionsInOneWindow_WhicheverComesFirst) {
  Cold b;
  b.workers[0].set_plan(plan({{1, 2}}), 0.4);
  b.workers[0].add(done(0.6, 1), 1, 2);
  b.workers[0].add(done(0.7, 2), 1, 1);  // of the version before, decided late
  b.come_to(1);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].services.at(0).definition_version, 2u);
  EXPECT_EQ(transactions(r[0]), 1u);
  EXPECT_EQ(b.shadow.counters().not_measured, 1u);
}

TEST(Cut, NothingMeasured_NoRecord_AndNoCountersLeak) {
  Cold b;
  b.workers[0] = SliceMaker(0, 0, plan({}));
  b.workers[0].frames(1000);
  b.come_to(1);
  b.workers[0].set_plan(plan({{1, 1}}), 1);
  b.workers[0].frames(10);
  b.come_to(2);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].span.begin, at(1));
  EXPECT_EQ(r[0].counters.frames, 10u);
  EXPECT_EQ(b.shadow.counters().uncovered, 0u);
}

TEST(Cut, NothingMeasuredForAWhile_WhatWasCountedMeanwhileIsInNoRecord) {
  Cold b;
  b.come_to(1);
  b.workers[0].set_plan(plan({}), 1);
  b.workers[0].frames(1000);
  b.come_to(2);
  b.workers[0].set_plan(plan({{1, 1}}), 2);
  b.workers[0].frames(10);
  b.come_to(3);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(r[1].span.begin, at(2));
  EXPECT_EQ(r[1].counters.frames, 10u);
}

TEST(Cut, NothingCovered_NoRecord_ButItsCountersGoIntoTheNext) {
  Cold b;
  b.come_to(1);
  b.workers[0].frames(7);
  b.come_to(0, 2, 2, span(1, 2));
  b.come_to(3);
  const Records r = b.cut(3);
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(r[1].span, (window::Span{at(2), at(3)}));
  EXPECT_EQ(r[1].counters.frames, 7u);
  EXPECT_EQ(b.shadow.counters().uncovered, 1u);
}

// In a warm pair: what follows is left to the standby, whose mirror port may have been well.
TEST(Cut, ARecordEndsWhereItsCoverageEnds) {
  Warm b;
  b.shadow.begin(at(0), false);
  b.workers[0].add(done(0.5, 1));
  b.come_to(0, 1.3, 1.3, span(0.6, 1.3));
  const Records r = b.cut(1.3);
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].span, (window::Span{at(0), at(0.6)}));
  EXPECT_EQ(r[0].covered, span(0, 0.6));
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{1}));
  // Nobody took over: it goes on in the window where its coverage begins again, and nothing is counted twice.
  b.workers[0].add(done(2.5, 2));
  b.come_to(0, 2.4, 2.4, span(1.3, 2.4));
  b.come_to(0, 3, 3);
  const Records later = b.cut(3);
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].span, (window::Span{at(2), at(3)}));
  EXPECT_EQ(later[0].covered, span(2.4, 3));
  EXPECT_EQ(transactions(later[0]), 1u);
}

TEST(Cut, AHoleAmidARecordIsAHole) {
  Warm b;
  b.shadow.begin(at(0), false);
  b.come_to(0, 1, 1, span(0.6, 0.7));
  const Records r = b.cut(1);
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].span, (window::Span{at(0), at(1)}));
  EXPECT_EQ(r[0].covered, (window::Spans{{at(0), at(0.6)}, {at(0.7), at(1)}}));
}

// The other one's record ended in the middle of a window: what was watched from there on is this one's.
TEST(Cut, TheStandbyGoesOnWhereTheActivesCoverageEnded) {
  Warm b;
  b.workers[0].add(done(0.5, 1));
  b.workers[0].add(done(0.7, 2));
  b.come_to(1);
  b.learn(0.6, ledger({{1, 0.5}}));
  b.shadow.begin(at(0.6), false);
  const Records r = b.cut(1);
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].span, (window::Span{at(0.6), at(1)}));
  EXPECT_EQ(r[0].covered, span(0.6, 1));
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{2}));
}

TEST(Cut, AStepOfPacketTimeMakesNoRecordsInBetween) {
  Cold b;
  b.come_to(0.5);
  b.come_to(0, 100'000.25, 1, span(0.5, 100'000.25));
  b.come_to(0, 100'001, 2);
  const Records r = b.cut(100'001);
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(r[0].covered, span(0, 0.5));
  EXPECT_EQ(r[1].span, (window::Span{at(100'000), at(100'001)}));
  EXPECT_EQ(r[1].covered, span(100'000.25, 100'001));
}

TEST(Cut, CountersOfASliceAreInOneRecord) {
  Cold b;
  for (int i = 1; i <= 150; ++i) {
    b.workers[0].frames(1);
    b.come_to(i * 0.02);
  }
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 3u);
  for (const auto& record : r) EXPECT_EQ(record.counters.frames, 50u);
}

// ---- the last words

TEST(CutShort, IsWhatThereIsOfTheOpenWindow) {
  Cold b;
  b.workers[0].add(done(1.2, 1));
  b.come_to(1.4);
  EXPECT_EQ(b.cut().size(), 1u);
  const auto r = b.shadow.cut_short();
  ASSERT_TRUE(r);
  EXPECT_EQ(r->span, (window::Span{at(1), at(1.4)}));
  EXPECT_EQ(r->covered, span(1, 1.4));
  EXPECT_EQ(transactions(*r), 1u);
  EXPECT_FALSE(b.shadow.cut_short()) << "nothing is left";
}

// A capture file's last packet: its time is the watermark.
TEST(CutShort, WhatWasDecidedAtTheVeryEndIsInIt) {
  Cold b;
  b.workers[0].add(done(0.4, 1));
  b.workers[0].add(done(0.405, 2));  // processed, though the watermark that all workers have come to lies before
  b.come_to(0.4);
  b.shadow.finished(0);
  const auto r = b.shadow.cut_short();
  ASSERT_TRUE(r);
  EXPECT_EQ(transactions(*r), 2u);
  EXPECT_EQ(window::validate(*r, Seconds(1)), "");
}

TEST(CutShort, WhereTheWorkersGoOnEachIsInTheRecordOfItsTime) {
  Cold b;
  b.workers[0].add(done(0.3, 1));
  b.workers[0].add(done(0.4, 2));
  b.come_to(0.4);
  const auto r = b.shadow.cut_short();
  ASSERT_TRUE(r);
  EXPECT_EQ(transactions(*r), 1u);
  b.come_to(1);
  const Records next = b.cut();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].span, (window::Span{at(0.4), at(1)}));
  EXPECT_EQ(transactions(next[0]), 1u);
  EXPECT_EQ(next[0].counters.late, 0u);
}

TEST(CutShort, WorkersThatEndAtDifferentInstants) {
  Cold b(2);
  const double ends[] = {0.4, 0.6};
  for (std::size_t i = 0; i < 2; ++i) {
    b.workers[i].add(done(0.3, i));
    b.come_to(i, ends[i], 1);
    b.shadow.finished(static_cast<std::uint32_t>(i));
  }
  const auto r = b.shadow.cut_short();
  ASSERT_TRUE(r);
  EXPECT_EQ(r->span, (window::Span{at(0), at(0.6)}));
  EXPECT_EQ(r->covered, span(0, 0.4));
  EXPECT_EQ(transactions(*r), 2u);
}

TEST(CutShort, NothingMeasured_NoRecord) {
  Cold b;
  b.workers[0] = SliceMaker(0, 0, plan({}));
  b.come_to(0.4);
  EXPECT_FALSE(b.shadow.cut_short());
}

// Whatever the order in which workers come on, every transaction is in exactly one record, records don't overlap, and each is well.
TEST(Cut, EveryTransactionIsCountedOnce) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    Cold b(2);
    Records records;
    std::uint64_t added = 0, frames = 0;
    double mark[2] = {0, 0}, now = 0;
    for (int step = 0; step < 200; ++step) {
      const std::size_t i = random.below(2);
      now += 0.05 * static_cast<double>(random.below(8));
      for (std::uint64_t n = random.below(4); n > 0; --n, ++added) {
        b.workers[i].add(done(std::max(0.02, mark[i] + random.next_unit() * 1.5 - 0.3), added));
      }
      b.workers[i].frames(1);
      ++frames;
      mark[i] += random.next_unit() * 0.5;
      b.come_to(i, mark[i], now);
      for (auto& r : b.cut(now)) records.push_back(std::move(r));
    }
    const double end = std::max(mark[0], mark[1]) + 3;
    for (std::size_t i = 0; i < 2; ++i) {
      b.come_to(i, end, now);
      b.shadow.finished(static_cast<std::uint32_t>(i));
    }
    for (auto& r : b.cut(now)) records.push_back(std::move(r));
    while (auto r = b.shadow.cut_short()) records.push_back(std::move(*r));
    std::uint64_t counted = 0, frames_counted = 0;
    for (std::size_t k = 0; k < records.size(); ++k) {
      counted += transactions(records[k]);
      frames_counted += records[k].counters.frames;
      if (k > 0) { ASSERT_GE(records[k].span.begin, records[k - 1].span.end) << seed; }
    }
    ASSERT_EQ(counted, added) << seed;
    ASSERT_EQ(frames_counted, frames) << seed;
    ASSERT_EQ(b.shadow.bytes(), 0u) << seed << ": nothing is kept";
  }
}

// ---- cold: no names

TEST(ColdSeam, NothingDecidedBeforeItCounts) {
  Bench b(options(false));
  b.workers[0].add(done(3.4, 1));
  b.workers[0].frames(5);
  b.come_to(3.45);
  b.workers[0].add(done(3.6, 2));
  b.workers[0].frames(7);
  b.come_to(4);
  b.shadow.begin(at(3.5), false);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].span, (window::Span{at(3.5), at(4)}));
  EXPECT_EQ(transactions(r[0]), 1u);
  EXPECT_TRUE(r[0].ledger.entries.empty());
  EXPECT_EQ(r[0].counters.frames, 7u) << "what was captured before isn't its record's";
  EXPECT_EQ(b.shadow.counters().put_in, 0u);
}

TEST(ColdSeam, WhatIsStoredByAnotherIsNotKept) {
  Bench b(options(false));
  for (int i = 1; i <= 50; ++i) {
    b.workers[0].add(done(i * 0.1, static_cast<std::uint64_t>(i)));
    b.come_to(i * 0.1);
  }
  EXPECT_EQ(b.shadow.kept(), 50u);
  b.shadow.set_stored_until(at(4));
  b.shadow.sweep();
  EXPECT_EQ(b.shadow.kept(), 11u) << "decided at 4.0, … 5.0";
}

TEST(ColdSeam, ARecordCannotBeTakenApart) {
  Cold b;
  b.workers[0].add(done(0.5, 1));
  b.come_to(1);
  ASSERT_EQ(b.cut().size(), 1u);
  EXPECT_FALSE(b.shadow.take_back({at(0), at(1)}));
  EXPECT_EQ(b.shadow.kept(), 0u);
}

TEST(ThrowAway, WhatWasMeasuredIsNeitherCountedNorCovered_ThoughItComesLater) {
  for (const bool names : {false, true}) {
    Bench b(options(names));
    b.workers[0].add(done(0.5, 1));
    b.workers[0].frames(3);
    b.come_to(1);
    b.workers[0].add(done(1.1, 2));
    b.workers[0].add(done(1.3, 3));
    b.shadow.throw_away(at(1.2));
    EXPECT_EQ(b.shadow.bytes(), 0u);
    b.come_to(2);
    b.shadow.begin(at(1), false);
    const Records r = b.cut();
    ASSERT_EQ(r.size(), 1u);
    EXPECT_EQ(r[0].covered, span(1.2, 2));
    EXPECT_EQ(transactions(r[0]), 1u);
    EXPECT_EQ(r[0].counters.frames, 0u);
    EXPECT_EQ(b.shadow.counters().thrown_away, 2u);
  }
}

// ---- clocks

TEST(Clocks, RecordsAreOnWholeMultiplesOfTheLogicalProbesTime) {
  for (const double offset : {0.005, 0.040, 2.0, -0.3}) {
    Warm b;
    b.shadow.clock().coarse(seconds(offset));
    b.workers[0] = SliceMaker(offset);
    b.workers[0].add(done(0.999 + offset, 1));
    b.workers[0].add(done(1.001 + offset, 2));
    b.come_to(0, 2.1 + offset, 1);
    b.shadow.begin(at(0), false);
    Records r;
    while (auto record = b.shadow.cut(mono(2.1), at(2.1 + offset))) r.push_back(std::move(*record));
    ASSERT_EQ(r.size(), 2u) << offset;
    for (int i = 0; i < 2; ++i) {
      const auto& record = r[static_cast<std::size_t>(i)];
      EXPECT_EQ(record.span, (window::Span{at(i), at(i + 1)})) << offset;
      EXPECT_EQ(record.covered, span(i, i + 1)) << offset;
      EXPECT_EQ(record.services.at(0).covered, span(i, i + 1)) << offset;
      EXPECT_EQ(transactions(record), 1u) << offset;
    }
    EXPECT_EQ(r[0].ledger.entries.at(0).decided, at(0.999)) << offset;
    EXPECT_EQ(b.shadow.watermark(), at(2.1)) << offset;
  }
}

TEST(Clocks, DifferencesAreOwnLessTheLedgersTimes_OfWhatBothHaveByTheLastByte) {
  Warm b;
  b.workers[0].add(done(0.540, 1));
  b.workers[0].add(done(0.641, 2));
  b.workers[0].add(timed_out(0.1, 0.9, 3));
  b.workers[0].add(done(0.7, 4));
  b.come_to(1);
  window::Ledger l = ledger({{1, 0.5}, {3, 0.2}, {5, 0.3}});
  l.entries.push_back({0, response_name(2), at(0.6)});
  EXPECT_THAT(b.shadow.differences(l), ::testing::UnorderedElementsAre(seconds(0.040), seconds(0.041)));
  EXPECT_TRUE(b.shadow.differences({}).empty());
}

TEST(Clocks, OfAManyNamedLedgerAPartServes) {
  Warm b;
  window::Ledger l;
  for (std::uint64_t n = 0; n < 20'000; ++n) {
    const double t = static_cast<double>(n) * 0.00005;
    b.workers[0].add(done(t + 0.005, n));
    l.entries.push_back({request_name(n), response_name(n), at(t)});
  }
  b.come_to(1.1);
  const auto differences = b.shadow.differences(l);
  EXPECT_GE(differences.size(), 100u);
  EXPECT_LE(differences.size(), 2000u);
  EXPECT_THAT(differences, ::testing::Each(seconds(0.005)));
}

}  // namespace
}  // namespace nezu::probe::shadow
