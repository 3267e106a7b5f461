#include "probe/decode/decode.h"

#include <algorithm>

#include "probe/decode/cooked.h"
#include "probe/decode/loopback.h"
#include "probe/decode/tcp.h"

namespace nezu::probe {
namespace {

using decode::Cursor;
using window::FrameFate;

FrameFate link(LinkType type, Cursor& at, std::uint16_t& ether_type) {
  switch (type) {
    case LinkType::ethernet: return decode::ethernet(at, ether_type);
    case LinkType::linux_sll: return decode::sll(at, ether_type);
    case LinkType::linux_sll2: return decode::sll2(at, ether_type);
    case LinkType::null:
    case LinkType::loop: return decode::loopback(at, ether_type);
    case LinkType::raw:
    case LinkType::raw_bsd:
    case LinkType::raw_openbsd:
    case LinkType::ipv4:
    case LinkType::ipv6: return decode::raw(at, ether_type);
  }
  return FrameFate::link_unknown;
}

// The usual frame in one piece, with a handful of compares: Ethernet without tags, IPv4 without options, a TCP segment that isn't cut.
inline bool usual(const Frame& frame, Segment& out) {
  const std::uint8_t* p = frame.data;
  if (frame.link != LinkType::ethernet || frame.captured < 54) return false;
  const std::uint32_t total = decode::load16(p + 16);
  if (decode::load16(p + 12) != decode::kEtherIp4 || p[14] != 0x45 || p[23] != 6) return false;
  if ((decode::load16(p + 20) & 0x3fff) != 0 || total > frame.captured - 14) return false;
  const std::uint32_t header = (p[46] >> 4) * 4u;
  if (header < 20 || total < 20 + header) return false;
  out.source_high = out.destination_high = 0;
  out.source_low = decode::map_ip4(p + 26);
  out.destination_low = decode::map_ip4(p + 30);
  out.source_port = decode::load16(p + 34);
  out.destination_port = decode::load16(p + 36);
  out.seq = decode::load32(p + 38);
  out.ack = decode::load32(p + 42);
  out.flags = p[47];
  out.window = decode::load16(p + 48);
  out.length = out.captured = total - 20 - header;
  out.payload = p + 34 + header;
  return true;
}

}  // namespace

FrameFate decode_frame(const Frame& frame, Segment& out) {
  out.time = frame.time;
  if (usual(frame, out)) return FrameFate::decoded;
  Cursor at{frame.data, frame.captured, std::max(frame.captured, frame.original)};
  std::uint16_t type = 0;
  FrameFate fate = link(frame.link, at, type);
  if (fate != FrameFate::decoded) return fate;
  if (type == decode::kEtherIp4) {
    fate = decode::ip4(at, out);
  } else if (type == decode::kEtherIp6) {
    fate = decode::ip6(at, out);
  } else {
    // Types of known protocols that carry no IP (or tunnel it) are not_ip; the rest nobody has told us of.
    const bool known = type < 0x600 || type == 0x0806 || type == 0x8035 || type == 0x88cc || type == 0x8847 || type == 0x8848 ||
                       type == 0x8863 || type == 0x8864 || type == 0x888e || type == 0x8809;
    return known ? FrameFate::not_ip : FrameFate::link_unknown;
  }
  return fate == FrameFate::decoded ? decode::tcp(at, out) : fate;
}

}  // namespace nezu::probe
