// Worker: one worker's transactions into windows of its targets. Pure: functions of what it is given; nothing shared, no clock, no allocation
// for a transaction once the tables have grown.
//
// Windows lie between whole multiples of `window` in packet time. A transaction belongs to the window of its `decided`; one decided before the
// oldest open window is counted in that window, and in Counters::late. A window is handed over when the watermark has passed its end (and
// no dropped packets are unsettled that may lie in it, drops.h). Idle windows are handed over too: measured, and nobody asked.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "common/base/time.h"
#include "probe/aggregate/drops.h"
#include "probe/aggregate/plan.h"
#include "probe/aggregate/worker_window.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::aggregate {

using Windows = std::vector<std::unique_ptr<WorkerWindow>>;

class Worker {
 public:
  struct Options {
    std::uint32_t worker = 0;
    Nanos window = std::chrono::seconds(1);
    std::uint32_t max_windows = 120;  // packet time that goes on by more in one step opens no windows in between: nobody watched there
  };
  explicit Worker(const Options& options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

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

  // Everything before `watermark` has been processed; `totals`: the counters since the start. Appends the windows that are complete.
  void advance(PacketTime watermark, const window::Counters& totals, Windows& out);

  // The worker ends: its open windows end at the watermark, the last one short, and are handed over.
  void finish(PacketTime watermark, const window::Counters& totals, Windows& out);

  // Gives back a window that was merged.
  void recycle(std::unique_ptr<WorkerWindow> window);

  // Since when everything was watched without a hole, as far as is settled; empty: the capture stands.
  std::optional<PacketTime> unbroken_since() const;
  std::uint64_t negative_times() const { return negative_times_; }  // transactions whose times were negative: not timed
  std::uint64_t jumps() const { return jumps_; }                    // steps of packet time beyond max_windows

 private:
  struct OpenWindow;
  struct Measured {
    window::ServiceId id;
    std::uint64_t version;
    PacketTime since;
  };
  void take_pending();
  void apply(std::shared_ptr<const Plan> plan, PacketTime now);
  OpenWindow& window_of(PacketTime decided);
  std::unique_ptr<OpenWindow> open(PacketTime begin);
  void close_front(PacketTime end, const window::Counters& totals, Windows& out);
  void jump_to(PacketTime t, const window::Counters& totals, Windows& out);
  window::Spans covered_in(const window::Span& span) const;
  void lose(const window::Span& span);
  void forget_figures(PacketTime now);
  void prune(PacketTime before);

  const Options options_;
  std::shared_ptr<const Plan> plan_, pending_plan_;
  std::vector<Measured> measured_;            // by the plan's services
  std::vector<WorkerWindow::Service> ended_;  // stopped, with coverage that isn't handed over yet
  std::deque<std::unique_ptr<OpenWindow>> open_;
  std::vector<std::unique_ptr<WorkerWindow>> spare_;
  std::vector<std::unique_ptr<OpenWindow>> spare_open_;
  match::Scratch scratch_;
  std::vector<match::Target> hits_;
  DropEstimator drops_;
  std::optional<PacketTime> watched_since_;
  window::Spans watched_, lost_;
  PacketTime lost_until_{};
  PacketTime watermark_{};
  window::Counters handed_over_;  // totals at the last hand-over
  std::uint64_t late_ = 0, negative_times_ = 0, jumps_ = 0;
};

}  // namespace nezu::probe::aggregate
