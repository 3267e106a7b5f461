#include "probe/pipeline/packet_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace nezu::probe {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// The times that a clock believes of frames with these stamps, in one group.
std::vector<std::int64_t> believed(PacketClock& clock, const std::vector<std::int64_t>& stamps) {
  std::vector<Frame> frames(stamps.size());
  for (std::size_t i = 0; i < stamps.size(); ++i) frames[i].time = packet_time_ns(stamps[i]);
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < stamps.size(); ++i) out.push_back(clock.stamp(frames.data(), frames.size(), i));
  return out;
}

TEST(PacketClock, ALittleBackIsTheFramesOwnTimeAndNotTheClocks) {
  PacketClock clock;
  EXPECT_EQ(believed(clock, {1000 * kSecond, 1001 * kSecond, 1000 * kSecond}),
            (std::vector<std::int64_t>{1000 * kSecond, 1001 * kSecond, 1000 * kSecond}));
  EXPECT_EQ(clock.now(), 1001 * kSecond);
  EXPECT_EQ(clock.setting(), 0);
}

TEST(PacketClock, OneBadStampIsNotBelieved) {
  PacketClock clock;
  const std::int64_t far = 4'300'000'000 * kSecond;
  EXPECT_EQ(believed(clock, {1000 * kSecond, far, 1000 * kSecond + 5, 0, 1000 * kSecond + 6}),
            (std::vector<std::int64_t>{1000 * kSecond, 1000 * kSecond, 1000 * kSecond + 5, 1000 * kSecond + 5, 1000 * kSecond + 6}));
  EXPECT_EQ(clock.setting(), 0);
}

TEST(PacketClock, SilenceIsBelieved) {
  PacketClock clock;
  EXPECT_EQ(believed(clock, {1000 * kSecond, 5000 * kSecond, 5000 * kSecond + 1}).back(), 5000 * kSecond + 1);
  EXPECT_TRUE(clock.steady());
}

TEST(PacketClock, ALoneJumpAheadDecidesNothingUntilItIsConfirmed) {
  PacketClock clock;
  believed(clock, {1000 * kSecond});
  believed(clock, {9000 * kSecond});
  EXPECT_FALSE(clock.steady());
  EXPECT_EQ(believed(clock, {1001 * kSecond}).front(), 1001 * kSecond);
  EXPECT_EQ(clock.now(), 1001 * kSecond);
  EXPECT_TRUE(clock.steady());
}

TEST(PacketClock, AClockThatWasSetBackIsBelievedAndTold) {
  PacketClock clock;
  believed(clock, {1000 * kSecond});
  EXPECT_EQ(believed(clock, {10 * kSecond, 10 * kSecond + 1, 10 * kSecond + 2}).back(), 10 * kSecond + 2);
  EXPECT_EQ(clock.setting(), 1);
  EXPECT_EQ(clock.now(), 10 * kSecond + 2);
}

}  // namespace
}  // namespace nezu::probe
