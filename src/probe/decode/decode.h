// Decode: from a captured frame to the TCP segment in it. Ethernet (with VLAN tags), Linux cooked, raw IP, BSD loopback; IPv4, IPv6.
//
// Each frame gets exactly one fate. `decoded` and `snapped` (the payload, or its end, was cut by the snap length) fill `out`, whose
// payload is a view into the frame; with any other fate `out` is of no meaning. No allocation, nothing kept, nothing read beyond
// frame.captured bytes.
#pragma once

#include "model/window/counters.h"
#include "probe/capture/frame.h"
#include "probe/decode/segment.h"

namespace nezu::probe {

window::FrameFate decode_frame(const Frame& frame, Segment& out);

}  // namespace nezu::probe
