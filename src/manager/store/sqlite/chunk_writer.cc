#include "manager/store/sqlite/chunk_writer.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <tuple>
#include <utility>

#include "manager/store/sqlite/chunk.h"
#include "manager/store/sqlite/schema.h"

namespace nezu::store::sqlite {

namespace {
std::uint64_t object_key(Kind kind, std::uint32_t object) { return static_cast<std::uint64_t>(kind == Kind::coverage) << 32 | object; }
Result<std::vector<FigureSlot>> decode(std::string_view bytes, const FigureSlot*) { return decode_figures(bytes); }
Result<std::vector<CoverSlot>> decode(std::string_view bytes, const CoverSlot*) { return decode_coverage(bytes); }
}  // namespace

Status ChunkWriter::prepare(Connection& connection, const std::array<Level, kLevels>& levels, DamageHandler damaged) {
  levels_ = levels;
  reader_ = ChunkReader(levels_);
  connection_ = &connection;
  damaged_ = std::move(damaged);
  const auto into = [&](Statement& statement, const std::string& sql) -> Status {
    auto prepared = connection.prepare(sql);
    if (!prepared) return prepared.error();
    statement = std::move(*prepared);
    return {};
  };
  Status status = reader_.prepare(connection);
  for (std::size_t k = 0; k < kLevels && status; ++k) {
    const char* table = chunk_table(levels_[k].resolution);
    status = into(get_[k], fmt::format("SELECT body FROM {} WHERE id=?1", table));
    if (status) status = into(put_[k], fmt::format("INSERT OR REPLACE INTO {} VALUES(?1,?2)", table));
    if (status) status = into(drop_[k], fmt::format("DELETE FROM {} WHERE id=?1", table));
    if (status)
      status =
          into(drop_before_[k], fmt::format("DELETE FROM {0} WHERE id IN (SELECT id FROM {0} WHERE id<?1 ORDER BY id LIMIT ?2)", table));
  }
  if (status) status = into(add_series_, "INSERT INTO series VALUES(?1,?2,?3,?4,?5,?6,?7)");
  if (status) status = into(rolled_, "UPDATE series SET rolled_1m=?2,rolled_1h=?3,rolled_1d=?4 WHERE id=?1");
  if (status)
    status = into(aside_, "INSERT INTO set_aside(what,object,kind,probe,resolution,begin_ns,end_ns,body) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)");
  if (status) status = into(changes_, "SELECT changes()");
  if (status) status = reload();
  return status;
}

Status ChunkWriter::reload() {
  auto all = reader_.all_series();
  if (!all) return all.error();
  series_ = std::move(*all);
  index_.clear();
  for (std::size_t i = 0; i < series_.size(); ++i) index_[series_[i].probe][object_key(series_[i].kind, series_[i].object)] = i;
  roll_cursor_ = 0;
  chunk_change_ = 0;
  return {};
}

Result<std::size_t> ChunkWriter::find_or_add(const std::string& probe, Kind kind, std::uint32_t object, SlotSecond first) {
  auto& of_probe = index_[probe];
  const auto found = of_probe.find(object_key(kind, object));
  if (found != of_probe.end()) return found->second;
  Series s;
  s.id = series_.empty() ? 1 : series_.back().id + 1;
  if (s.id > kMaxSeries) return Error(ErrorCode::no_space, fmt::format("more than {} series", kMaxSeries));
  s.probe = probe;
  s.kind = kind;
  s.object = object;
  // Coarser levels may lag behind finer ones, never be ahead of them.
  for (std::size_t k = kFoldedLevels; k < kLevels; ++k) {
    s.rolled[k] = floor_second(first, levels_[k].chunk_span);
    if (k > kFoldedLevels) s.rolled[k] = std::min(s.rolled[k], s.rolled[k - 1]);
  }
  add_series_.bind(1, s.id).bind(2, s.probe).bind(3, static_cast<int>(kind)).bind(4, object);
  for (std::size_t k = kFoldedLevels; k < kLevels; ++k) add_series_.bind(static_cast<int>(5 + k - kFoldedLevels), s.rolled[k]);
  if (auto status = add_series_.run(); !status) return status.error();
  of_probe.emplace(object_key(kind, object), series_.size());
  series_.push_back(std::move(s));
  return series_.size() - 1;
}

std::vector<ChunkWriter::FoldItem> ChunkWriter::plan_fold(const Backlog& backlog, std::int64_t after) const {
  std::vector<FoldItem> items;
  for (const auto& [probe, slots] : backlog.probes()) {
    const auto of_probe = index_.find(probe);
    const auto add = [&](Kind kind, std::uint32_t object) {
      FoldItem item{probe, kind, object, 0};
      if (of_probe != index_.end()) {
        const auto found = of_probe->second.find(object_key(kind, object));
        if (found != of_probe->second.end()) item.series = series_[found->second].id;
      }
      if (item.series == 0 || item.series > after) items.push_back(std::move(item));
    };
    for (const auto& [target, list] : slots.figures) add(Kind::figures, target);
    for (const auto& [service, list] : slots.coverage) add(Kind::coverage, service);
  }
  std::sort(items.begin(), items.end(), [](const FoldItem& a, const FoldItem& b) {
    constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
    return std::make_tuple(a.series == 0 ? kLast : a.series, std::cref(a.probe), a.kind, a.object) <
           std::make_tuple(b.series == 0 ? kLast : b.series, std::cref(b.probe), b.kind, b.object);
  });
  return items;
}

Result<std::int64_t> ChunkWriter::fold(const Backlog& backlog, const FoldItem& item, std::size_t& slots) {
  const Backlog::Probe& probe = backlog.probes().at(item.probe);
  if (item.kind == Kind::figures) {
    const Backlog::Slices& slices = probe.figures.at(item.object);
    SlotSecond first = slices.front().second;
    for (const Backlog::Slice& slice : slices) first = std::min(first, slice.second);
    auto index = find_or_add(item.probe, item.kind, item.object, first);
    if (!index) return index.error();
    slots += slices.size();
    if (auto status = fold_figures(series_[*index], slices); !status) return status.error();
    return series_[*index].id;
  }
  const std::vector<CoverSlot>& covered = probe.coverage.at(item.object);
  auto index = find_or_add(item.probe, item.kind, item.object, covered.front().second);
  if (!index) return index.error();
  slots += covered.size();
  if (auto status = fold_coverage(series_[*index], covered); !status) return status.error();
  return series_[*index].id;
}

Status ChunkWriter::fold_figures(const Series& series, const Backlog::Slices& slices) {
  slots_.clear();
  read_slices(slices, std::numeric_limits<SlotSecond>::min(), std::numeric_limits<SlotSecond>::max(), slots_);
  const std::span<const FigureSlot> slots = slots_.slots();
  if (auto status = merge(series, 0, slots); !status) return status;
  for (std::size_t k = 1; k < kLevels; ++k) {
    std::span<const FigureSlot> wanted = slots;
    if (k >= kFoldedLevels) {
      const auto late = std::partition_point(slots.begin(), slots.end(), [&](const FigureSlot& s) { return s.second < series.rolled[k]; });
      wanted = slots.first(static_cast<std::size_t>(late - slots.begin()));
    }
    if (wanted.empty()) continue;
    rolled_slots_.clear();
    roll_up(wanted, levels_[k].step, rolled_slots_);
    if (auto status = merge(series, k, std::span<const FigureSlot>(rolled_slots_.slots())); !status) return status;
  }
  return {};
}

Status ChunkWriter::fold_coverage(const Series& series, const std::vector<CoverSlot>& slots) {
  if (auto status = merge(series, 0, std::span<const CoverSlot>(slots)); !status) return status;
  for (std::size_t k = 1; k < kLevels; ++k) {
    std::vector<CoverSlot> wanted;
    for (const CoverSlot& slot : slots) {
      if (k < kFoldedLevels || slot.second < series.rolled[k]) wanted.push_back(slot);
    }
    if (wanted.empty()) continue;
    const std::vector<CoverSlot> rolled = store::roll_up(std::move(wanted), levels_[k].step);
    if (auto status = merge(series, k, std::span<const CoverSlot>(rolled)); !status) return status;
  }
  return {};
}

// REQUIRES: `slots` in order
template <class Slot>
Status ChunkWriter::merge(const Series& series, std::size_t level, std::span<const Slot> slots) {
  const SlotSecond span = levels_[level].chunk_span;
  for (std::size_t i = 0; i < slots.size();) {
    const SlotSecond start = floor_second(slots[i].second, span);
    std::size_t end = i;
    while (end < slots.size() && slots[end].second < start + span) ++end;
    const std::span<const Slot> part = slots.subspan(i, end - i);
    auto row = get_[level].bind(1, chunk_key(start, series.id)).step();
    if (!row) return row.error();
    Status status;
    if (*row) {
      status = merge_chunk(series, level, start, part);
    } else {
      const std::string body = encode_chunk(part, levels_[level].step);
      status = put_[level].bind(1, chunk_key(start, series.id)).bind_blob(2, body).run();
      ++chunk_change_;
    }
    if (!status) return status;
    i = end;
  }
  return {};
}

// get_[level] stands on the existing row.
template <class Slot>
Status ChunkWriter::merge_chunk(const Series& series, std::size_t level, SlotSecond start, std::span<const Slot> part) {
  const std::int64_t key = chunk_key(start, series.id);
  std::vector<Slot> slots(part.begin(), part.end());
  auto existing = decode(get_[level].blob(0), static_cast<const Slot*>(nullptr));
  get_[level].reset();
  if (existing) {
    slots = add_up(std::move(*existing), std::move(slots), levels_[level].step);
  } else {
    Damage damage{series.kind,
                  series.object,
                  series.probe,
                  level,
                  start,
                  start + levels_[level].chunk_span,
                  fmt::format("{} row {}: {}", chunk_table(levels_[level].resolution), key, existing.error().message()),
                  key,
                  false};
    if (auto status = set_aside(damage); !status) return status;
    damaged_(std::move(damage));
    ++chunk_change_;
  }
  const std::string body = encode_chunk(std::span<const Slot>(slots), levels_[level].step);
  return put_[level].bind(1, key).bind_blob(2, body).run();
}

Status ChunkWriter::set_aside(const Damage& d) {
  std::string body;
  if (!d.unreadable) {
    auto row = get_[d.level].bind(1, d.key).step();
    if (!row) return row.error();
    if (*row) {
      body = get_[d.level].blob(0);
      get_[d.level].reset();
      if (auto status = drop_[d.level].bind(1, d.key).run(); !status) return status;
      --chunk_change_;
    }
  }
  aside_.bind(1, d.what).bind(2, d.object).bind(3, static_cast<int>(d.kind)).bind(4, d.probe).bind(5, static_cast<int>(d.level));
  aside_.bind(6, to_ns(time_of(d.begin))).bind(7, to_ns(time_of(d.end))).bind_blob(8, body);
  return aside_.run();
}

Result<bool> ChunkWriter::roll_step(SlotSecond complete, std::size_t max_slots) {
  std::size_t slots_read = 0;
  for (; roll_cursor_ < series_.size(); ++roll_cursor_) {
    for (std::size_t k = kFoldedLevels; k < kLevels; ++k) {
      for (;;) {
        const Series& s = series_[roll_cursor_];
        const SlotSecond below = k == kFoldedLevels ? complete : s.rolled[k - 1];
        if (s.rolled[k] + levels_[k].chunk_span > below) break;
        if (slots_read >= max_slots) return true;
        auto status = s.kind == Kind::figures ? roll_series<FigureSlot>(roll_cursor_, k, slots_read)
                                              : roll_series<CoverSlot>(roll_cursor_, k, slots_read);
        if (!status) return status.error();
      }
    }
  }
  roll_cursor_ = 0;
  return slots_read > 0;
}

// One chunk of `level` out of what the level below holds for its span.
template <class Slot>
Status ChunkWriter::roll_series(std::size_t index, std::size_t level, std::size_t& slots_read) {
  Series& s = series_[index];
  const SlotSecond from = s.rolled[level], to = from + levels_[level].chunk_span;
  const DamageHandler note = [&](Damage damage) {
    Damage above = damage;
    above.level = level;
    above.unreadable = true;  // nothing of it is in this level's table
    damaged_(std::move(above));
    damaged_(std::move(damage));
  };
  Result<std::vector<Slot>> read = [&] {
    if constexpr (std::is_same_v<Slot, FigureSlot>)
      return reader_.figures(s, level - 1, from, to, note);
    else
      return reader_.coverage(s, level - 1, from, to, note);
  }();
  if (!read) return read.error();
  slots_read += 1 + read->size();
  if (!read->empty()) {
    const std::vector<Slot> rolled = store::roll_up(std::move(*read), levels_[level].step);
    if (auto status = merge(s, level, std::span<const Slot>(rolled)); !status) return status;
  }
  s.rolled[level] = to;
  return store_rolled(s);
}

Status ChunkWriter::store_rolled(const Series& s) {
  rolled_.bind(1, s.id);
  for (std::size_t k = kFoldedLevels; k < kLevels; ++k) rolled_.bind(static_cast<int>(2 + k - kFoldedLevels), s.rolled[k]);
  return rolled_.run();
}

Result<bool> ChunkWriter::retention_step(const std::array<SlotSecond, kLevels>& cutoff, std::int64_t max_rows) {
  std::array<SlotSecond, kLevels> end = cutoff;
  for (const Series& s : series_) {
    for (std::size_t k = kFoldedLevels; k < kLevels; ++k) end[k - 1] = std::min(end[k - 1], s.rolled[k]);
  }
  std::int64_t left = max_rows;
  for (std::size_t k = 0; k < kLevels; ++k) {
    const SlotSecond before = end[k] - levels_[k].look_back;  // chunks that begin before it end before `end`
    if (before <= 0) continue;
    if (auto status = drop_before_[k].bind(1, chunk_key(before, 0)).bind(2, left).run(); !status) return status.error();
    auto row = changes_.step();
    if (!row) return row.error();
    const std::int64_t dropped = changes_.integer(0);
    changes_.reset();
    chunk_change_ -= dropped;
    left -= dropped;
    if (left <= 0) return true;
  }
  return false;
}

}  // namespace nezu::store::sqlite
