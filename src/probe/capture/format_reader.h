// FormatReader: one capture file's format. What it gives becomes a FrameSource in file_source. Internal to capture.
#pragma once

#include <memory>

#include "probe/capture/batch_filler.h"
#include "probe/capture/read_buffer.h"

namespace nezu::probe {

// A captured length above this is damage: libpcap's own limit for everything but USB.
inline constexpr std::uint32_t kRecordMax = 262144;

class FormatReader {
 public:
  virtual ~FormatReader() = default;
  // As FrameSource::poll, without stop. Errors say "at byte N: …", without the file's name.
  virtual Result<Polled> poll(FrameBatch& batch, Nanos wait) = 0;
  // What the file says that its writer lost.
  virtual std::uint64_t writer_drops() const { return 0; }
};

// The bytes begin with a pcap or pcapng magic number. `offset` is added to all times.
bool is_pcap(const std::uint8_t* first_four);
bool is_pcapng(const std::uint8_t* first_four);
std::unique_ptr<FormatReader> read_pcap(std::unique_ptr<ByteSource> bytes, Nanos offset);
std::unique_ptr<FormatReader> read_pcapng(std::unique_ptr<ByteSource> bytes, Nanos offset);

// "at byte N: …", corrupt.
Error damage(std::uint64_t offset, const std::string& what);

}  // namespace nezu::probe
