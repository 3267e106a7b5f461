// Linux "cooked" captures, SLL (16 bytes) and SLL2 (20 bytes): what the "any" device gives.
#pragma once

#include "probe/decode/ethernet.h"

namespace nezu::probe::decode {

inline window::FrameFate sll(Cursor& at, std::uint16_t& type) {
  if (!at.has(16)) return window::FrameFate::truncated;
  type = load16(at.data + 14);
  at.skip(16);
  return skip_tags(at, type);
}

inline window::FrameFate sll2(Cursor& at, std::uint16_t& type) {
  if (!at.has(20)) return window::FrameFate::truncated;
  type = load16(at.data);
  at.skip(20);
  return skip_tags(at, type);
}

}  // namespace nezu::probe::decode
