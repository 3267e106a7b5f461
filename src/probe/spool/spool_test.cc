#include "probe/spool/spool.h"

#include <gmock/gmock.h>

namespace nezu::probe::spool {
namespace {

PacketTime at(std::int64_t seconds) { return PacketTime(Seconds(seconds)); }
window::Record record(std::int64_t second, std::uint64_t epoch) {
  window::Record r;
  r.epoch = epoch;
  r.span = {at(second), at(second + 1)};
  r.covered = {r.span};
  return r;
}

TEST(Spool, KeepsUntilAcknowledged) {
  Spool s({});
  ASSERT_TRUE(s.push(record(1, 7)));
  ASSERT_TRUE(s.push(record(2, 7)));
  ASSERT_EQ(s.take_unsent()->span.begin, at(1));
  ASSERT_EQ(s.take_unsent()->span.begin, at(2));
  EXPECT_EQ(s.take_unsent(), nullptr);
  EXPECT_EQ(s.on_its_way(), 2u);
  EXPECT_TRUE(s.acknowledge(at(1), at(2)));
  EXPECT_FALSE(s.acknowledge(at(1), at(2))) << "a repeated acknowledgement changes nothing";
  EXPECT_FALSE(s.acknowledge(at(2), at(4)));
  EXPECT_EQ(s.size(), 1u);
  s.connection_lost();
  ASSERT_NE(s.take_unsent(), nullptr);
  EXPECT_EQ(s.on_its_way(), 1u);
  EXPECT_EQ(s.acknowledged(), 1u);
}

TEST(Spool, OverflowOfWindowsDropsTheOldestAndTheGapShows) {
  Spool s({.windows = 3, .bytes = 1 << 20});
  for (int i = 0; i < 5; ++i) s.push(record(i, 1));
  EXPECT_EQ(s.size(), 3u);
  EXPECT_EQ(s.overflow(), 2u);
  EXPECT_EQ(s.covered_after(at(0)), (window::Spans{{at(2), at(5)}}));
  EXPECT_EQ(s.pushed(), s.size() + s.acknowledged() + s.overflow());
}

TEST(Spool, OverflowOfBytes) {
  const std::uint64_t one = memory_of(record(1, 1));
  Spool s({.windows = 100, .bytes = 2 * one});
  for (int i = 0; i < 5; ++i) s.push(record(i, 1));
  EXPECT_EQ(s.size(), 2u);
  EXPECT_LE(s.bytes(), 2 * one);
  s.set_options({.windows = 1, .bytes = 2 * one});
  EXPECT_EQ(s.size(), 1u);
  EXPECT_EQ(s.overflow(), 4u);
}

TEST(Spool, WhatOverflowsIsTold) {
  Spool s({.windows = 2, .bytes = 1 << 20});
  for (int i = 0; i < 4; ++i) s.push(record(i, 1));
  EXPECT_THAT(s.take_overflow(), ::testing::ElementsAre(record(0, 1).span, record(1, 1).span));
  EXPECT_TRUE(s.take_overflow().empty()) << "once";
}

TEST(Spool, ALedgerTakesItsRoom) {
  window::Record r = record(1, 1);
  const std::uint64_t before = memory_of(r);
  r.ledger.entries.resize(1000);
  EXPECT_GE(memory_of(r), before + 1000 * sizeof(window::LedgerEntry));
}

TEST(Spool, WhatHasNoEpochIsNotSentUntilAGrant) {
  Spool s({});
  s.push(record(1, 0));
  s.push(record(2, 0));
  EXPECT_EQ(s.take_unsent(), nullptr);
  EXPECT_EQ(s.granted(), 0u);
  EXPECT_EQ(s.grant(9, at(2)), 1u) << "what begins before the end of what is stored may be counted already";
  const window::Record* r = s.take_unsent();
  ASSERT_NE(r, nullptr);
  EXPECT_EQ(r->epoch, 9u);
  EXPECT_EQ(r->span.begin, at(2));
}

TEST(Spool, AGrantLeavesTheEpochsOfWhatHasOne) {
  Spool s({});
  s.push(record(1, 4));
  s.push(record(2, 0));
  EXPECT_EQ(s.grant(9, at(0)), 0u);
  EXPECT_EQ(s.take_unsent()->epoch, 4u);
  EXPECT_EQ(s.take_unsent()->epoch, 9u);
}

TEST(Spool, SteppingDown_WhatIsNotWantedIsTakenApart) {
  Spool s({});
  for (int i = 1; i <= 3; ++i) s.push(record(i, 5));
  while (s.take_unsent() != nullptr) {}
  std::vector<PacketTime> apart;
  s.take_back(at(2), [&](const window::Span& span) {
    apart.push_back(span.begin);
    return true;
  });
  EXPECT_THAT(apart, ::testing::ElementsAre(at(2), at(3)));
  EXPECT_EQ(s.size(), 1u) << "[1, 2) is still wanted";
  EXPECT_EQ(s.granted(), 1u);
  EXPECT_EQ(s.on_its_way(), 1u);
  EXPECT_EQ(s.bytes(), memory_of(record(1, 5)));
}

TEST(Spool, SteppingDown_WhatCannotBeTakenApartStaysWithoutAnEpoch) {
  Spool s({});
  for (int i = 1; i <= 3; ++i) s.push(record(i, 5));
  while (s.take_unsent() != nullptr) {}
  s.take_back(std::nullopt, [&](const window::Span& span) { return span.begin == at(3); });
  EXPECT_EQ(s.size(), 2u);
  EXPECT_EQ(s.granted(), 0u);
  EXPECT_EQ(s.on_its_way(), 0u);
  EXPECT_EQ(s.take_unsent(), nullptr);
  EXPECT_EQ(s.drop_shadow(at(2)), 1u);
  EXPECT_EQ(s.grant(6, at(2)), 0u);
  ASSERT_NE(s.take_unsent(), nullptr);
}

TEST(Spool, SpansNeverOverlap) {
  Spool s({});
  s.push(record(5, 1));
  EXPECT_FALSE(s.push(record(5, 1)));
  EXPECT_FALSE(s.push(record(4, 1)));
  EXPECT_TRUE(s.push(record(6, 1)));
  EXPECT_EQ(s.out_of_order(), 2u);
}

}  // namespace
}  // namespace nezu::probe::spool
