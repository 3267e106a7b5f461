#include "manager/store/sqlite/chunk_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "manager/store/sqlite/chunk.h"
#include "manager/store/sqlite/schema.h"

namespace nezu::store::sqlite {

namespace {

constexpr const char* kSeriesColumns = "id,probe,kind,object,rolled_1m,rolled_1h,rolled_1d";

Result<std::vector<FigureSlot>> decode(std::string_view bytes, const FigureSlot*) { return decode_figures(bytes); }
Result<std::vector<CoverSlot>> decode(std::string_view bytes, const CoverSlot*) { return decode_coverage(bytes); }

template <class Slot>
void add_within(std::vector<Slot> slots, SlotSecond from, SlotSecond to, std::vector<Slot>& out) {
  const auto before = [](const Slot& s, SlotSecond second) { return s.second < second; };
  slots.erase(std::lower_bound(slots.begin(), slots.end(), to, before), slots.end());
  slots.erase(slots.begin(), std::lower_bound(slots.begin(), slots.end(), from, before));
  merge_lists(out, std::move(slots));
}

Damage damage_of(const Series& series, const Level& level, std::size_t index, std::int64_t key, const std::string& why, bool unreadable) {
  Damage d;
  d.kind = series.kind;
  d.object = series.object;
  d.probe = series.probe;
  d.level = index;
  d.begin = start_of_key(key);
  d.end = d.begin + level.chunk_span;
  d.key = key;
  d.unreadable = unreadable;
  d.what = fmt::format("{} row {} ({} {} at {}, from {}, {} s): {}", chunk_table(level.resolution), key,
                       series.kind == Kind::figures ? "target" : "service", series.object, series.probe,
                       format_rfc3339(to_ns(time_of(d.begin))), level.chunk_span, why);
  return d;
}

}  // namespace

Series series_of_row(const Statement& row) {
  Series s;
  s.id = row.integer(0);
  s.probe = row.text(1);
  s.kind = row.integer(2) == 0 ? Kind::figures : Kind::coverage;
  s.object = static_cast<std::uint32_t>(row.integer(3));
  for (std::size_t k = kFoldedLevels; k < kLevels; ++k) s.rolled[k] = row.integer(static_cast<int>(4 + k - kFoldedLevels));
  return s;
}

Status ChunkReader::prepare(Connection& connection) {
  const auto into = [&](Statement& statement, const std::string& sql) -> Status {
    auto prepared = connection.prepare(sql);
    if (!prepared) return prepared.error();
    statement = std::move(*prepared);
    return {};
  };
  Status status;
  for (std::size_t k = 0; k < kLevels && status; ++k) {
    const char* table = chunk_table(levels_[k].resolution);
    status = into(seek_[k], fmt::format("SELECT id,body FROM {} WHERE id>=?1 AND id<?2 ORDER BY id LIMIT 1", table));
    if (status) status = into(point_[k], fmt::format("SELECT body FROM {} WHERE id=?1", table));
  }
  if (status) status = into(series_, fmt::format("SELECT {} FROM series WHERE kind=?1 AND object=?2 ORDER BY probe", kSeriesColumns));
  if (status) status = into(all_series_, fmt::format("SELECT {} FROM series ORDER BY id", kSeriesColumns));
  if (status) status = into(generation_, "SELECT value FROM meta WHERE key='generation'");
  return status;
}

// The chunks of one series among those of all: at each time in which there are any, its own row is looked for.
template <class Slot>
Result<std::vector<Slot>> ChunkReader::read(const Series& series, std::size_t index, SlotSecond from, SlotSecond to,
                                            const DamageHandler& damaged) {
  const Level& level = levels_[index];
  std::vector<Slot> out;
  if (from >= to) return out;
  Statement& seek = seek_[index];
  for (SlotSecond at = std::max(from - level.look_back + 1, SlotSecond{0}); at < to;) {
    auto row = seek.bind(1, chunk_key(at, series.id)).bind(2, chunk_key(to, 0)).step();
    if (!row) {
      if (row.error().code() != ErrorCode::corrupt) return row.error();
      auto status = read_singly(series, index, from, to, at, damaged, out);
      if (!status) return status.error();
      return out;
    }
    if (!*row) return out;
    const std::int64_t key = seek.integer(0);
    const SlotSecond start = start_of_key(key);
    if (series_of_key(key) == series.id) {
      auto slots = decode(seek.blob(1), static_cast<const Slot*>(nullptr));
      seek.reset();
      if (slots) {
        add_within(std::move(*slots), from, to, out);
      } else {
        damaged(damage_of(series, level, index, key, slots.error().message(), false));
      }
      at = start + 1;
    } else {
      seek.reset();
      // Rows of one time are in order of series: this one may lie before ours, or ours isn't there.
      at = start > at && series_of_key(key) < series.id ? start : start + 1;
    }
  }
  return out;
}

// A page of the tree is damaged, and a walk along it ends there. Chunks are found one by one by their keys instead: those that lie on good
// pages are read, the others named.
template <class Slot>
Status ChunkReader::read_singly(const Series& series, std::size_t index, SlotSecond from, SlotSecond to, SlotSecond first,
                                const DamageHandler& damaged, std::vector<Slot>& out) {
  constexpr SlotSecond kMaxLookups = 100'000;
  const Level& level = levels_[index];
  const SlotSecond from_chunk = floor_second(first, level.chunk_span);
  if ((to - from_chunk) / level.chunk_span > kMaxLookups) {
    return Error(ErrorCode::corrupt, fmt::format("{}: damaged pages in a span too long to search", chunk_table(level.resolution)));
  }
  for (SlotSecond start = from_chunk; start < to; start += level.chunk_span) {
    if (start < first) continue;
    const std::int64_t key = chunk_key(start, series.id);
    auto row = point_[index].bind(1, key).step();
    if (!row && row.error().code() != ErrorCode::corrupt) return row.error();
    if (!row) {
      damaged(damage_of(series, level, index, key, row.error().message(), true));
      continue;
    }
    if (!*row) continue;
    auto slots = decode(point_[index].blob(0), static_cast<const Slot*>(nullptr));
    point_[index].reset();
    if (slots) {
      add_within(std::move(*slots), from, to, out);
    } else {
      damaged(damage_of(series, level, index, key, slots.error().message(), false));
    }
  }
  return {};
}

Result<std::vector<FigureSlot>> ChunkReader::figures(const Series& series, std::size_t level, SlotSecond from, SlotSecond to,
                                                     const DamageHandler& damaged) {
  return read<FigureSlot>(series, level, from, to, damaged);
}
Result<std::vector<CoverSlot>> ChunkReader::coverage(const Series& series, std::size_t level, SlotSecond from, SlotSecond to,
                                                     const DamageHandler& damaged) {
  return read<CoverSlot>(series, level, from, to, damaged);
}

Result<std::vector<Series>> ChunkReader::series_of(Kind kind, std::uint32_t object) {
  std::vector<Series> out;
  series_.bind(1, static_cast<int>(kind)).bind(2, object);
  for (;;) {
    auto row = series_.step();
    if (!row) return row.error();
    if (!*row) return out;
    out.push_back(series_of_row(series_));
  }
}

Result<std::vector<Series>> ChunkReader::all_series() {
  std::vector<Series> out;
  for (;;) {
    auto row = all_series_.step();
    if (!row) return row.error();
    if (!*row) return out;
    out.push_back(series_of_row(all_series_));
  }
}

Result<std::int64_t> ChunkReader::generation() {
  auto row = generation_.step();
  if (!row) return row.error();
  if (!*row) return Error(ErrorCode::corrupt, "meta: no generation");
  const std::int64_t value = generation_.integer(0);
  generation_.reset();
  return value;
}

}  // namespace nezu::store::sqlite
