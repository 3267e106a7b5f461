// Reads the chunks of a series over one connection. Damage is handed to the caller and left out; the rest is read.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "manager/store/sqlite/connection.h"
#include "manager/store/sqlite/levels.h"

namespace nezu::store::sqlite {

using DamageHandler = std::function<void(Damage)>;

class ChunkReader {
 public:
  explicit ChunkReader(const std::array<Level, kLevels>& levels) : levels_(levels) {}
  // Prepares the statements. The connection must outlive the reader.
  Status prepare(Connection& connection);

  // Slots with from <= second < to of one level, in order. Errors other than damage end it.
  Result<std::vector<FigureSlot>> figures(const Series& series, std::size_t level, SlotSecond from, SlotSecond to,
                                          const DamageHandler& damaged);
  Result<std::vector<CoverSlot>> coverage(const Series& series, std::size_t level, SlotSecond from, SlotSecond to,
                                          const DamageHandler& damaged);

  // All series of a target or service.
  Result<std::vector<Series>> series_of(Kind kind, std::uint32_t object);
  Result<std::vector<Series>> all_series();
  // meta.generation: how many folds there were.
  Result<std::int64_t> generation();

 private:
  template <class Slot>
  Result<std::vector<Slot>> read(const Series& series, std::size_t level, SlotSecond from, SlotSecond to, const DamageHandler& damaged);
  template <class Slot>
  Status read_singly(const Series& series, std::size_t level, SlotSecond from, SlotSecond to, SlotSecond first,
                     const DamageHandler& damaged, std::vector<Slot>& out);

  std::array<Level, kLevels> levels_;
  std::array<Statement, kLevels> seek_, point_;
  Statement series_, all_series_, generation_;
};

Series series_of_row(const Statement& row);

}  // namespace nezu::store::sqlite
