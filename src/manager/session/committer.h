// Committer: the one way to the store. Changes go in order, one batch at a time on its way, what comes meanwhile waits and goes together
// (group commit); `after` runs when the batch is durable, in order. So nothing is promised before it is on disk.
//
// A full disk (ErrorCode::no_space, unavailable) pauses: the batch is kept and tried again each `retry`; what comes meanwhile waits, records
// only up to a limit (room()). Any other error is the end: `fatal` is called once, and nothing is written any more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_function.h"
#include "manager/store/store.h"

namespace nezu::session {

struct CommitterOptions {
  Nanos retry = std::chrono::seconds(1);
  std::size_t held_bytes = 64 << 20;  // of records that wait, as they came over the link
};

class Committer {
 public:
  using SharedRecord = std::shared_ptr<const window::Record>;
  using SharedBytes = std::shared_ptr<const std::string>;  // a record as it came over the link
  struct Hooks {
    std::function<void(const Error&)> paused;  // once a pause
    std::function<void()> resumed;
    std::function<void(const Error&)> fatal;
  };
  // `store` must outlive it, and must not call back after it is destroyed.
  Committer(store::Store& store, const CommitterOptions& options, Hooks hooks)
      : store_(store), options_(options), hooks_(std::move(hooks)) {}

  void submit(store::WriteBatch changes, UniqueFunction<void()> after);
  // The record goes with what is in `changes`. REQUIRES: room(encoded->size())
  void submit(store::WriteBatch changes, const std::string& logical_probe, SharedRecord record, SharedBytes encoded,
              UniqueFunction<void()> after);
  bool room(std::size_t bytes) const { return held_bytes_ + bytes <= options_.held_bytes; }

  void tick(MonoTime now);
  bool idle() const { return !in_flight_ && waiting_.empty(); }
  bool paused() const { return paused_; }
  bool dead() const { return dead_; }
  const std::string& fault() const { return fault_; }
  std::size_t held_bytes() const { return held_bytes_; }

 private:
  struct Pending {
    store::WriteBatch changes;
    std::vector<UniqueFunction<void()>> after;
    std::size_t bytes = 0;
    bool empty() const { return changes.empty() && after.empty(); }
  };
  void next();
  void write();
  void done(const nezu::Status& status);

  store::Store& store_;
  CommitterOptions options_;
  Hooks hooks_;
  Pending current_, waiting_;
  bool in_flight_ = false, retry_due_ = false, paused_ = false, dead_ = false, running_ = false;
  std::string fault_;
  std::size_t held_bytes_ = 0;
  MonoTime now_{}, tried_{};
};

}  // namespace nezu::session
