#include "probe/shadow/shadow.h"

#include <gmock/gmock.h>

#include <deque>
#include <set>
#include <string>

#include "common/base/random.h"
#include "probe/shadow/test_slices.h"

namespace nezu::probe::shadow {
namespace {

using std::chrono::milliseconds;
using testing::at;
using testing::done;
using testing::kBase;
using testing::mono;
using testing::plan;
using testing::request_name;
using testing::response_name;
using testing::seconds;
using testing::SliceMaker;
using testing::span;
using testing::timed_out;
using Records = std::vector<window::Record>;

constexpr Nanos kReach = Seconds(10);

std::uint64_t transactions(const window::Record& r) {
  std::uint64_t n = 0;
  for (const auto& s : r.services) {
    for (const auto& t : s.targets) n += t.figures.transactions;
  }
  return n;
}
// The transactions that a ledger names.
std::multiset<std::uint64_t> named(const window::Ledger& l) {
  std::multiset<std::uint64_t> out;
  for (const auto& e : l.entries) out.insert(e.response != 0 ? (e.response - 2) / 2 : (e.request - 1) / 2);
  return out;
}
window::Ledger ledger(std::vector<std::pair<std::uint64_t, double>> transactions) {
  window::Ledger l;
  for (const auto& [n, decided] : transactions) l.entries.push_back({request_name(n), response_name(n), at(decided)});
  return l;
}

Options options(bool names, std::uint32_t workers = 1) {
  Options o;
  o.workers = workers;
  o.names = names;
  return o;
}

// A shadow whose workers measure service 1 from 0 on.
class Bench {
 public:
  explicit Bench(const Options& o) : shadow(o) {
    for (std::uint32_t i = 0; i < o.workers; ++i) workers.emplace_back(0, i);
  }
  void come_to(std::size_t worker, double t, double when, const window::Spans& lost = {}) {
    shadow.take(workers[worker].until(t, lost), mono(when));
  }
  void come_to(double t) {
    now = t;
    for (std::size_t i = 0; i < workers.size(); ++i) come_to(i, t, t);
  }
  Records cut(double t) {
    Records out;
    while (auto r = shadow.cut(mono(t), at(t))) {
      EXPECT_EQ(window::validate(*r, Seconds(1)), "");
      out.push_back(std::move(*r));
    }
    return out;
  }
  Records cut() { return cut(now); }
  // What the manager says of another instance's record [until - 1, until).
  void learn(double until, const window::Ledger& l, std::optional<double> since = {}) {
    shadow.learn(l, at(until), since ? std::optional(at(*since)) : std::nullopt);
    shadow.sweep();
  }
  Shadow shadow;
  std::vector<SliceMaker> workers;
  double now = 0;
};

class Cold : public Bench {
 public:
  explicit Cold(std::uint32_t n = 1) : Bench(options(false, n)) { shadow.begin(at(0), false); }
};
class Warm : public Bench {
 public:
  explicit Warm(const Options& o = options(true)) : Bench(o) {}
};

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
  b.workers[0].add(done(3.6, 2));
  b.come_to(4);
  b.shadow.begin(at(3.5), false);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].span, (window::Span{at(3.5), at(4)}));
  EXPECT_EQ(transactions(r[0]), 1u);
  EXPECT_TRUE(r[0].ledger.entries.empty());
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

// ---- the shadow and the ledgers

TEST(Ledgers, WhatIsInCommonIsLeftOutUnderEitherName) {
  Warm b;
  for (std::uint64_t n = 1; n <= 4; ++n) b.workers[0].add(done(0.5, n));
  b.come_to(1);
  window::Ledger l;
  l.entries = {{request_name(1), 0, at(0.5)}, {0, response_name(2), at(0.5)}, {request_name(3) + 1000, response_name(3), at(0.5)}};
  b.learn(1, l);
  EXPECT_EQ(b.shadow.counters().left_out, 3u);
  EXPECT_EQ(b.shadow.kept(), 1u);
  b.shadow.begin(at(1), false);
  b.come_to(2);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{4}));
}

