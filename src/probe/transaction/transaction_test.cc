#include "probe/transaction/transaction.h"

#include <gtest/gtest.h>

#include <string>

namespace nezu::probe {
namespace {

std::string text(const Endpoint& endpoint) {
  char out[56];
  return std::string(out, format(endpoint, out));
}

TEST(Endpoint, V4IsDotted) {
  Endpoint e{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}, 65535};
  EXPECT_TRUE(e.is_v4());
  EXPECT_EQ(text(e), "192.0.2.1:65535");
}

TEST(Endpoint, V6HasBracketsAndTheLongestRunOfZeros) {
  EXPECT_EQ(text({{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 80}), "[2001:db8::1]:80");
  EXPECT_EQ(text({{}, 0}), "[::]:0");
  EXPECT_EQ(text({{0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4}, 1}), "[1:0:2::3:4]:1");
  EXPECT_EQ(text({{0xfe, 0x80, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0}, 9}), "[fe80:0:1:2:3:4:5:0]:9");
  EXPECT_EQ(text({{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 65535}),
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

TEST(Transaction, AnAnswerBeforeTheRequestsEndHasNoTimeToFirstByte) {
  Transaction t;
  t.request_begin = packet_time_ns(10);
  t.request_end = packet_time_ns(50);
  t.response_begin = packet_time_ns(40);
  t.response_end = packet_time_ns(90);
  EXPECT_EQ(t.ttfb(), Nanos(0));
  EXPECT_EQ(t.response_time(), Nanos(80));
  EXPECT_EQ(t.transfer_time(), Nanos(50));
}

}  // namespace
}  // namespace nezu::probe
