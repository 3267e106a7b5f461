#include "probe/aggregate/worker.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/check.h"

namespace nezu::probe::aggregate {
namespace {

NamedBytes named(const Transaction& t, std::uint32_t sequence) {
  NamedBytes n;
  n.client_address = t.client.address;
  n.server_address = t.server.address;
  n.client_port = t.client.port;
  n.server_port = t.server.port;
  n.sequence = sequence;
  return n;
}

}  // namespace

Worker::Worker(const Options& options) : options_(options), slice_(std::make_unique<Slice>()) {
  NEZU_CHECK(options.slice > Nanos(0));
  slice_->worker = options.worker;
}

void Worker::watch(PacketTime now) {
  if (watched_since_) return;
  watched_since_ = now;
  watermark_ = std::max(watermark_, now);
  if (slice_->span.begin == PacketTime{}) slice_->span.begin = tenure_begin_ = now;
  std::fill(since_.begin(), since_.end(), now);
}

void Worker::unwatch(PacketTime now) {
  if (!watched_since_) return;
  if (*watched_since_ < now) watched_.push_back({*watched_since_, now});
  watched_since_.reset();
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

void Worker::end_tenure(PacketTime end) {
  if (plan_ && plan_->service_count() > 0 && tenure_begin_ < end) slice_->tenures.push_back({{tenure_begin_, end}, plan_});
  tenure_begin_ = std::max(tenure_begin_, end);
}

void Worker::apply(std::shared_ptr<const Plan> plan, PacketTime now) {
  end_tenure(now);
  // The watermark may still lie before the instant since which the capture stands.
  std::vector<PacketTime> since(plan->service_count(), std::max(now, watched_since_.value_or(now)));
  if (plan_) {
    std::map<std::pair<window::ServiceId, std::uint64_t>, PacketTime> before;
    for (std::size_t i = 0; i < since_.size(); ++i) before[{plan_->id(i), plan_->version(i)}] = since_[i];
    for (std::size_t i = 0; i < since.size(); ++i) {
      const auto goes_on = before.find({plan->id(i), plan->version(i)});
      if (goes_on != before.end()) since[i] = goes_on->second;
    }
  }
  since_ = std::move(since);
  plan_ = std::move(plan);
}

void Worker::add(const Transaction& t) {
  if (pending_plan_ && t.decided >= pending_plan_->effective()) take_pending();
  if (!plan_ || !watched_since_ || t.completeness == Completeness::no_request) return;
  if (t.has_request && t.request_begin < *watched_since_) return;  // not watched from its beginning: it lies in the gap
  plan_->matcher().match(t, scratch_, targets_);
  if (targets_.empty()) return;
  // A pair that was in doubt at first is decided later than its last byte; what had ended before the coverage begins isn't covered.
  const PacketTime ended = t.has_times ? std::min(t.decided, t.response_end) : t.decided;
  Item item;
  item.first_hit = static_cast<std::uint32_t>(slice_->hits.size());
  for (const match::Target target : targets_) {
    const std::uint32_t service = plan_->matcher().service_of(target);
    if (ended < since_[service]) continue;
    slice_->hits.push_back({plan_->target_id(target), plan_->id(service), plan_->version(service), plan_->is_error(service, t.status)});
    ++item.hits;
  }
  if (item.hits == 0) return;
  item.decided = t.decided;
  item.began = t.has_request ? std::min(t.request_begin, t.decided) : t.decided;
  item.outcome = outcome_of(t);
  item.by_last_byte = t.has_response && t.has_times && t.decided == t.response_end;
  if (const KeyedHash* hash = plan_->names()) {
    // Of one whose start is lost only the time is in doubt: another instance may have measured it, under the same names.
    const bool answered = t.has_response || t.reason == Reason::start_lost;
    if (t.has_request) item.request_name = transaction_name(*hash, NameOf::request, named(t, t.request_seq));
    if (answered) item.response_name = transaction_name(*hash, NameOf::response, named(t, t.response_seq));
  }
  if (item.outcome.negative) ++negative_times_;
  slice_->items.push_back(item);
}

window::Spans Worker::covered_in(const window::Span& span) const {
  window::Spans all = watched_;
  if (watched_since_ && *watched_since_ < span.end) all.push_back({*watched_since_, span.end});
  return window::subtract(window::intersect(window::normalise(std::move(all)), {span}), window::normalise(lost_));
}

void Worker::lose(const window::Span& span) {
  lost_.push_back(span);
  lost_until_ = std::max(lost_until_, span.end);
}

void Worker::prune(PacketTime before) {
  const auto past = [&](const window::Span& s) { return s.end <= before; };
  std::erase_if(watched_, past);
  std::erase_if(lost_, past);
}

void Worker::emit(PacketTime end, const window::Counters& totals, Slices& out) {
  end_tenure(end);
  slice_->span.end = end;
  slice_->covered = covered_in(slice_->span);
  slice_->counters = totals;
  slice_->counters -= handed_over_;
  handed_over_ = totals;
  prune(end);
  auto next = std::make_unique<Slice>();
  next->worker = slice_->worker;
  next->span.begin = end;
  next->items.reserve(slice_->items.size());
  next->hits.reserve(slice_->hits.size());
  out.push_back(std::exchange(slice_, std::move(next)));
}

// Gives up to where everything is settled.
PacketTime Worker::come_to(PacketTime watermark, const window::Counters& totals) {
  if (pending_plan_ && watermark >= pending_plan_->effective()) take_pending();
  if (watermark > watermark_) {
    if (watermark_ != PacketTime{} && watermark - watermark_ > options_.jump) {
      ++jumps_;
      lose({watermark_, watermark});
    }
    watermark_ = watermark;
  }
  while (const auto lost = drops_.settle(watermark_, totals.frames)) lose(*lost);
  const auto unsettled = drops_.unsettled_from();
  return unsettled ? std::min(watermark_, *unsettled) : watermark_;
}

void Worker::advance(PacketTime watermark, const window::Counters& totals, Slices& out) {
  const PacketTime complete = come_to(watermark, totals);
  if (slice_->span.begin == PacketTime{}) return;  // nothing was watched yet
  const Nanos wanted = since_.empty() && slice_->tenures.empty() ? options_.idle_slice : options_.slice;
  if (complete - slice_->span.begin >= wanted) emit(complete, totals, out);
}

void Worker::flush(PacketTime watermark, const window::Counters& totals, Slices& out) {
  const PacketTime complete = come_to(watermark, totals);
  if (slice_->span.begin != PacketTime{} && complete > slice_->span.begin) emit(complete, totals, out);
}

void Worker::finish(PacketTime watermark, const window::Counters& totals, Slices& out) {
  advance(watermark, totals, out);
  // Drops that will never be settled by later packets: what they may have taken isn't covered.
  if (const auto from = drops_.unsettled_from()) lose({std::min(*from, watermark_), watermark_});
  unwatch(watermark_);
  if (slice_->span.begin != PacketTime{} && watermark_ > slice_->span.begin) emit(watermark_, totals, out);
}

std::optional<PacketTime> Worker::unbroken_since() const {
  if (!watched_since_) return std::nullopt;
  return std::max(*watched_since_, lost_until_);
}

}  // namespace nezu::probe::aggregate
