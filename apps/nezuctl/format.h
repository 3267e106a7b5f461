// Figures and times as people read them. Pure, but for the time zone of local times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace nezuctl {

using nezu::Result;

inline constexpr const char* kNothing = "–";  // what isn't known, or doesn't apply: never 0

std::string seconds_text(double seconds);  // "850 µs", "12.3 ms", "1.23 s", "2 min 05 s", "3 h 10 min", "12 d 4 h"
std::string rate_text(double per_second);  // "0", "0.17", "12.3", "1234"
std::string percent_text(double ratio);    // 0.0123 → "1.23 %"
std::string bytes_text(double bytes);      // "512 B", "1.2 KiB", "64 MiB"
std::string upper(std::string text);       // ASCII

// Control characters (a stranger's bytes could steer the terminal) become spaces.
std::string printable(std::string_view text);

// How times are shown and read: the machine's zone, or UTC.
class Zone {
 public:
  explicit Zone(bool utc) : utc_(utc) {}
  std::string name() const;                                             // "JST", "UTC"
  std::string text(std::int64_t ns, bool milliseconds = false) const;   // "2026-11-24 16:10:05", with ".250"
  std::string clock(std::int64_t ns, bool milliseconds = false) const;  // "16:10:05"
  // RFC 3339 as the API gives it; kNothing where it is empty or no time.
  std::string text_of(std::string_view rfc3339, bool milliseconds = false) const;
  // What people type: "now", "-10m" (before now), RFC 3339, "2026-11-24 16:10[:05]", "2026-11-24", "16:10[:05]" (today). Nanoseconds.
  Result<std::int64_t> parse(std::string_view text, std::int64_t now_ns) const;

 private:
  bool utc_;
};

}  // namespace nezuctl
