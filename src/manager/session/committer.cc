#include "manager/session/committer.h"

#include <iterator>

namespace nezu::session {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// The later of two values for a key or an id wins: batches are applied in order.
void merge(store::WriteBatch& to, store::WriteBatch&& from) {
  for (auto& [key, value] : from.state) to.state[key] = std::move(value);
  append(to.records, from.records);
  append(to.services, from.services);
  append(to.monitoring, from.monitoring);
  append(to.failovers, from.failovers);
  append(to.events, from.events);
  append(to.discoveries, from.discoveries);
  append(to.discovery_entries, from.discovery_entries);
  append(to.discoveries_deleted, from.discoveries_deleted);
}

}  // namespace

void Committer::submit(store::WriteBatch changes, UniqueFunction<void()> after) {
  merge(waiting_.changes, std::move(changes));
  waiting_.after.push_back(std::move(after));
  next();
}

void Committer::submit(store::WriteBatch changes, const std::string& logical_probe, SharedRecord record, SharedBytes encoded,
                       UniqueFunction<void()> after) {
  NEZU_CHECK(room(encoded->size()));
  held_bytes_ += encoded->size();
  waiting_.bytes += encoded->size();
  changes.records.emplace_back(logical_probe, std::move(record), std::move(encoded));
  submit(std::move(changes), std::move(after));
}

void Committer::next() {
  // `running_`: an `after` that submits mustn't overtake those behind it.
  if (running_) return;
  running_ = true;
  while (!in_flight_ && !dead_ && !waiting_.empty()) {
    std::swap(current_, waiting_);
    in_flight_ = true;
    write();
  }
  running_ = false;
}

void Committer::write() {
  if (current_.changes.empty()) return done({});  // only something that waits for what was before it
  tried_ = now_;
  store_.write(current_.changes, [this](nezu::Status status) { done(status); });
}

void Committer::done(const nezu::Status& status) {
  if (!status.ok()) {
    const ErrorCode code = status.error().code();
    fault_ = status.error().message();
    if (code != ErrorCode::no_space && code != ErrorCode::unavailable) {
      dead_ = true;
      hooks_.fatal(status.error());
      return;
    }
    retry_due_ = true;
    if (!paused_) {
      paused_ = true;
      hooks_.paused(status.error());
    }
    return;
  }
  Pending durable;
  std::swap(durable, current_);
  in_flight_ = false;
  held_bytes_ -= durable.bytes;
  const bool resumed = paused_;
  paused_ = false;
  fault_.clear();
  const bool outer = !running_;
  if (outer) running_ = true;
  for (auto& after : durable.after) after();
  if (resumed) hooks_.resumed();
  if (outer) {
    running_ = false;
    next();
  }
}

void Committer::tick(MonoTime now) {
  now_ = now;
  if (!retry_due_ || dead_ || now - tried_ < options_.retry) return;
  retry_due_ = false;
  write();
}

}  // namespace nezu::session
