// What the store's tests share: records, a store in a directory of its own (or on a VFS), writing that waits.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "common/base/fake_clock.h"
#include "manager/store/slots.h"
#include "manager/store/sqlite/sqlite_store.h"

namespace nezu::store::sqlite::test {

inline constexpr SlotSecond kStart = 1'699'999'200;  // a whole half hour; before FakeClock's wall time

inline PacketTime at(double seconds) { return time_of(kStart) + Nanos(static_cast<std::int64_t>(seconds * 1e9)); }

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nezu-store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  std::string file() const { return path_ + "/manager.db"; }

 private:
  std::string path_;
};

// Target 10 + (service - 1) * 10 of `service` with `transactions`, each of 1 ms; all of the span is covered.
inline window::Record record(double begin, double end, std::uint64_t transactions, ServiceId service = 1, std::uint64_t epoch = 1) {
  window::Record r;
  r.instance.bytes[0] = static_cast<std::uint8_t>(epoch);
  r.epoch = epoch;
  r.span = {at(begin), at(end)};
  r.covered = {r.span};
  window::ServicePart part;
  part.service = service;
  part.definition_version = 1;
  part.covered = {r.span};
  if (transactions > 0) {
    window::TargetFigures target;
    target.target = service * 10;
    auto& f = target.figures;
    f.transactions = f.timed = f.status_class[2] = transactions;
    f.response_time.add_bucket(sketch::Histogram::bucket_of(std::chrono::milliseconds(1)), transactions);
    f.ttfb = f.response_time;
    f.response_time_sum = f.ttfb_sum = std::chrono::milliseconds(1) * transactions;
    f.response_time_max = f.ttfb_max = std::chrono::milliseconds(1);
    part.targets.push_back(std::move(target));
  }
  r.services.push_back(std::move(part));
  return r;
}

inline WriteBatch batch_of(window::Record r, const std::string& probe = "edge") {
  WriteBatch batch;
  batch.records.push_back({probe, std::move(r)});
  return batch;
}

inline nezu::Status write(Store& store, WriteBatch batch) {
  std::promise<nezu::Status> promise;
  auto future = promise.get_future();
  store.write(std::move(batch), [&](nezu::Status status) { promise.set_value(std::move(status)); });
  return future.get();
}

inline std::unique_ptr<Store> opened(const Options& options, const Clock& clock, Loaded* loaded = nullptr) {
  auto store = open(options, clock);
  if (!store) {
    ADD_FAILURE() << store.error().message();
    return nullptr;
  }
  auto result = (*store)->load();
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return nullptr;
  }
  if (loaded != nullptr) *loaded = std::move(*result);
  return std::move(*store);
}

inline std::uint64_t transactions(Store& store, TargetId target, Resolution resolution, double from, double to) {
  auto pieces = store.pieces(target, resolution, at(from), at(to));
  if (!pieces) {
    ADD_FAILURE() << pieces.error().message();
    return 0;
  }
  std::uint64_t sum = 0;
  for (const Piece& piece : *pieces) sum += piece.figures.transactions;
  return sum;
}

inline Nanos covered(Store& store, ServiceId service, Resolution resolution, double from, double to) {
  auto pieces = store.coverage(service, resolution, at(from), at(to));
  if (!pieces) {
    ADD_FAILURE() << pieces.error().message();
    return Nanos(0);
  }
  Nanos sum{0};
  for (const CoveragePiece& piece : *pieces) sum += piece.covered_length;
  return sum;
}

}  // namespace nezu::store::sqlite::test
