#include "agent/verdict.h"

#include <gtest/gtest.h>

namespace nezu::agent {
namespace {

Health warm(const std::string& role) {
  Health h;
  h.warm = true;
  h.role = role;
  h.session = true;
  h.session_for = Seconds(60);
  return h;
}

Exit exit_of(const Health& h, int depth = 10, std::optional<std::uint64_t> before = {}) {
  return judge(Kind::probe, h, depth, before).exit;
}

TEST(Verdict, RolesOfAWarmInstance) {
  EXPECT_EQ(exit_of(warm("standby")), kOk);
  EXPECT_EQ(exit_of(warm("claiming")), kPromoted);
  EXPECT_EQ(exit_of(warm("active")), kPromoted);
  EXPECT_EQ(exit_of(warm("waiting"), 0), kDegradedPromoted);
}

TEST(Verdict, AColdInstanceIsNeverPromoted) {
  Health h = warm("active");
  h.warm = false;
  EXPECT_EQ(exit_of(h), kOk);
  h.role = "waiting";
  EXPECT_EQ(exit_of(h), kDegraded);
}

TEST(Verdict, WhatCantMeasureFailsTheDeepCheckOnly) {
  Health h = warm("active");
  h.healthy = false;
  h.reason = "interface eth1 is down";
  EXPECT_EQ(exit_of(h, 0), kPromoted);
  EXPECT_EQ(judge(Kind::probe, h, 10, {}), (Verdict{kFailedPromoted, "interface eth1 is down"}));
  h.role = "standby";
  EXPECT_EQ(exit_of(h), kDegraded) << "a restart would not help it";
  h.warm = false;
  EXPECT_EQ(exit_of(h), kGeneric);
}

TEST(Verdict, DropsSinceTheLastDeepCheckDegrade) {
  Health h = warm("active");
  h.kernel_drops = 100;
  EXPECT_EQ(exit_of(h, 10, {}), kPromoted) << "nobody knows since when";
  EXPECT_EQ(exit_of(h, 10, 100), kPromoted);
  EXPECT_EQ(exit_of(h, 10, 90), kDegradedPromoted);
  EXPECT_EQ(exit_of(h, 0, 90), kPromoted);
  h.role = "standby";
  EXPECT_EQ(exit_of(h, 10, 90), kDegraded);
}

TEST(Verdict, AManagerWithoutRoomIsNotMoved) {
  Health h;
  h.healthy = false;
  h.reason = "no space";
  EXPECT_EQ(judge(Kind::manager, h, 0, {}).exit, kOk);
  EXPECT_EQ(judge(Kind::manager, h, 10, {}).exit, kDegraded);
  h.healthy = true;
  EXPECT_EQ(judge(Kind::manager, h, 10, {}).exit, kOk);
}

TEST(Score, FollowsAdmissionAndThePathToTheManager) {
  const Nanos patience = Seconds(30);
  EXPECT_EQ(promotion_score(warm("active"), patience), kAdmitted);
  EXPECT_EQ(promotion_score(warm("waiting"), patience), kClaiming);
  EXPECT_EQ(promotion_score(warm("claiming"), patience), kClaiming);
  EXPECT_EQ(promotion_score(warm("standby"), patience), kStandby);
  Health h = warm("standby");
  h.session = false;
  EXPECT_EQ(promotion_score(h, patience), kNone) << "a standby without a session, at once";
  h.session = true;
  h.session_for = Seconds(1);
  EXPECT_EQ(promotion_score(h, patience), kNone) << "its session is too young";
  h = warm("active");
  h.session = false;
  h.without_session = Seconds(29);
  EXPECT_EQ(promotion_score(h, patience), kAdmitted);
  h.without_session = Seconds(30);
  EXPECT_EQ(promotion_score(h, patience), kNone);
  h.role = "standby";  // demoted while it is cut off
  EXPECT_EQ(promotion_score(h, patience), kNone);
  h = warm("active");
  h.healthy = false;
  EXPECT_EQ(promotion_score(h, patience), kNone);
}

}  // namespace
}  // namespace nezu::agent
