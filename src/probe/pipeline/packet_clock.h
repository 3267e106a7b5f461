// PacketClock: packet time as the pipeline believes it. Stamps come from outside: they go back a little (several queues), are equal,
// zero, or in the year 2106, and the capture's clock may be set.
//
// A single stamp far from its neighbours is not believed: the frame gets the time of those before it, and no time-out is decided by it.
// When the frames behind it agree with it, the clock was set (or nothing came for long): it is believed, and after a jump back times
// that began before it are told by nobody (setting() changes).
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/time.h"
#include "probe/capture/frame.h"

namespace nezu::probe {

class PacketClock {
 public:
  static constexpr std::int64_t kFar = 2'000'000'000;  // further than this from the time before asks for an explanation

  // The time of frames[i], for which the frames behind it in the same group may speak.
  std::int64_t stamp(const Frame* frames, std::size_t count, std::size_t i) {
    const std::int64_t t = to_ns(frames[i].time);
    const std::int64_t off = t - now_;
    if (off >= 0 && off <= kFar) [[likely]] {
      now_ = t;
      doubt_ = false;
      return t;
    }
    if (off < 0 && off >= -kFar) {
      doubt_ = false;
      return t;
    }
    return far(frames, count, i, t);
  }

  // Time has come to `t` without a frame.
  void advance(std::int64_t t) {
    if (t > now_) now_ = t;
  }
  std::int64_t now() const { return now_; }
  std::uint8_t setting() const { return setting_; }
  // May time-outs be decided? Not by a stamp that jumped ahead and has not been confirmed by another frame.
  bool steady() const { return !doubt_; }

 private:
  std::int64_t far(const Frame* frames, std::size_t count, std::size_t i, std::int64_t t) {
    if (now_ == 0) {  // the first frame of all
      now_ = t;
      return t;
    }
    if (doubt_ && t - before_ <= kFar && t - before_ >= -kFar) {  // back where we were: the jump was one bad stamp
      now_ = t > before_ ? t : before_;
      doubt_ = false;
      return t;
    }
    for (std::size_t k = i + 1; k < count && k <= i + 3; ++k) {
      const std::int64_t other = to_ns(frames[k].time);
      if (other - now_ <= kFar && other - now_ >= -kFar) return now_;  // the others don't follow it
    }
    if (t < now_ && i + 1 >= count && ++back_ < 3) return now_;  // nobody to ask: wait for a second and third one
    back_ = 0;
    if (t < now_) ++setting_;
    before_ = now_;
    doubt_ = t > now_ && i + 1 >= count;
    now_ = t;
    return t;
  }

  std::int64_t now_ = 0;
  std::int64_t before_ = 0;  // where we were before the last jump
  bool doubt_ = false;
  int back_ = 0;
  std::uint8_t setting_ = 0;
};

}  // namespace nezu::probe
