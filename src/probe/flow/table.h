// Table: connections by their addresses and ports. Entries live in slots that never move; an open-addressing index of (hash, slot)
// finds them. The hash is keyed: strangers choose the tuples. Never more than `capacity` entries.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/check.h"
#include "probe/decode/segment.h"

namespace nezu::probe::flow {

struct HashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

// A segment's tuple with the lower end first.
struct Tuple {
  std::uint64_t low_high = 0, low_low = 0, high_high = 0, high_low = 0;
  std::uint16_t low_port = 0, high_port = 0;
  bool source_is_high = false;
};

inline Tuple tuple_of(const Segment& s) {
  bool high = s.source_low > s.destination_low;
  if (s.source_low == s.destination_low) {
    high = s.source_high != s.destination_high ? s.source_high > s.destination_high : s.source_port > s.destination_port;
  }
  if (!high) { return {s.source_high, s.source_low, s.destination_high, s.destination_low, s.source_port, s.destination_port, false}; }
  return {s.destination_high, s.destination_low, s.source_high, s.source_low, s.destination_port, s.source_port, true};
}

__extension__ typedef unsigned __int128 Wide;  // not ISO C++, but of both compilers on every 64-bit machine

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
// Folded multiplications with secret factors, as in wyhash. IPv4 needs two of them.
inline std::uint64_t hash_of(const Tuple& t, const HashKey& key) {
  const std::uint64_t ports = std::uint64_t{t.low_port} << 16 | t.high_port;
  std::uint64_t h = fold(t.low_low ^ key.low, t.high_low ^ key.high);
  if ((t.low_high | t.high_high) != 0) h ^= fold(t.low_high ^ key.high ^ h, t.high_high ^ key.low);
  return fold(h ^ ports ^ key.high, key.low | 1);
}

template <class Connection>
class Table {
 public:
  explicit Table(const HashKey& key) : key_(key) { index_.resize(1024); }

  std::uint64_t hash(const Tuple& t) const { return hash_of(t, key_); }
  void prefetch_index(std::uint64_t h) const { __builtin_prefetch(&index_[h & (index_.size() - 1)]); }
  // Asks for the record that the index (already at hand) names first for this hash.
  void prefetch_record(std::uint64_t h) const {
    const Entry e = index_[h & (index_.size() - 1)];
    if (e.slot == 0) return;
    const char* p = reinterpret_cast<const char*>(&slot(e.slot));
    for (std::size_t i = 0; i < sizeof(Connection); i += 64) __builtin_prefetch(p + i);
  }

  Connection* find(const Tuple& t, std::uint64_t h) {
    const std::size_t mask = index_.size() - 1;
    const std::uint32_t tag = static_cast<std::uint32_t>(h >> 32);
    for (std::size_t i = h & mask; index_[i].slot != 0; i = (i + 1) & mask) {
      if (index_[i].tag != tag) continue;
      Connection& c = slot(index_[i].slot);
      if (c.low_low == t.low_low && c.high_low == t.high_low && c.low_port == t.low_port && c.high_port == t.high_port &&
          c.low_high == t.low_high && c.high_high == t.high_high) {
        return &c;
      }
    }
    return nullptr;
  }

  // A fresh entry. REQUIRES: there is none for the tuple, and size() < the limit that the caller keeps
  Connection& insert(const Tuple& t, std::uint64_t h) {
    if ((size_ + 1) * 2 > index_.size()) grow();
    std::uint32_t number = 0;
    if (!free_.empty()) {
      number = free_.back();
      free_.pop_back();
    } else {
      number = ++slots_used_;
      if ((number - 1) % kBlock == 0) blocks_.push_back(std::make_unique<Connection[]>(kBlock));
    }
    Connection& c = slot(number);
    const bool armed = c.timer_armed, listed = c.listed;
    c = Connection();
    c.timer_armed = armed;
    c.listed = listed;
    c.low_high = t.low_high;
    c.low_low = t.low_low;
    c.high_high = t.high_high;
    c.high_low = t.high_low;
    c.low_port = t.low_port;
    c.high_port = t.high_port;
    c.used = true;
    c.slot = number;
    place({static_cast<std::uint32_t>(h >> 32), number}, h);
    ++size_;
    return c;
  }

  void erase(Connection& c) {
    NEZU_CHECK(c.used);
    const std::size_t mask = index_.size() - 1;
    std::size_t i = hash_of_slot(c) & mask;
    while (index_[i].slot != c.slot) i = (i + 1) & mask;
    // Backward shift: no tombstones, so a flood leaves nothing behind.
    for (std::size_t j = i;;) {
      j = (j + 1) & mask;
      if (index_[j].slot == 0) break;
      const std::size_t home = hash_of_slot(slot(index_[j].slot)) & mask;
      if (((j - home) & mask) >= ((j - i) & mask)) {
        index_[i] = index_[j];
        i = j;
      }
    }
    index_[i] = {};
    c.used = false;
    free_.push_back(c.slot);
    --size_;
  }

  Connection& slot(std::uint32_t number) { return blocks_[(number - 1) / kBlock][(number - 1) % kBlock]; }
  const Connection& slot(std::uint32_t number) const { return blocks_[(number - 1) / kBlock][(number - 1) % kBlock]; }
  std::uint32_t slots() const { return slots_used_; }  // numbers 1 … slots() have been used
  std::uint32_t size() const { return size_; }
  std::uint64_t memory() const {
    return blocks_.size() * kBlock * sizeof(Connection) + index_.size() * sizeof(Entry) + free_.capacity() * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::uint32_t kBlock = 256;
  struct Entry {
    std::uint32_t tag = 0;
    std::uint32_t slot = 0;
  };

  std::uint64_t hash_of_slot(const Connection& c) const {
    return hash_of({c.low_high, c.low_low, c.high_high, c.high_low, c.low_port, c.high_port, false}, key_);
  }
  void place(Entry e, std::uint64_t h) {
    const std::size_t mask = index_.size() - 1;
    std::size_t i = h & mask;
    while (index_[i].slot != 0) i = (i + 1) & mask;
    index_[i] = e;
  }
  void grow() {
    std::vector<Entry> old(index_.size() * 2);
    old.swap(index_);
    for (const Entry& e : old) {
      if (e.slot != 0) place(e, hash_of_slot(slot(e.slot)));
    }
  }

  HashKey key_;
  std::vector<Entry> index_;
  std::vector<std::unique_ptr<Connection[]>> blocks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t slots_used_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace nezu::probe::flow