TEST(Ledgers, ATransactionThatComesAfterItsNameIsLeftOutToo) {
  Warm b;
  b.come_to(1);
  b.learn(1, ledger({{1, 0.9}}), -9);
  b.workers[0].add(done(0.95, 1));
  b.shadow.begin(at(1), false);
  b.come_to(2);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(transactions(r[0]), 0u);
}

TEST(Ledgers, ARecordNamesAllThatItCounts) {
  Warm b;
  b.shadow.begin(at(0), false);
  b.workers[0].add(done(0.5, 1));
  b.workers[0].add(timed_out(0.1, 0.6, 2));
  b.workers[0].add(done(1.5, 3));
  b.come_to(2);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{1, 2}));
  EXPECT_EQ(r[0].ledger.entries[0].decided, at(0.5));
  EXPECT_EQ(r[0].ledger.left_out_until, PacketTime{});
  EXPECT_EQ(named(r[1].ledger), (std::multiset<std::uint64_t>{3}));
}

TEST(Ledgers, AreBounded_TheOldestAreLeftOut_AndTheRecordSaysUpToWhere) {
  Options o = options(true);
  o.ledger = 3;
  Warm b(o);
  b.shadow.begin(at(0), false);
  b.workers[0].add(timed_out(0.01, 0.02, 100));
  for (const double t : {0.5, 0.1, 0.4, 0.2, 0.3}) b.workers[0].add(done(t, static_cast<std::uint64_t>(t * 10 + 0.5)));
  b.come_to(1);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(transactions(r[0]), 6u);
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{3, 4, 5, 100})) << "what was decided otherwise is never left out";
  EXPECT_EQ(r[0].ledger.left_out_until, at(0.3));
  EXPECT_EQ(b.shadow.counters().names_left_out, 2u);
}

TEST(Ledgers, WhereNamesAreMissing_NothingThatWasDecidedBeforeIsCounted) {
  Warm b;
  window::Ledger l = ledger({});
  l.left_out_until = at(0.7);
  b.workers[0].add(done(0.745, 1));
  b.workers[0].add(done(0.755, 2));
  b.workers[0].add(timed_out(0.6, 0.9, 3));
  b.come_to(1);
  b.learn(1, l, -9);
  b.shadow.begin(at(1), true);
  b.come_to(2);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{2})) << "0.7 and what two stamps of one event may lie apart";
  EXPECT_TRUE(r[0].seam_doubtful);
  EXPECT_EQ(b.shadow.counters().thrown_away, 2u);
  b.come_to(3);
  EXPECT_FALSE(b.cut().at(0).seam_doubtful) << "the seam is the first record's";
}

TEST(Ledgers, TheOthersMissesAreDroppedWhenTheReachHasPassedThem_AndCounted) {
  Warm b;
  b.workers[0].add(done(0.5, 1));
  b.come_to(1);
  for (int i = 1; i <= 8; ++i) b.learn(i, ledger({}), i == 1 ? std::optional(-9.0) : std::nullopt);
  EXPECT_EQ(b.shadow.kept(), 1u) << "the other one may still decide it";
  b.learn(9, ledger({}));
  EXPECT_EQ(b.shadow.kept(), 0u);
  EXPECT_EQ(b.shadow.counters().only_here, 1u);
}

TEST(Ledgers, OwnMissesAreCounted) {
  Warm b;
  b.workers[0].add(done(0.5, 1));
  b.come_to(1);
  b.learn(1, ledger({{1, 0.5}, {2, 0.6}}));
  for (int i = 2; i <= 12; ++i) {
    b.come_to(i);
    b.learn(i, ledger({}));
  }
  EXPECT_EQ(b.shadow.names_not_seen(), 1u);
}

TEST(Ledgers, DecidedOtherwise_OnlyWhereNamesAreKnownSinceItBegan) {
  Warm b;
  b.workers[0].add(timed_out(21.9, 25.2, 1));
  b.workers[0].add(timed_out(22.1, 25.3, 2));
  b.workers[0].add(done(25.4, 3));
  b.come_to(26);
  b.learn(25, ledger({}), 20);  // names of all that was stored since 20, by clocks that aren't compared yet
  b.shadow.begin(at(25), false);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{2, 3}));
  EXPECT_EQ(b.shadow.counters().thrown_away, 1u);
}

