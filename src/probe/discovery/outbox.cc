#include "probe/discovery/outbox.h"

#include <utility>

namespace nezu::probe::discovery {
namespace {

std::size_t bytes_of(const wire::DiscoveryEntry& e) { return e.host.size() + e.path.size() + e.method.size(); }

}  // namespace

Outbox::Waiting& Outbox::of(std::uint64_t job) {
  for (Waiting& w : waiting_) {
    if (w.job == job) return w;
  }
  if (waiting_.size() >= options_.jobs) {
    waiting_.pop_front();
    ++jobs_dropped_;
  }
  waiting_.emplace_back().job = job;
  return waiting_.back();
}

void Outbox::add(std::uint64_t job, Found found) {
  if (found.empty()) return;
  Waiting& w = of(job);
  w.rest.other_source += found.other_source;
  w.rest.no_room += found.no_room;
  w.rest.unreadable += found.unreadable;
  for (wire::DiscoveryEntry& e : found.entries) {
    const Key key{e.host, e.port, e.path, e.method};
    const auto known = w.entries.find(key);
    if (known != w.entries.end()) {
      known->second.count += e.count;
      known->second.timed += e.timed;
      known->second.response_time_sum += e.response_time_sum;
      continue;
    }
    const std::size_t bytes = bytes_of(e);
    if (w.entries.size() >= options_.limits.entries || w.bytes + bytes > options_.limits.bytes) {
      w.rest.no_room += e.count;
      no_room_ += e.count;
      continue;
    }
    w.bytes += bytes;
    w.entries.emplace(key, std::move(e));
  }
}

std::optional<wire::DiscoveryEntries> Outbox::next(MonoTime now) {
  if (on_its_way_) {
    if (std::exchange(sent_, true) && now - *last_ < options_.patience) return std::nullopt;
    last_ = now;
    return on_its_way_;
  }
  if (waiting_.empty() || (last_ && now - *last_ < options_.interval)) return std::nullopt;
  Waiting& w = waiting_.front();
  wire::DiscoveryEntries& m = on_its_way_.emplace();
  m.job = w.job;
  m.number = ++number_;
  m.other_source = w.rest.other_source;
  m.no_room = w.rest.no_room;
  m.unreadable = w.rest.unreadable;
  w.rest = {};
  for (std::size_t bytes = 0; !w.entries.empty() && m.entries.size() < options_.message.entries;) {
    const auto first = w.entries.begin();
    const std::size_t more = bytes_of(first->second);
    if (bytes > 0 && bytes + more > options_.message.bytes) break;
    bytes += more;
    w.bytes -= more;
    m.entries.push_back(std::move(first->second));
    w.entries.erase(first);
  }
  if (w.entries.empty()) waiting_.pop_front();
  last_ = now;
  sent_ = true;
  return on_its_way_;
}

void Outbox::acknowledged(const wire::DiscoveryAck& ack) {
  if (!on_its_way_ || ack.job != on_its_way_->job || ack.number != on_its_way_->number) return;
  for (const wire::DiscoveryEntry& e : on_its_way_->entries) delivered_ += e.count;
  on_its_way_.reset();
}

std::size_t Outbox::waiting() const {
  std::size_t sum = on_its_way_ ? on_its_way_->entries.size() : 0;
  for (const Waiting& w : waiting_) sum += w.entries.size();
  return sum;
}

}  // namespace nezu::probe::discovery
