#include "probe/aggregate/worker.h"

#include <algorithm>

#include "common/base/check.h"
#include "probe/aggregate/add_figures.h"

namespace nezu::probe::aggregate {
namespace {
constexpr std::uint32_t kNoSlot = 0xffffffff;
constexpr std::size_t kSpare = 4;
}  // namespace

struct Worker::OpenWindow {
  std::unique_ptr<WorkerWindow> window;
  std::vector<std::uint32_t> slot_of;  // dense target → slot, under the plan of `generation`
  std::vector<match::Target> touched;
  std::uint64_t generation = 0;

  void fit(const Plan& plan) {
    if (generation == plan.generation()) return;
    forget();
    generation = plan.generation();
    slot_of.resize(std::max(slot_of.size(), plan.matcher().target_count()), kNoSlot);
  }
  void forget() {
    for (const match::Target t : touched) slot_of[t] = kNoSlot;
    touched.clear();
  }
};

Worker::Worker(const Options& options) : options_(options) { NEZU_CHECK(options.window > Nanos(0)); }
Worker::~Worker() = default;

void Worker::watch(PacketTime now) {
  if (watched_since_) return;
  watched_since_ = now;
  watermark_ = std::max(watermark_, now);
  for (Measured& m : measured_) m.since = std::max(now, plan_->not_before());
}

void Worker::unwatch(PacketTime now) {
  if (!watched_since_) return;
  if (*watched_since_ < now) watched_.push_back({*watched_since_, now});
  watched_since_.reset();
  for (const Measured& m : measured_) {
    if (m.since < now) ended_.push_back({m.id, m.version, {{m.since, now}}});
  }
}

void Worker::set_plan(std::shared_ptr<const Plan> plan, PacketTime now) {
  if (plan->effective() > now) {
    pending_plan_ = std::move(plan);
    return;
  }
  pending_plan_.reset();
  apply(std::move(plan), now);
}

void Worker::take_pending() {
  const PacketTime edge = std::max(pending_plan_->effective(), watermark_);
  apply(std::move(pending_plan_), edge);
}

void Worker::apply(std::shared_ptr<const Plan> plan, PacketTime now) {
  std::vector<Measured> next;
  std::vector<std::pair<std::pair<window::ServiceId, std::uint64_t>, PacketTime>> kept;
  for (const Measured& m : measured_) kept.push_back({{m.id, m.version}, m.since});
  std::sort(kept.begin(), kept.end());
  for (std::size_t i = 0; i < plan->service_count(); ++i) {
    const std::pair key(plan->id(i), plan->version(i));
    const auto it = std::lower_bound(kept.begin(), kept.end(), std::pair(key, PacketTime::min()));
    // The watermark may still lie before the instant since which the capture stands.
    PacketTime since = std::max({now, plan->not_before(), watched_since_.value_or(now)});
    if (it != kept.end() && it->first == key) {
      since = std::max(it->second, plan->not_before());
      it->second = PacketTime::max();  // goes on
    }
    next.push_back({key.first, key.second, since});
  }
  if (watched_since_) {
    for (const auto& [key, since] : kept) {
      if (since < now) ended_.push_back({key.first, key.second, {{since, now}}});
    }
  }
  measured_ = std::move(next);
  plan_ = std::move(plan);
  if (plan_->anew()) forget_figures(now);
}

std::unique_ptr<Worker::OpenWindow> Worker::open(PacketTime begin) {
  std::unique_ptr<OpenWindow> w;
  if (spare_open_.empty()) {
    w = std::make_unique<OpenWindow>();
  } else {
    w = std::move(spare_open_.back());
    spare_open_.pop_back();
  }
  if (spare_.empty()) {
    w->window = std::make_unique<WorkerWindow>();
  } else {
    w->window = std::move(spare_.back());
    spare_.pop_back();
  }
  w->generation = 0;
  w->window->worker = options_.worker;
  w->window->span = {begin, floor_to(begin, options_.window) + options_.window};
  return w;
}

Worker::OpenWindow& Worker::window_of(PacketTime decided) {
  if (open_.empty()) open_.push_back(open(floor_to(*watched_since_, options_.window)));
  if (decided < open_.front()->window->span.begin) {
    ++late_;
    return *open_.front();
  }
  // A stamp far ahead stays in the newest window: advance() decides whether time has really come there.
  while (decided >= open_.back()->window->span.end && open_.size() < options_.max_windows) {
    open_.push_back(open(open_.back()->window->span.end));
  }
  for (auto it = open_.rbegin(); it != open_.rend(); ++it) {
    if (decided >= (*it)->window->span.begin) return **it;
  }
  return *open_.front();
}

void Worker::add(const Transaction& t) {
  if (pending_plan_ && t.decided >= pending_plan_->effective()) take_pending();
  if (!plan_ || !watched_since_ || t.completeness == Completeness::no_request) return;
  if (t.has_request && t.request_begin < *watched_since_) return;  // not watched from its beginning: it lies in the gap
  plan_->matcher().match(t, scratch_, hits_);
  if (hits_.empty()) return;
  OpenWindow* open = nullptr;
  bool negative = false;
  for (const match::Target target : hits_) {
    const std::uint32_t service = plan_->matcher().service_of(target);
    // A pair that was in doubt at first is decided later than its last byte; what had ended before the coverage begins isn't covered.
    const PacketTime ended = t.has_times ? std::min(t.decided, t.response_end) : t.decided;
    if (ended < measured_[service].since) continue;
    if (open == nullptr) {
      open = &window_of(t.decided);
      open->fit(*plan_);
    }
    WorkerWindow& w = *open->window;
    std::uint32_t& index = open->slot_of[target];
    if (index == kNoSlot) {
      index = static_cast<std::uint32_t>(w.used++);
      if (w.used > w.slots.size()) w.slots.emplace_back();
      WorkerWindow::Slot& slot = w.slots[index];
      slot.service = measured_[service].id;
      slot.version = measured_[service].version;
      slot.target = plan_->target_id(target);
      clear_figures(slot.figures);
      open->touched.push_back(target);
    }
    negative = !add_figures(t, plan_->is_error(service, t.status), w.slots[index].figures) || negative;
  }
  if (negative) ++negative_times_;
}

window::Spans Worker::covered_in(const window::Span& span) const {
  window::Spans all = watched_;
  if (watched_since_ && *watched_since_ < watermark_) all.push_back({*watched_since_, watermark_});
  return window::subtract(window::intersect(window::normalise(std::move(all)), {span}), window::normalise(lost_));
}

void Worker::close_front(PacketTime end, const window::Counters& totals, Windows& out) {
  OpenWindow& front = *open_.front();
  front.forget();
  WorkerWindow& w = *front.window;
  w.span.end = end;
  w.covered = covered_in(w.span);
  w.services.clear();
  const auto add_service = [&](window::ServiceId id, std::uint64_t version, const window::Spans& spans) {
    window::Spans covered = window::intersect(spans, w.covered);
    // A service that is measured now is named though nothing of it was covered: a gap, not "off".
    w.services.push_back({id, version, std::move(covered)});
  };
  for (const WorkerWindow::Service& s : ended_) {
    if (s.covered.front().begin < end) add_service(s.id, s.version, s.covered);
  }
  for (const Measured& m : measured_) {
    if (m.since < end)
      add_service(m.id, m.version, watched_since_ && m.since < watermark_ ? window::Spans{{m.since, watermark_}} : window::Spans{});
  }
  w.counters = totals;
  w.counters.late = late_;
  const window::Counters now = w.counters;
  w.counters -= handed_over_;
  handed_over_ = now;
  prune(end);
  out.push_back(std::move(front.window));
  spare_open_.push_back(std::move(open_.front()));
  open_.pop_front();
}

void Worker::lose(const window::Span& span) {
  lost_.push_back(span);
  lost_until_ = std::max(lost_until_, span.end);
}

void Worker::forget_figures(PacketTime now) {
  for (const auto& w : open_) {
    w->forget();
    w->window->used = 0;
  }
  ended_.clear();
  for (Measured& m : measured_) m.since = std::max(m.since, now);
}

void Worker::prune(PacketTime before) {
  const auto past = [&](const window::Span& s) { return s.end <= before; };
  std::erase_if(watched_, past);
  std::erase_if(lost_, past);
  std::erase_if(ended_, [&](const WorkerWindow::Service& s) { return s.covered.back().end <= before; });
}

// Nobody watched between the newest window and `t`: what is open ends, and a window begins there.
void Worker::jump_to(PacketTime t, const window::Counters& totals, Windows& out) {
  ++jumps_;
  const PacketTime last = open_.back()->window->span.end;
  lose({last, t});
  while (!open_.empty()) close_front(open_.front()->window->span.end, totals, out);
  open_.push_back(open(floor_to(t, options_.window)));
}

void Worker::advance(PacketTime watermark, const window::Counters& totals, Windows& out) {
  if (pending_plan_ && watermark >= pending_plan_->effective()) take_pending();
  watermark_ = std::max(watermark_, watermark);
  while (const auto lost = drops_.settle(watermark_, totals.frames)) lose(*lost);
  if (open_.empty()) {
    if (!watched_since_) return;
    open_.push_back(open(floor_to(*watched_since_, options_.window)));
  }
  if (watermark_ - open_.back()->window->span.end > options_.window * options_.max_windows) jump_to(watermark_, totals, out);
  PacketTime complete = watermark_;
  if (const auto from = drops_.unsettled_from()) complete = std::min(complete, *from);
  while (open_.front()->window->span.end <= complete) {
    const PacketTime end = open_.front()->window->span.end;
    close_front(end, totals, out);
    if (open_.empty()) open_.push_back(open(end));
  }
}

void Worker::finish(PacketTime watermark, const window::Counters& totals, Windows& out) {
  advance(watermark, totals, out);
  // Drops that will never be settled by later packets: what they may have taken isn't covered.
  if (const auto from = drops_.unsettled_from()) lose({std::min(*from, watermark_), watermark_});
  while (!open_.empty()) {
    const window::Span span = open_.front()->window->span;
    const bool short_one = open_.size() == 1 && watermark_ > span.begin;
    close_front(short_one ? std::min(watermark_, span.end) : span.end, totals, out);
  }
  unwatch(watermark_);
}

void Worker::recycle(std::unique_ptr<WorkerWindow> window) {
  if (!window || spare_.size() >= kSpare) return;
  window->used = 0;
  window->services.clear();
  spare_.push_back(std::move(window));
}

std::optional<PacketTime> Worker::unbroken_since() const {
  if (!watched_since_) return std::nullopt;
  return std::max(*watched_since_, lost_until_);
}

}  // namespace nezu::probe::aggregate
