// Shadow: what this instance has seen and isn't stored (docs/failover.md, "The shadow"): transactions one by one, and what was watched; less
// what the manager says that others have counted. An admitted instance cuts its records out of it; the transactions of a record stay until the
// record is stored, so that they can become shadow again. Pure.
//
// Slices carry the instance's own packet time; everything else here is in the logical probe's time, which the clock converts into.
//
// Without names (a cold pair) nothing is held back once it is in a record: such a record can be sent or dropped, but not taken apart again.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/base/time.h"
#include "model/window/record.h"
#include "model/wire/frame.h"
#include "probe/aggregate/slice.h"
#include "probe/shadow/clock.h"
#include "probe/shadow/coverage.h"
#include "probe/shadow/name_book.h"

namespace nezu::probe::shadow {

struct Options {
  std::uint32_t workers = 1;
  Nanos window = std::chrono::seconds(1);
  Nanos grace = std::chrono::milliseconds(500);  // past a window's end, for a worker that makes no progress
  bool names = false;                            // a warm pair
  NameBook::Limits book;                         // its reach is also how far back a transaction that nobody named may be sent
  std::uint64_t memory = std::uint64_t{256} << 20;
  std::size_t ledger = 100'000;                  // names in one record, of what was decided by its last byte; the oldest are left out
  std::size_t otherwise = wire::kMaxOtherNames;  // of what was decided otherwise: what has no room is counted in the next record
};

// Rules switched off by tests, to see that the tests find it. All false in the product.
struct PlantedBugs {
  bool ledger_ignored = false;  // nothing is left out, nothing put in
  bool ledger_short = false;    // ledgers hold the last 20 ms only
  bool coverage_full = false;   // every record says that it is wholly covered
  bool own_clock = false;       // an instance cuts by its own clock
  bool known_late = false;      // what is told of how far back names reach isn't believed: they are known from the first record on
};

struct Counters {
  std::uint64_t late = 0;            // counted in a later record than that of their time
  std::uint64_t put_in = 0;          // decided before what was stored at an admission, and named by nobody: counted in the first record
  std::uint64_t left_out = 0;        // named by others
  std::uint64_t only_here = 0;       // named by nobody within the reach: the other instance's miss
  std::uint64_t not_measured = 0;    // of a service that isn't measured any more where they fall
  std::uint64_t thrown_away = 0;     // measured, and then not to be counted: an admission without names or clock, names unknown, or no room
  std::uint64_t partly = 0;          // records without a stuck worker's share
  std::uint64_t uncovered = 0;       // windows measured of which nothing was covered: no record
  std::uint64_t names_left_out = 0;  // names that had no room in their record
};

class Shadow {
 public:
  explicit Shadow(const Options& options);

  // ---- from the workers
  void take(std::unique_ptr<aggregate::Slice> slice, MonoTime now);
  void alive(std::uint32_t worker, PacketTime own_watermark, MonoTime now) { coverage_.alive(worker, own_watermark, now); }
  void finished(std::uint32_t worker) { coverage_.finished(worker); }

  // ---- clock
  Clock& clock() { return clock_; }
  const Clock& clock() const { return clock_; }

  // ---- what is stored
  void set_reach(Nanos reach) { book_.set_reach(reach); }
  // Names of what is stored up to `stored_until`; `since`: NameBook::learn.
  void learn(const window::Ledger& ledger, PacketTime stored_until, std::optional<PacketTime> since);
  // Own times less the ledger's, of transactions that are in both.
  std::vector<Nanos> differences(const window::Ledger& ledger) const;
  void set_stored_until(PacketTime t);
  // Leaves out what needn't be kept any more; for an instance that isn't admitted. Each second or so.
  void sweep();

  // ---- coverage, after what is stored
  // Everything before it was processed.
  PacketTime watermark() const { return clock_.logical(coverage_.watermark()); }
  // Where it begins; empty: nothing is covered.
  std::optional<PacketTime> since() const;
  bool whole() const;

