#include "manager/store/sqlite/chunk.h"

#include <gtest/gtest.h>

#include <random>

#include "manager/store/sqlite/range_coder.h"
#include "manager/store/sqlite/synthetic_windows.h"

namespace nezu::store::sqlite {
namespace {

constexpr SlotSecond kStart = 1'700'000'040;

std::vector<FigureSlot> slots_of(bool with_ttfb, int seconds) {
  SyntheticWindows windows(3, 11, with_ttfb);
  std::vector<FigureSlot> slots;
  for (int s = 0; s < seconds; ++s) {
    const window::Record record = windows.next(kStart + s);
    for (const auto& part : record.services) {
      for (const auto& target : part.targets) {
        if (target.target == 2) slots.push_back({kStart + s, target.figures});
      }
    }
  }
  return slots;
}

TEST(Chunk, FiguresComeBackExactly) {
  for (const bool with_ttfb : {false, true}) {
    const auto slots = slots_of(with_ttfb, 300);
    ASSERT_GT(slots.size(), 250u);
    const auto back = decode_figures(encode_chunk(slots, 1));
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_EQ(*back, slots);
  }
}

// Whatever a record may hold comes back, also what no real probe sends: sums without histograms, the largest numbers.
TEST(Chunk, AnyFiguresComeBackExactly) {
  std::mt19937_64 random(3);
  const auto any = [&] { return random() >> (random() % 64); };
  for (int round = 0; round < 200; ++round) {
    std::vector<FigureSlot> slots;
    SlotSecond second = floor_second(kStart, 10);
    for (std::size_t i = 0; i < 1 + random() % 20; ++i) {
      second += 10 * static_cast<SlotSecond>(1 + random() % 5);
      window::Figures f;
      const bool rare = random() % 2 == 0;
      f.transactions = any();
      for (auto& n : f.status_class) n = rare ? any() : 0;
      f.errors = any();
      if (rare) f.failed_reset = any(), f.failed_closed = any(), f.failed_timeout = any(), f.unmeasured = any(), f.timing_only = any();
      f.timed = any();
      for (std::size_t k = 0; k < random() % 30; ++k) {
        f.response_time.add_bucket(static_cast<int>(random() % 1024), 1 + any() / 64);
        f.ttfb.add_bucket(static_cast<int>(random() % 1024), 1 + random() % 3);
      }
      f.response_time_sum = Nanos(static_cast<std::int64_t>(any()));
      f.response_time_max = Nanos(static_cast<std::int64_t>(any()));
      f.ttfb_sum = Nanos(static_cast<std::int64_t>(any()));
      f.ttfb_max = Nanos(static_cast<std::int64_t>(any()));
      f.transfer_sum = Nanos(static_cast<std::int64_t>(any()));
      f.request_bytes = any(), f.response_bytes = any();
      if (rare) f.handshakes = any(), f.retransmissions = any(), f.zero_windows = any(), f.resets = any();
      f.handshake_rtt_sum = Nanos(static_cast<std::int64_t>(any()));
      f.handshake_rtt_max = Nanos(static_cast<std::int64_t>(any()));
      slots.push_back({second, f});
    }
    const auto back = decode_figures(encode_chunk(slots, 10));
    ASSERT_TRUE(back.ok()) << back.error().message();
    ASSERT_EQ(*back, slots) << "round " << round;
  }
}

std::vector<CoverSlot> cover_slots() {
  std::vector<CoverSlot> slots;
  for (int s = 0; s < 60; ++s) {
    const PacketTime at = time_of(kStart + s);
    if (s % 7 == 3) continue;
    if (s % 10 == 5) {
      slots.push_back({kStart + s, {{at + Nanos(5), at + Nanos(100)}, {at + Nanos(200'000'000), at + Nanos(1'000'000'000)}}});
    } else {
      slots.push_back({kStart + s, {{at, at + Nanos(1'000'000'000)}}});
    }
  }
  return slots;
}

TEST(Chunk, CoverageComesBackExactly) {
  const std::vector<CoverSlot> slots = cover_slots();
  const std::string bytes = encode_chunk(slots, 1);
  const auto back = decode_coverage(bytes);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, slots);
  EXPECT_LT(bytes.size(), 200u);
}

TEST(Chunk, EveryFlippedByteIsSeen) {
  const std::string bytes = encode_chunk(slots_of(true, 20), 1);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto back = decode_figures(damaged);
    ASSERT_FALSE(back.ok()) << "byte " << i;
    EXPECT_EQ(back.error().code(), ErrorCode::corrupt);
  }
  EXPECT_FALSE(decode_coverage(bytes).ok());
  EXPECT_FALSE(decode_figures(std::string_view(bytes).substr(0, bytes.size() / 2)).ok());
  EXPECT_FALSE(decode_figures("").ok());
}

// Random bytes from a random place on, behind a right checksum.
std::string garbled(std::string bytes, std::mt19937_64& random) {
  const std::size_t from = 6 + random() % (bytes.size() - 6);
  for (std::size_t i = from; i < bytes.size(); ++i) bytes[i] = static_cast<char>(random());
  const std::uint32_t sum = checksum(std::string_view(bytes).substr(6)) ^ static_cast<std::uint8_t>(bytes[1]);
  for (std::size_t i = 0; i < 4; ++i) bytes[2 + i] = static_cast<char>(sum >> (8 * i));
  return bytes;
}

// Damage that happens to carry a right checksum (a foreign file, an attacker) ends in an error or in other figures, never beyond memory.
TEST(Chunk, GarbageBehindARightChecksumIsHarmless) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 3000; ++round) {
    const auto figures = decode_figures(garbled(encode_chunk(slots_of(true, 5), 1), random));
    if (figures.ok()) { EXPECT_LE(figures->size(), kMaxChunkSlots); }
    const auto coverage = decode_coverage(garbled(encode_chunk(cover_slots(), 1), random));
    if (coverage.ok()) { EXPECT_LE(coverage->size(), kMaxChunkSlots); }
  }
}

TEST(RangeCoder, RawBitsOfAllWidths) {
  std::string out;
  RangeEncoder encoder(out);
  for (int bits = 0; bits <= 64; ++bits) encoder.raw(0x5A5A5A5A5A5A5A5Aull & (bits == 64 ? ~0ull : (1ull << bits) - 1), bits);
  encoder.finish();
  RangeDecoder decoder(out);
  for (int bits = 0; bits <= 64; ++bits) {
    EXPECT_EQ(decoder.raw(0, bits), 0x5A5A5A5A5A5A5A5Aull & (bits == 64 ? ~0ull : (1ull << bits) - 1)) << bits;
  }
}

// Carries run through long chains of 0xFF: all ones, all zeros, and every skew.
TEST(RangeCoder, SkewedBits) {
  for (int skew = 0; skew <= 16; ++skew) {
    std::mt19937 random(static_cast<unsigned>(skew));
    std::vector<bool> bits;
    for (int i = 0; i < 20'000; ++i) bits.push_back(random() % 16 < static_cast<unsigned>(skew));
    std::string out;
    RangeEncoder encoder(out);
    Prob a;
    for (const bool b : bits) encoder.bit(a, b);
    encoder.finish();
    RangeDecoder decoder(out);
    Prob c;
    for (std::size_t i = 0; i < bits.size(); ++i) ASSERT_EQ(decoder.bit(c, false), bits[i]) << skew << " " << i;
    EXPECT_LE(out.size(), 2600u);
  }
}

}  // namespace
}  // namespace nezu::store::sqlite
