// Ethernet II with 802.1Q and 802.1ad tags, as many as there are, up to a limit. (A tag that the network card took out is not in the
// bytes: nothing to do for it here.) 802.3 frames with a length field carry no IP that we would read: not_ip.
#pragma once

#include "model/window/counters.h"
#include "probe/decode/bytes.h"

namespace nezu::probe::decode {

constexpr std::uint16_t kEtherIp4 = 0x0800;
constexpr std::uint16_t kEtherIp6 = 0x86dd;
constexpr int kMaxTags = 4;

// From the EtherType on; gives the type behind all tags, or a fate that ends the decoding.
inline window::FrameFate skip_tags(Cursor& at, std::uint16_t& type) {
  for (int tags = 0; type == 0x8100 || type == 0x88a8 || type == 0x9100; ++tags) {
    if (tags == kMaxTags) return window::FrameFate::link_unknown;
    if (!at.has(4)) return window::FrameFate::truncated;
    type = load16(at.data + 2);
    at.skip(4);
  }
  return window::FrameFate::decoded;
}

inline window::FrameFate ethernet(Cursor& at, std::uint16_t& type) {
  if (!at.has(14)) return window::FrameFate::truncated;
  type = load16(at.data + 12);
  at.skip(14);
  return skip_tags(at, type);
}

}  // namespace nezu::probe::decode
