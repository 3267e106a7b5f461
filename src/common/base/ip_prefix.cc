#include "common/base/ip_prefix.h"

#include <arpa/inet.h>

#include <algorithm>

#include "common/base/text.h"

namespace nezu {
namespace {

constexpr IpAddress kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kMappedBits = 96;

bool is_v4(const IpPrefix& prefix) {
  return prefix.bits >= kMappedBits && std::equal(kMapped.begin(), kMapped.begin() + 12, prefix.address.begin());
}

Error wrong(std::string_view text) {
  return Error(ErrorCode::invalid_argument,
               "'" + std::string(text) + "': wanted an IP address or a prefix, such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
}

}  // namespace

bool IpPrefix::contains(const IpAddress& other) const {
  const std::size_t whole = bits / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), other.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((address[whole] ^ other[whole]) >> (8 - rest)) == 0;
}

Result<IpPrefix> parse_ip_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  IpPrefix prefix;
  std::uint8_t before = 0;
  if (::inet_pton(AF_INET, address.c_str(), prefix.address.data() + 12) == 1) {
    std::copy(kMapped.begin(), kMapped.begin() + 12, prefix.address.begin());
    before = kMappedBits;
  } else if (::inet_pton(AF_INET6, address.c_str(), prefix.address.data()) != 1) {
    return wrong(text);
  }
  if (slash == std::string_view::npos) return prefix;
  const auto bits = parse_u64(text.substr(slash + 1), static_cast<std::uint64_t>(128 - before));
  if (!bits.ok()) return wrong(text);
  prefix.bits = static_cast<std::uint8_t>(before + *bits);
  const IpAddress given = prefix.address;
  for (unsigned bit = prefix.bits; bit < 128; ++bit) prefix.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  if (prefix.address == given) return prefix;
  return Error(ErrorCode::invalid_argument, "'" + std::string(text) + "': bits are set behind the prefix; wanted " + to_string(prefix) +
                                                ", or the address without a prefix's length");
}

std::string to_string(const IpPrefix& prefix) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  const bool v4 = is_v4(prefix);
  if (v4)
    ::inet_ntop(AF_INET, prefix.address.data() + 12, out.data(), out.size());
  else
    ::inet_ntop(AF_INET6, prefix.address.data(), out.data(), out.size());
  std::string text(out.data());
  if (prefix.bits < 128) text += "/" + std::to_string(prefix.bits - (v4 ? kMappedBits : 0));
  return text;
}

}  // namespace nezu
