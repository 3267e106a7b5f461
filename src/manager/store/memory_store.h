// A Store that keeps everything in memory: for tests of others (and what a real one must answer like). Applies each batch at once and calls
// `done` before write() returns, unless fail_with() was called. Thread-safe. Nothing expires: retention() is only told.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "manager/store/slots.h"
#include "manager/store/store.h"

namespace nezu::store {

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const Retention& retention = {}) : retention_(retention) {}

  Result<Loaded> load() override;
  void write(WriteBatch batch, UniqueFunction<void(nezu::Status)> done) override;
  Status status() const override;
  Result<std::vector<Piece>> pieces(TargetId target, Resolution resolution, PacketTime from, PacketTime to) override;
  Result<std::vector<CoveragePiece>> coverage(ServiceId service, Resolution resolution, PacketTime from, PacketTime to) override;
  Result<std::vector<DiscoveryEntry>> discovery_entries(std::uint64_t discovery) override;
  Retention retention() const override { return retention_; }

  // From now on every write() fails with this and leaves nothing behind; nullopt: works again. status().fault follows.
  void fail_with(std::optional<Error> error);
  // What has been written, for assertions.
  std::vector<JournalRecord> records() const;

 private:
  void apply(WriteBatch batch) NEZU_REQUIRES(mutex_);

  const Retention retention_;
  mutable Mutex mutex_;
  std::optional<Error> failure_ NEZU_GUARDED_BY(mutex_);
  Loaded kept_ NEZU_GUARDED_BY(mutex_);
  std::map<std::string, Loaded::Covered> covered_ NEZU_GUARDED_BY(mutex_);
  std::vector<JournalRecord> records_ NEZU_GUARDED_BY(mutex_);
  SlotTable slots_ NEZU_GUARDED_BY(mutex_);
  std::vector<DiscoveryEntry> discovery_entries_ NEZU_GUARDED_BY(mutex_);
  Status status_ NEZU_GUARDED_BY(mutex_);
};

}  // namespace nezu::store
