// The store on SQLite, for a volume that the cluster software moves (docs/formats/store.md). One thread of its own writes: all batches that
// wait go into one transaction (WAL, synchronous=FULL), the records of it into one journal row; every `fold_every` the journal is folded
// into compressed chunks, one a target (and service) at a probe, and rolled up, in steps of some milliseconds between the commits. Readers
// have read-only connections of their own.
//
// Faults
//   disk full        the waiting batches fail with no_space and leave nothing; status().fault names path and reason; room is tried for every
//                    `room_check`, and writing goes on by itself. open() on a full disk serves reads.
//   sync, I/O error  the writing handle isn't used again (what the kernel still holds of the file isn't known): this batch and all later
//                    ones fail with ErrorCode::io, status().fault says so, and the process should end; the next start reads what is really there.
//   damaged chunk    is set aside and named in status().damage; its span reads as not covered.
//   damaged catalogue, another program's or a newer file: open() fails and names it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_function.h"
#include "manager/store/store.h"

namespace nezu::store::sqlite {

struct Options {
  std::string path;
  Nanos fold_every = std::chrono::seconds(60);  // 10 s to 1 h; whole seconds
  Retention retention;
  std::size_t max_readers = 4;                     // connections; further readers wait
  std::size_t max_waiting_batches = 4096;          // then `unavailable`, counted in status().refused
  std::uint64_t max_unfolded_windows = 4'000'000;  // in memory; then no_space
  std::size_t max_fold_slots = 5000;               // in one transaction of a fold; a series is never cut
  std::int64_t kept_events = 100'000;              // the newest, of events that are closed, and of failovers
  Nanos room_check = std::chrono::seconds(1);
  std::string vfs;  // a registered SQLite VFS; empty: the system's
  // Brings `done` to the caller's loop; called on the writer's thread, also during destruction. Empty: `done` runs on the writer's thread.
  std::function<void(UniqueFunction<void()>)> post;
};

// Errors: invalid_argument (options), conflict (another process has the file), unsupported, corrupt, permission, no_space (a new file on a
// full disk), io. `clock` (wall time only: what is in the future isn't believed) must outlive the store. Destruction writes what waits and
// marks the stop as clean.
Result<std::unique_ptr<Store>> open(const Options& options, const Clock& clock);

}  // namespace nezu::store::sqlite
