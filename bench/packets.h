// Frames of TCP over IPv4 and IPv6 on Ethernet, with right lengths and checksums.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace nezu::bench {

struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // v4: the first four
  std::uint16_t port = 0;
};
Address v4(std::uint32_t host_order, std::uint16_t port);
Address v6(std::uint64_t low, std::uint16_t port);  // 2001:db8::/64
std::string text(const Address& address);           // "10.0.0.1:80", "[2001:db8::1]:80": only for addresses that v4() and v6() make

enum Flags : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPush = 8, kAck = 16 };

std::string tcp_frame(const Address& from, const Address& to, std::uint32_t seq, std::uint32_t ack, std::uint8_t flags,
                      std::string_view payload);

// Bytes of payload that fit one frame of 1514 bytes.
inline std::size_t mss(const Address& a) { return a.v6 ? 1440 : 1460; }

}  // namespace nezu::bench
