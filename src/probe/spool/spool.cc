#include "probe/spool/spool.h"

#include <algorithm>

#include "common/base/check.h"

namespace nezu::probe::spool {

std::uint64_t memory_of(const window::Record& record) {
  std::uint64_t n =
      sizeof record + record.covered.size() * sizeof(window::Span) + record.ledger.entries.size() * sizeof(window::LedgerEntry);
  for (const window::ServicePart& s : record.services) {
    n += sizeof s + s.covered.size() * sizeof(window::Span);
    for (const window::TargetFigures& t : s.targets) {
      n += sizeof t + (t.figures.response_time.counts().size() + t.figures.ttfb.counts().size()) * sizeof(std::uint64_t);
    }
  }
  return n;
}

bool Spool::push(window::Record record) {
  if (record.span.empty() || (!entries_.empty() && record.span.begin < entries_.back().record.span.end)) {
    ++out_of_order_;
    return false;
  }
  const std::uint64_t bytes = memory_of(record);
  bytes_ += bytes;
  ++pushed_;
  entries_.push_back({std::move(record), bytes, false});
  trim();
  return true;
}

void Spool::forget(const Entry& entry) {
  bytes_ -= entry.bytes;
  if (entry.sent) --on_its_way_;
}

void Spool::trim() {
  while (!entries_.empty() && (entries_.size() > options_.windows || bytes_ > options_.bytes)) {
    forget(entries_.front());
    pushed_out_.push_back(entries_.front().record.span);
    entries_.pop_front();
    ++overflow_;
  }
}

bool Spool::acknowledge(PacketTime begin, PacketTime end) {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.record.span == window::Span{begin, end}; });
  if (it == entries_.end()) return false;
  forget(*it);
  entries_.erase(it);
  ++acknowledged_;
  return true;
}

const window::Record* Spool::take_unsent() {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.record.epoch != 0 && !e.sent; });
  if (it == entries_.end()) return nullptr;
  it->sent = true;
  ++on_its_way_;
  return &it->record;
}

void Spool::connection_lost() {
  for (Entry& e : entries_) e.sent = false;
  on_its_way_ = 0;
}

void Spool::take_back(std::optional<PacketTime> until, const std::function<bool(const window::Span&)>& apart) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (until && it->record.span.end <= *until) {
      ++it;
    } else if (apart(it->record.span)) {
      forget(*it);
      it = entries_.erase(it);
    } else {
      it->record.epoch = 0;
      if (std::exchange(it->sent, false)) --on_its_way_;
      ++it;
    }
  }
}

std::size_t Spool::drop_if(const auto& condition) {
  std::size_t dropped = 0;
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (!condition(*it)) {
      ++it;
      continue;
    }
    forget(*it);
    it = entries_.erase(it);
    ++dropped;
  }
  return dropped;
}

std::size_t Spool::grant(std::uint64_t epoch, PacketTime from) {
  NEZU_CHECK(epoch != 0);
  const std::size_t dropped = drop_shadow(from);
  for (Entry& e : entries_) {
    if (e.record.epoch == 0) e.record.epoch = epoch;
  }
  return dropped;
}

std::size_t Spool::drop_shadow(PacketTime from) {
  return drop_if([&](const Entry& e) { return e.record.epoch == 0 && e.record.span.begin < from; });
}

void Spool::set_options(const Options& options) {
  options_ = options;
  trim();
}

std::size_t Spool::granted() const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.record.epoch != 0; }));
}

window::Spans Spool::covered_after(PacketTime from) const {
  window::Spans all;
  for (const Entry& e : entries_) {
    for (const window::Span& s : e.record.covered) {
      if (s.end > from) all.push_back(s);
    }
  }
  return window::normalise(std::move(all));
}

}  // namespace nezu::probe::spool
