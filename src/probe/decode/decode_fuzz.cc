// A link type and a frame: the payload must lie inside the frame, and the answer be the same whatever lies behind the frame.
#include <cstring>
#include <memory>

#include "common/base/check.h"
#include "probe/decode/decode.h"

using namespace nezu;
using namespace nezu::probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  static constexpr std::uint16_t links[] = {0, 1, 12, 14, 101, 108, 113, 228, 229, 276, 147};
  Frame frame;
  frame.link = static_cast<LinkType>(links[data[0] % (sizeof links / sizeof *links)]);
  const std::uint32_t cut = data[1];  // bytes that the snap length took
  const std::size_t n = size - 2;
  // A copy of exactly these bytes: reading behind them is seen by AddressSanitizer.
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[n]);
  std::memcpy(exact.get(), data + 2, n);
  frame.data = exact.get();
  frame.captured = static_cast<std::uint32_t>(n);
  frame.original = frame.captured + cut;
  Segment s;
  const window::FrameFate fate = decode_frame(frame, s);
  const bool found = fate == window::FrameFate::decoded || fate == window::FrameFate::snapped;
  if (found) {
    NEZU_CHECK(s.captured <= s.length);
    NEZU_CHECK((fate == window::FrameFate::snapped) == (s.captured < s.length));
    NEZU_CHECK(s.length <= frame.original);
    if (s.captured != 0) NEZU_CHECK(s.payload >= frame.data && s.payload + s.captured <= frame.data + n);
  }
  const std::unique_ptr<std::uint8_t[]> longer(new std::uint8_t[n + 64]);
  std::memcpy(longer.get(), data + 2, n);
  std::memset(longer.get() + n, 0x45, 64);
  frame.data = longer.get();
  Segment again;
  NEZU_CHECK(decode_frame(frame, again) == fate);
  if (found) NEZU_CHECK(again.seq == s.seq && again.length == s.length && again.captured == s.captured && again.source_low == s.source_low);
  return 0;
}
