// ByteSource: bytes in order, from a file, a pipe, memory, or unpacked from gzip or zstd. Internal to capture.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"

namespace nezu::probe {

struct ReadOutcome {
  enum class Kind { data, end, again } kind;  // again: nothing came within the wait (pipes only)
  std::size_t bytes = 0;                      // > 0 with data
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads up to `room` > 0 bytes. What was read before a failure is given first, the Error with the next call. Errors carry no name of
  // the file: who opened it adds that.
  virtual Result<ReadOutcome> read(std::uint8_t* out, std::size_t room, Nanos wait) = 0;
};

// Of a file descriptor. Where it is no regular file, a read waits for bytes or for `stop_fd` (an eventfd; it then gives `again`).
std::unique_ptr<ByteSource> read_fd(UniqueFd fd, int stop_fd);
// Of memory, which must outlive it. `piece`: the most bytes that one read gives (for tests: the seams fall everywhere).
std::unique_ptr<ByteSource> read_memory(const void* data, std::size_t size, std::size_t piece = SIZE_MAX);
// A file's bytes by its path, "-" for standard input.
Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path, int stop_fd);

// Unpacks gzip (several members one after the other too) in 64 KiB of input and zlib's own state. Packed bytes that end early, or that
// aren't gzip, are ErrorCode::corrupt, with the packed offset.
std::unique_ptr<ByteSource> unpack_gzip(std::unique_ptr<ByteSource> packed);
// Unpacks zstd (several and skippable frames too); windows above 128 MiB, which `zstd --long=31` makes, are refused.
std::unique_ptr<ByteSource> unpack_zstd(std::unique_ptr<ByteSource> packed);

}  // namespace nezu::probe
