// NameBook: the names of what is stored (docs/failover.md, "Ledger"), as the manager tells them: which of them are known without a break since
// when, up to where some may be missing, and which of them this instance has seen too. Pure. Times are the logical probe's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "model/window/record.h"

namespace nezu::probe::shadow {

class NameBook {
 public:
  struct Limits {
    Nanos reach = std::chrono::seconds(10);  // a name that isn't seen for so long, wasn't seen by this instance
    Nanos kept = std::chrono::seconds(72);   // names are kept for so long: the transaction time-out, the reach, and some
    std::size_t names = 8'000'000;           // and no more than so many entries; the oldest go, and known() moves
  };
  explicit NameBook(const Limits& limits) : limits_(limits) {}

  // How far back the manager keeps names: what is older, and was never named, was never told of.
  void set_reach(Nanos reach);
  Nanos reach() const { return limits_.reach; }

  // Names of records stored up to `stored_until`. `since`: how far back they reach (before everything: nothing else was ever stored); none: they
  // are those of the record that follows what was told before. `watched`: what was decided in it this instance should have seen, too.
  void learn(const window::Ledger& ledger, PacketTime stored_until, std::optional<PacketTime> since, const window::Span& watched);

  // A record of this instance's own is stored, up to `until`: what its names don't tell isn't missing.
  void stored(PacketTime until);

  // Whether either name is among those of what ended at or after `from`; the entry counts as seen. 0 is no name.
  bool contains(std::uint64_t request, std::uint64_t response, PacketTime from);

  // Names of all that was stored after this, up to told(), are known; empty: nobody has told anything.
  std::optional<PacketTime> known() const { return known_; }
  std::optional<PacketTime> told() const { return told_; }
  // What was stored before this may be without its name.
  PacketTime doubt() const { return doubt_; }

  std::uint64_t not_seen() const { return not_seen_; }  // names that this instance should have seen, and hasn't
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint64_t request = 0, response = 0;
  };
  struct Bucket {
    PacketTime end{};
    std::vector<Entry> entries;
    std::vector<std::uint32_t> slots;  // by name, which is a hash already: 1 + the entry's index, 0: none; open addressing
    std::vector<bool> seen, expected;
    bool whole = false;  // of a whole ledger: it may tell of records that are told of again when they are stored
    bool settled = false;
    void add(const Entry& entry, bool is_expected);
    std::optional<std::uint32_t> find(std::uint64_t name) const;

   private:
    void add_slot(std::uint64_t name, std::uint32_t slot);
  };
  bool known_name(std::uint64_t name, PacketTime from) const;
  bool still_expected(const Entry& entry, PacketTime stored_until);
  void settle(Bucket& bucket);
  void forget();

  Limits limits_;
  std::deque<Bucket> buckets_;  // by end
  std::optional<PacketTime> known_, told_;
  PacketTime doubt_{};
  std::uint64_t not_seen_ = 0;
  std::size_t size_ = 0;
};

}  // namespace nezu::probe::shadow
