// How the cluster's agent hands over when its actions began: as the monotonic clock's nanoseconds, which both programs read on one machine.
//
//   start     the variable kStartVariable of the daemon's environment
//   promote   {"command":"promote","began":N,"stopped":N}; both may be missing
//
// An agent or a daemon of an older version says or hears nothing, and all goes on without it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/text.h"
#include "common/base/time.h"

namespace nezu::probe::control {

inline constexpr const char* kStartVariable = "NEZU_START_BEGAN";

// None for what can't be: nothing, or later than `now`.
inline std::optional<MonoTime> cluster_time(std::int64_t ns, MonoTime now) {
  return ns > 0 && mono_time_ns(ns) <= now ? std::optional(mono_time_ns(ns)) : std::nullopt;
}
// The same, of a variable; nullptr: it isn't set.
inline std::optional<MonoTime> cluster_time(const char* text, MonoTime now) {
  if (text == nullptr) return std::nullopt;
  const Result<std::uint64_t> ns = parse_u64(text, static_cast<std::uint64_t>(to_ns(now)));
  return ns.ok() ? cluster_time(static_cast<std::int64_t>(*ns), now) : std::nullopt;
}

}  // namespace nezu::probe::control
