// Worker: one ring's thread: frames → pipeline → targets → slices, handed over some tens of times a second. Share-nothing: what passes between it and the main
// thread are commands and events in bounded queues, and a snapshot of its counters ten times a second; no lock on a packet's way.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "common/base/bounded_queue.h"
#include "common/base/mutex.h"
#include "common/base/time.h"
#include "probe/aggregate/worker.h"
#include "probe/capture/frame.h"
#include "probe/discovery/table.h"
#include "probe/pipeline/pipeline.h"

namespace nezu::probe::worker {

// ---- worker → main
struct SliceReady {
  std::unique_ptr<aggregate::Slice> slice;
};
struct PlanTaken {
  std::uint32_t worker = 0;
  std::uint64_t generation = 0;
  PacketTime at{};
};
// The source failed and is closed; the worker waits for another one.
struct SourceFailed {
  std::uint32_t worker = 0;
  Error error;
};
struct SourceEnded {  // a file was read to its end
  std::uint32_t worker = 0;
};
struct ClockStepped {
  std::uint32_t worker = 0;
  Nanos by{0}, jump{0};
};
struct Finished {
  std::uint32_t worker = 0;
};
struct DiscoveryTaken {
  std::uint32_t worker = 0;
  std::uint64_t job = 0;
};
struct Discovered {
  std::uint64_t job = 0;
  discovery::Found found;
};
using Event = std::variant<SliceReady, PlanTaken, SourceFailed, SourceEnded, ClockStepped, Finished, DiscoveryTaken, Discovered>;

// ---- main → worker
struct TakePlan {
  std::shared_ptr<const aggregate::Plan> plan;
};
struct TakeSource {  // in place of the one that it has; none: the capture stands
  std::unique_ptr<FrameSource> source;
};
struct TakeOptions {
  Pipeline::Options options;
};
struct TakeDiscovery {  // in place of the job that runs; job 0: none
  std::uint64_t job = 0;
  std::optional<IpPrefix> source;
};
struct Finish {};  // hand over what there is, and end
using Command = std::variant<TakePlan, TakeSource, TakeOptions, TakeDiscovery, Finish>;

// As of the last tenth of a second.
struct Snapshot {
  window::Counters counters;
  window::Open open;
  SourceStatistics source;
  bool capturing = false;
  PacketTime watermark{};
  std::uint64_t generation = 0;
  std::uint32_t connections = 0;
  std::uint64_t memory = 0;
  std::uint64_t negative_times = 0, jumps = 0, clock_steps = 0, slices_refused = 0;
  Nanos clock_shift{0};
  MonoTime taken_at{};  // of the loop's last round: an old one means that the worker is stuck
};

struct Options {
  std::uint32_t index = 0;
  Pipeline::Options pipeline;
  Pipeline::Key key;
  Nanos timestamp_offset{0};
  bool follow_wall_clock = true;              // stamps are of the machine's wall clock: watch it for steps
  Nanos lag = std::chrono::milliseconds(30);  // the longest that a packet waits in a block: how far the watermark stays behind the present
  discovery::Limits discovery;
  bool live = true;  // false: a file in its own time, from the first plan with a service on; waits instead of dropping
};

class Worker {
 public:
  // `events` and `clock` must outlive the worker; `wake` is called, from the worker's thread, after events were put in.
  Worker(const Options& options, const Clock& clock, BoundedQueue<Event>& events, std::function<void()> wake);
  ~Worker();  // ends the thread, if it runs
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // False: the queue is full (the worker is stuck); the command is lost, and counted by the queue.
  bool tell(Command command) { return commands_.push(std::make_unique<Command>(std::move(command))); }
  Snapshot snapshot() const;

 private:
  class Loop;
  const Options options_;
  const Clock& clock_;
  BoundedQueue<Event>& events_;
  std::function<void()> wake_;
  BoundedQueue<std::unique_ptr<Command>> commands_{256};
  std::atomic<bool> end_{false};
  mutable Mutex mutex_;
  Snapshot snapshot_ NEZU_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace nezu::probe::worker
