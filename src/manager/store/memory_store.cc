#include "manager/store/memory_store.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "manager/store/loaded.h"

namespace nezu::store {

Result<Loaded> MemoryStore::load() {
  MutexLock lock(mutex_);
  Loaded loaded = kept_;
  for (const auto& [probe, covered] : covered_) loaded.covered.push_back(covered);
  return loaded;
}

void MemoryStore::write(WriteBatch batch, UniqueFunction<void(nezu::Status)> done) {
  nezu::Status outcome;
  {
    MutexLock lock(mutex_);
    if (failure_) {
      ++status_.failed_commits;
      outcome = *failure_;
    } else {
      ++status_.batches;
      ++status_.commits;
      apply(std::move(batch));
    }
  }
  if (done) done(std::move(outcome));
}

void MemoryStore::apply(WriteBatch batch) {
  apply_rows(kept_, batch);
  for (const DiscoveryEntry& entry : batch.discovery_entries) {
    const auto key = [](const DiscoveryEntry& e) { return std::tie(e.discovery, e.host, e.port, e.path, e.method); };
    const auto known =
        std::find_if(discovery_entries_.begin(), discovery_entries_.end(), [&](const auto& other) { return key(other) == key(entry); });
    if (known == discovery_entries_.end()) {
      discovery_entries_.push_back(entry);
      continue;
    }
    known->count += entry.count;
    known->timed += entry.timed;
    known->response_time_sum += entry.response_time_sum;
  }
  for (const std::uint64_t id : batch.discoveries_deleted) {
    std::erase_if(discovery_entries_, [id](const DiscoveryEntry& e) { return e.discovery == id; });
  }
  for (JournalRecord& entry : batch.records) {
    ++status_.records;
    ++status_.journal_rows;
    Loaded::Covered& covered = covered_[entry.logical_probe];
    covered.logical_probe = entry.logical_probe;
    note_record(covered, *entry.record);
    slots_.add(entry.logical_probe, *entry.record);
    records_.push_back(std::move(entry));
  }
}

Status MemoryStore::status() const {
  MutexLock lock(mutex_);
  return status_;
}

Result<std::vector<Piece>> MemoryStore::pieces(TargetId target, Resolution resolution, PacketTime from, PacketTime to) {
  const SlotSecond step = seconds_of(resolution);
  const SlotSecond first = first_step_from(from, step);
  const SlotSecond last = first_step_from(to, step);
  std::vector<Piece> out;
  MutexLock lock(mutex_);
  for (const auto& [probe, slots] : slots_.probes()) {
    append_pieces(probe, roll_up(slots_.figures(probe, target, first, last), step), out);
  }
  sort_pieces(out);
  return out;
}

Result<std::vector<CoveragePiece>> MemoryStore::coverage(ServiceId service, Resolution resolution, PacketTime from, PacketTime to) {
  const SlotSecond step = seconds_of(resolution);
  const SlotSecond first = first_step_from(from, step);
  const SlotSecond last = first_step_from(to, step);
  std::vector<CoveragePiece> out;
  MutexLock lock(mutex_);
  for (const auto& [probe, slots] : slots_.probes()) {
    auto list = slots_.coverage(probe, service, first, last);
    append_pieces(probe, step == 1 ? std::move(list) : roll_up(std::move(list), step), out);
  }
  sort_pieces(out);
  return out;
}

Result<std::vector<DiscoveryEntry>> MemoryStore::discovery_entries(std::uint64_t discovery) {
  std::vector<DiscoveryEntry> out;
  {
    MutexLock lock(mutex_);
    std::copy_if(discovery_entries_.begin(), discovery_entries_.end(), std::back_inserter(out),
                 [discovery](const DiscoveryEntry& e) { return e.discovery == discovery; });
  }
  std::sort(out.begin(), out.end(), [](const DiscoveryEntry& a, const DiscoveryEntry& b) {
    return std::tie(b.count, a.host, a.port, a.path, a.method) < std::tie(a.count, b.host, b.port, b.path, b.method);
  });
  return out;
}

void MemoryStore::fail_with(std::optional<Error> error) {
  MutexLock lock(mutex_);
  status_.fault = error ? error->message() : std::string();
  failure_ = std::move(error);
}

std::vector<JournalRecord> MemoryStore::records() const {
  MutexLock lock(mutex_);
  return records_;
}

}  // namespace nezu::store
