#include "manager/session/name_key.h"

#include <fmt/core.h>

#include <charconv>

namespace nezu::session {

std::string encode_name_key(const wire::NameKey& key) { return fmt::format("\"{:016x}{:016x}\"", key.k0, key.k1); }

Result<wire::NameKey> decode_name_key(std::string_view json) {
  const Error wrong(ErrorCode::corrupt, "wanted a string of 32 hexadecimal digits");
  if (json.size() != 34 || json.front() != '"' || json.back() != '"') return wrong;
  wire::NameKey key;
  const auto read = [&](std::size_t from, std::uint64_t& value) {
    const char* begin = json.data() + from;
    const auto result = std::from_chars(begin, begin + 16, value, 16);
    return result.ec == std::errc() && result.ptr == begin + 16;
  };
  if (!read(1, key.k0) || !read(17, key.k1)) return wrong;
  return key;
}

}  // namespace nezu::session
