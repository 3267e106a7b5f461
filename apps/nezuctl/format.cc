#include "nezuctl/format.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <ctime>

#include "common/base/text.h"

namespace nezuctl {

using nezu::Error;
using nezu::ErrorCode;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Three significant digits, without an exponent.
std::string three_digits(double value) {
  const double size = std::fabs(value);
  if (size >= 99.95) return fmt::format("{:.0f}", value);
  if (size >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::tm broken_down(std::int64_t ns, bool utc) {
  // Rounded down, for times before 1970 too.
  const std::time_t seconds = ns >= 0 ? ns / kSecond : -((-ns + kSecond - 1) / kSecond);
  std::tm tm{};
  utc ? ::gmtime_r(&seconds, &tm) : ::localtime_r(&seconds, &tm);
  return tm;
}

// Digits only, exactly `count`; -1 otherwise.
int number(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return -1;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "16:10" or "16:10:05" into hours, minutes, seconds.
bool read_clock(std::string_view text, std::tm& tm) {
  if ((text.size() != 5 && text.size() != 8) || text[2] != ':' || (text.size() == 8 && text[5] != ':')) return false;
  tm.tm_hour = number(text, 0, 2);
  tm.tm_min = number(text, 3, 2);
  tm.tm_sec = text.size() == 8 ? number(text, 6, 2) : 0;
  return tm.tm_hour >= 0 && tm.tm_hour < 24 && tm.tm_min >= 0 && tm.tm_min < 60 && tm.tm_sec >= 0 && tm.tm_sec < 60;
}

bool read_date(std::string_view text, std::tm& tm) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const int year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

}  // namespace

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return kNothing;
  const double size = std::fabs(seconds);
  if (size == 0) return "0 s";
  if (size < 0.9995e-3) return three_digits(seconds * 1e6) + " µs";
  if (size < 0.9995) return three_digits(seconds * 1e3) + " ms";
  if (size < 99.95) return three_digits(seconds) + " s";
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 2 * 86400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {} h", whole / 86400, whole / 3600 % 24);
}

std::string rate_text(double per_second) {
  if (!std::isfinite(per_second)) return kNothing;
  return per_second == 0 ? "0" : three_digits(per_second);
}

std::string percent_text(double ratio) { return std::isfinite(ratio) ? fmt::format("{:.2f} %", ratio * 100) : kNothing; }

std::string bytes_text(double bytes) {
  if (!std::isfinite(bytes)) return kNothing;
  static constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (std::fabs(bytes) >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  const bool whole = unit == 0 || bytes >= 99.95 || bytes == std::floor(bytes);
  return fmt::format("{:.{}f} {}", bytes, whole ? 0 : 1, kUnits[unit]);
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // C1 controls are two bytes in UTF-8: C2 80 … C2 9F.
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) ++i;
    out += c1 || c < 0x20 || c == 0x7f ? ' ' : text[i];
  }
  return out;
}

std::string Zone::name() const {
  if (utc_) return "UTC";
  const std::tm tm = broken_down(std::int64_t{std::time(nullptr)} * kSecond, false);
  return tm.tm_zone != nullptr ? tm.tm_zone : "local";
}

std::string Zone::clock(std::int64_t ns, bool milliseconds) const {
  const std::tm tm = broken_down(ns, utc_);
  std::string out = fmt::format("{:02}:{:02}:{:02}", tm.tm_hour, tm.tm_min, tm.tm_sec);
  if (milliseconds) out += fmt::format(".{:03}", ((ns % kSecond) + kSecond) % kSecond / 1'000'000);
  return out;
}

std::string Zone::text(std::int64_t ns, bool milliseconds) const {
  const std::tm tm = broken_down(ns, utc_);
  return fmt::format("{:04}-{:02}-{:02} ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) + clock(ns, milliseconds);
}

std::string Zone::text_of(std::string_view rfc3339, bool milliseconds) const {
  const auto ns = nezu::parse_rfc3339(rfc3339);
  return ns ? text(*ns, milliseconds) : kNothing;
}

Result<std::int64_t> Zone::parse(std::string_view text, std::int64_t now_ns) const {
  if (text == "now") return now_ns;
  if (!text.empty() && text.front() == '-') {
    const auto back = nezu::parse_duration(text.substr(1));
    if (back) return now_ns - back->count();
  }
  std::tm tm = broken_down(now_ns, utc_);
  tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
  const bool separated = text.size() > 11 && (text[10] == ' ' || text[10] == 'T');
  if (read_date(text, tm) || read_clock(text, tm) || (separated && read_date(text.substr(0, 10), tm) && read_clock(text.substr(11), tm))) {
    tm.tm_isdst = -1;
    return std::int64_t{utc_ ? ::timegm(&tm) : std::mktime(&tm)} * kSecond;
  }
  const auto exact = nezu::parse_rfc3339(text);
  if (exact) return *exact;
  return Error(
      ErrorCode::invalid_argument,
      "\"" + std::string(text) + "\" is no time; wanted now, -10m, 16:10, 2026-11-24, \"2026-11-24 16:10:05\" or 2026-11-24T07:10:05Z");
}

}  // namespace nezuctl
