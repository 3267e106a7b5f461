#include "manager/store/resolution.h"

namespace nezu::store {

Nanos length(Resolution resolution) {
  switch (resolution) {
    case Resolution::s1: return std::chrono::seconds(1);
    case Resolution::s10: return std::chrono::seconds(10);
    case Resolution::m1: return std::chrono::minutes(1);
    case Resolution::h1: return std::chrono::hours(1);
    case Resolution::d1: return std::chrono::hours(24);
  }
  NEZU_CHECK(false);
}

const char* to_string(Resolution resolution) {
  switch (resolution) {
    case Resolution::s1: return "1s";
    case Resolution::s10: return "10s";
    case Resolution::m1: return "1m";
    case Resolution::h1: return "1h";
    case Resolution::d1: return "1d";
  }
  NEZU_CHECK(false);
}

std::optional<Resolution> parse_resolution(std::string_view text) {
  for (const Resolution r : kResolutions) {
    if (text == to_string(r)) return r;
  }
  return std::nullopt;
}

Nanos kept_for(const Retention& retention, Resolution resolution) {
  switch (resolution) {
    case Resolution::s1: return retention.s1;
    case Resolution::s10: return retention.s10;
    case Resolution::m1: return retention.m1;
    case Resolution::h1: return retention.h1;
    case Resolution::d1: return retention.d1;
  }
  NEZU_CHECK(false);
}

}  // namespace nezu::store
