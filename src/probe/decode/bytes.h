// Reading numbers in network order from bytes that need not be aligned. The caller has checked that they are there.
#pragma once

#include <cstdint>
#include <cstring>

namespace nezu::probe::decode {

inline std::uint16_t load16(const std::uint8_t* p) {
  std::uint16_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap16(v);
}
inline std::uint32_t load32(const std::uint8_t* p) {
  std::uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers in network order are swapped");

// What is left of a frame: `size` bytes at `data` were captured, `wire` bytes were there (wire ≥ size).
struct Cursor {
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  std::uint32_t wire = 0;

  bool has(std::uint32_t n) const { return size >= n; }
  // REQUIRES: has(n)
  void skip(std::uint32_t n) {
    data += n;
    size -= n;
    wire -= n;
  }
};

}  // namespace nezu::probe::decode
