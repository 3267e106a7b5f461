// Spool: the records that the manager has not stored yet, in order of their spans, in bounded memory. Pure.
//
// A record's epoch says what it is: 0 = measured without a grant (the shadow), else the grant under which it was cut: then it may be sent. It
// stays until it is acknowledged. What doesn't fit pushes out the oldest, counted: nothing covers that span any more, so the manager
// shows a gap there.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "model/window/record.h"

namespace nezu::probe::spool {

// About what a record takes in memory, bytes.
std::uint64_t memory_of(const window::Record& record);

class Spool {
 public:
  struct Options {
    std::size_t windows = 600;
    std::uint64_t bytes = std::uint64_t{64} << 20;
  };
  explicit Spool(const Options& options) : options_(options) {}

  // A new record at the end; it begins at or after the end of the last one, else it is refused (false), counted in out_of_order().
  bool push(window::Record record);

  // Stored: the record with this span is taken out; false: there is none.
  bool acknowledge(PacketTime begin, PacketTime end);

  // The oldest record that may be sent and isn't on its way; it counts as sent from now on. nullptr: none. Valid until the next change.
  const window::Record* take_unsent();
  // The connection is lost: what was on its way is to be sent again.
  void connection_lost();

  // Records that end after `until` become shadow again (no `until`: all).
  void to_shadow(std::optional<PacketTime> until);
  // Records of the shadow that begin at or after `from` get the epoch; the rest of the shadow is dropped. Gives how many were dropped.
  std::size_t grant(std::uint64_t epoch, PacketTime from);
  // Drops the shadow; gives how many.
  std::size_t drop_shadow();

  void set_options(const Options& options);  // a smaller spool drops the oldest at once

  std::size_t size() const { return entries_.size(); }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t on_its_way() const { return on_its_way_; }
  std::size_t granted() const;  // records with an epoch
  bool empty() const { return entries_.empty(); }
  std::uint64_t pushed() const { return pushed_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t overflow() const { return overflow_; }
  std::uint64_t out_of_order() const { return out_of_order_; }
  // Where the kept records' coverage lies, as far as it ends after `from`.
  window::Spans covered_after(PacketTime from) const;

 private:
  struct Entry {
    window::Record record;
    std::uint64_t bytes = 0;
    bool sent = false;
  };
  using Entries = std::deque<Entry>;
  void trim();
  void forget(const Entry& entry);
  std::size_t drop_if(const auto& condition);

  Options options_;
  Entries entries_;
  std::uint64_t bytes_ = 0;
  std::size_t on_its_way_ = 0;
  std::optional<PacketTime> end_;
  std::uint64_t pushed_ = 0, acknowledged_ = 0, overflow_ = 0, out_of_order_ = 0;
};

}  // namespace nezu::probe::spool
