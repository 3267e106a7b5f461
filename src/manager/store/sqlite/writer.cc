// The writer's thread: group commit, faults and the way back.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "manager/store/loaded.h"
#include "manager/store/sqlite/catalogue.h"
#include "manager/store/sqlite/journal.h"
#include "manager/store/sqlite/store_impl.h"
#include "model/wire/messages.h"

namespace nezu::store::sqlite {

void SqliteStore::write(WriteBatch batch, UniqueFunction<void(Status)> done) {
  {
    MutexLock lock(mutex_);
    if (queue_.size() < options_.max_waiting_batches && !stopping_) {
      queue_.push_back({std::move(batch), std::move(done)});
      wake_.notify_one();
      return;
    }
    ++status_.refused;
  }
  std::deque<Waiting> refused;
  refused.push_back({WriteBatch{}, std::move(done)});
  answer(std::move(refused),
         Error(ErrorCode::unavailable, fmt::format("{}: {} batches wait already", options_.path, options_.max_waiting_batches)));
}

store::Status SqliteStore::status() const {
  MutexLock lock(mutex_);
  store::Status status = status_;
  status.waiting = queue_.size();
  return status;
}

void SqliteStore::run() {
  bool busy = true;  // maintenance has more to do at once
  for (;;) {
    std::deque<Waiting> group;
    bool faulty = false;
    {
      MutexLock lock(mutex_);
      if (queue_.empty() && !stopping_ && !busy) wake_.wait_for(mutex_, options_.room_check);
      group.swap(queue_);
      faulty = !status_.fault.empty();
      if (group.empty() && stopping_) break;
    }
    const bool had_work = !group.empty();
    if (had_work) {
      commit_group(std::move(group));
    } else if (faulty && !broken_ && try_room()) {
      leave_fault();
    }
    busy = writer_ != nullptr && !broken_ && !(faulty && !had_work) && maintain();
  }
  close_cleanly();
}

void SqliteStore::answer(std::deque<Waiting> group, const Status& status) {
  for (Waiting& waiting : group) {
    if (!waiting.done) continue;
    if (options_.post) {
      options_.post([done = std::move(waiting.done), status]() mutable { done(status); });
    } else {
      waiting.done(status);
    }
  }
}

void SqliteStore::commit_group(std::deque<Waiting> group) {
  std::vector<Incoming> incoming;
  auto status = commit(group, incoming);
  if (status) {
    after_commit(group, incoming);
    answer(std::move(group), status);
    return;
  }
  const ErrorCode code = status.error().code();
  if (group.size() > 1 && code != ErrorCode::no_space && code != ErrorCode::io) {
    // One batch that can't be written must not take the others with it.
    for (Waiting& waiting : group) {
      std::deque<Waiting> single;
      single.push_back(std::move(waiting));
      commit_group(std::move(single));
    }
    return;
  }
  note_failure(status.error());
  answer(std::move(group), status);
}

Status SqliteStore::take_in(const std::deque<Waiting>& group, std::vector<Incoming>& incoming) {
  for (const Waiting& waiting : group) {
    for (const JournalRecord& entry : waiting.batch.records) {
      const SlotSecond begin = second_of(entry.record->span.begin);
      if (begin < 0 || begin >= (SlotSecond{1} << kTimeBits) - kMaxFoldSpan)
        return Error(ErrorCode::invalid_argument, fmt::format("record of {}: its time is out of range", entry.logical_probe));
      auto bytes = entry.encoded != nullptr ? entry.encoded : std::make_shared<const std::string>(wire::encode_record(*entry.record));
      Incoming& in = incoming.emplace_back(Incoming{&entry.logical_probe, std::move(bytes), {}});
      if (auto status = wire::read_outline(*in.bytes, in.outline); !status)
        return Error(ErrorCode::invalid_argument, fmt::format("record of {}: {}", entry.logical_probe, status.error().message()));
    }
  }
  return {};
}

Status SqliteStore::commit(const std::deque<Waiting>& group, std::vector<Incoming>& incoming) {
  if (broken_) {
    MutexLock lock(mutex_);
    return Error(ErrorCode::io, status_.fault);
  }
  if (writer_ == nullptr && !try_room()) {
    MutexLock lock(mutex_);
    return Error(ErrorCode::no_space, status_.fault);
  }
  if (auto status = take_in(group, incoming); !status) return status;
  {
    MutexLock lock(mutex_);
    std::uint64_t windows = pending_.windows() + folding_.windows();
    for (const Incoming& in : incoming) windows += in.outline.targets.size();
    if (!incoming.empty() && windows > options_.max_unfolded_windows) {
      return Error(ErrorCode::no_space, fmt::format("{}: {} windows wait to be folded, the limit is {}", options_.path,
                                                    pending_.windows() + folding_.windows(), options_.max_unfolded_windows));
    }
  }
  if (auto status = writer_->begin_write(); !status) return status;
  std::map<std::string, ProbeTrack> tracks;
  std::int64_t next_run = next_run_;
  auto status = write_group(group, incoming, tracks, next_run);
  const std::int64_t row = incoming.empty() ? 0 : journal_row_;
  if (status) status = writer_->commit();
  if (!status) {
    writer_->rollback();
    return status;
  }
  next_run_ = next_run;
  for (auto& [name, track] : tracks) tracks_[name] = track;
  marked_running_ = true;
  if (row != 0) {
    SlotSecond newest = newest_of(incoming.front().outline);
    for (const Incoming& in : incoming) newest = std::max(newest, newest_of(in.outline));
    rows_.push_back({row, newest, failed_bytes_});
    newest_in_ = newest;
  }
  return {};
}

Status SqliteStore::write_group(const std::deque<Waiting>& group, const std::vector<Incoming>& incoming,
                                std::map<std::string, ProbeTrack>& tracks, std::int64_t& next_run) {
  if (!marked_running_) {
    if (auto status = writer_->exec("UPDATE meta SET value=0 WHERE key='clean'"); !status) return status;
  }
  for (const Waiting& waiting : group) {
    if (auto status = write_catalogue(*writer_, waiting.batch); !status) return status;
  }
  if (incoming.empty()) return {};
  std::vector<JournalEntry> entries;
  entries.reserve(incoming.size());
  for (const Incoming& in : incoming) entries.push_back({*in.probe, *in.bytes});
  const std::string row = encode_journal(entries);
  failed_bytes_ = row.size();
  if (auto status = insert_journal_.bind_blob(1, row).run(); !status) return status;
  journal_row_ = writer_->last_row();
  return write_spans(group, tracks, next_run);
}

Status SqliteStore::write_spans(const std::deque<Waiting>& group, std::map<std::string, ProbeTrack>& tracks, std::int64_t& next_run) {
  std::map<std::int64_t, std::pair<std::string, window::Span>> rows;
  for (const Waiting& waiting : group) {
    for (const JournalRecord& entry : waiting.batch.records) {
      const window::Span& span = entry.record->span;
      auto [at, added] = tracks.try_emplace(entry.logical_probe);
      if (const auto known = tracks_.find(entry.logical_probe); added && known != tracks_.end()) at->second = known->second;
      ProbeTrack& track = at->second;
      if (track.run != 0 && span.begin == track.span.end) {
        track.span.end = span.end;
      } else if (track.run == 0 || span.begin > track.span.end) {
        track.run = next_run++;
        track.span = span;
      } else {
        rows[next_run++] = {entry.logical_probe, span};  // late: into a hole between runs
        continue;
      }
      rows[track.run] = {entry.logical_probe, track.span};
      track.stored_until = span.end;
      track.instance = entry.record->instance;
      track.epoch = entry.record->epoch;
    }
  }
  auto run = writer_->prepare("INSERT OR REPLACE INTO stored VALUES(?1,?2,?3,?4)");
  if (!run) return run.error();
  for (const auto& [id, row] : rows) {
    if (auto status = run->bind(1, id).bind(2, row.first).bind(3, to_ns(row.second.begin)).bind(4, to_ns(row.second.end)).run(); !status)
      return status;
  }
  auto probe = writer_->prepare("INSERT OR REPLACE INTO probe VALUES(?1,?2,?3,?4)");
  if (!probe) return probe.error();
  for (const auto& [name, track] : tracks) {
    const std::string_view instance(reinterpret_cast<const char*>(track.instance.bytes.data()), track.instance.bytes.size());
    if (auto status = probe->bind(1, name).bind(2, to_ns(track.stored_until)).bind_blob(3, instance).bind(4, track.epoch).run(); !status)
      return status;
  }
  return {};
}

void SqliteStore::after_commit(std::deque<Waiting>& group, std::vector<Incoming>& incoming) {
  MutexLock lock(mutex_);
  const bool was_empty = pending_.empty();
  ++status_.commits;
  for (Waiting& waiting : group) {
    ++status_.batches;
    for (const ServiceRow& row : waiting.batch.services) {
      service_of_[row.all_target] = row.id;
      for (const auto& [name, target] : row.targets) service_of_[target] = row.id;
    }
  }
  for (Incoming& in : incoming) {
    ++status_.records;
    pending_.add(*in.probe, std::move(in.bytes), in.outline);
  }
  status_.journal_rows = rows_.size();
  if (!incoming.empty() && was_empty) fold_at_ = floor_second(pending_.newest(), fold_span_) + fold_span_;
  status_.wal_bytes = static_cast<std::uint64_t>(writer_->wal_frames()) * (8192 + 24);
  status_.fault.clear();
}

void SqliteStore::note_failure(const Error& error) {
  MutexLock lock(mutex_);
  ++status_.failed_commits;
  if (error.code() == ErrorCode::no_space || error.code() == ErrorCode::io) status_.fault = error.message();
  if (error.code() == ErrorCode::io) broken_ = true;
}

void SqliteStore::leave_fault() {
  MutexLock lock(mutex_);
  status_.fault.clear();
}

// Whether a row as long as the one that failed could be written now. It is written for real, and taken out again.
bool SqliteStore::try_room() {
  if (writer_ == nullptr) {
    {
      MutexLock lock(mutex_);
      while (free_readers_.size() < readers_) changed_.wait(mutex_);
      free_readers_.clear();
      readers_ = 0;
    }
    auto status = open_normal();
    if (!status) {
      const auto back = open_cramped();
      MutexLock lock(mutex_);
      status_.fault = back ? status.error().message() : back.error().message();
      changed_.notify_all();
      return false;
    }
    changed_.notify_all();
  }
  const std::string row = encode_journal({}, failed_bytes_);
  Status status = writer_->begin_write();
  if (status) status = insert_journal_.bind_blob(1, row).run();
  if (status) status = writer_->commit();
  if (status) status = writer_->exec("DELETE FROM journal WHERE id=last_insert_rowid()");
  if (status) return true;
  writer_->rollback();
  MutexLock lock(mutex_);
  status_.fault = status.error().message();
  if (status.error().code() == ErrorCode::io) broken_ = true;
  return false;
}

}  // namespace nezu::store::sqlite
