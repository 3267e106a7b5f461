#include "manager/ingest/ledgers.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace nezu::ingest {
namespace {

PacketTime at(std::int64_t seconds) { return packet_time_ns(seconds * 1'000'000'000); }
window::Ledger ledger_of(std::uint64_t name, PacketTime decided, PacketTime left_out = {}) {
  return {{{name, name + 1, decided}}, left_out};
}

TEST(Ledgers, keeps_what_ends_within_the_reach) {
  Ledgers ledgers(std::chrono::seconds(10));
  for (std::int64_t s = 1; s <= 30; ++s) ledgers.add(at(s), ledger_of(static_cast<std::uint64_t>(s), at(s)), at(s));
  const window::Ledger merged = ledgers.merged();
  ASSERT_EQ(merged.entries.size(), 11u);
  EXPECT_EQ(merged.entries.front().request, 20u);
  EXPECT_EQ(merged.entries.back().request, 30u);
}

TEST(Ledgers, says_which_it_drops) {
  Ledgers ledgers(std::chrono::seconds(2));
  ledgers.add(at(1), ledger_of(1, at(1)), at(1));
  ledgers.add(at(2), ledger_of(2, at(2)), at(2));
  EXPECT_EQ(ledgers.add(at(4), ledger_of(4, at(4)), at(4)), std::vector<PacketTime>{at(1)});
  EXPECT_EQ(ledgers.merged().entries.size(), 2u);
}

TEST(Ledgers, an_empty_one_of_a_cold_pair_is_not_kept) {
  Ledgers ledgers(std::chrono::seconds(10));
  ledgers.add(at(1), {}, at(1));
  EXPECT_TRUE(ledgers.empty());
  ledgers.add(at(2), {{}, at(2)}, at(2));
  EXPECT_EQ(ledgers.merged().left_out_until, at(2));
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
