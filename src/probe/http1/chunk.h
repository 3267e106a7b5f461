// Chunk: the line in front of a chunk's data: its size in hexadecimal digits, perhaps extensions, CRLF.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nezu::probe::http1 {

// `data` is one whole line of `size` bytes with its LF. False: it can be read in two ways, or in none ("0x10", no digit, a bare LF,
// a size of 2^60 or more).
inline bool parse_chunk_line(const char* data, std::size_t size, std::uint64_t& out) {
  if (size < 3 || data[size - 2] != '\r') return false;
  std::uint64_t n = 0;
  std::size_t i = 0;
  for (; i < size - 2; ++i) {
    const char c = data[i];
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<unsigned>((c | 0x20) - 'a' + 10);
    } else {
      break;
    }
    if (n >> 56 != 0) return false;
    n = n << 4 | digit;
  }
  if (i == 0) return false;
  while (i < size - 2 && (data[i] == ' ' || data[i] == '\t')) ++i;
  if (i != size - 2 && data[i] != ';') return false;
  out = n;
  return true;
}

}  // namespace nezu::probe::http1
