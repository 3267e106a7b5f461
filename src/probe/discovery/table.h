// discovery: what is on the wire, for people who want to make definitions from it: hosts, ports, paths and methods, how often, how fast.
// Pure: no clock, no sockets.
//
// Table: one worker's part. Share-nothing: it belongs to the worker's thread, and exists only while a job runs. What it has found since the
// last time is taken out a few times a second; so it holds differences, and the manager adds them up.
//
// What an entry holds of a request, and what it doesn't: the host in lower case; the server's port; the path as it was sent, up to "?" or "#",
// without parameters of its segments (";jsessionid=…"); the method. No query, no header, no cookie, no client. Bytes that don't belong into
// a URI (blanks, controls, everything beyond ASCII) are written as %XX; what is longer than the limits below is cut.
//
// Limits: entries and their bytes; a request that would need a new entry beyond them is counted (no_room), those of entries that are there
// still count. Nothing is put together: /item/1 and /item/2 are two entries, and many such paths fill the table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/ip_prefix.h"
#include "common/base/keyed_hash.h"
#include "model/wire/messages.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::discovery {

inline constexpr std::size_t kMaxHost = 255, kMaxPath = 1024, kMaxMethod = 32;  // bytes

struct Limits {
  std::size_t entries = 1000;
  std::size_t bytes = 512 * 1000;  // of hosts, paths and methods
};

// Differences. Each request is in one entry's count, or in one of the numbers.
struct Found {
  std::vector<wire::DiscoveryEntry> entries;
  std::uint64_t other_source = 0;  // of other clients than the job asks for
  std::uint64_t no_room = 0;
  std::uint64_t unreadable = 0;  // method or host fell into a hole of the capture
  bool empty() const { return entries.empty() && other_source + no_room + unreadable == 0; }
  std::uint64_t requests() const;
};

class Table {
 public:
  Table(const std::optional<IpPrefix>& source, const Limits& limits, const HashKey& key);

  // Allocates for a new entry only. A response without its request is no transaction: passed over.
  void add(const Transaction& transaction);
  // What was found since the last time.
  Found take();
  bool empty() const { return entries_.empty() && rest_.empty(); }

 private:
  struct Hash {
    using is_transparent = void;
    KeyedHash hash;
    std::size_t operator()(std::string_view key) const { return hash(key); }
  };
  struct Sums {
    std::uint64_t count = 0, timed = 0;
    Nanos response_time{0};
  };
  const std::optional<IpPrefix> source_;
  const Limits limits_;
  std::unordered_map<std::string, Sums, Hash, std::equal_to<>> entries_;  // by host, method, path (a zero byte behind the first two), port
  std::string key_;
  std::size_t bytes_ = 0;
  Found rest_;  // the numbers
};

}  // namespace nezu::probe::discovery
