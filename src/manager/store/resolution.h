// Resolutions as people and the API name them, and what is read from them. Pure.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "manager/store/store.h"

namespace nezu::store {

inline constexpr std::array<Resolution, 5> kResolutions = {Resolution::s1, Resolution::s10, Resolution::m1, Resolution::h1, Resolution::d1};

// "1s", "10s", "1m", "1h", "1d".
const char* to_string(Resolution resolution);
std::optional<Resolution> parse_resolution(std::string_view text);

// How long steps of `resolution` are kept.
Nanos kept_for(const Retention& retention, Resolution resolution);

}  // namespace nezu::store