TEST(Ledgers, DecidedOtherwise_WhereNothingIsStoredNobodyCanHaveCountedIt) {
  Warm b;
  b.shadow.begin(at(0), false);
  b.workers[0].add(timed_out(0.1, 0.5, 1));
  b.come_to(1);
  EXPECT_EQ(transactions(b.cut().at(0)), 1u);
}

TEST(Ledgers, DecidedOtherwise_ItsOwnRecordsAreNoHoleInWhatAnInstanceKnows) {
  Warm b;
  b.learn(0, ledger({}), -10);
  b.shadow.begin(at(0), false);
  for (int i = 1; i <= 40; ++i) {
    b.come_to(i);
    for (const auto& r : b.cut()) b.shadow.stored(r.span);
  }
  b.workers[0].add(timed_out(10, 40.5, 1));
  b.come_to(41);
  b.shadow.end();  // demoted, and promoted again
  b.learn(40, ledger({}), 30);
  b.shadow.begin(at(40), false);
  EXPECT_EQ(transactions(b.cut().at(0)), 1u);
}

TEST(Ledgers, WhatBearsNoNameIsNotPutIn) {
  Warm b;
  aggregate::Item nameless = timed_out(0.3, 0.5, 1);
  nameless.request_name = 0;
  b.workers[0].add(nameless);
  nameless.began = at(3.2);
  nameless.decided = at(3.5);
  b.workers[0].add(nameless);
  b.come_to(4);
  b.learn(3, ledger({}), -7);
  b.shadow.begin(at(3), false);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(transactions(r[0]), 1u) << "the other one may have counted the first";
}

// ---- hand-over

TEST(HandOver, TheFirstRecordBeginsAtTheEndOfWhatIsStored_AndHoldsWhatNobodyNamedBefore) {
  Warm b;
  b.workers[0].add(done(0.2, 1));
  b.workers[0].add(done(0.9, 2));  // the other one missed it, or stamps it a little later
  b.workers[0].add(done(1.1, 3));
  b.workers[0].frames(3);
  b.come_to(1.2);
  b.workers[0].frames(4);
  b.come_to(1.4);
  b.learn(1.3, ledger({{1, 0.2}, {3, 1.1}}), -8.7);  // the other one's last record was cut short
  b.shadow.begin(std::max(at(1.3), floor_to(*b.shadow.since(), Seconds(1))), false);
  b.come_to(3);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(r[0].span, (window::Span{at(1.3), at(2)}));
  EXPECT_EQ(r[0].covered, span(1.3, 2));
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{2}));
  EXPECT_EQ(r[0].counters.late, 0u);
  EXPECT_EQ(r[0].counters.frames, 4u) << "what was captured before isn't its record's";
  EXPECT_EQ(b.shadow.counters().put_in, 1u);
  EXPECT_FALSE(r[0].seam_doubtful);
}

TEST(HandOver, BeginsWhereItsOwnCoverageBegins) {
  Warm b;
  b.workers[0] = SliceMaker(2.5);
  b.come_to(4);
  b.learn(1, ledger({}), -9);
  EXPECT_EQ(b.shadow.since(), at(2.5));
  EXPECT_FALSE(b.shadow.whole());
  b.shadow.begin(std::max(at(1), floor_to(*b.shadow.since(), Seconds(1))), false);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(r[0].span, (window::Span{at(2), at(3)}));
  EXPECT_EQ(r[0].covered, span(2.5, 3));
}

