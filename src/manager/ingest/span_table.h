// Which spans of a logical probe's time are taken, and by whose record. Pure; bounded; runs of equal spans that touch are one entry, so
// that a day of seconds costs one entry, not 86,400.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "model/window/record.h"

namespace nezu::ingest {

class SpanTable {
 public:
  // Beyond `max_runs` the oldest runs are forgotten; what begins before horizon() is then too old to be told apart.
  explicit SpanTable(std::size_t max_runs) : max_runs_(max_runs) {}

  enum class Answer {
    free,     // nothing there
    same,     // exactly this span is there, by the same instance: a repeat (of what was restored: within a span of that instance)
    taken,    // something else is there
    too_old,  // begins before horizon(): can't be told
  };
  Answer look_up(const window::Span& span, const window::InstanceId& instance) const;

  // REQUIRES: look_up(span, …) == free, span not empty.
  void add(const window::Span& span, const window::InstanceId& instance) { put(span, instance, span.length()); }
  // After a restart: a span in which the instance's records touch each other; how it was cut isn't known any more. An instance that isn't
  // known (from before the oldest admission that is remembered) matches every instance in look_up. REQUIRES: as add().
  void restore(const window::Span& span, const std::optional<window::InstanceId>& instance) { put(span, instance, Nanos{0}); }

  // Forgets runs that end before `time`; whole runs only. horizon() moves to `time`.
  void forget_before(PacketTime time);

  PacketTime horizon() const { return horizon_; }  // zero: nothing was forgotten
  std::size_t runs() const { return runs_.size(); }

 private:
  void put(const window::Span& span, const std::optional<window::InstanceId>& instance, Nanos step);
  struct Run {
    PacketTime begin{}, end{};
    Nanos step{0};  // every span in it is this long; zero: not known
    std::optional<window::InstanceId> instance;
  };
  std::size_t max_runs_;
  std::vector<Run> runs_;  // in order, disjoint
  PacketTime horizon_{};
};

}  // namespace nezu::ingest
