// Any bytes as a capture file: never a read outside of them, always an end.
#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "probe/capture/file_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nezu;
  using namespace nezu::probe;
  if (size == 0) return 0;
  // The first byte chooses how the bytes are cut into reads; packed input may unpack to much, so frames are limited.
  const std::size_t piece = data[0] < 128 ? SIZE_MAX : data[0] - 127u;
  std::unique_ptr<FrameSource> source = read_bytes(read_memory(data + 1, size - 1, piece), "fuzz");
  FrameBatch batch;
  std::uint64_t sum = 0, frames = 0;
  while (frames < 100'000) {
    Result<Polled> polled = source->poll(batch, Nanos(0));
    if (!polled.ok() || *polled == Polled::end) break;
    for (Frame frame; batch.next(frame); ++frames) {
      for (std::uint32_t i = 0; i < frame.captured; ++i) sum += frame.data[i];
    }
  }
  NEZU_CHECK(frames == 0 || sum < UINT64_MAX);
  return 0;
}
