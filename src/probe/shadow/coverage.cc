#include "probe/shadow/coverage.h"

#include <algorithm>

namespace nezu::probe::shadow {
namespace {

void append(window::Spans& spans, const window::Span& span) {
  if (span.empty()) return;
  if (!spans.empty() && spans.back().end >= span.begin)
    spans.back().end = std::max(spans.back().end, span.end);
  else
    spans.push_back(span);
}

}  // namespace

void Coverage::take(const aggregate::Slice& slice, MonoTime now) {
  PerWorker& w = workers_[slice.worker];
  if (slice.span.end > w.until) w.moved_at = now;
  w.until = std::max(w.until, slice.span.end);
  for (const window::Span& s : slice.covered) append(w.covered, s);
  for (const aggregate::Tenure& t : slice.tenures) {
    if (!w.tenures.empty() && w.tenures.back().plan == t.plan && w.tenures.back().span.end >= t.span.begin)
      w.tenures.back().span.end = std::max(w.tenures.back().span.end, t.span.end);
    else
      w.tenures.push_back(t);
  }
}

void Coverage::alive(std::uint32_t worker, PacketTime watermark, MonoTime now) {
  PerWorker& w = workers_[worker];
  if (watermark <= w.seen) return;
  w.seen = watermark;
  w.moved_at = now;
}

bool Coverage::ended() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const PerWorker& w) { return w.finished; });
}

PacketTime Coverage::watermark() const {
  std::optional<PacketTime> all, last;
  for (const PerWorker& w : workers_) {
    last = last ? std::max(*last, w.until) : w.until;
    if (!w.finished) all = all ? std::min(*all, w.until) : w.until;
  }
  return all ? *all : last.value_or(PacketTime{});
}

bool Coverage::stuck(PacketTime to, MonoTime before) const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [&](const PerWorker& w) { return w.finished || w.until >= to || w.moved_at <= before; });
}

window::Spans Coverage::captured(const window::Span& span) const {
  window::Spans all{span};
  for (const PerWorker& w : workers_) all = window::intersect(all, w.covered);
  return all;
}

window::Spans Coverage::measured(const window::Span& span) const {
  window::Spans all = captured(span);
  for (const PerWorker& w : workers_) {
    window::Spans tenures;
    for (const aggregate::Tenure& t : w.tenures) tenures.push_back(t.span);
    all = window::intersect(all, window::normalise(std::move(tenures)));
  }
  return all;
}

std::map<window::ServiceId, Coverage::Service> Coverage::services(const window::Span& span) const {
  struct Part : Service {
    std::size_t workers = 0;
  };
  std::map<window::ServiceId, Part> parts;
  for (const PerWorker& w : workers_) {
    std::map<window::ServiceId, Service> mine;
    for (const aggregate::Tenure& t : w.tenures) {
      if (!t.span.overlaps(span)) continue;
      const window::Span piece{std::max(t.span.begin, span.begin), std::min(t.span.end, span.end)};
      for (std::size_t i = 0; i < t.plan->service_count(); ++i) {
        Service& s = mine[t.plan->id(i)];
        if (s.version > t.plan->version(i)) continue;
        if (s.version < t.plan->version(i)) s = {t.plan->version(i), {}};
        append(s.covered, piece);
      }
    }
    for (auto& [id, s] : mine) {
      Part& part = parts[id];
      if (part.workers > 0 && part.version > s.version) continue;
      if (part.workers == 0 || part.version < s.version) {
        part.version = s.version;
        part.covered = std::move(s.covered);
        part.workers = 1;
      } else {
        part.covered = window::intersect(part.covered, s.covered);
        ++part.workers;
      }
    }
  }
  const window::Spans all = captured(span);
  std::map<window::ServiceId, Service> out;
  for (auto& [id, part] : parts) {
    // A worker that names the service not at all hasn't begun with it, or has ended: there is nothing that all of them covered.
    out[id] = {part.version, part.workers == workers_.size() ? window::intersect(part.covered, all) : window::Spans{}};
  }
  return out;
}

bool Coverage::whole(const window::Span& span) const {
  if (span.empty() || captured(span) != window::Spans{span}) return false;
  for (const PerWorker& w : workers_) {
    if (w.tenures.empty() || w.tenures.back().span.end < span.end) return false;
    const aggregate::Plan& plan = *w.tenures.back().plan;
    if (w.tenures.back().span.begin <= span.begin) continue;
    const auto all = services(span);
    for (std::size_t i = 0; i < plan.service_count(); ++i) {
      const auto s = all.find(plan.id(i));
      if (s == all.end() || s->second.covered != window::Spans{span}) return false;
    }
  }
  return true;
}

void Coverage::forget(PacketTime before) {
  for (PerWorker& w : workers_) {
    w.covered = window::subtract(w.covered, {{PacketTime::min(), before}});
    std::erase_if(w.tenures, [&](const aggregate::Tenure& t) { return t.span.end <= before; });
    for (aggregate::Tenure& t : w.tenures) t.span.begin = std::max(t.span.begin, before);
  }
}

}  // namespace nezu::probe::shadow
