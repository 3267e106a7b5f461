// Levels: the resolutions with what the database needs to know of each: step, span of a chunk, key. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "manager/store/resolution.h"
#include "manager/store/slots.h"

namespace nezu::store::sqlite {

inline constexpr std::size_t kLevels = kResolutions.size();

struct Level {
  Resolution resolution;
  SlotSecond step;
  SlotSecond chunk_span;  // chunks begin at whole multiples of it
  SlotSecond look_back;   // how far before a time a chunk that holds it may begin, at most
};

// A fold writes the chunks of the first levels at once, out of the same slots: to read them again for a roll-up would cost as much as
// writing them. These chunks are as long as the time between two folds.
inline constexpr std::size_t kFoldedLevels = 2;
inline constexpr SlotSecond kMinFoldSpan = 10, kMaxFoldSpan = 3600;
// `longest`: the longest time between two folds that this database ever had (meta.fold_span).
constexpr std::array<Level, kLevels> levels(SlotSecond fold_span, SlotSecond longest) {
  const auto tens = [](SlotSecond span) { return (span + 9) / 10 * 10; };
  return {Level{Resolution::s1, 1, fold_span, longest}, Level{Resolution::s10, 10, tens(fold_span), tens(longest)},
          Level{Resolution::m1, 60, 7200, 7200}, Level{Resolution::h1, 3600, 86'400, 86'400},
          Level{Resolution::d1, 86'400, 32 * 86'400, 32 * 86'400}};
}

enum class Kind : int { figures = 0, coverage = 1 };

// A target, or a service's coverage, at one logical probe.
struct Series {
  std::int64_t id = 0;
  std::string probe;
  Kind kind = Kind::figures;
  std::uint32_t object = 0;                  // TargetId or ServiceId
  std::array<SlotSecond, kLevels> rolled{};  // up to where level k holds what level k-1 does; from [kFoldedLevels] on
};

// Keys of chunks: the time in the high bits. So what is written goes to the end of its table, where SQLite fills whole pages (within a
// table it halves them), and what is too old is deleted as whole pages. A series' chunks are found by looking into each time in turn.
// Times: 1970 to 2514.
inline constexpr int kTimeBits = 34, kSeriesBits = 29;
inline constexpr std::int64_t kMaxSeries = (std::int64_t{1} << kSeriesBits) - 1;
constexpr std::int64_t chunk_key(SlotSecond start, std::int64_t series) {
  const SlotSecond last = (SlotSecond{1} << kTimeBits) - 1;
  return (start < 0 ? 0 : start > last ? last : start) << kSeriesBits | series;
}
constexpr SlotSecond start_of_key(std::int64_t key) { return key >> kSeriesBits; }
constexpr std::int64_t series_of_key(std::int64_t key) { return key & kMaxSeries; }

// What can't be read any more: a span of one series at one level.
struct Damage {
  Kind kind = Kind::figures;
  std::uint32_t object = 0;
  std::string probe;
  std::size_t level = 0;
  SlotSecond begin = 0, end = 0;
  std::string what;  // for people: "chunk 1s of target 7 at edge from …: checksum is wrong"
  std::int64_t key = 0;
  bool unreadable = false;  // the row itself: it can't be moved, only noted
};

}  // namespace nezu::store::sqlite
