// EarlyData: requests that came with their SYN (TCP Fast Open, RFC 7413), until the server's answer says whether it took them: then they
// are the stream's first bytes; else the client sends them again. A few, in fixed room; a newer one overwrites an older one, so that
// a flood of SYNs with payload makes nothing grow.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "probe/decode/segment.h"

namespace nezu::probe {

class EarlyData {
 public:
  static constexpr std::size_t kEntries = 64;
  static constexpr std::size_t kMaxBytes = 2048;  // of one; a SYN's payload fits into one segment

  struct Entry {
    std::uint64_t hash = 0;
    std::int64_t time = 0;
    Segment segment;    // the SYN; its payload is in `bytes`
    std::string bytes;  // empty: the entry is free
  };
  enum class Kept : std::uint8_t { kept, again, instead_of_another, refused };

  Kept keep(std::uint64_t hash, const Segment& s, std::int64_t time) {
    if (s.captured == 0 || s.captured > kMaxBytes) return Kept::refused;
    Entry& e = place(hash);
    const bool used = !e.bytes.empty();
    if (used && e.hash == hash && e.segment.seq == s.seq) return Kept::again;
    e.hash = hash;
    e.time = time;
    e.segment = s;
    e.bytes.assign(reinterpret_cast<const char*>(s.payload), s.captured);
    held_ += used ? 0 : 1;
    return used ? Kept::instead_of_another : Kept::kept;
  }
  // What came with the SYN of sequence number `isn`; it is here no longer.
  std::optional<Entry> take(std::uint64_t hash, std::uint32_t isn) {
    Entry& e = place(hash);
    if (held_ == 0 || e.bytes.empty() || e.hash != hash || e.segment.seq != isn) return std::nullopt;
    --held_;
    return std::exchange(e, Entry{});
  }
  std::size_t held() const { return held_; }
  void clear() {
    for (Entry& e : entries_) e = Entry{};
    held_ = 0;
  }

 private:
  Entry& place(std::uint64_t hash) { return entries_[hash % kEntries]; }
  std::array<Entry, kEntries> entries_;
  std::size_t held_ = 0;
};

}  // namespace nezu::probe
