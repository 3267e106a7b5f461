// Clock: this instance's packet time less the logical probe's (docs/failover.md, "One clock"): nothing known; a first, coarse offset from
// heartbeats; the median of transactions that the active has counted and this instance has seen, good to tens of microseconds. An instance
// that is admitted keeps the offset that it has: from then on its time is the logical probe's. Pure.
#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "common/base/time.h"

namespace nezu::probe::shadow {

class Clock {
 public:
  enum class Known { none, own, coarse, compared };

  Known known() const { return known_; }
  Nanos offset() const { return offset_; }
  PacketTime logical(PacketTime own) const { return own - offset_; }
  PacketTime own(PacketTime logical) const { return logical + offset_; }

  // From heartbeats. Does nothing where better is known.
  void coarse(Nanos offset) {
    if (known_ != Known::none && known_ != Known::coarse) return;
    set(offset, Known::coarse);
  }
  // Differences of transactions that both have seen.
  void compare(const std::vector<Nanos>& differences) {
    for (const Nanos d : differences) {
      differences_.push_back(d);
      if (differences_.size() > kKept) differences_.pop_front();
    }
    if (differences.empty() || differences_.size() < kEnough) return;
    std::vector<Nanos> sorted(differences_.begin(), differences_.end());
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
    set(sorted[sorted.size() / 2], Known::compared);
  }
  // Another instance is the active one now: its records are cut in its own idea of the logical probe's time.
  void anew() {
    differences_.clear();
    if (known_ != Known::none) known_ = Known::coarse;
  }
  void forget_differences() { differences_.clear(); }
  // The logical probe's time is this instance's, less `offset`.
  void adopt(Nanos offset) { set(offset, Known::own); }
  void keep() {
    if (known_ == Known::none) known_ = Known::own;
  }
  // For tests: a clock that learns nothing.
  void stop() { stopped_ = true; }

 private:
  void set(Nanos offset, Known known) {
    if (!stopped_) offset_ = offset;
    known_ = known;
  }
  static constexpr std::size_t kEnough = 3, kKept = 31;
  Known known_ = Known::none;
  Nanos offset_{0};
  bool stopped_ = false;
  std::deque<Nanos> differences_;
};

inline const char* to_string(Clock::Known known) {
  switch (known) {
    case Clock::Known::none: return "none";
    case Clock::Known::own: return "own";
    case Clock::Known::coarse: return "coarse";
    case Clock::Known::compared: return "compared";
  }
  return "?";
}

}  // namespace nezu::probe::shadow
