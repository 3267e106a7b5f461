// The TCP header: its options are skipped.
#pragma once

#include "probe/decode/ip.h"

namespace nezu::probe::decode {

inline window::FrameFate tcp(Cursor& at, Segment& out) {
  if (at.wire < 20) return window::FrameFate::bad_tcp;
  if (!at.has(20)) return window::FrameFate::truncated;
  const std::uint8_t* p = at.data;
  const std::uint32_t header = (p[12] >> 4) * 4u;
  if (header < 20 || header > at.wire) return window::FrameFate::bad_tcp;
  out.source_port = load16(p);
  out.destination_port = load16(p + 2);
  out.seq = load32(p + 4);
  out.ack = load32(p + 8);
  out.flags = p[13];
  out.window = load16(p + 14);
  out.length = at.wire - header;
  out.captured = at.size > header ? at.size - header : 0;
  out.payload = out.captured != 0 ? p + header : nullptr;
  return out.captured < out.length ? window::FrameFate::snapped : window::FrameFate::decoded;
}

}  // namespace nezu::probe::decode
