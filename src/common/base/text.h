// Reading and writing the small values that people type: durations, sizes, addresses, times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu {

// "250ms", "30s", "10m", "1h", "7d", "100us", "20ns"; a whole number and one unit. Zero may stand alone ("0"). Negative is an error.
Result<Nanos> parse_duration(std::string_view text);
// The same, with a sign before it where there is one: "-37s".
Result<Nanos> parse_signed_duration(std::string_view text);
// The shortest exact form: 90 s is "90s", 3600 s "1h".
std::string format_duration(Nanos d);

// "4096", "64KiB", "64MiB", "2GiB", "10kB", "10MB", "1GB": bytes.
Result<std::uint64_t> parse_size(std::string_view text);
// The shortest exact form in binary units: 67108864 is "64MiB", 1000 is "1000".
std::string format_size(std::uint64_t bytes);

// RFC 3339, UTC, with nanoseconds where they are not zero: "2026-11-24T07:10:05.25Z".
std::string format_rfc3339(std::int64_t ns_since_1970);
// RFC 3339 with offset or Z; also "YYYY-MM-DD" (midnight UTC). Nanoseconds since 1970.
Result<std::int64_t> parse_rfc3339(std::string_view text);

// "host:port", "[v6]:port": split, without resolving. Port 0–65535.
struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};
Result<HostPort> parse_host_port(std::string_view text);
std::string format_host_port(const HostPort& address);  // brackets around IPv6

// Whole string is a decimal number in range. Error names the text.
Result<std::uint64_t> parse_u64(std::string_view text, std::uint64_t max);

}  // namespace nezu
