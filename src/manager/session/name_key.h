// The key of the transactions' names, 128 bits: made once, kept durably under kNameKey.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "model/wire/messages.h"

namespace nezu::session {

inline constexpr const char* kNameKey = "name_key";

std::string encode_name_key(const wire::NameKey& key);  // a JSON string of 32 hexadecimal digits
Result<wire::NameKey> decode_name_key(std::string_view json);

}  // namespace nezu::session
