#include <gmock/gmock.h>

#include "model/wire/messages.h"
#include "probe/shadow/shadow.h"
#include "probe/shadow/test_bench.h"

namespace nezu::probe::shadow {
namespace {

using testing::at;
using testing::done;
using testing::ledger;
using testing::named;
using testing::options;
using testing::plan;
using testing::Records;
using testing::request_name;
using testing::response_name;
using testing::SliceMaker;
using testing::span;
using testing::timed_out;
using testing::transactions;
using testing::Warm;

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

TEST(Ledgers, NamesThatAreToldOfWhatWasKnownToBeStoredAreLeftOutToo) {
  Warm b;
  b.workers[0].add(done(0.5, 1));
  b.come_to(1);
  b.learn(1, ledger({}), -9);
  ASSERT_EQ(b.shadow.kept(), 1u);
  b.learn(1, ledger({{1, 0.5}}), -9);  // the whole ledger, after a new connection
  EXPECT_EQ(b.shadow.kept(), 0u);
  EXPECT_EQ(b.shadow.counters().left_out, 1u);
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

TEST(Ledgers, WhatWasDecidedOtherwiseAndHasNoRoomIsCountedAndNamedInTheNextRecord) {
  Options o = options(true);
  o.otherwise = 2;
  Warm b(o);
  b.shadow.begin(at(0), false);
  for (std::uint64_t n = 1; n <= 5; ++n) b.workers[0].add(timed_out(0.1, 0.5, n));
  b.workers[0].add(done(0.6, 6));
  b.come_to(1);
  Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(r[0].ledger.entries.size(), 3u);
  EXPECT_EQ(transactions(r[0]), 3u);
  for (const double t : {2.0, 3.0}) {
    b.come_to(t);
    for (window::Record& next : b.cut()) r.push_back(std::move(next));
  }
  ASSERT_EQ(r.size(), 3u);
  EXPECT_EQ(transactions(r[1]), 2u);
  EXPECT_EQ(transactions(r[2]), 1u);
  EXPECT_EQ(r[1].counters.late + r[2].counters.late, 3u);
  std::multiset<std::uint64_t> all;
  for (const window::Record& one : r) all.merge(named(one.ledger));
  EXPECT_EQ(all, (std::multiset<std::uint64_t>{1, 2, 3, 4, 5, 6}));
}

TEST(Ledgers, WhereFiguresOfManyTargetsNeedTheRoom_MoreNamesAreLeftOut) {
  constexpr window::ServiceId kServices = 40'000;
  constexpr std::uint64_t kTransactions = 550'000;
  Options o = options(true);
  o.memory = std::uint64_t{1} << 32;
  o.ledger = kTransactions;
  Warm b(o);
  std::vector<std::pair<window::ServiceId, std::uint64_t>> services;
  for (window::ServiceId s = 1; s <= kServices; ++s) services.emplace_back(s, 1);
  b.workers[0].set_plan(plan(services), 0);
  b.shadow.begin(at(0), false);
  for (std::uint64_t n = 1; n <= kTransactions; ++n)
    b.workers[0].add(done(0.1 + 1e-6 * static_cast<double>(n), n), static_cast<window::ServiceId>(n % kServices + 1));
  b.come_to(1);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(transactions(r[0]), kTransactions);
  EXPECT_TRUE(wire::can_be_sent(r[0]));
  const std::size_t names = r[0].ledger.entries.size();
  EXPECT_LT(names, kTransactions);
  EXPECT_GT(names, 300'000u);
  EXPECT_EQ(b.shadow.counters().names_left_out, kTransactions - names);
  EXPECT_GT(r[0].ledger.left_out_until, at(0.1));
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

// Its mirror port was down, as its coverage says; the record of that time may be stored before it is up again.
TEST(Ledgers, WhatFellIntoAHoleOfOwnCoverageIsNoMiss) {
  Warm b;
  b.workers[0].add(done(0.1, 1));
  b.come_to(0, 1, 1, span(0.4, 1));
  b.learn(1, ledger({{1, 0.1}, {2, 0.2}, {3, 0.5}, {4, 0.9}}));
  for (int i = 2; i <= 13; ++i) {
    b.come_to(i);
    b.learn(i, ledger({}));
  }
  EXPECT_EQ(b.shadow.names_not_seen(), 1u) << "2";
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

// Whether it was counted may still be told: by a standby it is kept, and who doesn't know at the end says so.
TEST(Ledgers, DecidedOtherwise_WhatIsNotKnownIsKeptAndMayBecomeKnown) {
  for (const bool told : {true, false}) {
    Warm b;
    b.workers[0].add(timed_out(5.5, 5.9, 1));
    b.workers[0].add(timed_out(5.6, 6.4, 2));
    b.come_to(7);
    b.learn(5, ledger({}));
    b.learn(6, ledger({{1, 5.9}}));
    EXPECT_EQ(b.shadow.kept(), 1u);
    EXPECT_EQ(b.shadow.counters().thrown_away, 0u);
    b.learn(6, ledger({{1, 5.9}}), told ? std::optional(-4.0) : std::nullopt);  // with the grant
    b.shadow.begin(at(6), false);
    const Records r = b.cut();
    ASSERT_EQ(r.size(), 1u);
    EXPECT_EQ(transactions(r[0]), told ? 1u : 0u);
    EXPECT_EQ(r[0].seam_doubtful, !told);
    EXPECT_EQ(b.shadow.counters().thrown_away, told ? 0u : 1u);
  }
}

TEST(Ledgers, DecidedOtherwise_AStandbyThatWasThereFromTheFirstRecordOnKnowsAll) {
  Warm b;
  b.shadow.learn({}, PacketTime{}, PacketTime{});
  b.workers[0].add(done(0.5, 1));
  b.workers[0].add(timed_out(0.7, 1.2, 2));  // such as a request whose copy comes after its answer
  b.come_to(2);
  b.learn(1, ledger({{1, 0.5}}));
  b.shadow.begin(at(1), false);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(named(r[0].ledger), (std::multiset<std::uint64_t>{2}));
  EXPECT_FALSE(r[0].seam_doubtful);
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

}  // namespace
}  // namespace nezu::probe::shadow
