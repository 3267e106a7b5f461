#include "manager/ingest/span_table.h"

#include <algorithm>

namespace nezu::ingest {
namespace {

// The first run that ends after `time`.
template <class Runs>
auto first_ending_after(Runs& runs, PacketTime time) {
  return std::partition_point(runs.begin(), runs.end(), [time](const auto& run) { return run.end <= time; });
}

}  // namespace

SpanTable::Answer SpanTable::look_up(const window::Span& span, const window::InstanceId& instance) const {
  const auto run = first_ending_after(runs_, span.begin);
  if (run != runs_.end() && run->begin < span.end) {
    const bool inside = run->begin <= span.begin && span.end <= run->end;
    const bool cut_alike = run->step == Nanos{0} || (span.length() == run->step && ((span.begin - run->begin) % run->step).count() == 0);
    const bool whose = !run->instance || *run->instance == instance;
    return inside && cut_alike && whose ? Answer::same : Answer::taken;
  }
  return span.begin < horizon_ ? Answer::too_old : Answer::free;
}

void SpanTable::put(const window::Span& span, const std::optional<window::InstanceId>& instance, Nanos step) {
  NEZU_CHECK(!span.empty());
  const auto next = first_ending_after(runs_, span.begin);
  NEZU_CHECK(next == runs_.end() || next->begin >= span.end);
  if (next != runs_.begin()) {
    Run& before = *std::prev(next);
    if (before.end == span.begin && before.step == step && before.instance == instance) {
      before.end = span.end;
      return;
    }
  }
  runs_.insert(next, Run{span.begin, span.end, step, instance});
  if (runs_.size() > max_runs_) {
    horizon_ = std::max(horizon_, runs_.front().end);
    runs_.erase(runs_.begin());
  }
}

void SpanTable::forget_before(PacketTime time) {
  if (time <= horizon_) return;
  horizon_ = time;
  runs_.erase(runs_.begin(), std::partition_point(runs_.begin(), runs_.end(), [time](const Run& run) { return run.end <= time; }));
}

}  // namespace nezu::ingest