TEST(HandOver, IsWholeWithoutAHoleSinceTheEndOfWhatIsStored) {
  Warm b;
  EXPECT_FALSE(b.shadow.whole());
  b.come_to(1);
  EXPECT_FALSE(b.shadow.whole()) << "nothing is stored: there is a hole before 0";
  b.learn(0.5, ledger({}), -9.5);
  EXPECT_TRUE(b.shadow.whole());
  EXPECT_EQ(b.shadow.since(), at(0.5));
  b.learn(1.5, ledger({}));
  EXPECT_TRUE(b.shadow.whole()) << "its workers are a little behind; they watch on";
  EXPECT_EQ(b.shadow.since(), at(1.5));
  b.come_to(0, 2, 2, span(1.6, 1.7));
  EXPECT_FALSE(b.shadow.whole());
  EXPECT_EQ(b.shadow.since(), at(1.5));
}

TEST(HandOver, ACaptureThatStandsAtTheEndOfWhatIsStoredCoversNothing) {
  Warm b;
  b.come_to(1);
  b.come_to(0, 1.4, 1.4, span(1, 1.4));
  b.learn(1.5, ledger({}), -8.5);
  EXPECT_EQ(b.shadow.since(), std::nullopt);
  EXPECT_FALSE(b.shadow.whole());
}

// ---- what was cut and not stored

TEST(TakeBack, MakesShadowAgain_AndIsCutAnewWithAnotherEdge_EachOnce) {
  Warm b;
  b.shadow.begin(at(0), false);
  for (std::uint64_t n = 0; n < 30; ++n) b.workers[0].add(done(0.05 + static_cast<double>(n) * 0.1, n));
  b.workers[0].frames(9);
  b.come_to(0.5);
  b.come_to(3.2);
  const Records before = b.cut();
  ASSERT_EQ(before.size(), 3u);
  b.shadow.stored(before[0].span);
  EXPECT_EQ(b.shadow.kept(), 20u);
  EXPECT_FALSE(b.shadow.take_back(before[0].span)) << "it is stored";
  EXPECT_TRUE(b.shadow.take_back(before[1].span));
  EXPECT_TRUE(b.shadow.take_back(before[2].span));
  EXPECT_FALSE(b.shadow.take_back(before[2].span)) << "once";
  b.shadow.end();
  // Another instance stored up to 1.35, and what lies a little behind.
  b.learn(1.35, ledger({{10, 1.05}, {11, 1.15}, {12, 1.25}, {14, 1.45}}), -8.65);
  b.shadow.begin(at(1.35), false);
  b.come_to(4);
  const Records after = b.cut();
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[0].span, (window::Span{at(1.35), at(2)}));
  std::multiset<std::uint64_t> all;
  std::uint64_t counted = 0;
  for (const auto& r : after) {
    for (const std::uint64_t n : named(r.ledger)) all.insert(n);
    counted += transactions(r);
  }
  std::multiset<std::uint64_t> wanted{13};
  for (std::uint64_t n = 15; n < 30; ++n) wanted.insert(n);
  EXPECT_EQ(all, wanted);
  EXPECT_EQ(counted, wanted.size());
}

TEST(TakeBack, ItsCountersAreCutAnewToo) {
  Warm b;
  b.shadow.begin(at(0), false);
  b.come_to(1);
  b.workers[0].frames(9);
  b.come_to(2);
  const Records before = b.cut();
  ASSERT_EQ(before.size(), 2u);
  b.shadow.stored(before[0].span);
  ASSERT_TRUE(b.shadow.take_back(before[1].span));
  b.shadow.end();
  b.shadow.begin(at(1), false);
  EXPECT_EQ(b.cut().at(0).counters.frames, 9u);
}

TEST(Memory, WhatIsStoredIsReleased) {
  Warm b;
  b.shadow.begin(at(0), false);
  for (std::uint64_t n = 0; n < 1000; ++n) b.workers[0].add(done(static_cast<double>(n) * 0.001, n));
  b.come_to(1);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(b.shadow.kept(), 1000u);
  const std::uint64_t full = b.shadow.bytes();
  EXPECT_GT(full, 1000 * sizeof(aggregate::Item));
  b.shadow.stored(r[0].span);
  EXPECT_EQ(b.shadow.kept(), 0u);
  EXPECT_EQ(b.shadow.bytes(), 0u);
}

