// What completes a failover's record, and what has nothing to do with it. (The flows: table_test.cc.)
#include "manager/monitor/failover_book.h"

#include <gtest/gtest.h>

namespace nezu::monitor {
namespace {

constexpr window::ServiceId kShop = 7, kMail = 8;
PacketTime second(std::int64_t n) { return packet_time_ns(n * 1'000'000'000); }
WallTime wall(std::int64_t n) { return wall_time_ns(n * 1'000'000'000); }

class FailoverBookTest : public ::testing::Test {
 protected:
  void fail_over(std::uint64_t epoch, const std::map<window::ServiceId, PacketTime>& monitored) {
    store::FailoverRecord record;
    record.logical_probe = "edge";
    record.epoch = epoch;
    book.open(std::move(record), monitored);
  }
  bool stored(std::uint64_t epoch, std::int64_t at, std::vector<window::ServiceId> services) {
    window::Record record;
    record.epoch = epoch;
    record.span = {second(at), second(at + 1)};
    record.covered = {record.span};
    for (const window::ServiceId id : services) {
      record.services.emplace_back();
      record.services.back().service = id;
      record.services.back().covered = {record.span};
    }
    return book.stored("edge", record, wall(at + 1));
  }
  store::FailoverRecord newest() { return book.newest_first().front(); }
  FailoverBook book;
};

TEST_F(FailoverBookTest, is_complete_when_every_service_is_covered_again) {
  fail_over(5, {{kShop, second(10)}, {kMail, second(10)}});
  EXPECT_FALSE(stored(4, 9, {kShop, kMail})) << "of the instance that is gone";
  EXPECT_FALSE(newest().first_window.has_value());
  EXPECT_FALSE(stored(5, 12, {kShop}));
  EXPECT_TRUE(stored(5, 14, {kShop, kMail}));
  EXPECT_FALSE(newest().open);
  EXPECT_EQ(newest().first_window, wall(13));
  EXPECT_EQ(newest().gaps[0].end, second(12));
  EXPECT_EQ(newest().gaps[1].end, second(14));
}

TEST_F(FailoverBookTest, is_completed_by_the_same_instance_under_a_later_epoch) {
  fail_over(5, {{kShop, second(10)}, {kMail, second(10)}});
  book.handed_over("edge", 5, 3, 1);
  book.handed_over("edge", 6, 8, 2);
  EXPECT_EQ(newest().handed_over, 8u) << "the first window comes from that hand-over";
  EXPECT_FALSE(stored(6, 12, {kShop}));
  EXPECT_EQ(newest().first_window, wall(13));
  book.handed_over("edge", 7, 0, 0);
  EXPECT_EQ(newest().handed_over, 8u) << "a later one has nothing to do with the seam";
  EXPECT_TRUE(stored(7, 14, {kShop, kMail})) << "the second gap ends whatever the epoch";
  EXPECT_EQ(newest().gaps[1].end, second(14));
  EXPECT_FALSE(newest().open);
  EXPECT_FALSE(stored(8, 16, {kShop}));
  EXPECT_EQ(newest().first_window, wall(13)) << "what is closed stays as it is";
}

TEST_F(FailoverBookTest, an_incomplete_one_is_closed_by_the_next_and_then_left_alone) {
  fail_over(5, {{kShop, second(10)}});
  fail_over(6, {{kShop, second(10)}});
  EXPECT_TRUE(stored(6, 12, {kShop}));
  const auto all = book.newest_first();
  EXPECT_EQ(all[0].gaps[0].end, second(12));
  EXPECT_FALSE(all[1].open);
  EXPECT_FALSE(all[1].first_window.has_value()) << "the one between had no window";
  EXPECT_EQ(all[1].gaps[0].end, second(10));
}

TEST_F(FailoverBookTest, where_nothing_was_monitored_later_hand_overs_change_nothing) {
  fail_over(5, {});
  book.handed_over("edge", 5, 3, 1);
  book.handed_over("edge", 6, 8, 2);
  EXPECT_FALSE(newest().open);
  EXPECT_EQ(newest().handed_over, 3u);
}

}  // namespace
}  // namespace nezu::monitor
