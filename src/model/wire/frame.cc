#include "model/wire/frame.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/check.h"

namespace nezu::wire {
namespace {
constexpr std::string_view kMagic = "NZB1";
}

std::string frame(std::string_view message_bytes) {
  NEZU_CHECK(!message_bytes.empty() && message_bytes.size() <= kMaxFrameBytes);
  std::string out;
  out.reserve(kFrameHeader + message_bytes.size());
  out += kMagic;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message_bytes.size() >> shift);
  out += message_bytes;
  return out;
}

void FrameReader::append(std::string_view bytes) {
  // What was handed out is moved over only once it is worth it: each byte is moved at most once on average.
  if (consumed_ > buffer_.size() / 2) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  buffer_ += bytes;
}

Result<FrameReader::Next> FrameReader::next() {
  const std::string_view rest = std::string_view(buffer_).substr(consumed_);
  const std::size_t magic = std::min(rest.size(), kMagic.size());
  if (rest.substr(0, magic) != kMagic.substr(0, magic)) {
    return Error(ErrorCode::unsupported, "the peer doesn't speak the link's protocol: its bytes don't begin with NZB1");
  }
  if (rest.size() < kFrameHeader) return Next{};
  std::size_t length = 0;
  for (std::size_t i = kMagic.size(); i < kFrameHeader; ++i) length = length << 8 | static_cast<unsigned char>(rest[i]);
  if (length == 0 || length > limit_) { return Error(ErrorCode::corrupt, fmt::format("a frame of {} bytes; wanted 1–{}", length, limit_)); }
  if (rest.size() < kFrameHeader + length) return Next{};
  consumed_ += kFrameHeader + length;
  return Next{true, rest.substr(kFrameHeader, length)};
}

}  // namespace nezu::wire
