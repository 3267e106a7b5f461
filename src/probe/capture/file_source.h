// Capture files as a FrameSource: pcap and pcapng, plain or packed with gzip or zstd (told by their content, not by their names).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "probe/capture/byte_source.h"
#include "probe/capture/frame.h"

namespace nezu::probe {

struct FileOptions {
  std::vector<std::string> paths;  // read one after the other; "-" is standard input
  Nanos timestamp_offset{0};       // added to all times
};

// Files are opened one at a time, when their turn comes; a missing one is an Error of poll() then. To learn of it before anything is
// done, check_files(). Memory: 1.3 MiB, and what zlib or zstd need.
std::unique_ptr<FrameSource> read_files(FileOptions options);

// Each file can be opened. The Error names the first that can't.
Status check_files(const std::vector<std::string>& paths);

// Bytes from elsewhere (tests, fuzzing), as one file of that name.
std::unique_ptr<FrameSource> read_bytes(std::unique_ptr<ByteSource> bytes, std::string name, Nanos timestamp_offset = Nanos(0));

}  // namespace nezu::probe
