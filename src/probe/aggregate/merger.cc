#include "probe/aggregate/merger.h"

#include <algorithm>

#include "common/base/check.h"

namespace nezu::probe::aggregate {

// A record while its workers' parts are added.
struct Merger::Building {
  struct Service {
    std::uint64_t version = 0;
    window::Spans covered;
    std::uint32_t parts = 0;  // workers whose coverage is in `covered`
    std::map<window::TargetId, window::Figures> targets;
  };
  std::map<window::ServiceId, Service> services;
  window::Spans covered;
  window::Counters counters;
  std::uint32_t parts = 0;
  PacketTime begin = PacketTime::max(), end = PacketTime::min();

  // A definition may be changed between two workers' edges: the newer one stands, and the span of the older isn't covered.
  Service* service(window::ServiceId id, std::uint64_t version) {
    Service& s = services[id];
    if (s.version > version) return nullptr;
    if (s.version < version) {
      s = Service{};
      s.version = version;
    }
    return &s;
  }

  void add(WorkerWindow& w) {
    covered = parts == 0 ? w.covered : window::intersect(covered, w.covered);
    ++parts;
    begin = std::min(begin, w.span.begin);
    end = std::max(end, w.span.end);
    counters += w.counters;
    std::map<window::ServiceId, std::pair<std::uint64_t, window::Spans>> mine;  // a service that stopped and started again: twice
    for (WorkerWindow::Service& s : w.services) {
      auto& [version, spans] = mine[s.id];
      if (s.version < version) continue;
      spans = s.version == version ? window::unite(spans, s.covered) : s.covered;
      version = s.version;
    }
    for (auto& [id, part] : mine) {
      if (Service* s = service(id, part.first)) {
        s->covered = s->parts == 0 ? std::move(part.second) : window::intersect(s->covered, part.second);
        ++s->parts;
      }
    }
    add_figures(w);
  }

  void add_figures(WorkerWindow& w) {
    for (std::size_t i = 0; i < w.used; ++i) {
      WorkerWindow::Slot& slot = w.slots[i];
      Service* s = service(slot.service, slot.version);
      if (s == nullptr || slot.figures.empty()) continue;
      s->targets[slot.target].merge(slot.figures);
    }
  }

  // Another window's: its figures count, its coverage doesn't. Of a service that is measured no longer only the counter tells.
  void add_late(WorkerWindow& w) {
    for (std::size_t i = 0; i < w.used; ++i) {
      const WorkerWindow::Slot& slot = w.slots[i];
      const auto it = services.find(slot.service);
      if (it == services.end() || it->second.version != slot.version) continue;
      it->second.targets[slot.target].merge(slot.figures);
    }
    counters += w.counters;
  }
};

Merger::Merger(const Options& options) : options_(options), workers_(options.workers) {
  NEZU_CHECK(options.workers > 0 && options.window > Nanos(0));
}

void Merger::take(std::unique_ptr<WorkerWindow> window, MonoTime now) {
  NEZU_CHECK(window->worker < workers_.size());
  PerWorker& w = workers_[window->worker];
  const Key key = key_of(window->span.begin);
  w.moved_at = now;
  w.last = w.last ? std::max(*w.last, key) : key;
  if (closed_ && key <= *closed_) {
    keep_late(std::move(window));
    return;
  }
  w.waiting.push_back(std::move(window));
}

void Merger::keep_late(std::unique_ptr<WorkerWindow> window) {
  // Each target's transactions; a request counts in its service's all web access, so the largest of a service is that service's number.
  std::map<window::ServiceId, std::uint64_t> by_service;
  for (std::size_t i = 0; i < window->used; ++i) {
    std::uint64_t& n = by_service[window->slots[i].service];
    n = std::max(n, window->slots[i].figures.transactions + window->slots[i].figures.unmeasured);
  }
  for (const auto& [id, n] : by_service) window->counters.late += n;
  late_.push_back(std::move(window));
}

void Merger::progress(std::uint32_t worker, PacketTime watermark, MonoTime now) {
  PerWorker& w = workers_[worker];
  if (watermark > w.watermark) {
    w.watermark = watermark;
    w.moved_at = now;
  }
}

void Merger::finished(std::uint32_t worker) { workers_[worker].finished = true; }

std::optional<Merger::Key> Merger::oldest() const {
  std::optional<Key> key;
  for (const PerWorker& w : workers_) {
    if (w.waiting.empty()) continue;
    const Key k = key_of(w.waiting.front()->span.begin);
    key = key ? std::min(*key, k) : k;
  }
  return key;
}

bool Merger::is_closed(Key key, MonoTime now, bool& partly) {
  bool all = true, stuck_only = true, crowded = false;
  for (const PerWorker& w : workers_) {
    crowded = crowded || w.waiting.size() > options_.max_waiting;
    if (w.finished || (w.last && *w.last >= key)) continue;
    all = false;
    stuck_only = stuck_only && now - std::max(w.moved_at, first_part_->second) >= options_.grace;
  }
  if (all) return true;
  partly = stuck_only || crowded;
  return partly;
}

void Merger::poll(MonoTime now, std::vector<window::Record>& out, std::vector<std::unique_ptr<WorkerWindow>>& used) {
  while (const auto key = oldest()) {
    if (!first_part_ || first_part_->first != *key) first_part_ = std::pair(*key, now);
    bool partly = false;
    if (!is_closed(*key, now, partly)) return;
    if (partly) ++left_out_;
    close(*key, partly, out, used);
    closed_ = *key;
  }
}

void Merger::close(Key key, bool partly, std::vector<window::Record>& out, std::vector<std::unique_ptr<WorkerWindow>>& used) {
  Building b;
  for (PerWorker& w : workers_) {
    bool mine = false;
    if (!w.waiting.empty() && key_of(w.waiting.front()->span.begin) == key) {
      mine = true;
      b.add(*w.waiting.front());
      used.push_back(std::move(w.waiting.front()));
      w.waiting.pop_front();
    }
    if (!mine && !w.finished) partly = true;
  }
  b.begin = std::max(b.begin, end_);
  b.counters += carried_;
  if (b.services.empty()) {  // nothing is measured: no record, and what was counted meanwhile belongs to none
    carried_ = {};
    return;
  }
  window::Record r;
  r.span = {b.begin, b.end};
  r.covered = window::intersect(b.covered, {r.span});
  if (r.span.empty() || r.covered.empty()) {
    ++uncovered_;
    carried_ = b.counters;
    return;
  }
  for (auto& w : late_) {
    b.add_late(*w);
    used.push_back(std::move(w));
  }
  late_.clear();
  carried_ = {};
  end_ = r.span.end;
  r.partly = partly;
  r.counters = b.counters;
  for (auto& [id, s] : b.services) {
    window::ServicePart part;
    part.service = id;
    part.definition_version = s.version;
    // A worker that names the service not at all hasn't begun with it, or has ended: there is nothing that all of them covered.
    if (s.parts == b.parts) part.covered = window::intersect(s.covered, r.covered);
    for (auto& [target, figures] : s.targets) part.targets.push_back({target, std::move(figures)});
    r.services.push_back(std::move(part));
  }
  out.push_back(std::move(r));
}

}  // namespace nezu::probe::aggregate
