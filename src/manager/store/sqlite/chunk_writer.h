// Writes chunks: folding, roll-ups, retention. The writer's thread only; everything happens within the caller's transaction, and after a
// transaction that failed reload() makes the index of series true again.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "manager/store/sqlite/backlog.h"
#include "manager/store/sqlite/chunk_reader.h"
#include "manager/store/sqlite/connection.h"
#include "manager/store/sqlite/levels.h"

namespace nezu::store::sqlite {

class ChunkWriter {
 public:
  Status prepare(Connection& connection, const std::array<Level, kLevels>& levels, DamageHandler damaged);
  Status reload();

  // What is to be folded, in the order in which it is: series that are known by their number, so that rows go to the end of their tables;
  // then the new ones, which get the next numbers. `after`: the number of the last series that was folded before a restart; 0: none.
  struct FoldItem {
    std::string probe;
    Kind kind = Kind::figures;
    std::uint32_t object = 0;
    std::int64_t series = 0;  // 0: a new one
  };
  std::vector<FoldItem> plan_fold(const Backlog& backlog, std::int64_t after) const;
  // All of one item's slots into chunks of the first levels, and those that come late also into the coarser ones that have passed them.
  // The number of its series; `slots` grows by how many there were.
  Result<std::int64_t> fold(const Backlog& backlog, const FoldItem& item, std::size_t& slots);

  // One bounded step of rolling up, for series whose level k ends before `complete` (in seconds; rounded down to whole chunks).
  // True: there was something to do, call again. Budget: slots read.
  Result<bool> roll_step(SlotSecond complete, std::size_t max_slots);
  // One bounded step of deletion: chunks of level k that end before cutoff[k], and are rolled up for every series. True: call again.
  Result<bool> retention_step(const std::array<SlotSecond, kLevels>& cutoff, std::int64_t max_rows);

  // Moves a damaged chunk out of its table (or only notes it) so that it is met once.
  Status set_aside(const Damage& damage);

  std::int64_t chunk_count_change() const { return chunk_change_; }
  void forget_chunk_count_change() { chunk_change_ = 0; }
  const std::vector<Series>& series() const { return series_; }

 private:
  Result<std::size_t> find_or_add(const std::string& probe, Kind kind, std::uint32_t object, SlotSecond first);
  Status fold_figures(const Series& series, const Backlog::Slices& slices);
  Status fold_coverage(const Series& series, const std::vector<CoverSlot>& slots);
  template <class Slot>
  Status merge(const Series& series, std::size_t level, std::span<const Slot> slots);
  template <class Slot>
  Status merge_chunk(const Series& series, std::size_t level, SlotSecond start, std::span<const Slot> slots);
  template <class Slot>
  Status roll_series(std::size_t index, std::size_t level, std::size_t& slots_read);
  Status store_rolled(const Series& series);

  std::array<Level, kLevels> levels_{};
  ChunkReader reader_{levels_};
  DamageHandler damaged_;
  Connection* connection_ = nullptr;
  std::vector<Series> series_;
  std::unordered_map<std::string, std::unordered_map<std::uint64_t, std::size_t>> index_;
  std::array<Statement, kLevels> get_, put_, drop_, drop_before_;
  Statement add_series_, rolled_, aside_, changes_;
  std::int64_t chunk_change_ = 0;
  std::size_t roll_cursor_ = 0;
  SlotBuffer slots_, rolled_slots_;  // of fold_figures()
};

}  // namespace nezu::store::sqlite
