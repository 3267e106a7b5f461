// Worker: one worker's transactions, and what of packet time it watched, into slices. Pure: functions of what it is given; nothing shared, no
// clock; one allocation for some hundred transactions.
//
// A slice is handed over when the watermark has come on by `slice` (and no dropped packets are unsettled that may lie in it, drops.h).
// Nothing is judged here but whether a transaction was watched from its beginning, and ended where its service is covered.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/time.h"
#include "probe/aggregate/drops.h"
#include "probe/aggregate/plan.h"
#include "probe/aggregate/slice.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::aggregate {

class Worker {
 public:
  struct Options {
    std::uint32_t worker = 0;
    Nanos slice = std::chrono::milliseconds(20);
    Nanos idle_slice = std::chrono::milliseconds(200);  // where nothing is measured
    Nanos jump = std::chrono::seconds(120);             // packet time that goes on by more in one step: nobody watched what lies between
  };
  explicit Worker(const Options& options);

  // The capture runs from `now` on, or stands from `now` on: what lies between isn't covered. Repeats change nothing.
  void watch(PacketTime now);
  void unwatch(PacketTime now);
  bool watching() const { return watched_since_.has_value(); }

  // Takes the plan up: at once with `now`, the watermark, or later at its effective(). Services that it doesn't name stop.
  void set_plan(std::shared_ptr<const Plan> plan, PacketTime now);
  // Generation of the plan by which it measures now; 0: none yet.
  std::uint64_t generation() const { return plan_ ? plan_->generation() : 0; }

  void add(const Transaction& transaction);

  // A look at the kernel's drop counter; `now`: the present in packet time.
  void look(PacketTime now, std::uint64_t kernel_drops, std::uint64_t frames) { drops_.look(now, kernel_drops, frames); }

  // Everything before `watermark` has been processed; `totals`: the counters since the start. Appends the slice that is complete.
  void advance(PacketTime watermark, const window::Counters& totals, Slices& out);

  // Hands over what there is, however little.
  void flush(PacketTime watermark, const window::Counters& totals, Slices& out);

  // The worker ends: everything that it has is handed over.
  void finish(PacketTime watermark, const window::Counters& totals, Slices& out);

  // Since when everything was watched without a hole, as far as is settled; empty: the capture stands.
  std::optional<PacketTime> unbroken_since() const;
  std::uint64_t negative_times() const { return negative_times_; }  // transactions whose times were negative: not timed
  std::uint64_t jumps() const { return jumps_; }                    // steps of packet time beyond `jump`

 private:
  void take_pending();
  void apply(std::shared_ptr<const Plan> plan, PacketTime now);
  void end_tenure(PacketTime end);
  PacketTime come_to(PacketTime watermark, const window::Counters& totals);
  void emit(PacketTime end, const window::Counters& totals, Slices& out);
  window::Spans covered_in(const window::Span& span) const;
  void lose(const window::Span& span);
  void prune(PacketTime before);

  const Options options_;
  std::shared_ptr<const Plan> plan_, pending_plan_;
  std::vector<PacketTime> since_;  // since when each of the plan's services is measured
  PacketTime tenure_begin_{};      // of the plan, in this slice
  std::unique_ptr<Slice> slice_;   // that is being filled
  match::Scratch scratch_;
  std::vector<match::Target> targets_;
  DropEstimator drops_;
  std::optional<PacketTime> watched_since_;
  window::Spans watched_, lost_;
  PacketTime lost_until_{};
  PacketTime watermark_{};
  window::Counters handed_over_;  // totals at the last hand-over
  std::uint64_t negative_times_ = 0, jumps_ = 0;
};

}  // namespace nezu::probe::aggregate
