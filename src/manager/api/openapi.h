#pragma once

#include <string_view>

namespace nezu::api {
// src/manager/api/openapi.json, as it was when the program was built.
std::string_view openapi_document();
}  // namespace nezu::api