  // ---- records: without instance and epoch
  // From now on records are cut, from `from` on or where the coverage begins. `doubtful`: the first one's seam.
  void begin(PacketTime from, bool doubtful);
  void end() { cut_.reset(); }
  std::optional<PacketTime> cut_at() const { return cut_; }
  // The next record whose window is complete; `own_now`: the present, in own packet time. Asked several times within the grace: where it
  // wasn't for half of it, this process (or its machine) stood still, and a worker is stuck only when it makes no progress for the grace after that.
  std::optional<window::Record> cut(MonoTime now, PacketTime own_now);
  // What is there of the open window.
  std::optional<window::Record> cut_short();

  // A record's transactions become shadow again; false: they aren't kept any more.
  bool take_back(const window::Span& span);
  void stored(const window::Span& span);
  // The record was dropped: nobody covers its span.
  void given_up(const window::Span& span);
  // What lies before isn't kept any more, whether it is stored or not.
  void uncover(PacketTime before);
  // Everything that was measured up to now is neither counted nor covered.
  void throw_away(PacketTime own_now);
  // Where the shadow has grown beyond its memory: its oldest window, added up, not to be taken apart again. Call until it gives none.
  std::optional<window::Record> add_up();

  const Counters& counters() const { return counters_; }
  std::uint64_t names_not_seen() const { return book_.not_seen(); }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t kept() const;  // transactions
  void set_bugs(const PlantedBugs& bugs);

 private:
  struct Batch {
    std::unique_ptr<aggregate::Slice> slice;
    std::vector<PacketTime> in;                           // of each item: the begin of the record that holds it; kFree: none; kGone
    std::size_t free = 0, held = 0;                       // items
    PacketTime earliest = PacketTime::max();              // own time: of its items' decisions
    PacketTime held_from = PacketTime::max(), held_to{};  // begins of the records that hold items
    bool may_hold(PacketTime record) const { return held > 0 && record >= held_from && record <= held_to; }
    PacketTime counters_in{};  // likewise, of the counters
    std::uint64_t bytes = 0;
  };
  struct Building;
  enum class Whose { ours, theirs, unknown };  // unknown: another instance may have counted it, and nothing tells
  Whose whose(const aggregate::Item& item);
  void drop(Batch& batch, std::size_t item);
  // `decided_before`: own time.
  std::optional<window::Record> record(PacketTime begin, PacketTime end, bool partly, PacketTime decided_before);
  void fill(Building& building, PacketTime decided_before);
  void fill(Building& building, Batch& batch, PacketTime decided_before);
  void add(Building& building, Batch& batch, std::size_t item);
  void add_counters(Building& building, Batch& batch);
  void name(Building& building);  // REQUIRES: the record has all that it holds but its names
  void prune();
  void shrink();
  void give_up_oldest();
  void forget_counters(PacketTime until);
  window::Span after_stored() const;
  PacketTime next_edge() const;
  bool stuck(PacketTime end, MonoTime now, PacketTime own_now) const;
  void skip_to(PacketTime next);
  void release(PacketTime begin);

  const Options options_;
  PlantedBugs bugs_;
  Clock clock_;
  Coverage coverage_;
  NameBook book_;
  std::deque<Batch> batches_;
  std::set<PacketTime> whole_;  // begins of records whose transactions are kept
  PacketTime stored_until_{};
  PacketTime thrown_away_until_{};  // own time
  PacketTime forgotten_until_{};    // own time
  std::optional<PacketTime> cut_;
  MonoTime asked_{}, awake_since_{};
  PacketTime seam_{};  // what was decided before, and bears no name, isn't ours to count
  bool first_ = false, doubtful_ = false;
  bool learnt_ = false;  // something, since the last sweep
  std::uint64_t bytes_ = 0;
  Counters counters_;
};

}  // namespace nezu::probe::shadow
