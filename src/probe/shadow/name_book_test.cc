#include "probe/shadow/name_book.h"

#include <gmock/gmock.h>

#include "common/base/random.h"
#include "probe/shadow/test_slices.h"

namespace nezu::probe::shadow {
namespace {

using testing::at;
using testing::request_name;
using testing::response_name;

window::Ledger ledger(std::vector<std::pair<std::uint64_t, double>> transactions) {
  window::Ledger l;
  for (const auto& [n, decided] : transactions) l.entries.push_back({request_name(n), response_name(n), at(decided)});
  return l;
}
const window::Span kNever;
window::Span from(double t) { return {at(t), PacketTime::max()}; }

class Book : public NameBook {
 public:
  explicit Book(Limits limits = {}) : NameBook(limits) {}
  bool has(std::uint64_t transaction, double began = 0) {
    return contains(request_name(transaction), response_name(transaction), at(began));
  }
};

TEST(NameBook, EitherNameIsFound) {
  Book b;
  b.learn(ledger({{1, 0.5}, {2, 0.6}}), at(1), {}, kNever);
  EXPECT_TRUE(b.contains(request_name(1), 0, at(0)));
  EXPECT_TRUE(b.contains(0, response_name(2), at(0)));
  EXPECT_TRUE(b.contains(12345, response_name(2), at(0))) << "the request that this instance saw was another copy";
  EXPECT_FALSE(b.contains(request_name(3), response_name(3), at(0)));
}

// The manager had accepted the record of transactions 2 and 3 when it told everything, and tells of it again when it is stored.
TEST(NameBook, WhatIsToldOnTheWayToTheDiskNeedntBeSeenTwice) {
  Book b;
  b.learn(ledger({{1, 0.5}, {2, 1.5}, {3, 1.6}}), at(2), at(0), from(0));
  EXPECT_TRUE(b.has(1));
  EXPECT_TRUE(b.has(2));
  b.learn(ledger({{2, 1.5}, {3, 1.6}}), at(2), {}, from(0));
  EXPECT_TRUE(b.has(3)) << "in time";
  EXPECT_TRUE(b.has(3, 1.5)) << "it is found where the record's end says";
  b.learn(ledger({}), at(30), {}, from(0));
  EXPECT_EQ(b.not_seen(), 0u);
}

TEST(NameBook, WhatIsToldTwiceAndNotSeenIsMissedOnce) {
  Book b;
  b.learn(ledger({{1, 0.5}, {2, 1.5}}), at(2), at(0), from(0));
  b.learn(ledger({{2, 1.5}}), at(2), {}, from(0));
  EXPECT_TRUE(b.has(1));
  b.learn(ledger({}), at(30), {}, from(0));
  EXPECT_EQ(b.not_seen(), 1u);
}

TEST(NameBook, ZeroIsNoName) {
  Book b;
  window::Ledger l;
  l.entries = {{0, response_name(1), at(0.5)}, {request_name(2), 0, at(0.6)}, {0, std::uint64_t{1} << 32, at(0.7)}};
  b.learn(l, at(1), {}, kNever);
  EXPECT_FALSE(b.contains(0, 0, at(0)));
  EXPECT_TRUE(b.has(1));
  EXPECT_TRUE(b.has(2));
}

TEST(NameBook, IsSearchedOnlyAsFarBackAsATransactionReaches) {
  Book b;
  b.learn(ledger({{1, 0.5}}), at(1), {}, kNever);
  b.learn(ledger({{2, 1.5}}), at(2), {}, kNever);
  EXPECT_FALSE(b.has(1, 1.1)) << "what began after a record's end isn't in it";
  EXPECT_TRUE(b.has(1, 1.0));
}

TEST(NameBook, FromTheFirstRecordThatIsToldOnNothingIsUnknown) {
  Book b;
  EXPECT_EQ(b.known(), std::nullopt);
  b.learn(ledger({}), at(5), {}, kNever);
  EXPECT_EQ(b.known(), at(5)) << "what was stored before nobody told";
  b.learn(ledger({}), at(6), {}, kNever);
  EXPECT_EQ(b.known(), at(5));
  EXPECT_EQ(b.told(), at(6));
}

TEST(NameBook, AWholeLedgerReachesBack_AndJoinsWhatWasToldBefore) {
  Book b;
  b.learn(ledger({{1, 4}}), at(20), at(10), kNever);
  EXPECT_EQ(b.known(), at(10));
  b.learn(ledger({}), at(21), {}, kNever);
  b.learn(ledger({}), at(29), at(19), kNever);
  EXPECT_EQ(b.known(), at(10)) << "19 is before 21: no hole between the two";
  b.learn(ledger({}), at(45), at(35), kNever);
  EXPECT_EQ(b.known(), at(35)) << "what was stored from 29 to 35 nobody told";
  b.learn(ledger({}), at(46), at(30), kNever);
  EXPECT_EQ(b.known(), at(30)) << "a longer one tells more";
}

TEST(NameBook, AWholeLedgerInPartsIsKnownAsFarAsItCame) {
  Book b;
  b.learn(ledger({{1, 14.5}}), at(15), at(10), kNever);
  EXPECT_EQ(b.known(), at(10));
  EXPECT_EQ(b.told(), at(15)) << "the connection broke, and the rest never came";
  b.learn(ledger({{3, 25.5}}), at(26), at(16), kNever);
  EXPECT_EQ(b.known(), at(16)) << "what was stored from 15 to 16 nobody told";

  Book whole;
  whole.learn(ledger({{1, 14.5}}), at(15), at(10), kNever);
  whole.learn(ledger({{2, 19.5}}), at(20), at(15), kNever);
  EXPECT_EQ(whole.known(), at(10));
  EXPECT_EQ(whole.told(), at(20));
  EXPECT_TRUE(whole.has(1, 14));
  EXPECT_TRUE(whole.has(2, 19));
  whole.learn(ledger({{1, 14.5}}), at(15), at(10), kNever);  // the same again, with an admission
  whole.learn(ledger({{2, 19.5}}), at(20), at(15), kNever);
  EXPECT_EQ(whole.size(), 2u);
}

TEST(NameBook, WhereNothingWasStoredNothingIsUnknown) {
  Book b;
  b.learn(ledger({}), PacketTime{}, PacketTime{}, kNever);
  b.learn(ledger({{1, 4.5}}), at(5), {}, kNever);
  EXPECT_EQ(b.known(), PacketTime{}) << "the first record that is told is the first that there is";
}

TEST(NameBook, WhatThisInstanceStoredItselfIsNoHole) {
  Book b;
  b.learn(ledger({}), at(20), at(10), kNever);
  for (int i = 21; i <= 100; ++i) b.stored(at(i));
  EXPECT_EQ(b.told(), at(100));
  b.learn(ledger({}), at(101), at(91), kNever);
  EXPECT_EQ(b.known(), at(10));
}

TEST(NameBook, UpToWhereNamesAreMissing) {
  Book b;
  EXPECT_EQ(b.doubt(), PacketTime{});
  window::Ledger l = ledger({});
  l.left_out_until = at(0.7);
  b.learn(l, at(1), {}, kNever);
  b.learn(ledger({}), at(2), {}, kNever);
  EXPECT_EQ(b.doubt(), at(0.7));
}

TEST(NameBook, AWholeLedgerCountsNothingTwice) {
  Book b;
  b.learn(ledger({{1, 0.5}, {2, 0.6}}), at(1), {}, from(0));
  b.learn(ledger({{1, 0.5}, {2, 0.6}, {3, 1.5}}), at(2), at(-8), from(0));
  EXPECT_EQ(b.size(), 3u);
  EXPECT_TRUE(b.has(3));
}

TEST(NameBook, NamesThatThisInstanceShouldHaveSeenAndHasNot) {
  Book b;
  b.learn(ledger({{1, 0.2}, {2, 0.6}, {3, 0.7}, {4, 0.8}}), at(1), {}, from(0.5));
  b.has(2);
  b.has(2);
  b.learn(ledger({}), at(11), {}, kNever);
  EXPECT_EQ(b.not_seen(), 0u) << "it may still come";
  b.learn(ledger({}), at(11.1), {}, kNever);
  EXPECT_EQ(b.not_seen(), 2u) << "3 and 4; 1 was decided before it watched";
  b.has(3);
  b.learn(ledger({}), at(80), {}, kNever);
  EXPECT_EQ(b.not_seen(), 2u) << "each once";
}

TEST(NameBook, NamesAreKeptForTheirTimeAndThenForgotten) {
  Book b({.reach = Seconds(10), .kept = Seconds(72), .names = 100});
  b.learn(ledger({{1, 0.5}}), at(1), at(-9), kNever);
  b.learn(ledger({{2, 72.5}}), at(73), {}, kNever);
  EXPECT_TRUE(b.has(1));
  b.learn(ledger({{3, 73.5}}), at(73.5), {}, kNever);
  EXPECT_FALSE(b.has(1));
  EXPECT_EQ(b.size(), 2u);
}

TEST(NameBook, ItsSizeIsBounded_WhatGoesIsNoLongerKnown) {
  Book b({.reach = Seconds(10), .kept = Seconds(72), .names = 4});
  for (int i = 1; i <= 3; ++i) b.learn(ledger({{2 * i, i - 0.5}, {2 * i + 1, i - 0.4}}), at(i), {}, kNever);
  EXPECT_EQ(b.size(), 4u);
  EXPECT_FALSE(b.has(2));
  EXPECT_TRUE(b.has(4));
  EXPECT_EQ(b.known(), at(1)) << "a name is known of what was stored after 1, and no longer of what was stored before";
  EXPECT_EQ(b.doubt(), at(1)) << "and that nobody has named anything before is not to be believed";
}

TEST(NameBook, RecordsMayBeToldInAnyOrder) {
  Book b;
  b.learn(ledger({{5, 4.5}}), at(5), {}, kNever);
  b.learn(ledger({{3, 2.5}}), at(3), {}, kNever);
  EXPECT_EQ(b.told(), at(5));
  EXPECT_TRUE(b.has(5, 3.5));
  EXPECT_FALSE(b.has(3, 3.5));
  EXPECT_TRUE(b.has(3, 2));
}

TEST(NameBook, FindsEachOfManyAndNoOther) {
  SeededRandom random(1);
  Book b;
  window::Ledger l;
  for (int i = 0; i < 5000; ++i) l.entries.push_back({random.next_u64() | 1, random.next_u64() | 1, at(0.5)});
  b.learn(l, at(1), {}, kNever);
  for (const auto& e : l.entries) {
    ASSERT_TRUE(b.contains(e.request, 0, at(0)));
    ASSERT_TRUE(b.contains(0, e.response, at(0)));
    ASSERT_FALSE(b.contains(e.request ^ 0x8000'0000'0000'0000, e.response ^ 0x8000'0000'0000'0000, at(0)));
  }
}

}  // namespace
}  // namespace nezu::probe::shadow
