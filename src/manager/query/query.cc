#include "manager/query/query.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/text.h"

namespace nezu::query {

namespace {

using store::Resolution;
using window::Span;
using window::Spans;

PacketTime ceil_to(PacketTime t, Nanos step) {
  const PacketTime f = floor_to(t, step);
  return f == t ? t : f + step;
}

Status check(const Request& r, const store::Retention& retention, Resolution step) {
  const auto wrong = [](std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); };
  if (r.to <= r.from) return wrong(fmt::format("to: {} is not after from, {}", format_rfc3339(to_ns(r.to)), format_rfc3339(to_ns(r.from))));
  const std::int64_t points = (r.to - r.from) / store::length(step);
  if (points > kMaxPoints) {
    return wrong(fmt::format("step: {} makes {} points; wanted at most {}: a longer step, a shorter span, or auto", store::to_string(step),
                             points, kMaxPoints));
  }
  if (r.step && r.from < r.now - store::kept_for(retention, step)) {
    return wrong(fmt::format("step: {} is kept for {}, and from is older; wanted a longer step, or auto", store::to_string(step),
                             format_duration(store::kept_for(retention, step))));
  }
  return {};
}

// By logical probe: when it should have watched, within the asked span.
std::map<std::string, Spans> watched(const Request& r, PacketTime from, PacketTime to) {
  std::map<std::string, Spans> out;
  for (const store::MonitoringSpan& m : r.monitoring) {
    if (m.service != r.service || (!r.probe.empty() && m.logical_probe != r.probe)) continue;
    const auto known = r.stored_until.find(m.logical_probe);
    const PacketTime present = std::max(r.now - kDelivery, known == r.stored_until.end() ? PacketTime{} : known->second);
    const Span span{std::max(m.begin, from), std::min(m.end ? *m.end : present, to)};
    if (!span.empty()) out[m.logical_probe].push_back(span);
  }
  for (auto& [probe, spans] : out) spans = window::normalise(std::move(spans));
  return out;
}

// Lengths of spans within steps that are asked for in order: each span is looked at once.
class Lengths {
 public:
  explicit Lengths(const Spans& spans) : spans_(spans) {}
  Nanos within(const Span& step) {
    while (at_ < spans_.size() && spans_[at_].end <= step.begin) ++at_;
    Nanos sum{0};
    for (std::size_t i = at_; i < spans_.size() && spans_[i].begin < step.end; ++i) {
      sum += std::min(spans_[i].end, step.end) - std::max(spans_[i].begin, step.begin);
    }
    return sum;
  }

 private:
  const Spans& spans_;
  std::size_t at_ = 0;
};

struct Sum {
  Nanos covered{0};
  Nanos expected{0};  // over all probes
  Nanos any{0};       // at least one probe should have watched
  window::Figures figures;
};

Point point_of(PacketTime time, Sum sum) {
  Point p;
  p.time = time;
  // A probe may cover a little more than was wished: before the wish was written down, or after it ended.
  const Nanos expected = std::max(sum.expected, sum.covered);
  if (expected == Nanos(0)) return p;
  p.covered = static_cast<double>(sum.covered.count()) / static_cast<double>(expected.count());
  p.seconds = sum.expected == Nanos(0) ? to_seconds(sum.covered) : p.covered * to_seconds(sum.any);
  const bool nothing = sum.figures.transactions == 0 && sum.figures.unmeasured == 0;
  p.kind = sum.covered < expected ? Kind::gap : nothing ? Kind::idle : Kind::measured;
  if (sum.covered > Nanos(0)) p.figures = std::move(sum.figures);
  return p;
}

}  // namespace

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::measured: return "measured";
    case Kind::idle: return "idle";
    case Kind::gap: return "gap";
    case Kind::off: return "off";
  }
  NEZU_CHECK(false);
}

double Point::throughput() const { return figures && seconds > 0 ? static_cast<double>(figures->transactions) / seconds : 0; }
std::optional<double> Point::error_rate() const {
  if (!figures || figures->transactions == 0) return std::nullopt;
  return static_cast<double>(figures->errors) / static_cast<double>(figures->transactions);
}

std::optional<double> average_seconds(Nanos sum, std::uint64_t count) {
  if (count == 0) return std::nullopt;
  return to_seconds(sum) / static_cast<double>(count);
}

Resolution choose(const store::Retention& retention, PacketTime from, PacketTime to, PacketTime now) {
  for (const Resolution r : store::kResolutions) {
    const bool held = from >= now - store::kept_for(retention, r);
    if (held && (to - from) <= store::length(r) * kAutoPoints) return r;
  }
  return Resolution::d1;
}

Result<Series> run(store::Store& store, const Request& r) {
  Series series;
  const store::Retention retention = store.retention();
  series.step = r.step ? *r.step : choose(retention, r.from, r.to, r.now);
  if (auto status = check(r, retention, series.step); !status) return status.error();
  const Nanos step = store::length(series.step);
  series.from = floor_to(r.from, step);
  series.to = ceil_to(r.to, step);
  // Figures first: damage that is met there makes the coverage that is read afterwards smaller.
  auto pieces = store.pieces(r.target, series.step, series.from, series.to);
  if (!pieces) return pieces.error();
  auto coverage = store.coverage(r.service, series.step, series.from, series.to);
  if (!coverage) return coverage.error();

  const auto wanted = [&](const std::string& probe) { return r.probe.empty() || probe == r.probe; };
  const std::map<std::string, Spans> by_probe = watched(r, series.from, series.to);
  Spans any;
  std::vector<Lengths> lengths;
  for (const auto& [probe, spans] : by_probe) {
    any = window::unite(any, spans);
    lengths.emplace_back(spans);
  }
  Lengths any_lengths(any);
  Sum total;
  std::size_t p = 0, c = 0;
  for (PacketTime t = series.from; t < series.to; t += step) {
    const Span span{t, t + step};
    Sum sum;
    for (; p < pieces->size() && (*pieces)[p].start < span.end; ++p) {
      if (wanted((*pieces)[p].logical_probe)) sum.figures.merge((*pieces)[p].figures);
    }
    for (; c < coverage->size() && (*coverage)[c].start < span.end; ++c) {
      if (wanted((*coverage)[c].logical_probe)) sum.covered += (*coverage)[c].covered_length;
    }
    for (Lengths& l : lengths) sum.expected += l.within(span);
    sum.any = any_lengths.within(span);
    total.covered += sum.covered;
    total.expected += std::max(sum.expected, sum.covered);
    total.any += sum.expected == Nanos(0) ? sum.covered : sum.any;
    total.figures.merge(sum.figures);
    series.points.push_back(point_of(t, std::move(sum)));
  }
  series.totals = point_of(series.from, std::move(total));
  return series;
}

}  // namespace nezu::query
