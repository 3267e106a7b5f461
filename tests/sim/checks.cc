#include <algorithm>

#include "world.h"

namespace nezu::sim {
namespace {

constexpr double kGuard = 0.05;
using Spans = std::vector<std::pair<double, double>>;

Spans without(const Spans& spans, double begin, double end) {
  Spans left;
  for (const auto& [b, e] : spans) {
    if (std::min(e, begin) - b > 1e-7) left.push_back({b, std::min(e, begin)});
    if (e - std::max(b, end) > 1e-7) left.push_back({std::max(b, end), e});
  }
  return left;
}

// One logical probe's records, and what is shown of them.
struct Shown {
  Spans covered, gaps;
  std::vector<std::pair<double, const window::Record*>> records;  // by begin
};

Spans gaps_in(const Spans& covered, double begin, double end) {
  Spans left{{begin, end}};
  for (const auto& [b, e] : covered) {
    if (e > begin && b < end) left = without(left, b, e);
  }
  return left;
}

Shown show(World& w, std::size_t probe) {
  Shown s;
  for (const auto& r : w.manager->stored(probe)) {
    s.records.push_back({to_double(r->span.begin), r.get()});
    for (const window::ServicePart& part : r->services) {
      for (const window::Span& c : part.covered) s.covered.push_back({to_double(c.begin), to_double(c.end)});
    }
  }
  std::sort(s.records.begin(), s.records.end());
  const double until = to_double(w.manager->stored_until(probe));
  for (const store::MonitoringSpan& span : w.manager->monitor().spans(w.service(probe))) {
    const double end = span.end ? to_double(*span.end) : until;
    for (const auto& gap : gaps_in(s.covered, to_double(span.begin), end)) s.gaps.push_back(gap);
  }
  return s;
}

const Instance* instance_of(const World& w, const window::Record& r) {
  for (const auto& i : w.instances) {
    if (i->id == r.instance) return i.get();
  }
  return nullptr;
}

// Whether the one that measured didn't see it whole, by its own fault or because it had begun before it watched.
bool missed(const World& w, const Truth& t, const window::Record& r) {
  const Instance* i = instance_of(w, r);
  if (!i || t.nodes.count(i->node.name) == 0) return true;
  return std::any_of(i->watched_since.begin(), i->watched_since.end(),
                     [&](double since) { return i->node.clock(t.began) < since + 1e-3 && since < i->node.clock(t.decided) + 0.1; });
}

void check_transactions(World& w, std::size_t probe, const Shown& s) {
  for (std::size_t tx = 0; tx < w.truth[probe].size(); ++tx) {
    const Truth& t = w.truth[probe][tx];
    if (w.counted[probe].count(tx) != 0 || t.nodes.empty()) continue;
    std::vector<double> offsets;  // true time to the logical probe's, about then
    const auto& frames = w.frames[probe];
    for (std::size_t k = 0; k < frames.size(); ++k) {
      if (frames[k].first <= t.decided + 4 && (k + 1 == frames.size() || frames[k + 1].first > t.decided - 4))
        offsets.push_back(frames[k].second);
    }
    bool excused = offsets.empty();
    std::vector<const window::Record*> near;
    for (const double o : offsets) {
      const double at = t.decided + o;
      // Without names what wasn't decided by its last byte lies in the gap in which it began.
      const double from = w.config.warm ? at : t.began + o;
      excused = excused || !gaps_in(s.covered, from - 2 * kGuard, at + 2 * kGuard).empty();
      for (const auto& [begin, r] : s.records) {
        const double end = to_double(r->span.end);
        if (r->seam_doubtful && std::abs(at - begin) < 1) excused = true;
        if (begin < at + 2 * kGuard && end > at - 2 * kGuard) near.push_back(r);
      }
    }
    if (excused || near.empty()) continue;
    if (std::any_of(near.begin(), near.end(), [&](const auto* r) { return missed(w, t, *r); })) continue;
    w.violation(
        2, fmt::format("{} tx {} (began {:.4f}, decided {:.4f}) lost in [{:.3f}, {:.3f}) of epoch {}, no gap there", w.name(probe), tx,
                       t.began, t.decided, to_double(near.front()->span.begin), to_double(near.back()->span.end), near.front()->epoch));
  }
}

void check_calm(World& w, std::size_t probe) {
  const std::string name = w.name(probe);
  monitor::Monitor& monitor = w.manager->monitor();
  Instance* holder = w.manager->holder(probe);
  std::vector<Instance*> two;
  for (const char n : {'a', 'b'}) {
    Instance* i = w.cluster->at(probe, n);
    if (i && i->alive) two.push_back(i);
  }
  const bool runs = holder && std::find(two.begin(), two.end(), holder) != two.end();
  if (!runs || holder->role().epoch() != monitor.epoch(name) || !w.manager->has_session(*holder)) {
    w.violation(11, name + " nobody is at work");
    return;
  }
  int promoted = 0;
  for (Instance* i : two) {
    promoted += i->role().promoted() ? 1 : 0;
    if (i == holder) continue;
    if (i->role().epoch() != 0) w.violation(11, fmt::format("{} i{} still believes to be active", name, i->number));
    if (w.config.warm && i->measures() && w.config.edge_rate > 0 &&
        i->role().shadow().clock().known() != probe::shadow::Clock::Known::compared)
      w.violation(11, fmt::format("{} i{} never compared clocks", name, i->number));
  }
  const monitor::ServiceStatus service = monitor.service(w.service(probe));
  const bool wished = w.manager->wished[probe];
  const auto wanted = wished ? monitor::State::monitoring : monitor::State::stopped;
  const bool here = std::all_of(service.parts.begin(), service.parts.end(), [&](const auto& part) { return part.at.wished == wished; });
  if (service.wished != wished || !here || service.state != wanted || holder->measures() != wished)
    w.violation(8, fmt::format("{} wished {} ({}), state {}, instance {}", name, wished, service.wished, to_string(service.state),
                               holder->measures()));
  if (service.wished && holder->frame_now() - to_double(w.manager->stored_until(probe)) > 2.5)
    w.violation(11, fmt::format("{} nothing stored since {:.3f}", name, to_double(w.manager->stored_until(probe))));
  if (w.config.warm && w.cluster->member && promoted != 1) w.violation(11, fmt::format("{} {} promoted after the calm", name, promoted));
}

void check_superseded(World& w) {
  for (const auto& [who, events] : w.told_of) {
    if (events.size() > 1) w.violation(10, fmt::format("{} epoch {} told as superseded {} times", who.first, who.second, events.size()));
  }
  for (const auto& [who, instance] : w.superseded) {
    const auto [probe, epoch] = who;
    ++w.reached["superseded"];
    const bool speaks = instance->alive && instance->role().session() && w.manager->has_session(*instance);
    if (speaks && w.told_of.count({w.name(probe), epoch}) == 0)
      w.violation(10, fmt::format("{} i{} was superseded under epoch {}, and nobody was told", w.name(probe), instance->number, epoch));
  }
  w.reached["told of superseded"] += w.told_of.size();
}

}  // namespace

void check_end(World& w) {
  if (!w.manager->up()) {
    w.violation(11, "the manager is away after the calm");
    return;
  }
  for (const auto& [probe, record] : w.manager->acknowledged) {
    const auto& stored = w.manager->stored(probe);
    const bool there =
        std::any_of(stored.begin(), stored.end(), [&r = record](const auto& s) { return s->span == r.span && s->instance == r.instance; });
    if (!there) w.violation(3, fmt::format("{} acknowledged [{:.3f}, …) isn't stored", w.name(probe), to_double(record.span.begin)));
  }
  check_superseded(w);
  for (std::size_t probe = 0; probe < w.config.probes; ++probe) {
    const Shown shown = show(w, probe);
    for (const auto& [b, e] : shown.gaps) {
      w.reached["gap ms"] += static_cast<std::uint64_t>((e - b) * 1000);
      if (w.config.single && w.config.warm && e - b > 1e-3)
        w.violation(2, fmt::format("{} gap [{:.3f}, {:.3f}) though never more than one fault", w.name(probe), b, e));
    }
    for (const auto& [begin, record] : shown.records) {
      if (!record->seam_doubtful) continue;
      ++w.reached["doubtful seams"];
      if (w.config.single && w.config.warm)
        w.violation(2, fmt::format("{} the seam at {:.3f} is doubtful though never more than one fault", w.name(probe), begin));
    }
    check_transactions(w, probe, shown);
    check_calm(w, probe);
    w.reached["counted"] += w.counted[probe].size();
    w.reached["transactions"] += w.truth[probe].size();
  }
}

}  // namespace nezu::sim
