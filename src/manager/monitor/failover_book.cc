#include "manager/monitor/failover_book.h"

#include <algorithm>

namespace nezu::monitor {

FailoverBook::FailoverBook(std::vector<store::FailoverRecord> loaded, std::uint64_t next_id) : next_id_(next_id) {
  for (store::FailoverRecord& record : loaded) {
    next_id_ = std::max(next_id_, record.id + 1);
    if (record.open) {
      Waiting waiting{record.id, {}};
      for (const auto& gap : record.gaps) {
        if (gap.begin == gap.end) waiting.services.insert(gap.service);
      }
      const auto older = open_.find(record.logical_probe);
      if (older == open_.end() || older->second.id < record.id) open_[record.logical_probe] = std::move(waiting);
    }
    records_[record.id] = std::move(record);
  }
}

bool FailoverBook::open(store::FailoverRecord record, const std::map<window::ServiceId, PacketTime>& monitored) {
  const auto older = open_.find(record.logical_probe);
  if (older != open_.end()) {
    records_.at(older->second.id).open = false;
    changed_.insert(older->second.id);
    open_.erase(older);
  }
  record.id = next_id_++;
  record.open = !monitored.empty();
  Waiting waiting{record.id, {}};
  for (const auto& [service, covered_until] : monitored) {
    record.gaps.push_back({service, covered_until, covered_until});
    waiting.services.insert(service);
  }
  changed_.insert(record.id);
  const bool opened = record.open;
  if (opened) open_[record.logical_probe] = std::move(waiting);
  records_[record.id] = std::move(record);
  while (records_.size() > kKept) records_.erase(records_.begin());
  return opened;
}

bool FailoverBook::stored(const std::string& logical_probe, const window::Record& record, WallTime now) {
  const auto found = open_.find(logical_probe);
  if (found == open_.end()) return false;
  store::FailoverRecord& failover = records_.at(found->second.id);
  // A later epoch is the same instance's, admitted again before it was complete: another one would have opened a record of its own.
  if (record.epoch < failover.epoch) return false;
  if (!failover.first_window) {
    failover.first_window = now;
    failover.seam_doubtful = record.seam_doubtful;
    changed_.insert(failover.id);
  }
  if (!failover.first_covered && !record.covered.empty()) {
    failover.first_covered = record.covered.front().begin;
    changed_.insert(failover.id);
  }
  for (const window::ServicePart& part : record.services) {
    if (part.covered.empty() || found->second.services.erase(part.service) == 0) continue;
    for (auto& gap : failover.gaps) {
      if (gap.service == part.service) gap.end = std::max(gap.begin, part.covered.front().begin);
    }
    changed_.insert(failover.id);
  }
  return close_if_complete(logical_probe);
}

void FailoverBook::handed_over(const std::string& logical_probe, std::uint64_t epoch, std::uint64_t handed_over, std::uint64_t left_out) {
  for (auto it = records_.rbegin(); it != records_.rend(); ++it) {
    store::FailoverRecord& failover = it->second;
    if (failover.logical_probe != logical_probe) continue;
    // As in stored(): what counts is the hand-over that the first window came from. Later ones have nothing to do with this failover.
    const bool again = epoch > failover.epoch && failover.open && !failover.first_window;
    if (epoch != failover.epoch && !again) return;
    if (failover.handed_over == handed_over && failover.left_out == left_out) return;
    failover.handed_over = handed_over;
    failover.left_out = left_out;
    changed_.insert(failover.id);
    return;
  }
}

bool FailoverBook::left(const std::string& logical_probe, window::ServiceId service) {
  const auto found = open_.find(logical_probe);
  if (found == open_.end() || found->second.services.erase(service) == 0) return false;
  return close_if_complete(logical_probe);
}

bool FailoverBook::close_if_complete(const std::string& logical_probe) {
  const auto found = open_.find(logical_probe);
  if (!found->second.services.empty()) return false;
  store::FailoverRecord& failover = records_.at(found->second.id);
  failover.open = false;
  changed_.insert(failover.id);
  open_.erase(found);
  return true;
}

std::vector<store::FailoverRecord> FailoverBook::newest_first() const {
  std::vector<store::FailoverRecord> all;
  for (auto it = records_.rbegin(); it != records_.rend(); ++it) all.push_back(it->second);
  return all;
}

std::map<std::string, const store::FailoverRecord*> FailoverBook::latest() const {
  std::map<std::string, const store::FailoverRecord*> newest;
  for (const auto& [id, record] : records_) newest[record.logical_probe] = &record;
  return newest;
}

std::vector<store::FailoverRecord> FailoverBook::take_changes() {
  std::vector<store::FailoverRecord> changes;
  for (const std::uint64_t id : changed_) {
    const auto record = records_.find(id);
    if (record != records_.end()) changes.push_back(record->second);
  }
  changed_.clear();
  return changes;
}

}  // namespace nezu::monitor
