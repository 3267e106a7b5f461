// ClockKeeper: packet time that goes on when the machine's clock is set. Pure.
//
// Kernel stamps are of the wall clock, which people and NTP set. Compared with the monotonic clock a step shows. Set back: what was stored
// can't be stored again, so packet time goes on as if nothing had happened, by a shift, until the clock is set forward again or the
// program is restarted. Set forward: a shift is given back first; the rest is a jump: nobody watched what lies between.
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace nezu::probe::worker {

class ClockKeeper {
 public:
  static constexpr Nanos kStep = std::chrono::milliseconds(100);  // less isn't a step

  // `offset`: what the capture adds to its stamps.
  explicit ClockKeeper(Nanos offset) : offset_(offset) {}

  struct Step {
    Nanos by{0};    // how far the wall clock was set; 0: it wasn't
    Nanos jump{0};  // of that: how far packet time jumps; ≥ 0
  };
  // Both clocks, read one right after the other.
  Step look(WallTime wall, MonoTime mono);

  // The present in packet time, as of the last look.
  PacketTime now() const { return now_; }
  // A stamp in packet time that goes on. REQUIRES: a look just before
  PacketTime correct(PacketTime stamp) const;
  // Whether correct() would change a stamp.
  bool plain() const { return shift_ == Nanos(0) && !recent_; }

  Nanos shift() const { return shift_; }
  std::uint64_t steps() const { return steps_; }

 private:
  static constexpr Nanos kRecent = std::chrono::seconds(2);  // frames from before a step may come for so long
  static constexpr Nanos kTolerance = std::chrono::milliseconds(20);

  const Nanos offset_;
  bool started_ = false, recent_ = false;
  Nanos ahead_{0};  // wall less monotonic
  Nanos shift_{0}, shift_before_{0};
  MonoTime stepped_at_{};
  PacketTime now_{};
  std::uint64_t steps_ = 0;
};

}  // namespace nezu::probe::worker
