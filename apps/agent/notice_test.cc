#include "agent/notice.h"

#include <gtest/gtest.h>

namespace nezu::agent {
namespace {

TEST(Notice, TheOthersStopOrDemotionIsDone) {
  EXPECT_EQ(told_by({"post", "stop", "node-a"}, "node-b"), Told::done);
  EXPECT_EQ(told_by({"post", "demote", "node-b node-a"}, "node-b"), Told::done);
  EXPECT_EQ(told_by({"post", "stop", "node-a"}, ""), Told::done);
  EXPECT_EQ(told_by({"post", "stop", "node-b"}, "node-b"), Told::nothing) << "this node's own";
  EXPECT_EQ(told_by({"post", "stop", ""}, "node-b"), Told::nothing);
  EXPECT_EQ(told_by({"pre", "stop", "node-a"}, "node-b"), Told::nothing) << "not yet";
}

TEST(Notice, OwnPromotionComesAfterTheOthersEnd) {
  EXPECT_EQ(told_by({"pre", "promote", "node-b"}, "node-b"), Told::done_yet);
  EXPECT_EQ(told_by({"pre", "promote", "node-a"}, "node-b"), Told::nothing) << "another one's";
  EXPECT_EQ(told_by({"post", "promote", "node-b"}, "node-b"), Told::nothing);
  EXPECT_EQ(told_by({"post", "start", "node-a"}, "node-b"), Told::nothing);
  EXPECT_EQ(told_by({}, "node-b"), Told::nothing);
}

}  // namespace
}  // namespace nezu::agent
