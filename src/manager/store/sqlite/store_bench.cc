// Ingest: synthetic windows of 1 s of 500 targets, a durable commit a second, until all is folded and rolled up. Prints windows a second of CPU (of
// all threads) and bytes a window in the file. docs/performance-store.md holds figures and the command.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <future>

#include "common/base/fake_clock.h"
#include "manager/store/sqlite/chunk.h"
#include "manager/store/sqlite/sqlite_store.h"
#include "manager/store/sqlite/synthetic_windows.h"

namespace nezu::store::sqlite {
namespace {

constexpr int kTargets = 500;
constexpr std::int64_t kStart = 1'699'999'200;

double cpu_seconds() {
  rusage r{};
  getrusage(RUSAGE_SELF, &r);
  return static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

// Arguments: fold_every in seconds; 1: with times to first byte of their own (a second full histogram); seconds of data.
void ingest(benchmark::State& state) {
  for (auto _ : state) {
    std::string pattern = (std::filesystem::temp_directory_path() / "nezu-bench-XXXXXX").string();
    const std::string directory = mkdtemp(pattern.data());
    SyntheticWindows windows(kTargets, 7, state.range(1) != 0);
    std::vector<window::Record> records;
    std::uint64_t count = 0;
    for (int s = 0; s < state.range(2); ++s) {
      records.push_back(windows.next(kStart + s));
      for (const auto& part : records.back().services) count += part.targets.size();
    }
    FakeClock clock;
    clock.advance(std::chrono::hours(24));
    Options options;
    options.path = directory + "/manager.db";
    options.fold_every = std::chrono::seconds(state.range(0));
    auto store = open(options, clock);
    if (!store || !(*store)->load()) return state.SkipWithError("the store doesn't open");
    const double before = cpu_seconds();
    for (window::Record& record : records) {
      WriteBatch batch;
      batch.records.push_back({"edge", std::move(record)});
      std::promise<bool> done;
      (*store)->write(std::move(batch), [&](nezu::Status status) { done.set_value(status.ok()); });
      if (!done.get_future().get()) return state.SkipWithError("a batch failed");
    }
    store->reset();
    const double cpu = cpu_seconds() - before;
    state.counters["windows/CPU-s"] = static_cast<double>(count) / cpu;
    state.counters["bytes/window"] = static_cast<double>(std::filesystem::file_size(options.path)) / static_cast<double>(count);
    state.counters["windows"] = static_cast<double>(count);
    std::filesystem::remove_all(directory);
  }
}
BENCHMARK(ingest)
    ->Args({60, 0, 900})
    ->Args({300, 0, 900})
    ->Args({60, 1, 900})
    ->Args({300, 1, 900})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

void chunk_encode(benchmark::State& state) {
  SyntheticWindows windows(1, 7, false);
  std::vector<FigureSlot> slots;
  for (int s = 0; s < 300; ++s) {
    const auto record = windows.next(kStart + s);
    for (const auto& t : record.services[0].targets) slots.push_back({kStart + s, t.figures});
  }
  std::size_t bytes = 0;
  for (auto _ : state) bytes = encode_chunk(slots, 1).size();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * slots.size()));
  state.counters["bytes/window"] = static_cast<double>(bytes) / static_cast<double>(slots.size());
}
BENCHMARK(chunk_encode);

}  // namespace
}  // namespace nezu::store::sqlite
