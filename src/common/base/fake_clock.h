// FakeClock: a clock that tests set. Wall and monotonic time start apart, so that mixing them up shows. Any thread may read and set it.
#pragma once

#include <atomic>

#include "common/base/time.h"

namespace nezu {

class FakeClock final : public Clock {
 public:
  WallTime wall() const override { return wall_time_ns(wall_ns_.load()); }
  MonoTime mono() const override { return mono_time_ns(mono_ns_.load()); }

  // Both clocks go on, as time passes.
  void advance(Nanos d) {
    wall_ns_ += d.count();
    mono_ns_ += d.count();
  }
  // The wall clock is set, as by an administrator or NTP; the monotonic one doesn't move.
  void set_wall(WallTime t) { wall_ns_ = to_ns(t); }

 private:
  std::atomic<std::int64_t> wall_ns_{1'700'000'000'000'000'000};
  std::atomic<std::int64_t> mono_ns_{1'000'000'000'000};
};

}  // namespace nezu
