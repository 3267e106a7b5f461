// LineBuffer: text on its way out, in large blocks. Formatting into it costs no call of the system and no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/base/unique_function.h"

namespace nezu::probe::report {

class LineBuffer {
 public:
  // Takes a block; false: nobody reads any more (what comes later is thrown away).
  using Write = UniqueFunction<bool(std::string_view)>;

  explicit LineBuffer(Write write) : write_(std::move(write)), memory_(new char[kSize]) {}
  LineBuffer(const LineBuffer&) = delete;
  LineBuffer& operator=(const LineBuffer&) = delete;

  // Room for `n` more bytes at the returned place; then commit() says how many were used. REQUIRES: n <= kReserveMax
  char* reserve(std::size_t n) {
    NEZU_CHECK(n <= kReserveMax);
    if (kSize - used_ < n) flush();
    return memory_.get() + used_;
  }
  void commit(const char* end) { used_ = static_cast<std::size_t>(end - memory_.get()); }

  void append(std::string_view text) {
    while (!text.empty()) {
      const std::size_t n = text.size() < kReserveMax ? text.size() : kReserveMax;
      char* out = reserve(n);
      std::memcpy(out, text.data(), n);
      commit(out + n);
      text.remove_prefix(n);
    }
  }

  // Hands over what there is.
  void flush() {
    if (used_ > 0 && !closed_) closed_ = !write_(std::string_view(memory_.get(), used_));
    used_ = 0;
  }

  bool closed() const { return closed_; }
  std::size_t pending() const { return used_; }

  static constexpr std::size_t kReserveMax = std::size_t{64} << 10;

 private:
  static constexpr std::size_t kSize = std::size_t{256} << 10;
  Write write_;
  std::unique_ptr<char[]> memory_;
  std::size_t used_ = 0;
  bool closed_ = false;
};

}  // namespace nezu::probe::report
