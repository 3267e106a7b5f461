// IpPrefix: an IP address, or all addresses that begin like it: what people give to say whose traffic they mean. Values; nothing is resolved.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace nezu {

// IPv4 as ::ffff:a.b.c.d, in network order: 16 bytes for both families.
using IpAddress = std::array<std::uint8_t, 16>;

struct IpPrefix {
  IpAddress address{};      // what lies beyond the prefix is 0
  std::uint8_t bits = 128;  // of the 16 bytes that count, 0–128: an IPv4 /24 is 120

  bool contains(const IpAddress& other) const;
  friend bool operator==(const IpPrefix&, const IpPrefix&) = default;
};

// "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". Errors: invalid_argument, with the text and the wanted form (also for bits beyond the prefix:
// "192.0.2.1/24" may be meant as the address or as the net).
Result<IpPrefix> parse_ip_prefix(std::string_view text);
// The same form back, without "/32" or "/128" where all bits count.
std::string to_string(const IpPrefix& prefix);

}  // namespace nezu
