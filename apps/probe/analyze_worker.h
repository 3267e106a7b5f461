// AnalyzeWorker: one source, one pipeline, one thread; what it found so far can be looked at from another.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/base/mutex.h"
#include "probe/capture/frame.h"
#include "probe/pipeline/pipeline.h"
#include "probe/report/line_buffer.h"
#include "probe/report/summary.h"
#include "probe/report/summary_text.h"

namespace nezu::probe_app {

enum class Lines { none, json, csv };

class AnalyzeWorker {
 public:
  struct Options {
    probe::Pipeline::Options pipeline;
    std::size_t max_hosts = 0;
    Lines lines = Lines::none;
    bool live = false;  // lines go out as they come, not in large blocks only
  };

  // `write` takes blocks of lines (from the worker's thread); `done` is called once, from the worker's thread, when it ends.
  AnalyzeWorker(std::unique_ptr<probe::FrameSource> source, const Options& options, const HashKey& key,
                probe::report::LineBuffer::Write write, std::function<void()> done);
  ~AnalyzeWorker();  // stops it
  AnalyzeWorker(const AnalyzeWorker&) = delete;
  AnalyzeWorker& operator=(const AnalyzeWorker&) = delete;

  void start();
  // Ends it soon; what is still open is decided. From any thread.
  void stop() { source_->stop(); }
  void join();
  bool ended() const { return ended_.load(); }

  // Adds what it found so far.
  void add_to(probe::report::Summary& summary, probe::report::Losses& losses) const;
  // Why the capture ended, if not well. After join().
  const std::optional<Error>& error() const { return error_; }

 private:
  class Sink;
  void run();
  bool step(probe::FrameBatch& batch);
  void take_statistics() NEZU_REQUIRES(mutex_);

  std::unique_ptr<probe::FrameSource> source_;
  const Options options_;
  std::function<void()> done_;
  mutable Mutex mutex_;
  std::unique_ptr<Sink> sink_ NEZU_GUARDED_BY(mutex_);
  std::unique_ptr<probe::Pipeline> pipeline_ NEZU_GUARDED_BY(mutex_);
  probe::SourceStatistics statistics_ NEZU_GUARDED_BY(mutex_);
  std::optional<Error> error_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace nezu::probe_app
