// Frames of the link (docs/formats/link.md): pure, both ends.
//
//   0        4        8                8+length
//   | "NZB1" | length | protobuf bytes … |        length: 32 bits, big endian, 1 … limit
//
// Each frame begins with the magic, so that a peer that speaks something else is told from a damaged stream at its first bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace nezu::wire {

inline constexpr std::size_t kFrameHeader = 8;
inline constexpr std::size_t kMaxHelloBytes = 64 << 10;  // before the peer is known
inline constexpr std::size_t kMaxFrameBytes = 16 << 20;  // after

// Names of transactions in one record: a frame has room for them and a megabyte of what else a record holds, however long they are on the wire
// (two hashes of 8 bytes, and a difference of times of 10 at most).
inline constexpr std::size_t kMaxNameBytes = 26;
inline constexpr std::size_t kMaxNames = 400'000;       // of what was decided by its last byte: limits.names
inline constexpr std::size_t kMaxOtherNames = 200'000;  // of what was decided otherwise
static_assert((kMaxNames + kMaxOtherNames) * kMaxNameBytes + (1 << 20) <= kMaxFrameBytes);

// REQUIRES: 1 … kMaxFrameBytes of message
std::string frame(std::string_view message_bytes);

// Takes bytes as they come, gives whole messages. Lengths are checked before anything is allocated.
class FrameReader {
 public:
  explicit FrameReader(std::size_t limit) : limit_(limit) {}
  void set_limit(std::size_t limit) { limit_ = limit; }
  void append(std::string_view bytes);
  // The next whole message's bytes (valid until the next call), an empty optional-like view with ok() where more is needed, or an error
  // after which the stream is of no use: unsupported (not our magic) or corrupt (length 0 or beyond the limit).
  struct Next {
    bool ready = false;
    std::string_view bytes;
  };
  Result<Next> next();

 private:
  std::size_t limit_;
  std::string buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace nezu::wire
