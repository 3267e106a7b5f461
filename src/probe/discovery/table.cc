#include "probe/discovery/table.h"

#include <utility>

namespace nezu::probe::discovery {
namespace {

// Appends `text` as an entry shows it, at most `max` bytes; no zero byte gets through.
void append(std::string& out, std::string_view text, std::size_t max, bool lower_case) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const std::size_t end = out.size() + max;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte > 0x20 && byte < 0x7f;
    if (out.size() + (plain ? 1 : 3) > end) return;
    if (!plain) {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += lower_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
}

// Segment by segment, each without what follows its ";".
void append_path(std::string& out, std::string_view uri) {
  std::string_view path = uri.substr(0, uri.find_first_of("?#"));
  const std::size_t end = out.size() + kMaxPath;
  while (!path.empty() && out.size() < end) {
    const std::size_t slash = path.find('/', 1);
    const std::string_view segment = path.substr(0, slash);
    append(out, segment.substr(0, segment.find(';')), end - out.size(), false);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash);
  }
}

}  // namespace

std::uint64_t Found::requests() const {
  std::uint64_t sum = other_source + no_room + unreadable;
  for (const wire::DiscoveryEntry& entry : entries) sum += entry.count;
  return sum;
}

Table::Table(const std::optional<IpPrefix>& source, const Limits& limits, const HashKey& key)
    : source_(source), limits_(limits), entries_(0, Hash{KeyedHash(key)}) {}

void Table::add(const Transaction& t) {
  if (!t.has_request) return;
  if (source_ && !source_->contains(t.client.address)) {
    ++rest_.other_source;
    return;
  }
  if (t.method.empty() || t.host.empty()) {
    ++rest_.unreadable;
    return;
  }
  key_.clear();
  append(key_, t.host, kMaxHost, true);
  key_ += '\0';
  append(key_, t.method, kMaxMethod, false);
  key_ += '\0';
  append_path(key_, t.uri);
  const std::size_t bytes = key_.size();
  key_ += static_cast<char>(t.server.port >> 8);
  key_ += static_cast<char>(t.server.port & 0xff);
  auto entry = entries_.find(std::string_view(key_));
  if (entry == entries_.end()) {
    if (entries_.size() >= limits_.entries || bytes_ + bytes > limits_.bytes) {
      ++rest_.no_room;
      return;
    }
    bytes_ += bytes;
    entry = entries_.emplace(key_, Sums{}).first;
  }
  ++entry->second.count;
  if (!t.has_times) return;
  ++entry->second.timed;
  entry->second.response_time += t.response_time();
}

Found Table::take() {
  Found found = std::exchange(rest_, {});
  found.entries.reserve(entries_.size());
  for (const auto& [key, sums] : entries_) {
    const std::string_view text(key);
    const std::size_t host = text.find('\0');
    const std::size_t method = text.find('\0', host + 1);
    wire::DiscoveryEntry& entry = found.entries.emplace_back();
    entry.host = text.substr(0, host);
    entry.method = text.substr(host + 1, method - host - 1);
    entry.path = text.substr(method + 1, text.size() - method - 3);
    entry.port = static_cast<std::uint16_t>(static_cast<unsigned char>(key[key.size() - 2]) << 8 | static_cast<unsigned char>(key.back()));
    entry.count = sums.count;
    entry.timed = sums.timed;
    entry.response_time_sum = sums.response_time;
  }
  entries_.clear();
  bytes_ = 0;
  return found;
}

}  // namespace nezu::probe::discovery