TEST(Memory, AStandbyThatSeesTheSameKeepsAboutNothing) {
  Warm b;
  std::uint64_t n = 0;
  for (int second = 1; second <= 60; ++second) {
    window::Ledger l;
    for (int i = 0; i < 100; ++i, ++n) {
      const double t = second - 1 + i * 0.01;
      b.workers[0].add(done(t, n));
      l.entries.push_back({request_name(n), response_name(n), at(t)});
    }
    b.come_to(second);
    b.learn(second, l, second == 1 ? std::optional(-9.0) : std::nullopt);
    ASSERT_EQ(b.shadow.kept(), 0u);
    ASSERT_EQ(b.shadow.bytes(), 0u);
  }
  EXPECT_EQ(b.shadow.counters().left_out, 6000u);
}

Options small(std::uint64_t memory) {
  Options o = options(true);
  o.memory = memory;
  return o;
}
// `per_second` transactions a second, of which 10 a slice; gives the number of the next one.
std::uint64_t traffic(Bench& b, double from, double to, std::uint64_t first, int per_second = 100) {
  const double step = 10.0 / per_second;
  for (int k = 1; from + k * step <= to + 1e-9; ++k) {
    for (int i = 0; i < 10; ++i) b.workers[0].add(done(from + (k - 1) * step + i * step / 10 + 1e-4, first++));
    b.come_to(from + k * step);
  }
  return first;
}

