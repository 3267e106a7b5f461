// BSD loopback: four bytes of address family before the IP header, in the writer's byte order (NULL) or network order (LOOP).
// AF_INET is 2 everywhere; AF_INET6 differs from system to system: 10, 24, 28, 30.
#pragma once

#include "probe/decode/ethernet.h"

namespace nezu::probe::decode {

inline window::FrameFate loopback(Cursor& at, std::uint16_t& type) {
  if (!at.has(4)) return window::FrameFate::truncated;
  std::uint32_t family = load32(at.data);
  if (family > 0xffff) family = __builtin_bswap32(family);
  at.skip(4);
  if (family == 2) {
    type = kEtherIp4;
  } else if (family == 10 || family == 24 || family == 28 || family == 30) {
    type = kEtherIp6;
  } else {
    return window::FrameFate::not_ip;
  }
  return window::FrameFate::decoded;
}

// Raw IP: the version nibble says which.
inline window::FrameFate raw(Cursor& at, std::uint16_t& type) {
  if (!at.has(1)) return window::FrameFate::truncated;
  const unsigned version = at.data[0] >> 4;
  if (version != 4 && version != 6) return window::FrameFate::bad_ip;
  type = version == 4 ? kEtherIp4 : kEtherIp6;
  return window::FrameFate::decoded;
}

}  // namespace nezu::probe::decode
