// For tests: capture files in memory, byte by byte, in either byte order; and what a source gives, copied out.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "probe/capture/file_source.h"

namespace nezu::probe::test {

// Bytes of a file in the making.
class Writer {
 public:
  explicit Writer(bool swapped = false) : swapped_(swapped) {}
  Writer& u8(std::uint8_t v) { return put(&v, 1); }
  Writer& u16(std::uint16_t v) {
    if (swapped_) v = __builtin_bswap16(v);
    return put(&v, 2);
  }
  Writer& u32(std::uint32_t v) {
    if (swapped_) v = __builtin_bswap32(v);
    return put(&v, 4);
  }
  Writer& u64(std::uint64_t v) {
    if (swapped_) v = __builtin_bswap64(v);
    return put(&v, 8);
  }
  Writer& raw(const std::string& s) { return put(s.data(), s.size()); }
  std::string bytes;

  // pcap
  Writer& pcap_header(std::uint32_t magic, std::uint32_t link = 1) { return u32(magic).u16(2).u16(4).u32(0).u32(0).u32(262144).u32(link); }
  Writer& pcap_record(std::uint32_t s, std::uint32_t fraction, const std::string& data, std::uint32_t original = 0) {
    return u32(s)
        .u32(fraction)
        .u32(static_cast<std::uint32_t>(data.size()))
        .u32(original ? original : static_cast<std::uint32_t>(data.size()))
        .raw(data);
  }

  // pcapng
  Writer& block(std::uint32_t type, std::string body) {
    body.resize((body.size() + 3) / 4 * 4);
    const auto length = static_cast<std::uint32_t>(body.size() + 12);
    return u32(type).u32(length).raw(body).u32(length);
  }
  Writer& section() { return block(0x0a0d0d0a, Writer(swapped_).u32(0x1a2b3c4d).u16(1).u16(0).u64(UINT64_MAX).bytes); }
  Writer& interface(std::uint16_t link, const std::string& options = "") {
    return block(1, Writer(swapped_).u16(link).u16(0).u32(0).raw(options).bytes);
  }
  std::string option(std::uint16_t code, const std::string& value) const {
    std::string padded = value;
    padded.resize((padded.size() + 3) / 4 * 4);
    return Writer(swapped_).u16(code).u16(static_cast<std::uint16_t>(value.size())).raw(padded).bytes;
  }
  Writer& enhanced(std::uint32_t interface, std::uint64_t stamp, const std::string& data, std::uint32_t original = 0) {
    return block(6, Writer(swapped_)
                        .u32(interface)
                        .u32(static_cast<std::uint32_t>(stamp >> 32))
                        .u32(static_cast<std::uint32_t>(stamp))
                        .u32(static_cast<std::uint32_t>(data.size()))
                        .u32(original ? original : static_cast<std::uint32_t>(data.size()))
                        .raw(data)
                        .bytes);
  }

 private:
  Writer& put(const void* p, std::size_t n) {
    bytes.append(static_cast<const char*>(p), n);
    return *this;
  }
  bool swapped_;
};

struct Seen {
  std::int64_t ns;
  std::uint32_t original;
  LinkType link;
  std::string data;
  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Outcome {
  std::vector<Seen> frames;
  std::string error;  // empty: ended well
  ErrorCode code = ErrorCode::invalid_argument;
  SourceStatistics statistics;
};

inline Outcome drain(FrameSource& source) {
  Outcome out;
  FrameBatch batch;
  for (;;) {
    Result<Polled> polled = source.poll(batch, Millis(100));
    if (!polled.ok()) {
      out.error = polled.error().message();
      out.code = polled.error().code();
      break;
    }
    if (*polled == Polled::end) break;
    for (Frame f; batch.next(f);) {
      out.frames.push_back({to_ns(f.time), f.original, f.link, std::string(reinterpret_cast<const char*>(f.data), f.captured)});
    }
  }
  out.statistics = source.statistics();
  return out;
}

inline Outcome read_all(const std::string& bytes, std::size_t piece = SIZE_MAX) {
  // A copy of exactly this size on the heap, so that AddressSanitizer sees one byte too many.
  std::unique_ptr<char[]> exact(new char[bytes.size() + (bytes.empty() ? 1 : 0)]);
  std::memcpy(exact.get(), bytes.data(), bytes.size());
  std::unique_ptr<FrameSource> source = read_bytes(read_memory(exact.get(), bytes.size(), piece), "x.pcap");
  return drain(*source);
}

inline std::string payload(std::size_t n, char seed) {
  std::string s(n, '\0');
  for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>(seed + static_cast<char>(i % 61));
  return s;
}

}  // namespace nezu::probe::test
