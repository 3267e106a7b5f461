// Merger: the workers' windows into records. Pure; on the main thread.
//
// A window closes when every worker has handed over its part (it does so when its watermark has passed the window's end). A worker that makes
// no progress for `grace` after the first part came is left out: the record is marked `partly`. What a worker hands over for a window that was
// closed without it is added to the next record, and counted in Counters::late: nothing is dropped in silence.
//
// Coverage is what all workers watched (each sees its share of the connections). A window in which nothing is measured gives no record. One
// whose coverage is empty gives none either (a gap is what no record covers); its counters go into the next record.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "model/window/record.h"
#include "probe/aggregate/worker_window.h"

namespace nezu::probe::aggregate {

class Merger {
 public:
  struct Options {
    std::uint32_t workers = 1;
    Nanos window = std::chrono::seconds(1);
    Nanos grace = std::chrono::milliseconds(500);
    std::size_t max_waiting = 64;  // windows of one worker that wait for the others; beyond it the others are left out
  };
  explicit Merger(const Options& options);

  // A worker's next window, in order.
  void take(std::unique_ptr<WorkerWindow> window, MonoTime now);
  // The worker is alive and has come to this packet time.
  void progress(std::uint32_t worker, PacketTime watermark, MonoTime now);
  // No more windows of this worker will come.
  void finished(std::uint32_t worker);

  // Appends the records that are complete now, without instance, epoch and ledger. Windows that were used come back through `used`.
  void poll(MonoTime now, std::vector<window::Record>& out, std::vector<std::unique_ptr<WorkerWindow>>& used);

  std::uint64_t left_out() const { return left_out_; }    // windows closed without a stuck worker
  std::uint64_t uncovered() const { return uncovered_; }  // windows measured, but with no coverage: no record

 private:
  using Key = std::int64_t;  // number of the window since 1970
  struct PerWorker {
    std::deque<std::unique_ptr<WorkerWindow>> waiting;
    std::optional<Key> last;  // of the window handed over last
    PacketTime watermark{};
    MonoTime moved_at{};
    bool finished = false;
  };
  struct Building;
  Key key_of(PacketTime begin) const { return floor_to(begin, options_.window).time_since_epoch() / options_.window; }
  std::optional<Key> oldest() const;
  bool is_closed(Key key, MonoTime now, bool& partly);
  void close(Key key, bool partly, std::vector<window::Record>& out, std::vector<std::unique_ptr<WorkerWindow>>& used);
  void keep_late(std::unique_ptr<WorkerWindow> window);

  const Options options_;
  std::vector<PerWorker> workers_;
  std::optional<Key> closed_;                           // the last window that was closed
  std::optional<std::pair<Key, MonoTime>> first_part_;  // of the oldest waiting window: when it came
  PacketTime end_{};                                    // of the last record
  std::vector<std::unique_ptr<WorkerWindow>> late_;
  window::Counters carried_;
  std::uint64_t left_out_ = 0, uncovered_ = 0;
};

}  // namespace nezu::probe::aggregate
