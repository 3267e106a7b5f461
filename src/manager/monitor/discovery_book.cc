#include "manager/monitor/discovery_book.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace nezu::monitor {
namespace {

// No probe has seen so many: a number beyond it is damage, and would not fit into the database.
constexpr std::uint64_t kImplausible = std::uint64_t{1} << 62;

void add(std::uint64_t& to, std::uint64_t more) { to = more > kImplausible - std::min(to, kImplausible) ? kImplausible : to + more; }

}  // namespace

const char* name(DiscoveryFate fate) {
  switch (fate) {
    case DiscoveryFate::stored: return "stored";
    case DiscoveryFate::over_limit: return "over_limit";
    case DiscoveryFate::repeated: return "repeated";
    case DiscoveryFate::stopped: return "stopped";
    case DiscoveryFate::unknown_job: return "unknown_job";
    case DiscoveryFate::other_instance: return "other_instance";
  }
  return "unknown";
}

DiscoveryBook::DiscoveryBook(const DiscoveryLimits& limits, std::vector<store::DiscoveryRow> loaded) : limits_(limits) {
  for (store::DiscoveryRow& row : loaded) rows_[row.id] = std::move(row);
}

void DiscoveryBook::start(std::uint64_t id, const DiscoveryWish& wish, const InstanceId& instance, const std::string& node, MonoTime awake,
                          Now now) {
  store::DiscoveryRow& row = rows_[id];
  row.id = id;
  row.logical_probe = wish.logical_probe;
  if (wish.source) row.source = to_string(*wish.source);
  row.limit = wish.limit;
  row.started_by = wish.by;
  row.started = now.wall;
  row.instance = to_string(instance);
  row.node = node;
  Running& running = running_[id];
  if (wish.limit > Nanos{0}) running.ends = awake + wish.limit;
  changed_.insert(id);
}

void DiscoveryBook::stop(std::uint64_t id, std::string_view reason, const std::string& text, const std::string& by, MonoTime awake,
                         Now now) {
  const auto found = rows_.find(id);
  if (found == rows_.end() || found->second.stopped) return;
  store::DiscoveryRow& row = found->second;
  row.stopped = std::max(now.wall, row.started);
  row.stopped_by = by;
  row.reason = reason;
  row.text = text;
  changed_.insert(id);
  auto running = running_.extract(id);
  if (running.empty()) return;
  running.mapped().ends = awake + kLate;
  stopping_.insert(std::move(running));
}

bool DiscoveryBook::fits(store::DiscoveryRow& row, Running& running, const wire::DiscoveryEntry& entry) const {
  if (entry.count > kImplausible) return false;
  std::string key = fmt::format("{}\n{}\n{}\n{}", entry.host, entry.port, entry.method, entry.path);
  if (running.keys.count(key) != 0) return true;
  const std::size_t bytes = entry.host.size() + entry.path.size() + entry.method.size();
  if (row.entries >= limits_.entries || row.bytes + bytes > limits_.bytes) return false;
  running.keys.insert(std::move(key));
  ++row.entries;
  row.bytes += bytes;
  return true;
}

DiscoveryBook::Received DiscoveryBook::receive(const wire::DiscoveryEntries& message, const std::string& logical_probe,
                                               const InstanceId& from, MonoTime awake) {
  const auto refuse = [&](DiscoveryFate fate) {
    fates_[static_cast<std::size_t>(fate)] += message.entries.size();
    return Received{message.number != 0, false};
  };
  const auto found = rows_.find(message.job);
  if (found == rows_.end() || found->second.logical_probe != logical_probe) return refuse(DiscoveryFate::unknown_job);
  store::DiscoveryRow& row = found->second;
  if (row.instance != to_string(from)) return refuse(DiscoveryFate::other_instance);
  if (message.number != 0 && message.number <= row.last_number) return refuse(DiscoveryFate::repeated);
  auto running = running_.find(message.job);
  if (running == running_.end()) {
    running = stopping_.find(message.job);
    if (running == stopping_.end() || awake > *running->second.ends) return refuse(DiscoveryFate::stopped);
  }
  Received received{message.number != 0, false};
  if (message.number != 0) row.last_number = message.number;
  add(row.other_source, message.other_source);
  add(row.no_room, message.no_room);
  add(row.unreadable, message.unreadable);
  for (const wire::DiscoveryEntry& entry : message.entries) {
    if (!fits(row, running->second, entry)) {
      add(row.over_limit, entry.count);
      ++fates_[static_cast<std::size_t>(DiscoveryFate::over_limit)];
      received.full = true;
      continue;
    }
    add(row.requests, entry.count);
    ++fates_[static_cast<std::size_t>(DiscoveryFate::stored)];
    found_.push_back({message.job, entry.host, entry.port, entry.path, entry.method, entry.count, entry.timed, entry.response_time_sum});
  }
  changed_.insert(message.job);
  return received;
}

std::vector<std::uint64_t> DiscoveryBook::over(MonoTime awake) const {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, running] : running_) {
    if (running.ends && awake >= *running.ends) ids.push_back(id);
  }
  return ids;
}

void DiscoveryBook::expire(Now now) {
  std::size_t stopped = rows_.size() - running_.size();
  for (auto it = rows_.begin(); it != rows_.end();) {
    const auto& [id, row] = *it;
    const bool old = row.stopped && now.wall - *row.stopped > limits_.retention;
    if (!row.stopped || (!old && stopped <= limits_.kept)) {
      ++it;
      continue;
    }
    --stopped;
    deleted_.push_back(id);
    changed_.erase(id);
    stopping_.erase(id);
    it = rows_.erase(it);
  }
}

const store::DiscoveryRow* DiscoveryBook::find(std::uint64_t id) const {
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

std::vector<store::DiscoveryRow> DiscoveryBook::newest_first() const {
  std::vector<store::DiscoveryRow> all;
  for (auto it = rows_.rbegin(); it != rows_.rend(); ++it) all.push_back(it->second);
  return all;
}

void DiscoveryBook::take_changes(store::WriteBatch& batch) {
  for (const std::uint64_t id : std::exchange(changed_, {})) batch.discoveries.push_back(rows_.at(id));
  batch.discovery_entries = std::exchange(found_, {});
  batch.discoveries_deleted = std::exchange(deleted_, {});
}

}  // namespace nezu::monitor
