// IPv4 with options and IPv6 with extension headers, up to the TCP header. What lies behind the IP packet's own length (Ethernet's
// padding) is cut off. A total length of zero is what a sender with segmentation offload writes into frames longer than 64 KiB: then
// the frame's own length counts. Fragments are counted, not put together.
#pragma once

#include "probe/decode/ethernet.h"
#include "probe/decode/segment.h"

namespace nezu::probe::decode {

inline std::uint64_t load_address(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
// The half of ::ffff:a.b.c.d that holds the address, as it would lie in memory.
inline std::uint64_t map_ip4(const std::uint8_t* p) {
  std::uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return std::uint64_t{v} << 32 | 0xffff0000u;
}

// `length`: of the IP packet behind what `at` has passed. Longer than what was on the wire: the frame was cut before it reached us.
inline window::FrameFate limit(Cursor& at, std::uint32_t length) {
  if (length > at.wire) return window::FrameFate::bad_ip;
  at.wire = length;
  if (at.size > length) at.size = length;
  return window::FrameFate::decoded;
}

inline window::FrameFate ip4(Cursor& at, Segment& out) {
  if (!at.has(20)) return window::FrameFate::truncated;
  const std::uint8_t* p = at.data;
  const std::uint32_t header = (p[0] & 15u) * 4u;
  if ((p[0] >> 4) != 4 || header < 20) return window::FrameFate::bad_ip;
  std::uint32_t total = load16(p + 2);
  if (total == 0) total = at.wire;
  if (total < header) return window::FrameFate::bad_ip;
  if (const auto fate = limit(at, total); fate != window::FrameFate::decoded) return fate;
  if ((load16(p + 6) & 0x3fff) != 0) return window::FrameFate::fragment;
  if (p[9] != 6) return window::FrameFate::not_tcp;
  if (!at.has(header)) return window::FrameFate::truncated;
  out.source_high = out.destination_high = 0;
  out.source_low = map_ip4(p + 12);
  out.destination_low = map_ip4(p + 16);
  at.skip(header);
  return window::FrameFate::decoded;
}

inline window::FrameFate ip6(Cursor& at, Segment& out) {
  if (!at.has(40)) return window::FrameFate::truncated;
  const std::uint8_t* p = at.data;
  if ((p[0] >> 4) != 6) return window::FrameFate::bad_ip;
  out.source_high = load_address(p + 8);
  out.source_low = load_address(p + 16);
  out.destination_high = load_address(p + 24);
  out.destination_low = load_address(p + 32);
  const std::uint32_t length = load16(p + 4);
  std::uint8_t next = p[6];
  at.skip(40);
  if (length != 0) {  // zero: a jumbogram, or offload: the frame's own length
    if (const auto fate = limit(at, length); fate != window::FrameFate::decoded) return fate;
  }
  for (int headers = 0; headers < 8; ++headers) {
    if (next == 6) return window::FrameFate::decoded;
    const bool options = next == 0 || next == 43 || next == 60 || next == 135 || next == 139 || next == 140;
    if (!options && next != 44 && next != 51) return window::FrameFate::not_tcp;
    if (at.wire < 8) return window::FrameFate::bad_ip;
    if (!at.has(8)) return window::FrameFate::truncated;
    std::uint32_t size = 8;
    if (next == 44) {
      if ((load16(at.data + 2) & 0xfff9) != 0) return window::FrameFate::fragment;
    } else {
      size = next == 51 ? (at.data[1] + 2u) * 4u : (at.data[1] + 1u) * 8u;
    }
    next = at.data[0];
    if (at.wire < size) return window::FrameFate::bad_ip;
    if (!at.has(size)) return window::FrameFate::truncated;
    at.skip(size);
  }
  return window::FrameFate::bad_ip;
}

}  // namespace nezu::probe::decode
