// The ledgers of what was stored last: the names and times of all transactions counted in the last `reach` before the end of what is
// stored (docs/failover.md, "Ledger"). Cold pairs send none; then this stays empty.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "model/window/record.h"

namespace nezu::ingest {

class Ledgers {
 public:
  struct Kept {
    PacketTime end{};  // of the record
    window::Ledger ledger;
  };

  explicit Ledgers(Nanos reach) : reach_(reach) {}

  // Takes a stored record's ledger; those that end before stored_until − reach are dropped, and their ends returned.
  std::vector<PacketTime> add(PacketTime end, const window::Ledger& ledger, PacketTime stored_until);
  // The ends of those that add() would drop once `stored_until` holds.
  std::vector<PacketTime> passed(PacketTime stored_until) const;

  // The names of everything that was stored after `since`, up to `until`.
  struct Part {
    PacketTime since{}, until{};
    window::Ledger ledger;
  };
  // All that is kept, oldest first, one part at least, each following the one before: from `since` to `until`. As many records' ledgers go
  // into a part as have `names` names together (the oldest have what remains), or a single one that has more. Each is true by itself: who
  // has read only the first ones knows how far that is.
  std::vector<Part> parts(std::size_t names, PacketTime since, PacketTime until) const;
  bool empty() const { return kept_.empty(); }
  Nanos reach() const { return reach_; }

 private:
  Nanos reach_;
  std::deque<Kept> kept_;  // by arrival
};

// Durable form of one ledger: hexadecimal, 48 digits an entry, then 16 for left_out_until. decode() is exact: anything else is corrupt.
std::string encode_ledger(const window::Ledger& ledger);
Result<window::Ledger> decode_ledger(std::string_view text);

}  // namespace nezu::ingest
