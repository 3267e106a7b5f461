// Percent-encoding and a request's target. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/http/server.h"

namespace nezu::http {

// "%2F" → "/"; nothing where an escape is broken or gives a NUL. plus_is_space: for queries.
std::optional<std::string> url_decode(std::string_view text, bool plus_is_space);

inline constexpr std::size_t kQueryParametersMax = 256;

// Fills request.path and request.query from request.target: origin form, absolute form, or "*" (path "/").
Status parse_target(Request& request);

}  // namespace nezu::http
