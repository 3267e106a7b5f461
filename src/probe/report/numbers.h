// Numbers into text, as fast as it goes: each function writes at `out` and gives the end. No terminating zero.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace nezu::probe::report {

inline char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// At most 20 characters.
inline char* put_u64(char* out, std::uint64_t v) {
  char reversed[20];
  int n = 0;
  do {
    reversed[n++] = static_cast<char>('0' + v % 10);
    v /= 10;
  } while (v != 0);
  while (n > 0) *out++ = reversed[--n];
  return out;
}

// Nanoseconds as seconds with exactly nine decimals, without rounding: 1500000000 is "1.500000000". At most 21 characters.
inline char* put_seconds(char* out, std::int64_t ns) {
  std::uint64_t v = static_cast<std::uint64_t>(ns);
  if (ns < 0) {
    *out++ = '-';
    v = 0 - v;
  }
  out = put_u64(out, v / 1'000'000'000);
  *out++ = '.';
  auto fraction = static_cast<std::uint32_t>(v % 1'000'000'000);
  for (int i = 8; i >= 0; --i) {
    out[i] = static_cast<char>('0' + fraction % 10);
    fraction /= 10;
  }
  return out + 9;
}

}  // namespace nezu::probe::report
