#include "common/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "common/base/unique_function.h"

namespace nezu {
namespace {

TEST(BoundedQueue, KeepsOrderAndRefusesWhatDoesntFit) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.push(2));
  EXPECT_TRUE(queue.push(3));
  EXPECT_FALSE(queue.push(4));
  EXPECT_EQ(queue.refused(), 1U);
  EXPECT_EQ(queue.accepted(), 3U);
  EXPECT_EQ(queue.try_pop(), 1);
  EXPECT_TRUE(queue.push(5));
  EXPECT_EQ(queue.take_all(), (std::deque<int>{2, 3, 5}));
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, WhatIsRefusedStaysWithTheCaller) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.push(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.push(std::move(second)));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*second, 2);
}

TEST(BoundedQueue, ClosedGivesWhatIsThereAndThenNothing) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.push(1));
  queue.close();
  EXPECT_FALSE(queue.push(2));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.pop_for(Seconds(100)), std::nullopt);
}

TEST(BoundedQueue, CloseWakesWhoWaits) {
  BoundedQueue<int> queue(1);
  std::thread reader([&] { EXPECT_EQ(queue.pop(), std::nullopt); });
  queue.close();
  reader.join();
}

TEST(BoundedQueue, ManyWritersNothingLostAndEachInOrder) {
  constexpr int kWriters = 4, kItems = 20'000;
  BoundedQueue<std::pair<int, int>> queue(64);
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&queue, w] {
      for (int i = 0; i < kItems; ++i) {
        while (!queue.push({w, i})) std::this_thread::yield();
      }
    });
  }
  std::vector<int> next(kWriters, 0);
  for (int n = 0; n < kWriters * kItems; ++n) {
    const auto item = queue.pop();
    ASSERT_TRUE(item.has_value());
    ASSERT_EQ(item->second, next[static_cast<std::size_t>(item->first)]++);
  }
  for (std::thread& t : writers) t.join();
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(queue.accepted(), static_cast<std::uint64_t>(kWriters * kItems));
}

TEST(UniqueFunction, HoldsMoveOnlyCaptures) {
  auto value = std::make_unique<int>(7);
  UniqueFunction<int(int)> add = [value = std::move(value)](int x) { return *value + x; };
  UniqueFunction<int(int)> moved = std::move(add);
  EXPECT_EQ(moved(3), 10);
  EXPECT_FALSE(static_cast<bool>(UniqueFunction<void()>()));
  EXPECT_DEATH(UniqueFunction<void()>()(), "BUG");
}

}  // namespace
}  // namespace nezu
