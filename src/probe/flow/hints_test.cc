#include "probe/flow/hints.h"

#include <gtest/gtest.h>

#include <deque>

namespace nezu::probe::flow {
namespace {

std::uint64_t mixed(std::uint64_t n) {
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
  n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
  return n ^ (n >> 31);
}

TEST(Hints, HandshakesUnderWayDontDriveEachOtherOut) {
  Hints hints(200'000);
  std::deque<std::uint64_t> open;
  int lost = 0;
  for (std::uint64_t n = 1; n <= 300'000; ++n) {
    open.push_back(mixed(n));
    hints.syn(open.back(), true, static_cast<std::uint32_t>(n), static_cast<std::int64_t>(n));
    if (open.size() < 200) continue;
    lost += hints.find_syn(open.front()) == nullptr ? 1 : 0;
    open.pop_front();
  }
  EXPECT_EQ(lost, 0);
}

TEST(Hints, TheFirstSynCountsNotItsCopy) {
  Hints hints(1'000);
  hints.syn(7, false, 100, 1'000);
  hints.syn(7, false, 100, 2'000);
  hints.syn_ack(7, true, 100, 500, 3'000);
  const SynHint* hint = hints.find_syn(7);
  ASSERT_NE(hint, nullptr);
  EXPECT_EQ(hint->time, 1'000);
  EXPECT_EQ(hint->server_isn, 500u);
  EXPECT_TRUE(hint->answered);
  EXPECT_FALSE(hint->client_is_high);
  hints.syn(7, false, 900, 4'000);  // a new connection
  EXPECT_EQ(hints.find_syn(7)->time, 4'000);
  EXPECT_FALSE(hints.find_syn(7)->answered);
}

}  // namespace
}  // namespace nezu::probe::flow
