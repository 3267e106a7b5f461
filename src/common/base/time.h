// Time: three kinds that never mix.
//
//   PacketTime   the stamp of a packet (nanoseconds since 1970-01-01T00:00:00Z, as capture gives it). Figures and windows are
//                made of it, and of nothing else.
//   WallTime     the system's clock; for people: logs, records of failovers.
//   MonoTime     the monotonic clock; for deadlines, time-outs, heartbeats. It never enters a figure.
//
// Only Clock's real implementation (system_clock.h) reads the system's clocks; everything else is given `now`.
#pragma once

#include <chrono>
#include <cstdint>

namespace nezu {

using Nanos = std::chrono::nanoseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

namespace detail {
template <class Tag>
struct TaggedClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Nanos;
  using time_point = std::chrono::time_point<TaggedClock, Nanos>;
  static constexpr bool is_steady = false;
};
}  // namespace detail

using PacketTime = detail::TaggedClock<struct PacketTag>::time_point;
using WallTime = detail::TaggedClock<struct WallTag>::time_point;
using MonoTime = detail::TaggedClock<struct MonoTag>::time_point;

template <class Time>
constexpr std::int64_t to_ns(Time t) {
  return t.time_since_epoch().count();
}
constexpr PacketTime packet_time_ns(std::int64_t ns) { return PacketTime(Nanos(ns)); }
constexpr WallTime wall_time_ns(std::int64_t ns) { return WallTime(Nanos(ns)); }
constexpr MonoTime mono_time_ns(std::int64_t ns) { return MonoTime(Nanos(ns)); }
constexpr double to_seconds(Nanos d) { return static_cast<double>(d.count()) * 1e-9; }

// The last whole multiple of `step` that is not after `t`; right for times before 1970 too.
template <class Time>
constexpr Time floor_to(Time t, Nanos step) {
  const std::int64_t n = to_ns(t), s = step.count();
  const std::int64_t r = n % s;
  return Time(Nanos(r < 0 ? n - r - s : n - r));
}

// The clocks, handed in by constructor. system_clock.h has the real one, fake_clock.h one that tests set.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual MonoTime mono() const = 0;
};

}  // namespace nezu
