// Segment: a TCP segment as it was found in a frame. A view: the payload lies in the frame.
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace nezu::probe {

enum TcpFlag : std::uint8_t { tcp_fin = 1, tcp_syn = 2, tcp_rst = 4, tcp_psh = 8, tcp_ack = 16 };

struct Segment {
  PacketTime time{};
  const std::uint8_t* payload = nullptr;
  std::uint32_t length = 0;    // of the payload, as it was on the wire
  std::uint32_t captured = 0;  // of these bytes are at `payload`; the rest was cut by the snap length
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;     // meaningful where flags has tcp_ack
  std::uint16_t window = 0;  // unscaled
  std::uint8_t flags = 0;
  // Addresses as two halves of ::ffff:a.b.c.d or the IPv6 address, in network order as they lie in memory.
  std::uint64_t source_high = 0, source_low = 0;
  std::uint64_t destination_high = 0, destination_low = 0;
  std::uint16_t source_port = 0, destination_port = 0;  // in host order
};

}  // namespace nezu::probe
