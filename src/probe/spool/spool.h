// Spool: the records that the manager has not stored yet, in order of their spans, in bounded memory. Pure.
//
// A record's epoch says what it is: 0 = an old grant's, or added up without one (probe/shadow), else the grant under which it was cut: then it may be sent. It
// stays until it is acknowledged. What doesn't fit pushes out the oldest, counted: nothing covers that span any more, so the manager
// shows a gap there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

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

  // A new record at the end; it begins at or after the end of the last one that is here, else it is refused (false), counted in
  // out_of_order().
  bool push(window::Record record);

  // Stored: the record with this span is taken out; false: there is none.
  bool acknowledge(PacketTime begin, PacketTime end);

  // The oldest record that may be sent and isn't on its way; it counts as sent from now on. nullptr: none. Valid until the next change.
  const window::Record* take_unsent();
  // The connection is lost: what was on its way is to be sent again.
  void connection_lost();

  // Records that end after `until` (none: all) are taken back: `apart` says whether the record was taken apart, then it is dropped here; else
  // it stays, without an epoch.
  void take_back(std::optional<PacketTime> until, const std::function<bool(const window::Span&)>& apart);
  // Records without an epoch that begin at or after `from` get this one; the others without one are dropped. Gives how many were dropped.
  std::size_t grant(std::uint64_t epoch, PacketTime from);
  // Drops those without an epoch that begin before `from`; gives how many.
  std::size_t drop_shadow(PacketTime from);
  // What was pushed out since the last call.
  std::vector<window::Span> take_overflow() { return std::exchange(pushed_out_, {}); }

  void set_options(const Options& options);  // a smaller spool drops the oldest at once

  std::size_t size() const { return entries_.size(); }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t on_its_way() const { return on_its_way_; }
  std::size_t granted() const;  // records with an epoch
  bool empty() const { return entries_.empty(); }
  // Where the last record ends.
  std::optional<PacketTime> end() const { return empty() ? std::nullopt : std::optional(entries_.back().record.span.end); }
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
  std::vector<window::Span> pushed_out_;
  std::uint64_t pushed_ = 0, acknowledged_ = 0, overflow_ = 0, out_of_order_ = 0;
};

}  // namespace nezu::probe::spool
