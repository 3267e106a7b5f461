#include "manager/ingest/ledgers.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace nezu::ingest {
namespace {

PacketTime at(std::int64_t seconds) { return packet_time_ns(seconds * 1'000'000'000); }
window::Ledger ledger_of(std::uint64_t name, PacketTime decided, PacketTime left_out = {}) {
  return {{{name, name + 1, decided}}, left_out};
}

// All that is kept, in one part.
window::Ledger whole(const Ledgers& ledgers) { return ledgers.parts(SIZE_MAX, {}, {}).front().ledger; }

TEST(Ledgers, keeps_what_ends_within_the_reach) {
  Ledgers ledgers(std::chrono::seconds(10));
  for (std::int64_t s = 1; s <= 30; ++s) ledgers.add(at(s), ledger_of(static_cast<std::uint64_t>(s), at(s)), at(s));
  const window::Ledger merged = whole(ledgers);
  ASSERT_EQ(merged.entries.size(), 11u);
  EXPECT_EQ(merged.entries.front().request, 20u);
  EXPECT_EQ(merged.entries.back().request, 30u);
}

TEST(Ledgers, says_which_it_drops) {
  Ledgers ledgers(std::chrono::seconds(2));
  ledgers.add(at(1), ledger_of(1, at(1)), at(1));
  ledgers.add(at(2), ledger_of(2, at(2)), at(2));
  EXPECT_EQ(ledgers.add(at(4), ledger_of(4, at(4)), at(4)), std::vector<PacketTime>{at(1)});
  EXPECT_EQ(whole(ledgers).entries.size(), 2u);
}

TEST(Ledgers, in_parts_each_true_by_itself) {
  Ledgers ledgers(std::chrono::seconds(10));
  for (std::int64_t s = 11; s <= 15; ++s) {
    const auto name = static_cast<std::uint64_t>(s);
    ledgers.add(at(s), {{{name, name, at(s)}, {name + 100, 0, at(s)}}, s == 12 ? at(12) : PacketTime{}}, at(s));
  }
  const auto parts = ledgers.parts(5, at(5), at(15));
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].since, at(5));
  EXPECT_EQ(parts[0].until, at(11));
  EXPECT_EQ(parts[1].since, at(11)) << "what was stored after it, the first has not";
  EXPECT_EQ(parts[1].until, at(13));
  EXPECT_EQ(parts[2].since, at(13));
  EXPECT_EQ(parts[2].until, at(15));
  window::Ledger all;
  for (const Ledgers::Part& part : parts) all.entries.insert(all.entries.end(), part.ledger.entries.begin(), part.ledger.entries.end());
  EXPECT_EQ(all.entries, whole(ledgers).entries);
  EXPECT_EQ(parts[0].ledger.left_out_until, PacketTime{});
  EXPECT_EQ(parts[1].ledger.left_out_until, at(12));
  EXPECT_EQ(parts[2].ledger.left_out_until, at(12)) << "who is admitted looks at the last one";
  EXPECT_EQ(ledgers.parts(1, at(5), at(15)).size(), 5u) << "one record's names are not divided";
}

TEST(Ledgers, what_fits_or_is_empty_is_one_part) {
  Ledgers ledgers(std::chrono::seconds(10));
  auto parts = ledgers.parts(5, {}, {});
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(parts[0].ledger.entries.empty());
  ledgers.add(at(3), ledger_of(3, at(3)), at(3));
  ledgers.add(at(2), ledger_of(2, at(2)), at(3));  // as they were stored, not by their ends
  parts = ledgers.parts(5, at(-7), at(3));
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].since, at(-7));
  EXPECT_EQ(parts[0].until, at(3));
  EXPECT_EQ(parts[0].ledger.entries.size(), 2u);
}

TEST(Ledgers, an_empty_one_of_a_cold_pair_is_not_kept) {
  Ledgers ledgers(std::chrono::seconds(10));
  ledgers.add(at(1), {}, at(1));
  EXPECT_TRUE(ledgers.empty());
  ledgers.add(at(2), {{}, at(2)}, at(2));
  EXPECT_EQ(whole(ledgers).left_out_until, at(2));
}

TEST(LedgerForm, reads_back_what_it_wrote) {
  SeededRandom random(7);
  for (int round = 0; round < 100; ++round) {
    window::Ledger ledger;
    for (std::uint64_t i = random.below(5); i > 0; --i) {
      ledger.entries.push_back({random.next_u64(), random.next_u64(), packet_time_ns(static_cast<std::int64_t>(random.next_u64() >> 1))});
    }
    ledger.left_out_until = packet_time_ns(static_cast<std::int64_t>(random.next_u64() >> 1));
    auto read = decode_ledger(encode_ledger(ledger));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, ledger);
  }
}

TEST(LedgerForm, damage_is_an_error) {
  const std::string good = encode_ledger(ledger_of(5, at(1)));
  EXPECT_FALSE(decode_ledger("").ok());
  EXPECT_FALSE(decode_ledger(good.substr(1)).ok());
  std::string bad = good;
  bad[3] = 'g';
  EXPECT_FALSE(decode_ledger(bad).ok());
  bad = good;
  bad.back() = 'F';
  EXPECT_FALSE(decode_ledger(bad).ok());
}

}  // namespace
}  // namespace nezu::ingest
