// What the writer's thread does between commits: folding, roll-ups, retention, checkpoints. Each step is bounded to some
// milliseconds, and what waits is committed between two of them.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "manager/store/sqlite/catalogue.h"
#include "manager/store/sqlite/store_impl.h"

namespace nezu::store::sqlite {

namespace {
constexpr std::size_t kSlotsAStep = 2'000;
constexpr std::int64_t kRowsAStep = 500;
constexpr int kCheckpointFrames = 1000;
constexpr int kTruncateFrames = 16'000;
constexpr Nanos kTidyEvery = std::chrono::minutes(1);
constexpr std::size_t kMaxDamage = 10'000;
}  // namespace

SqliteStore::~SqliteStore() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// A probe whose clock is ahead must not make the history look old.
SlotSecond SqliteStore::horizon() const { return to_ns(clock_.wall()) / 1'000'000'000 + 10; }

bool SqliteStore::maintain() {
  auto more = maintain_step();
  if (!broken_ && writer_->wal_frames() >= kCheckpointFrames) {
    if (auto status = writer_->checkpoint(writer_->wal_frames() >= kTruncateFrames); !status)
      note_maintenance_failure(status.error(), "checkpoint");
  }
  if (!broken_ && clock_.mono() >= next_tidy_) {
    if (auto status = tidy(); !status) note_maintenance_failure(status.error(), "tidy");
    next_tidy_ = clock_.mono() + kTidyEvery;
  }
  if (!broken_ && ++commits_since_sizes_ % 16 == 1) update_sizes();
  return more && *more && !broken_;
}

// One step of what is to be done, the most urgent first. True: it did something, there may be more.
Result<bool> SqliteStore::maintain_step() {
  bool have_damage = false;
  {
    MutexLock lock(mutex_);
    have_damage = !new_damage_.empty();
  }
  const char* what = nullptr;
  Status status;
  if (have_damage) {
    what = "set aside";
    status = write_damage();
  } else if (fold_due()) {
    what = "fold";
    if (!fold_.active) begin_fold();
    status = fold_step();
  } else if (rows_done()) {
    what = "fold";
    status = drop_rows();
  } else if (rolling_ || deleting_) {
    what = "roll up";
    status = roll_and_delete();
  }
  if (!status) note_maintenance_failure(status.error(), what);
  return what != nullptr && status.ok();
}

Status SqliteStore::roll_and_delete() {
  if (auto status = writer_->begin_write(); !status) return status;
  Result<bool> more = true;
  if (rolling_) {
    more = chunks_.roll_step(complete_, kSlotsAStep);
  } else {
    std::array<SlotSecond, kLevels> cutoff{};
    for (std::size_t k = 0; k < kLevels; ++k)
      cutoff[k] = complete_ - kept_for(options_.retention, levels_[k].resolution).count() / 1'000'000'000;
    more = chunks_.retention_step(cutoff, kRowsAStep);
  }
  if (!more) return more.error();
  if (auto status = finish_maintenance(); !status) return status;
  if (!*more) (rolling_ ? rolling_ : deleting_) = false;
  return {};
}

Status SqliteStore::finish_maintenance() {
  const std::string count = fmt::format("UPDATE meta SET value=value+({}) WHERE key='chunks'", chunks_.chunk_count_change());
  Status status;
  if (chunks_.chunk_count_change() != 0) status = writer_->exec(count.c_str());
  if (status) status = writer_->commit();
  if (!status) return status;
  MutexLock lock(mutex_);
  status_.chunks = static_cast<std::uint64_t>(static_cast<std::int64_t>(status_.chunks) + chunks_.chunk_count_change());
  status_.wal_bytes = static_cast<std::uint64_t>(writer_->wal_frames()) * (8192 + 24);
  chunks_.forget_chunk_count_change();
  return {};
}

Status SqliteStore::write_damage() {
  std::vector<Damage> found;
  {
    MutexLock lock(mutex_);
    found.swap(new_damage_);
  }
  Status status = writer_->begin_write();
  for (const Damage& d : found) {
    if (!status) break;
    if (d.level < kLevels) {
      status = chunks_.set_aside(d);
      continue;
    }
    auto move = writer_->prepare(
        "INSERT INTO set_aside(what,object,kind,probe,resolution,begin_ns,end_ns,body) VALUES(?1,0,0,'',5,0,0,(SELECT body FROM journal "
        "WHERE id=?2 AND ?3=0))");
    auto drop = writer_->prepare("DELETE FROM journal WHERE id=?1 AND ?2=0");
    if (!move) return move.error();
    if (!drop) return drop.error();
    status = move->bind(1, d.what).bind(2, d.key).bind(3, d.unreadable ? 1 : 0).run();
    if (status) status = drop->bind(1, d.key).bind(2, d.unreadable ? 1 : 0).run();
  }
  return status ? finish_maintenance() : status;
}

Status SqliteStore::tidy() {
  PacketTime newest{};
  for (const auto& [name, track] : tracks_) newest = std::max(newest, track.span.end);
  const PacketTime old = std::min(newest, time_of(horizon())) - std::chrono::hours(24);
  Status status = writer_->begin_write();
  if (!status) return status;
  auto drop = writer_->prepare(
      "DELETE FROM stored WHERE id IN (SELECT id FROM stored AS s WHERE end_ns<?1 AND end_ns<(SELECT max(end_ns) FROM stored WHERE "
      "probe=s.probe) LIMIT 1000)");
  status = drop ? drop->bind(1, to_ns(old)).run() : Status(drop.error());
  if (status) {
    auto trimmed = trim_catalogue(*writer_, options_.kept_events, 1000);
    if (!trimmed) status = trimmed.error();
  }
  return status ? writer_->commit() : status;
}

void SqliteStore::note_maintenance_failure(const Error& error, const char* what) {
  writer_->rollback();
  const auto reloaded = chunks_.reload();
  rolling_ = deleting_ = false;  // tried again after the next fold
  MutexLock lock(mutex_);
  status_.damage = error.code() == ErrorCode::corrupt ? error.in(what).message() : status_.damage;
  if (error.code() == ErrorCode::no_space) status_.fault = error.in(what).message();
  if (error.code() == ErrorCode::io || !reloaded) {
    status_.fault = error.in(what).message();
    broken_ = true;
  }
  // Not at once again: the journal keeps everything meanwhile.
  fold_held_until_ = newest_in_ + fold_span_;
}

void SqliteStore::update_sizes() {
  auto pages = writer_->query_integer("PRAGMA page_count");
  auto size = writer_->query_integer("PRAGMA page_size");
  if (!pages || !size) return;
  MutexLock lock(mutex_);
  status_.database_bytes = static_cast<std::uint64_t>(*pages * *size);
}

void SqliteStore::close_cleanly() {
  {
    MutexLock lock(mutex_);
    while (free_readers_.size() < readers_) changed_.wait(mutex_);
    free_readers_.clear();
    readers_ = 0;
  }
  if (writer_ == nullptr || broken_) return;
  if (auto status = writer_->exec("UPDATE meta SET value=1 WHERE key='clean'"); !status) return;
  const auto moved = writer_->checkpoint(true);
  if (!moved) note_failure(moved.error());
}

void SqliteStore::note_damage(Damage damage) {
  MutexLock lock(mutex_);
  for (const Damage& known : damage_) {
    if (known.key == damage.key && known.level == damage.level && known.kind == damage.kind && known.object == damage.object) return;
  }
  ++status_.set_aside;
  status_.damage = fmt::format("{}: {}", options_.path, damage.what);
  if (damage_.size() < kMaxDamage) damage_.push_back(damage);
  if (new_damage_.size() < kMaxDamage) new_damage_.push_back(std::move(damage));
}

}  // namespace nezu::store::sqlite
