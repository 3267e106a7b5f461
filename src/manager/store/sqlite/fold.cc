// The fold: what lies in the journal becomes chunks, in bounded steps, each a transaction of its own, with commits of what comes in between
// (docs/formats/store.md, "The fold").
#include <algorithm>
#include <utility>

#include "manager/store/sqlite/store_impl.h"

namespace nezu::store::sqlite {

namespace {
constexpr std::size_t kJournalBytesAStep = 2 << 20;
// Slots this much later than the end of a chunk are waited for: probes don't end their windows at the same instant.
constexpr SlotSecond kPatience = 2;
}  // namespace

// Only this thread changes what is pending, so it may read it while readers do.
bool SqliteStore::fold_due() NEZU_NO_THREAD_SAFETY_ANALYSIS {
  if (pending_.windows() + folding_.windows() > options_.max_unfolded_windows / 2) return true;
  if (fold_held_until_ && newest_in_ < *fold_held_until_) return false;
  return fold_.active || (!pending_.empty() && pending_.newest() >= fold_at_ + kPatience);
}

void SqliteStore::begin_fold() {
  MutexLock lock(mutex_);
  const SlotSecond newest = pending_.newest();
  // Whole chunks; all there is where memory runs short. Never back: rows that the last fold has left over would count again.
  const SlotSecond whole = floor_second(newest - kPatience, fold_span_);
  const SlotSecond before = std::max(newest >= fold_at_ + kPatience ? whole : newest + 1, folded_.second);
  fold_ = Fold{};
  fold_.active = true;
  fold_.mark = {rows_.empty() ? folded_.row : rows_.back().id, before};
  folding_ = pending_.split_before(before);
  fold_at_ = floor_second(std::max(pending_.newest(), before), fold_span_) + fold_span_;
}

Status SqliteStore::write_meta(const char* key, std::int64_t value) { return set_meta_.bind(1, key).bind(2, value).run(); }

// One transaction: the chunks of some series, and how far the fold has come. So each slot is in exactly one of journal and chunks, whatever
// ends the program where.
Status SqliteStore::fold_step() NEZU_NO_THREAD_SAFETY_ANALYSIS {
  if (!fold_.planned) {
    fold_.items = chunks_.plan_fold(folding_, fold_.series);
    fold_.planned = true;
  }
  std::size_t done = fold_.next;
  std::int64_t series = fold_.series;
  Status status = writer_->begin_write();
  for (std::size_t slots = 0; status && done < fold_.items.size() && slots < options_.max_fold_slots; ++done) {
    auto folded = chunks_.fold(folding_, fold_.items[done], slots);
    if (folded) series = *folded;
    if (!folded) status = folded.error();
  }
  const bool finished = done == fold_.items.size();
  if (status) status = write_meta("fold_row", finished ? 0 : fold_.mark.row);
  if (status) status = write_meta("fold_second", fold_.mark.second);
  if (status) status = write_meta("fold_series", series);
  if (status && finished) status = write_meta("folded_row", fold_.mark.row);
  if (status && finished) status = write_meta("folded_second", fold_.mark.second);
  if (status) status = writer_->exec("UPDATE meta SET value=value+1 WHERE key='generation'");
  if (status) status = finish_maintenance();
  if (!status) return status;
  Backlog finished_with;  // freed without the lock
  {
    MutexLock lock(mutex_);
    for (std::size_t i = fold_.next; i < done; ++i) folding_.erase(fold_.items[i].probe, fold_.items[i].kind, fold_.items[i].object);
    if (finished) std::swap(finished_with, folding_);
    ++generation_;
    changed_.notify_all();
  }
  fold_held_until_.reset();
  fold_.next = done;
  fold_.series = series;
  if (finished) end_fold();
  return {};
}

void SqliteStore::end_fold() {
  folded_ = fold_.mark;
  fold_ = Fold{};
  const SlotSecond complete = std::min(folded_.second, horizon());
  if (complete > complete_) {
    complete_ = complete;
    rolling_ = true;
  }
  if (complete_ - retention_done_for_ >= 600) {
    retention_done_for_ = complete_;
    deleting_ = true;
  }
}

bool SqliteStore::row_is_done(const JournalRow& row) const { return row.id <= folded_.row && row.newest < folded_.second; }
bool SqliteStore::rows_done() const {
  return std::any_of(rows_.begin(), rows_.end(), [this](const JournalRow& row) { return row_is_done(row); });
}

Status SqliteStore::drop_rows() {
  std::deque<JournalRow> left;
  std::size_t bytes = 0;
  Status status = writer_->begin_write();
  for (const JournalRow& row : rows_) {
    if (bytes >= kJournalBytesAStep || !row_is_done(row)) {
      left.push_back(row);
      continue;
    }
    bytes += row.bytes + 1;
    if (status) status = drop_journal_.bind(1, row.id).run();
  }
  if (status) status = writer_->commit();
  if (!status) return status;
  rows_.swap(left);
  MutexLock lock(mutex_);
  status_.journal_rows = rows_.size();
  return {};
}

}  // namespace nezu::store::sqlite
