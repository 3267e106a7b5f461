// ReadBuffer: the block that file readers parse in. Holds what was not consumed, refills behind it. Internal to capture.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>

#include "probe/capture/byte_source.h"

namespace nezu::probe {

class ReadBuffer {
 public:
  static constexpr std::size_t kBlock = std::size_t{256} << 10;   // one read; fits the second cache
  static constexpr std::size_t kCapacity = std::size_t{1} << 20;  // the largest ensure()

  explicit ReadBuffer(std::unique_ptr<ByteSource> source) : source_(std::move(source)), memory_(new std::uint8_t[kCapacity + kBlock]) {}

  enum class Have { yes, no_more, not_yet };  // no_more: the bytes end before; not_yet: a pipe that has nothing now

  // Has size() ≥ n, if it can be had. Moves the bytes: pointers into them end here. REQUIRES: n <= kCapacity
  Result<Have> ensure(std::size_t n, Nanos wait) {
    NEZU_CHECK(n <= kCapacity);
    while (size_ < n) {
      if (ended_) return Have::no_more;
      if (start_ > 0) {
        std::memmove(memory_.get(), memory_.get() + start_, size_);
        start_ = 0;
      }
      Result<ReadOutcome> outcome = source_->read(memory_.get() + size_, kBlock, wait);
      if (!outcome.ok()) return outcome.error().in("after " + std::to_string(offset_ + size_) + " bytes");
      if (outcome->kind == ReadOutcome::Kind::again) return Have::not_yet;
      if (outcome->kind == ReadOutcome::Kind::end) ended_ = true;
      size_ += outcome->bytes;
    }
    return Have::yes;
  }

  const std::uint8_t* data() const { return memory_.get() + start_; }
  std::size_t size() const { return size_; }
  std::uint64_t offset() const { return offset_; }  // of data(), in the (unpacked) bytes
  void consume(std::size_t n) {
    NEZU_CHECK(n <= size_);
    start_ += n;
    size_ -= n;
    offset_ += n;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t start_ = 0;
  std::size_t size_ = 0;
  std::uint64_t offset_ = 0;
  bool ended_ = false;
};

}  // namespace nezu::probe
