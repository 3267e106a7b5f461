// The reading side: read-only connections, and one consistent view of chunks (on disk) and what isn't folded yet (in memory).
//
// meta.generation counts folds. A reader's snapshot of the database and the copy of what is pending belong together where both have the same
// generation; between a fold's commit and the moment at which the writer drops what it has folded they don't, and the reader waits for it.
#include <algorithm>
#include <utility>

#include "manager/store/sqlite/discoveries.h"
#include "manager/store/sqlite/store_impl.h"

namespace nezu::store::sqlite {

namespace {
std::vector<FigureSlot> pending_of(const Backlog& table, const std::string& probe, std::uint32_t object, SlotSecond from, SlotSecond to,
                                   const FigureSlot*) {
  return table.figures(probe, object, from, to);
}
std::vector<CoverSlot> pending_of(const Backlog& table, const std::string& probe, std::uint32_t object, SlotSecond from, SlotSecond to,
                                  const CoverSlot*) {
  return table.coverage(probe, object, from, to);
}
template <class Slot>
std::vector<Slot> between(const std::vector<Slot>& slots, SlotSecond from, SlotSecond to) {
  std::vector<Slot> out;
  for (const Slot& slot : slots) {
    if (slot.second >= from && slot.second < to) out.push_back(slot);
  }
  return out;
}
std::vector<FigureSlot> to_step(std::vector<FigureSlot> slots, SlotSecond step) {
  return step == 1 ? std::move(slots) : roll_up(std::move(slots), step);
}
std::vector<CoverSlot> to_step(std::vector<CoverSlot> slots, SlotSecond step) {
  return step == 1 ? std::move(slots) : roll_up(std::move(slots), step);
}
}  // namespace

class SqliteStore::Lease {
 public:
  Lease(SqliteStore& store, std::unique_ptr<Reader> reader) : store_(store), reader_(std::move(reader)) {}
  ~Lease() {
    reader_->connection->rollback();
    store_.give_back(std::move(reader_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Reader& operator*() { return *reader_; }

 private:
  SqliteStore& store_;
  std::unique_ptr<Reader> reader_;
};

Result<std::unique_ptr<Reader>> SqliteStore::new_reader() {
  auto connection = Connection::open(options_.path, Mode::reader, options_.vfs);
  if (!connection) return connection.error();
  if (auto status = (*connection)->verify_rules(); !status) return status.error();
  auto reader = std::make_unique<Reader>(levels_);
  reader->connection = std::move(*connection);
  if (auto status = reader->chunks.prepare(*reader->connection); !status) return status.error();
  return reader;
}

Result<std::unique_ptr<Reader>> SqliteStore::take_reader() {
  {
    MutexLock lock(mutex_);
    for (;;) {
      if (!free_readers_.empty()) {
        auto reader = std::move(free_readers_.back());
        free_readers_.pop_back();
        return reader;
      }
      if (readers_ == 0 && stopping_) return Error(ErrorCode::cancelled, options_.path + ": is being closed");
      if (!cramped_ && readers_ > 0 && readers_ < options_.max_readers) {
        ++readers_;
        break;
      }
      changed_.wait(mutex_);
    }
  }
  auto reader = new_reader();
  if (!reader) {
    MutexLock lock(mutex_);
    --readers_;
    changed_.notify_all();
  }
  return reader;
}

void SqliteStore::give_back(std::unique_ptr<Reader> reader) {
  MutexLock lock(mutex_);
  free_readers_.push_back(std::move(reader));
  changed_.notify_all();
}

template <class Slot>
Result<SqliteStore::PendingSlots<Slot>> SqliteStore::snapshot(Reader& reader, std::uint32_t object, SlotSecond from, SlotSecond to) {
  for (;;) {
    if (auto status = reader.connection->begin_read(); !status) return status.error();
    auto generation = reader.chunks.generation();
    if (!generation) return generation.error();
    {
      MutexLock lock(mutex_);
      if (*generation == generation_) {
        PendingSlots<Slot> pending;
        for (const Backlog* table : {&folding_, &pending_}) {
          for (const auto& [probe, slots] : table->probes()) {
            auto list = pending_of(*table, probe, object, from, to, static_cast<const Slot*>(nullptr));
            if (!list.empty()) merge_lists(pending[probe], std::move(list));
          }
        }
        return pending;
      }
    }
    reader.connection->rollback();
    MutexLock lock(mutex_);
    if (generation_ < *generation) changed_.wait_for(mutex_, std::chrono::milliseconds(5));
  }
}

// One series at one level: its chunks up to where this level is rolled up, then the finer level; what is pending counts where its second lies.
template <class Slot>
Status SqliteStore::collect(Reader& reader, const Series* series, std::size_t level, SlotSecond from, SlotSecond to,
                            const std::vector<Slot>& pending, std::vector<Slot>& out) {
  const SlotSecond edge = level < kFoldedLevels ? to : series == nullptr ? from : std::clamp(series->rolled[level], from, to);
  if (from < edge) {
    std::vector<Slot> slots;
    if (series != nullptr) {
      const DamageHandler damaged = [this](Damage d) { note_damage(std::move(d)); };
      Result<std::vector<Slot>> read = [&] {
        if constexpr (std::is_same_v<Slot, FigureSlot>)
          return reader.chunks.figures(*series, level, from, edge, damaged);
        else
          return reader.chunks.coverage(*series, level, from, edge, damaged);
      }();
      if (!read) return read.error();
      slots = std::move(*read);
      if constexpr (std::is_same_v<Slot, CoverSlot>) subtract_damage(*series, level, slots);
    }
    const SlotSecond step = levels_[level].step;
    slots = add_up(std::move(slots), to_step(between(pending, from, edge), step), step);
    out.insert(out.end(), std::make_move_iterator(slots.begin()), std::make_move_iterator(slots.end()));
  }
  return edge < to ? collect(reader, series, level - 1, edge, to, pending, out) : Status{};
}

template <class Slot, class PieceType>
Result<std::vector<PieceType>> SqliteStore::read(Kind kind, std::uint32_t object, Resolution resolution, PacketTime from, PacketTime to) {
  const auto level = static_cast<std::size_t>(resolution);
  const SlotSecond step = levels_[level].step;
  const SlotSecond first = std::max(first_step_from(from, step), SlotSecond{0});
  const SlotSecond last = std::min(first_step_from(to, step), (SlotSecond{1} << kTimeBits) / step * step);
  std::vector<PieceType> out;
  if (first >= last) return out;
  auto taken = take_reader();
  if (!taken) return taken.error();
  Lease lease(*this, std::move(*taken));
  auto pending = snapshot<Slot>(*lease, object, first, last);
  if (!pending) return pending.error();
  auto series = (*lease).chunks.series_of(kind, object);
  if (!series) return series.error();
  std::map<std::string, const Series*> probes;
  for (const auto& [probe, slots] : *pending) probes[probe] = nullptr;
  for (const Series& s : *series) probes[s.probe] = &s;
  for (const auto& [probe, known] : probes) {
    std::vector<Slot> slots;
    const auto waiting = pending->find(probe);
    if (auto status = collect(*lease, known, level, first, last, waiting == pending->end() ? std::vector<Slot>{} : waiting->second, slots);
        !status) {
      return status.error();
    }
    append_pieces(probe, to_step(std::move(slots), step), out);
  }
  sort_pieces(out);
  return out;
}

Result<std::vector<Piece>> SqliteStore::pieces(TargetId target, Resolution resolution, PacketTime from, PacketTime to) {
  return read<FigureSlot, Piece>(Kind::figures, target, resolution, from, to);
}
Result<std::vector<CoveragePiece>> SqliteStore::coverage(ServiceId service, Resolution resolution, PacketTime from, PacketTime to) {
  return read<CoverSlot, CoveragePiece>(Kind::coverage, service, resolution, from, to);
}

Result<std::vector<DiscoveryEntry>> SqliteStore::discovery_entries(std::uint64_t discovery) {
  auto taken = take_reader();
  if (!taken) return taken.error();
  Lease lease(*this, std::move(*taken));
  if (auto status = (*lease).connection->begin_read(); !status) return status.error();
  return read_discovery_entries(*(*lease).connection, discovery);
}

// Where figures of a service's target can't be read, the service isn't covered: an unknown number must not look like none.
void SqliteStore::subtract_damage(const Series& series, std::size_t level, std::vector<CoverSlot>& slots) {
  window::Spans lost;
  {
    MutexLock lock(mutex_);
    for (const Damage& d : damage_) {
      if (d.level != level || d.probe != series.probe || d.kind != Kind::figures) continue;
      const auto service = service_of_.find(d.object);
      if (service != service_of_.end() && service->second == series.object) lost.push_back({time_of(d.begin), time_of(d.end)});
    }
  }
  if (lost.empty()) return;
  lost = window::normalise(std::move(lost));
  std::vector<CoverSlot> left;
  for (CoverSlot& slot : slots) {
    if (level == 0) {
      slot.covered = window::subtract(slot.covered, lost);
      if (!slot.covered.empty()) left.push_back(std::move(slot));
      continue;
    }
    const window::Span step{time_of(slot.second), time_of(slot.second + levels_[level].step)};
    const Nanos length = window::total(slot.covered) - window::total(window::intersect({step}, lost));
    if (length > Nanos(0)) left.push_back(CoverSlot{slot.second, {{step.begin, step.begin + length}}});
  }
  slots = std::move(left);
}

}  // namespace nezu::store::sqlite
