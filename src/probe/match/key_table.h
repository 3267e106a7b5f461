// Tables from a 64-bit hash of some text to the definitions that have it as a condition. A collision costs one useless look, never a
// wrong answer: whoever is found here is still compared in full.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace nezu::probe::match {

// FNV-1a, byte by byte, so that one pass over a path gives the hash of each of its prefixes.
inline constexpr std::uint64_t kHashStart = 0xcbf29ce484222325ULL;
constexpr std::uint64_t hash_byte(std::uint64_t h, char c) { return (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL; }
constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t h = kHashStart) {
  for (const char c : text) h = hash_byte(h, c);
  return h;
}
constexpr std::uint64_t hash_text_backwards(std::string_view text) {
  std::uint64_t h = kHashStart;
  for (std::size_t i = text.size(); i > 0; --i) h = hash_byte(h, text[i - 1]);
  return h;
}

// Built by add(), then seal()ed, then only read.
class KeyTable {
 public:
  void add(std::uint64_t key, std::uint32_t value) { pairs_.emplace_back(key, value); }
  bool empty() const { return pairs_.empty() && values_.empty(); }

  void seal() {
    std::sort(pairs_.begin(), pairs_.end());
    pairs_.erase(std::unique(pairs_.begin(), pairs_.end()), pairs_.end());
    std::size_t keys = 0;
    for (std::size_t i = 0; i < pairs_.size(); ++i) keys += i == 0 || pairs_[i].first != pairs_[i - 1].first ? 1 : 0;
    std::size_t size = 4;
    while (size < keys * 2) size *= 2;
    slots_.assign(size, Slot{});
    values_.reserve(pairs_.size());
    for (std::size_t i = 0; i < pairs_.size();) {
      Slot& slot = free_slot(pairs_[i].first);
      slot = {pairs_[i].first, static_cast<std::uint32_t>(values_.size()), 0};
      for (const std::uint64_t key = pairs_[i].first; i < pairs_.size() && pairs_[i].first == key; ++i) {
        values_.push_back(pairs_[i].second);
        ++slot.count;
      }
    }
    pairs_.clear();
    pairs_.shrink_to_fit();
  }

  std::span<const std::uint32_t> find(std::uint64_t key) const {
    if (slots_.empty()) return {};
    for (std::size_t i = spread(key) & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.count == 0) return {};
      if (slot.key == key) return {values_.data() + slot.begin, slot.count};
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t begin = 0;
    std::uint32_t count = 0;  // 0: free
  };
  static std::size_t spread(std::uint64_t key) { return static_cast<std::size_t>((key ^ (key >> 29)) * 0x9e3779b97f4a7c15ULL >> 20); }
  Slot& free_slot(std::uint64_t key) {
    std::size_t i = spread(key) & (slots_.size() - 1);
    while (slots_[i].count != 0) i = (i + 1) & (slots_.size() - 1);
    return slots_[i];
  }
  std::vector<std::pair<std::uint64_t, std::uint32_t>> pairs_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> values_;
};

// The lengths that keys of one kind have: only these are looked up.
class Lengths {
 public:
  void add(std::size_t length) {
    if (has_.size() <= length) has_.resize(length + 1, 0);
    has_[length] = 1;
  }
  bool has(std::size_t length) const { return length < has_.size() && has_[length] != 0; }
  std::size_t end() const { return has_.size(); }  // one past the longest

 private:
  std::vector<std::uint8_t> has_;
};

// Calls f(hash of the prefix) for each prefix of `text` whose length is there; likewise for suffixes.
template <class F>
void for_prefixes(std::string_view text, const Lengths& lengths, F f) {
  std::uint64_t h = kHashStart;
  const std::size_t n = std::min(text.size() + 1, lengths.end());
  for (std::size_t i = 0; i < n; ++i) {
    if (lengths.has(i)) f(h);
    if (i < text.size()) h = hash_byte(h, text[i]);
  }
}
template <class F>
void for_suffixes(std::string_view text, const Lengths& lengths, F f) {
  std::uint64_t h = kHashStart;
  const std::size_t n = std::min(text.size() + 1, lengths.end());
  for (std::size_t i = 0; i < n; ++i) {
    if (lengths.has(i)) f(h);
    if (i < text.size()) h = hash_byte(h, text[text.size() - 1 - i]);
  }
}

}  // namespace nezu::probe::match
