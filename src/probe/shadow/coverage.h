// Coverage: what of packet time the workers have watched, and which services were to be measured then. Pure. Times are the instance's own.
//
// Each worker sees its share of the connections, so only what all of them watched counts as watched.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "probe/aggregate/slice.h"

namespace nezu::probe::shadow {

class Coverage {
 public:
  struct Service {
    std::uint64_t version = 0;
    window::Spans covered;
  };

  explicit Coverage(std::uint32_t workers) : workers_(workers) {}

  void take(const aggregate::Slice& slice, MonoTime now);
  // The worker is alive, and has come to this packet time.
  void alive(std::uint32_t worker, PacketTime watermark, MonoTime now);
  void finished(std::uint32_t worker) { workers_[worker].finished = true; }
  bool ended() const;  // all of them have finished

  // Everything before it has been handed over, by all workers that go on; where all have finished, by the last. Zero: nothing was watched yet.
  PacketTime watermark() const;
  // Whether those that haven't come to `to` have made no progress since `before`.
  bool stuck(PacketTime to, MonoTime before) const;

  // What all workers watched of the span.
  window::Spans captured(const window::Span& span) const;
  // What was watched of the span while anything was to be measured.
  window::Spans measured(const window::Span& span) const;
  // Each service that was to be measured in the span, and what of it was watched. Where its definition was changed in between, the newer one
  // stands, and what was measured with the older one isn't covered.
  std::map<window::ServiceId, Service> services(const window::Span& span) const;
  // Whether every service that is measured now was measured, and watched, in the whole span; false where none is.
  bool whole(const window::Span& span) const;

  // What lies before isn't kept any more.
  void forget(PacketTime before);

 private:
  struct PerWorker {
    PacketTime until{}, seen{};
    MonoTime moved_at{};
    bool finished = false;
    window::Spans covered;
    std::vector<aggregate::Tenure> tenures;
  };
  std::vector<PerWorker> workers_;
};

}  // namespace nezu::probe::shadow
