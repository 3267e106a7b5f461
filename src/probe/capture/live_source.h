// Live capture: AF_PACKET rings (TPACKET_V3) of an interface, one for each worker. The kernel spreads the packets over the rings by a
// hash that is the same for both directions of a connection (fragments are put together first), so that each worker sees whole
// connections. A packet that finds its ring full is counted and lost, not put in another worker's ring: there it would make two halves.
//
// Needs CAP_NET_RAW (and, to switch a card's own time stamps on, CAP_NET_ADMIN). Everything is given back when the sources go.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "probe/capture/filter.h"
#include "probe/capture/frame.h"
#include "probe/capture/interface.h"

namespace nezu::probe {

enum class Stamps {
  kernel,    // when the kernel took the packet from the card
  hardware,  // the card's own clock; an Error where the card has none
};

struct LiveOptions {
  std::string interface;                               // its name
  unsigned workers = 1;                                // rings; 1 … 256
  std::uint64_t ring_bytes = std::uint64_t{64} << 20;  // of each ring; 2 MiB … 4 GiB, rounded down to whole blocks
  Nanos block_timeout = Millis(10);                    // a block that isn't full is handed over after so long; 1 ms … 1 s
  std::uint32_t snap_length = 262144;                  // bytes of each packet that are kept; 64 … 262144
  bool promiscuous = true;
  Stamps stamps = Stamps::kernel;
  Nanos timestamp_offset{0};  // added to all stamps
  Filter filter;              // for the interface's link type; empty: everything
};

// One source a worker. The watermark of an empty ring is the time at which it was seen empty, less the longest that a packet can wait in
// a block that isn't full (twice the block time-out and a timer tick). `clock` must outlive the sources.
// On a loopback interface each packet is seen twice; the outgoing copy is left out and counted (SourceStatistics::own_copies).
// Errors: not_found (no such interface), permission (names CAP_NET_RAW), unsupported (link type, hardware stamps), unavailable (the
// interface is down), no_space (the rings' memory).
// poll() fails with unavailable when the interface goes down, with not_found when it goes away; a rename changes nothing.
// statistics(): the interface's own losses are in those of the first source only.
Result<std::vector<std::unique_ptr<FrameSource>>> open_live(const LiveOptions& options, const Clock& clock);

}  // namespace nezu::probe
