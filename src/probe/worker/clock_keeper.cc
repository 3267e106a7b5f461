#include "probe/worker/clock_keeper.h"

#include <algorithm>

namespace nezu::probe::worker {

ClockKeeper::Step ClockKeeper::look(WallTime wall, MonoTime mono) {
  const Nanos ahead = wall.time_since_epoch() - mono.time_since_epoch();
  Step step;
  if (!started_) {
    started_ = true;
    ahead_ = ahead;
  }
  if (recent_ && mono - stepped_at_ > kRecent) recent_ = false;
  if (const Nanos by = ahead - ahead_; by >= kStep || by <= -kStep) {
    ++steps_;
    step.by = by;
    shift_before_ = shift_;
    // Set back: the shift takes all of it. Forward: as much of the shift as there is, and the rest is a jump.
    const Nanos given = by < Nanos(0) ? by : std::min(by, shift_);
    shift_ -= given;
    step.jump = by - given;
    ahead_ = ahead;
    stepped_at_ = mono;
    recent_ = true;
  }
  now_ = packet_time_ns(to_ns(wall)) + offset_ + shift_;
  return step;
}

PacketTime ClockKeeper::correct(PacketTime stamp) const {
  const PacketTime by_new = stamp + shift_;
  if (!recent_) return by_new;
  // A frame from before the step bears the old clock's stamp: what is nearest to the present, but not after it.
  const PacketTime by_old = stamp + shift_before_;
  const PacketTime limit = now_ + kTolerance;
  if (by_new > limit) return std::min(by_old, limit);
  return by_old <= limit ? std::max(by_old, by_new) : by_new;
}

}  // namespace nezu::probe::worker