TEST(Memory, RecordsThatWaitForTheirAcknowledgementGiveTheirTransactionsUpFirst_TheOldestFirst) {
  Warm b(small(60'000));
  b.shadow.begin(at(0), false);
  Records r;
  std::uint64_t n = 0;
  for (int i = 0; i < 10; ++i) {
    n = traffic(b, i, i + 1, n);
    for (auto& record : b.cut()) r.push_back(std::move(record));
  }
  ASSERT_EQ(r.size(), 10u);
  for (const auto& record : r) {
    EXPECT_EQ(transactions(record), 100u);
    EXPECT_EQ(record.covered, (window::Spans{record.span}));
  }
  EXPECT_LE(b.shadow.bytes(), 60'000u);
  EXPECT_FALSE(b.shadow.take_back(r[0].span)) << "it can still be sent, but not be taken apart";
  EXPECT_TRUE(b.shadow.take_back(r[9].span));
}

TEST(Memory, WhereAWorkerIsStuckTheOldestThatWaitsForItGoes_AndIsNotCovered) {
  Options o = options(true, 2);
  o.memory = 60'000;
  for (const bool names : {false, true}) {
    o.names = names;
    Bench b(o);
    b.shadow.begin(at(0), false);
    b.come_to(1, 0.5, 0.5);
    std::uint64_t n = 0;
    for (int i = 0; i < 600; ++i) {
      b.workers[0].add(done(i * 0.1 + 0.05, n++));
      for (int k = 0; k < 9; ++k) b.workers[0].add(done(i * 0.1 + 0.06, n++));
      b.come_to(0, (i + 1) * 0.1, (i + 1) * 0.1);
      b.cut((i + 1) * 0.1);
      ASSERT_LE(b.shadow.bytes(), 60'000u) << i;
    }
    EXPECT_GT(b.shadow.counters().thrown_away, 5000u);
  }
}

TEST(Memory, OfAStandbyWhoseWorkerNeverBegan) {
  Options o = options(true, 2);
  o.memory = 60'000;
  Bench b(o);
  for (int i = 0; i < 600; ++i) {
    for (int k = 0; k < 10; ++k) b.workers[0].add(done(i * 0.1 + 0.05, static_cast<std::uint64_t>(i * 10 + k)));
    b.come_to(0, (i + 1) * 0.1, (i + 1) * 0.1);
    while (b.shadow.add_up()) {}
    ASSERT_LE(b.shadow.bytes(), 60'000u);
  }
}

TEST(AddUp, WhatIsOlderThanTheReachBecomesWindowsWhereTheShadowIsTooLarge) {
  Warm b(small(400'000));
  b.learn(0, ledger({}), -10);
  std::uint64_t n = 0;
  Records added_up;
  for (int second = 0; second < 60; ++second) {
    n = traffic(b, second, second + 1, n);
    while (auto r = b.shadow.add_up()) {
      EXPECT_EQ(window::validate(*r, Seconds(1)), "");
      added_up.push_back(std::move(*r));
    }
    ASSERT_LE(b.shadow.bytes(), 400'000u);
  }
  ASSERT_GT(added_up.size(), 30u);
  for (std::size_t k = 0; k < added_up.size(); ++k) {
    EXPECT_EQ(added_up[k].span, (window::Span{at(static_cast<double>(k)), at(static_cast<double>(k + 1))})) << "in order, none left out";
    EXPECT_EQ(transactions(added_up[k]), 100u);
    EXPECT_TRUE(added_up[k].seam_doubtful);
    EXPECT_FALSE(b.shadow.take_back(added_up[k].span));
  }
  EXPECT_LE(added_up.back().span.end, at(50)) << "the last 10 s stay transactions";
  // The rest follows one by one.
  EXPECT_EQ(b.shadow.since(), added_up.back().span.end);
  b.shadow.begin(added_up.back().span.end, false);
  std::uint64_t rest = 0;
  for (const auto& r : b.cut()) {
    rest += transactions(r);
    EXPECT_FALSE(r.seam_doubtful);
  }
  EXPECT_EQ(rest + 100 * added_up.size(), n);
}

TEST(AddUp, AnInstanceThatIsAdmittedAddsNothingUp) {
  Warm b(small(1'000));
  b.shadow.begin(at(0), false);
  traffic(b, 0, 0.5, 0);
  EXPECT_FALSE(b.shadow.add_up());
}

TEST(AddUp, WhatIsTooYoungForItGoes_AndIsNotCovered) {
  Warm b(small(60'000));
  b.learn(0, ledger({}), -10);
  std::uint64_t n = 0;
  for (int second = 0; second < 9; ++second) {
    n = traffic(b, second, second + 1, n);
    EXPECT_FALSE(b.shadow.add_up());
    ASSERT_LE(b.shadow.bytes(), 60'000u) << second;
  }
  ASSERT_TRUE(b.shadow.since());
  EXPECT_GE(*b.shadow.since(), at(4));
  EXPECT_FALSE(b.shadow.whole());
  EXPECT_EQ(b.shadow.kept() + b.shadow.counters().thrown_away, n);
  b.shadow.begin(at(0), false);
  for (const auto& r : b.cut()) EXPECT_EQ(transactions(r), 100u) << "a record has all of what it covers";
}

TEST(GivenUp, ARecordThatIsDroppedIsCoveredByNothing) {
  Warm b;
  b.learn(0, ledger({}), -10);
  b.shadow.begin(at(0), false);
  traffic(b, 0, 2, 0);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 2u);
  b.shadow.given_up(r[0].span);
  EXPECT_FALSE(b.shadow.take_back(r[0].span));
  EXPECT_EQ(b.shadow.since(), at(1));
  EXPECT_EQ(b.shadow.kept(), 100u);
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

// ---- two nodes

// What the two nodes of a pair see of the same transactions, and a manager that stores what the active one sends. The roles' part of it
// (probe/role) is done here by hand, and as simply as it can be.
class Pair {
 public:
  struct Truth {
    double began = 0, decided = 0;
    bool seen[2] = {true, true};
    bool by_last_byte[2] = {true, true};
  };

  Pair(std::uint64_t seed, double offset, bool PlantedBugs::*bug = nullptr) : random_(seed), offset_{0, offset} {
    for (std::size_t i = 0; i < 2; ++i) {
      nodes_.push_back(std::make_unique<Shadow>(options(true)));
      workers_.emplace_back(offset_[i]);
      if (bug != nullptr) {
        PlantedBugs bugs;
        bugs.*bug = true;
        nodes_[i]->set_bugs(bugs);
      }
    }
    nodes_[1]->clock().coarse(seconds(offset + (random_.next_unit() - 0.5) * 0.01));
    nodes_[0]->clock().keep();
    nodes_[0]->learn({}, PacketTime{}, {});
    nodes_[0]->begin(at(0), false);
  }

  void run(double until) {
    make_traffic(until - 5);  // what is decided by a time-out comes later
    double next_hand_over = 3;
    for (now_ = 0.02; now_ < until; now_ += 0.02) {
      measure();
      cut();
      deliver();
      if (now_ >= next_hand_over) {
        hand_over();
        next_hand_over = now_ + 0.3 + random_.next_unit() * 4;
      }
    }
    for (std::size_t i = 0; i < 2; ++i) nodes_[i]->finished(0);
    cut();
    while (auto r = nodes_[active_]->cut_short()) store(*r);
  }

  // What is wrong; empty: nothing.
  std::string check() const {
    for (std::size_t n = 0; n < truth_.size(); ++n) {
      const Truth& t = truth_[n];
      const auto times = counted_.count(n);
      const std::string who = std::to_string(n) + ", decided at " + std::to_string(t.decided);
      if (times > 1) return who + ", is counted twice";
      // Where names aren't known yet it may be left out: it isn't known who counted what began before.
      const bool sure = (t.by_last_byte[0] && t.by_last_byte[1]) || t.began > 4;
      if (t.seen[0] && t.seen[1] && sure && times == 0) return who + ", is lost";
    }
    if (figures_ != counted_.size()) return "the figures count another number of transactions than the ledgers name";
    for (std::size_t k = 1; k < spans_.size(); ++k) {
      if (spans_[k].begin != spans_[k - 1].end) return "a hole or an overlap in front of record " + std::to_string(k);
    }
    return "";
  }
  int hand_overs() const { return hand_overs_; }
  std::uint64_t put_in() const { return nodes_[0]->counters().put_in + nodes_[1]->counters().put_in; }

 private:
  struct Event {
    double at = 0;
    std::uint64_t n = 0;
    aggregate::Item item;
  };

  void make_traffic(double until) {
    // They crowd at the windows' edges, where a seam is most often.
    for (double t = 0.1; t < until; t += 0.002 + random_.next_unit() * 0.02) decided_at(t);
    for (int edge = 1; edge < until; ++edge) {
      for (int i = 0; i < 40; ++i) decided_at(edge + (random_.next_unit() - 0.5) * 0.02);
    }
    for (auto& e : events_) std::stable_sort(e.begin(), e.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  }
  void decided_at(double t) {
    Truth truth;
    truth.decided = t;
    truth.began = std::max(0.0, t - 0.001 - random_.next_unit() * 0.2);
    const std::uint64_t n = truth_.size(), luck[] = {random_.below(100), random_.below(100)};
    for (std::size_t i = 0; i < 2; ++i) {
      truth.seen[i] = luck[i] >= 2;
      truth.by_last_byte[i] = luck[i] >= 5;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      if (!truth.seen[i]) continue;
      double stamp = t + random_.next_unit() * 0.0002;
      if (!truth.by_last_byte[i]) stamp += random_.next_unit() * 4;  // a time-out
      Event e{stamp, n, truth.by_last_byte[i] ? done(stamp, n) : timed_out(truth.began, stamp, n)};
      e.item.decided += seconds(offset_[i]);
      e.item.began = at(truth.began + offset_[i]);
      // It didn't see the request's beginning. Where the other one saw the request only, nothing would tell that both saw the same.
      if (luck[i] < 8 && truth.by_last_byte[0] && truth.by_last_byte[1]) e.item.request_name = 0;
      events_[i].push_back(e);
    }
    truth_.push_back(truth);
  }

  void measure() {
    for (std::size_t i = 0; i < 2; ++i) {
      const double mark = now_ - 0.001 - random_.next_unit() * 0.015;
      auto& e = events_[i];
      while (next_[i] < e.size() && e[next_[i]].at < mark) workers_[i].add(e[next_[i]++].item);
      nodes_[i]->take(workers_[i].until(std::max(mark, mark_[i]) + offset_[i]), mono(now_));
      mark_[i] = std::max(mark, mark_[i]);
    }
  }
  void cut() {
    while (auto r = nodes_[active_]->cut(mono(now_), at(now_ + offset_[active_])))
      on_their_way_.push_back({now_ + random_.next_unit() * 0.3, *r});
  }
  void deliver() {
    while (!on_their_way_.empty() && on_their_way_.front().first <= now_) {
      store(on_their_way_.front().second);
      nodes_[active_]->stored(on_their_way_.front().second.span);
      on_their_way_.pop_front();
    }
  }
  void store(const window::Record& r) {
    EXPECT_EQ(window::validate(r, Seconds(1)), "");
    stored_until_ = r.span.end;
    spans_.push_back(r.span);
    figures_ += transactions(r);
    for (const std::uint64_t n : named(r.ledger)) counted_.insert(n);
    ledgers_.push_back({r.span.end, r.ledger});
    Shadow& standby = *nodes_[1 - active_];
    standby.clock().compare(standby.differences(r.ledger));
    standby.learn(r.ledger, r.span.end, told_ ? std::nullopt : std::optional(at(-10)));
    told_ = true;
    standby.sweep();
  }
  void hand_over() {
    ++hand_overs_;
    // Some of what is on its way gets through, the rest becomes shadow again.
    Shadow& old = *nodes_[active_];
    while (!on_their_way_.empty() && random_.below(2) == 0) {
      store(on_their_way_.front().second);
      old.stored(on_their_way_.front().second.span);
      on_their_way_.pop_front();
    }
    old.end();
    for (const auto& [when, r] : on_their_way_) EXPECT_TRUE(old.take_back(r.span));
    on_their_way_.clear();
    old.clock().anew();
    active_ = 1 - active_;
    Shadow& next = *nodes_[active_];
    window::Ledger all;
    for (const auto& [end, l] : ledgers_) {
      if (end >= stored_until_ - kReach) all.entries.insert(all.entries.end(), l.entries.begin(), l.entries.end());
    }
    next.clock().compare(next.differences(all));
    next.learn(all, stored_until_, stored_until_ == PacketTime{} ? std::nullopt : std::optional(stored_until_ - kReach));
    next.sweep();
    ASSERT_TRUE(next.since());
    next.begin(std::max(stored_until_, floor_to(*next.since(), Seconds(1))), false);
  }

  SeededRandom random_;
  const double offset_[2];
  double now_ = 0;
  std::vector<std::unique_ptr<Shadow>> nodes_;
  std::vector<SliceMaker> workers_;
  std::vector<Event> events_[2];
  std::size_t next_[2] = {0, 0};
  double mark_[2] = {0, 0};
  std::vector<Truth> truth_;
  std::size_t active_ = 0;
  bool told_ = false;
  int hand_overs_ = 0;
  std::deque<std::pair<double, window::Record>> on_their_way_;
  // The manager.
  PacketTime stored_until_{};
  std::vector<std::pair<PacketTime, window::Ledger>> ledgers_;
  std::multiset<std::uint64_t> counted_;
  std::uint64_t figures_ = 0;
  window::Spans spans_;
};

constexpr double kOffsets[] = {0, 0.005, -0.040, 2};

TEST(TwoNodes, WhateverInstantAHandOverHas_NothingIsCountedTwice_AndNothingIsLostThatBothHaveSeen) {
  int hand_overs = 0;
  std::uint64_t put_in = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Pair pair(seed, kOffsets[seed % 4]);
    pair.run(35);
    ASSERT_EQ(pair.check(), "") << "seed " << seed;
    hand_overs += pair.hand_overs();
    put_in += pair.put_in();
  }
  EXPECT_GT(hand_overs, 300);
  EXPECT_GT(put_in, 100u) << "the seam was tried";
}

TEST(TwoNodes, WithoutTheLedgersItGoesWrong) {
  for (bool PlantedBugs::*bug : {&PlantedBugs::ledger_ignored, &PlantedBugs::ledger_short}) {
    int wrong = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      Pair pair(seed, kOffsets[seed % 4], bug);
      pair.run(35);
      wrong += pair.check().empty() ? 0 : 1;
    }
    EXPECT_GT(wrong, 5);
  }
}

}  // namespace
}  // namespace nezu::probe::shadow
