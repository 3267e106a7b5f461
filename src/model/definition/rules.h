// The rules of a definition's fields. Each gives an empty string where the value is well, else what is wanted. Only for this module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/definition/service.h"

namespace nezu::definition::rules {

std::string name(std::string_view text);
std::string transaction_name(std::string_view text);
std::string host(std::string_view text);
std::string path_prefix(std::string_view text);
std::string path_part(std::string_view text);
std::string method(std::string_view text);
std::string token(std::string_view text);      // a header's or cookie's name
std::string parameter(std::string_view text);  // a query parameter's name
std::string value(std::string_view text);

inline constexpr std::int64_t kMinPort = 1, kMaxPort = 65'535;
inline constexpr std::int64_t kMinError = 400, kMaxError = 499;

std::string lowered(std::string text);  // ASCII only
std::string raised(std::string text);

const char* to_string(PathCondition::Kind kind);

}  // namespace nezu::definition::rules
