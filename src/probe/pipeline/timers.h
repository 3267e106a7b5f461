// Timers: one per connection slot, coarse, in packet time. A timer isn't moved when its deadline moves: it fires at the time for which
// it was set, its owner looks, and sets it again. So a packet costs nothing here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace nezu::probe {

class Timers {
 public:
  static constexpr std::int64_t kTick = 100'000'000;
  static constexpr std::size_t kBuckets = 1024;  // later ones wait in the last bucket, and are set again

  void set(std::uint32_t slot, std::int64_t now, std::int64_t deadline) {
    const std::int64_t at = std::max(deadline / kTick, now / kTick) + 1;
    const std::int64_t tick = std::min(at, position(now) + static_cast<std::int64_t>(kBuckets) - 1);
    buckets_[static_cast<std::size_t>(tick) % kBuckets].push_back(slot);
  }

  // Calls fire(slot) for all whose time has come. fire() may set timers.
  template <class Fire>
  void run(std::int64_t now, Fire fire) {
    const std::int64_t tick = now / kTick;
    if (tick <= done_ && tick >= done_ - 1) return;
    if (tick < done_ || tick - done_ >= static_cast<std::int64_t>(kBuckets)) {
      // The clock was set, or nothing came for long: all are asked.
      done_ = tick;
      std::vector<std::uint32_t> all;
      for (auto& bucket : buckets_) {
        all.insert(all.end(), bucket.begin(), bucket.end());
        bucket.clear();
      }
      for (const std::uint32_t slot : all) fire(slot);
      return;
    }
    while (done_ < tick) {
      ++done_;
      due_.swap(buckets_[static_cast<std::size_t>(done_) % kBuckets]);
      for (const std::uint32_t slot : due_) fire(slot);
      due_.clear();
    }
  }

 private:
  std::int64_t position(std::int64_t now) {
    if (done_ == 0) done_ = now / kTick;
    return done_;
  }

  std::vector<std::uint32_t> buckets_[kBuckets];
  std::vector<std::uint32_t> due_;
  std::int64_t done_ = 0;
};

}  // namespace nezu::probe
