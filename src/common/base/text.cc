#include "common/base/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>

namespace nezu {
namespace {

constexpr std::int64_t kMaxNs = std::numeric_limits<std::int64_t>::max();

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 7> kTimeUnits{{{"d", 86'400'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1}}};
constexpr std::array<Unit, 4> kBinaryUnits{{{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}}};
constexpr std::array<Unit, 6> kOtherSizeUnits{
    {{"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}, {"kB", 1'000}, {"B", 1}, {"", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number at the front of `text`; takes it off. False where there is none, or where it doesn't fit.
bool take_number(std::string_view& text, std::uint64_t& value) {
  std::size_t n = 0;
  value = 0;
  while (n < text.size() && is_digit(text[n])) {
    const auto digit = static_cast<std::uint64_t>(text[n] - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return false;
    value = value * 10 + digit;
    ++n;
  }
  text.remove_prefix(n);
  return n > 0;
}

Error wanted(std::string_view text, std::string_view what) {
  return Error(ErrorCode::invalid_argument, fmt::format("'{}': wanted {}", text, what));
}

constexpr std::string_view kDurationForm = "a duration: a whole number and ns, us, ms, s, m, h or d, as in 250ms or 30s";

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar. The year is taken to begin in March, so that the leap day is its last.
std::int64_t days_of_date(std::int64_t year, int month, int day) {
  const std::int64_t y = month > 2 ? year : year - 1;
  const int m = month > 2 ? month - 3 : month + 9;
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719'468;
}

struct Date {
  std::int64_t year;
  int month, day;
};
// REQUIRES: a day after the year 0, which every count of nanoseconds in 64 bits is.
Date date_of_days(std::int64_t days) {
  const std::int64_t since_march_0 = days + 719'468;
  std::int64_t year = (since_march_0 * 400 + 399) / 146'097;
  while (days_of_date(year, 3, 1) > days) --year;
  while (days_of_date(year + 1, 3, 1) <= days) ++year;
  const auto day_of_year = static_cast<int>(days - days_of_date(year, 3, 1));
  const int m = (5 * day_of_year + 2) / 153;
  const int day = day_of_year - (153 * m + 2) / 5 + 1;
  return m < 10 ? Date{year, m + 3, day} : Date{year + 1, m - 9, day};
}

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
int days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[static_cast<std::size_t>(month - 1)];
}

// Exactly `width` digits at the front of `text`, between min and max; takes them off.
bool take_fixed(std::string_view& text, std::size_t width, int min, int max, int& value) {
  if (text.size() < width) return false;
  value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (!is_digit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value >= min && value <= max;
}
bool take_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}
bool take_fraction(std::string_view& text, std::int64_t& ns) {
  ns = 0;
  if (text.empty() || text.front() != '.') return true;
  text.remove_prefix(1);
  std::size_t digits = 0;
  std::int64_t scale = 100'000'000;
  while (digits < text.size() && is_digit(text[digits])) {
    if (digits == 9) return false;
    ns += (text[digits] - '0') * scale;
    scale /= 10;
    ++digits;
  }
  text.remove_prefix(digits);
  return digits > 0;
}
// "Z" or "+09:00"; seconds east of UTC.
bool take_zone(std::string_view& text, std::int64_t& seconds) {
  seconds = 0;
  if (take_char(text, "Zz")) return true;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
  const std::int64_t sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  int h = 0, m = 0;
  if (!take_fixed(text, 2, 0, 23, h) || !take_char(text, ":") || !take_fixed(text, 2, 0, 59, m)) return false;
  seconds = sign * (h * 3600 + m * 60);
  return true;
}

}  // namespace

Result<Nanos> parse_duration(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t number = 0;
  if (!take_number(rest, number)) return wanted(text, kDurationForm);
  if (rest.empty() && number == 0) return Nanos(0);
  for (const Unit& unit : kTimeUnits) {
    if (rest != unit.name) continue;
    if (number > static_cast<std::uint64_t>(kMaxNs) / unit.factor) return wanted(text, "a duration below 106751d");
    return Nanos(static_cast<std::int64_t>(number * unit.factor));
  }
  return wanted(text, kDurationForm);
}

Result<Nanos> parse_signed_duration(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    auto magnitude = parse_duration(text.substr(1));
    if (!magnitude) return wanted(text, kDurationForm);
    return text.front() == '-' ? -*magnitude : *magnitude;
  }
  return parse_duration(text);
}

std::string format_duration(Nanos d) {
  if (d.count() == 0) return "0s";
  const bool negative = d.count() < 0;
  const std::uint64_t ns = negative ? 0 - static_cast<std::uint64_t>(d.count()) : static_cast<std::uint64_t>(d.count());
  for (const Unit& unit : kTimeUnits) {
    if (ns % unit.factor == 0) return fmt::format("{}{}{}", negative ? "-" : "", ns / unit.factor, unit.name);
  }
  return {};
}

Result<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view form = "a size: a whole number, alone or with KiB, MiB, GiB, TiB, kB, MB, GB or TB, as in 64MiB";
  std::string_view rest = text;
  std::uint64_t number = 0;
  if (!take_number(rest, number)) return wanted(text, form);
  const auto of_unit = [&](const Unit& unit) -> Result<std::uint64_t> {
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return wanted(text, "a size below 16 EiB");
    return number * unit.factor;
  };
  for (const Unit& unit : kBinaryUnits) {
    if (rest == unit.name) return of_unit(unit);
  }
  for (const Unit& unit : kOtherSizeUnits) {
    if (rest == unit.name) return of_unit(unit);
  }
  return wanted(text, form);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  for (const Unit& unit : kBinaryUnits) {
    if (bytes % unit.factor == 0) return fmt::format("{}{}", bytes / unit.factor, unit.name);
  }
  return fmt::format("{}", bytes);
}

std::string format_rfc3339(std::int64_t ns_since_1970) {
  constexpr std::int64_t second = 1'000'000'000, day = 86'400 * second;
  std::int64_t days = ns_since_1970 / day, rest = ns_since_1970 % day;
  if (rest < 0) {
    rest += day;
    --days;
  }
  const Date date = date_of_days(days);
  const std::int64_t s = rest / second;
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day, s / 3600, s / 60 % 60, s % 60);
  if (const std::int64_t ns = rest % second; ns != 0) {
    std::string fraction = fmt::format("{:09}", ns);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += '.';
    out += fraction;
  }
  out += 'Z';
  return out;
}

Result<std::int64_t> parse_rfc3339(std::string_view text) {
  constexpr std::string_view form = "a time as 2026-11-24T07:10:05Z, 2026-11-24T16:10:05.25+09:00 or 2026-11-24, between 1678 and 2261";
  std::string_view rest = text;
  int year = 0, month = 0, day = 0;
  if (!take_fixed(rest, 4, 1678, 2261, year) || !take_char(rest, "-") || !take_fixed(rest, 2, 1, 12, month) || !take_char(rest, "-") ||
      !take_fixed(rest, 2, 1, days_in_month(year, month), day)) {
    return wanted(text, form);
  }
  int hour = 0, minute = 0, second = 0;
  std::int64_t ns = 0, zone = 0;
  if (!rest.empty()) {
    // 60 is a leap second: it is the same instant as the next second's 0.
    if (!take_char(rest, "Tt ") || !take_fixed(rest, 2, 0, 23, hour) || !take_char(rest, ":") || !take_fixed(rest, 2, 0, 59, minute) ||
        !take_char(rest, ":") || !take_fixed(rest, 2, 0, 60, second) || !take_fraction(rest, ns) || !take_zone(rest, zone) ||
        !rest.empty()) {
      return wanted(text, form);
    }
  }
  const std::int64_t seconds = days_of_date(year, month, day) * 86'400 + hour * 3600 + minute * 60 + second - zone;
  return seconds * 1'000'000'000 + ns;
}

Result<HostPort> parse_host_port(std::string_view text) {
  constexpr std::string_view form = "HOST:PORT, with an IPv6 address in brackets, as in 127.0.0.1:7480 or [::1]:7480";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wanted(text, form);
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.find_first_not_of("0123456789abcdefABCDEF:.%") != std::string_view::npos && host.find('%') == std::string_view::npos) {
      return wanted(text, form);
    }
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return wanted(text, form);
  }
  const auto unfit = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '@' || c == '[' || c == ']' || c == 0x7f;
  };
  if (host.empty() || host.size() > 255 || std::any_of(host.begin(), host.end(), unfit)) return wanted(text, form);
  auto port = parse_u64(text.substr(colon + 1), 65'535);
  if (!port) return wanted(text, "HOST:PORT with a port of 0–65535");
  return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string format_host_port(const HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
}

Result<std::uint64_t> parse_u64(std::string_view text, std::uint64_t max) {
  std::string_view rest = text;
  std::uint64_t number = 0;
  if (!take_number(rest, number) || !rest.empty() || number > max) { return wanted(text, fmt::format("a whole number, 0–{}", max)); }
  return number;
}

}  // namespace nezu
