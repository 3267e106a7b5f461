#include "probe/transaction/transaction.h"

#include <charconv>
#include <cstring>

namespace nezu::probe {
namespace {

char* put_decimal(char* out, unsigned value) { return std::to_chars(out, out + 8, value).ptr; }

// RFC 5952: the longest run of two or more zero groups is "::", hexadecimal in small letters without leading zeros.
char* put_v6(char* out, const std::array<std::uint8_t, 16>& address) {
  std::array<unsigned, 8> group{};
  for (std::size_t i = 0; i < 8; ++i) group[i] = unsigned{address[2 * i]} << 8 | address[2 * i + 1];
  std::size_t best = 8, best_length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t j = i;
    while (j < 8 && group[j] == 0) ++j;
    if (j - i > best_length) {
      best = i;
      best_length = j - i;
    }
    i = j == i ? i + 1 : j;
  }
  for (std::size_t i = 0; i < 8;) {
    if (i == best) {
      *out++ = ':';
      *out++ = ':';
      i += best_length;
      continue;
    }
    if (i != 0 && out[-1] != ':') *out++ = ':';
    out = std::to_chars(out, out + 4, group[i], 16).ptr;
    ++i;
  }
  return out;
}

}  // namespace

bool Endpoint::is_v4() const {
  static constexpr std::uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), prefix, sizeof prefix) == 0;
}

std::size_t format(const Endpoint& endpoint, char* out) {
  char* p = out;
  if (endpoint.is_v4()) {
    for (std::size_t i = 12; i < 16; ++i) {
      p = put_decimal(p, endpoint.address[i]);
      *p++ = i < 15 ? '.' : ':';
    }
  } else {
    *p++ = '[';
    p = put_v6(p, endpoint.address);
    *p++ = ']';
    *p++ = ':';
  }
  p = put_decimal(p, endpoint.port);
  return static_cast<std::size_t>(p - out);
}

const char* name(Completeness completeness) {
  switch (completeness) {
    case Completeness::complete: return "complete";
    case Completeness::timing_only: return "timing_only";
    case Completeness::no_response: return "no_response";
    case Completeness::no_request: return "no_request";
  }
  return "unknown";
}

const char* name(Reason reason) {
  switch (reason) {
    case Reason::none: return "none";
    case Reason::reset: return "reset";
    case Reason::closed: return "closed";
    case Reason::timeout: return "timeout";
    case Reason::capture_end: return "capture_end";
    case Reason::evicted: return "evicted";
    case Reason::response_lost: return "response_lost";
    case Reason::ambiguous_framing: return "ambiguous_framing";
    case Reason::body_hole: return "body_hole";
    case Reason::head_hole: return "head_hole";
    case Reason::late_copy: return "late_copy";
    case Reason::end_lost: return "end_lost";
    case Reason::start_lost: return "start_lost";
    case Reason::before_capture: return "before_capture";
    case Reason::clock_jump: return "clock_jump";
  }
  return "unknown";
}

}  // namespace nezu::probe
