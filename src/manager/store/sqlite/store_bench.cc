// Ingest as the manager does it: the bytes of a record as they come over the link → decoded and checked → durable, a commit a second →
// folded, rolled up, checkpointed. Synthetic windows of 1 s of 500 targets. Prints windows (those with traffic) a second of CPU, of all
// threads together, without the making of the windows; bytes a window; how long commits waited. docs/performance-store.md holds figures.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "common/base/fake_clock.h"
#include "common/base/system_clock.h"
#include "manager/store/sqlite/chunk.h"
#include "manager/store/sqlite/connection.h"
#include "manager/store/sqlite/sqlite_store.h"
#include "manager/store/sqlite/synthetic_windows.h"
#include "model/wire/messages.h"
#include "model/wire/record_view.h"

namespace nezu::store::sqlite {
namespace {

constexpr int kTargets = 500;
constexpr std::int64_t kStart = 1'699'999'200;

double cpu_seconds(int who) {
  rusage r{};
  getrusage(who, &r);
  return static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nezu-bench-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string file() const { return path_ + "/manager.db"; }

 private:
  std::string path_;
};

bool write(Store& store, WriteBatch batch) {
  std::promise<bool> done;
  store.write(std::move(batch), [&](nezu::Status status) { done.set_value(status.ok()); });
  return done.get_future().get();
}

// Bytes a window that a table's pages take.
double share(Connection& connection, const char* table, std::uint64_t windows) {
  const std::string sql = std::string("SELECT sum(pgsize) FROM dbstat WHERE aggregate=1 AND name='") + table + "'";
  const auto bytes = connection.query_integer(sql);
  return bytes ? static_cast<double>(*bytes) / static_cast<double>(windows) : -1;
}

void report_sizes(benchmark::State& state, const std::string& path, std::uint64_t windows) {
  state.counters["B/window file"] = static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(windows);
  auto connection = Connection::open(path, Mode::reader);
  if (!connection) return;
  state.counters["B 1s"] = share(**connection, "chunk_1s", windows);
  state.counters["B 10s"] = share(**connection, "chunk_10s", windows);
  state.counters["B 1m"] = share(**connection, "chunk_1m", windows);
  const auto free = (*connection)->query_integer("PRAGMA freelist_count");
  if (free) state.counters["B free"] = static_cast<double>(*free * 8192) / static_cast<double>(windows);
  state.counters["B journal"] = share(**connection, "journal", windows);
}

// Arguments: fold_every in seconds; 1: with times to first byte of their own (a second full histogram); seconds of data.
void ingest(benchmark::State& state) {
  for (auto _ : state) {
    Directory directory;
    SyntheticWindows windows(kTargets, 7, state.range(1) != 0);
    FakeClock clock;
    SystemClock real;
    clock.advance(std::chrono::hours(24));
    Options options;
    options.path = directory.file();
    options.fold_every = std::chrono::seconds(state.range(0));
    auto store = open(options, clock);
    if (!store || !(*store)->load()) return state.SkipWithError("the store doesn't open");
    std::uint64_t count = 0;
    double making = 0, decoding = 0;
    std::vector<double> waits;
    const double before = cpu_seconds(RUSAGE_SELF);
    for (int s = 0; s < state.range(2); ++s) {
      const double t0 = cpu_seconds(RUSAGE_THREAD);
      const std::string message = wire::encode(wire::Message(windows.next(kStart + s)));
      const double t1 = cpu_seconds(RUSAGE_THREAD);
      auto decoded = wire::decode(message);
      const auto bytes = wire::record_in(message);
      if (!decoded || !bytes) return state.SkipWithError("a record doesn't decode");
      auto record = std::make_shared<const window::Record>(std::get<window::Record>(std::move(*decoded)));
      for (const auto& part : record->services) count += part.targets.size();
      WriteBatch batch;
      batch.records.emplace_back("edge", record, std::make_shared<const std::string>(*bytes));
      decoding += cpu_seconds(RUSAGE_THREAD) - t1;
      making += t1 - t0;
      const MonoTime asked = real.mono();
      if (!write(**store, std::move(batch))) return state.SkipWithError("a batch failed");
      waits.push_back(std::chrono::duration<double>(real.mono() - asked).count());
    }
    store->reset();
    const double cpu = cpu_seconds(RUSAGE_SELF) - before - making;
    std::sort(waits.begin(), waits.end());
    state.counters["windows/CPU-s"] = static_cast<double>(count) / cpu;
    state.counters["us decode"] = decoding / static_cast<double>(count) * 1e6;
    state.counters["us store"] = (cpu - decoding) / static_cast<double>(count) * 1e6;
    state.counters["ms wait p50"] = waits[waits.size() / 2] * 1e3;
    state.counters["ms wait max"] = waits.back() * 1e3;
    state.counters["windows"] = static_cast<double>(count);
    report_sizes(state, directory.file(), count);
  }
}
BENCHMARK(ingest)
    ->ArgNames({"fold", "ttfb", "seconds"})
    ->Args({60, 0, 7500})
    ->Args({300, 0, 7500})
    ->Args({60, 1, 7500})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

// A month of one target of ten, at the resolution that a chart of a month has (1 h), with what belongs to it of its service's coverage. The
// day isn't over, nor the last two hours: what isn't rolled up yet is read from the finer levels. Windows are a minute apart, and hold
// what came in it.
void query_month(benchmark::State& state) {
  constexpr int kQueried = 10, kDifferent = 60;
  constexpr std::int64_t kBegin = 1'699'920'000, kEnd = kBegin + 30 * 86'400 - 600;  // begins with a day
  Directory directory;
  FakeClock clock;
  clock.advance(std::chrono::hours(24 * 400));
  Options options;
  options.path = directory.file();
  auto opened = open(options, clock);
  if (!opened || !(*opened)->load()) return state.SkipWithError("the store doesn't open");
  Store& store = **opened;
  SyntheticWindows windows(kQueried, 7, state.range(0) != 0);
  std::vector<window::Record> kept;
  for (int i = 0; i < kDifferent; ++i) {
    kept.push_back(windows.next(kBegin));
    for (int more = 1; more < 60; ++more) {
      const window::Record other = windows.next(kBegin);
      for (auto& target : kept.back().services[0].targets) {
        for (const auto& t : other.services[0].targets) {
          if (t.target == target.target) target.figures.merge(t.figures);
        }
      }
    }
  }
  WriteBatch batch;
  for (std::int64_t second = kBegin; second < kEnd; second += 60) {
    window::Record& record = kept[static_cast<std::size_t>(second / 60) % kDifferent];
    record.span = {time_of(second), time_of(second + 1)};
    record.covered = record.services[0].covered = {record.span};
    batch.records.emplace_back("edge", record);
    if (batch.records.size() < 60 && second + 60 < kEnd) continue;
    if (!write(store, std::move(batch))) return state.SkipWithError("a batch failed");
    batch = WriteBatch{};
  }
  // A month came in some seconds: its roll-ups are awaited.
  auto reader = Connection::open(options.path, Mode::reader);
  if (!reader) return state.SkipWithError("a second connection");
  for (;;) {
    const auto rolled = (*reader)->query_integer("SELECT min(rolled_1h) FROM series");
    if (!rolled) return state.SkipWithError("the series can't be read");
    if (*rolled >= kBegin + 29 * 86'400) break;
    std::this_thread::yield();
  }
  std::size_t points = 0;
  for (auto _ : state) {
    auto pieces = store.pieces(3, Resolution::h1, time_of(kBegin), time_of(kBegin + 30 * 86'400));
    auto coverage = store.coverage(1, Resolution::h1, time_of(kBegin), time_of(kBegin + 30 * 86'400));
    if (!pieces || !coverage) return state.SkipWithError("a query failed");
    points = pieces->size();
  }
  state.counters["points"] = static_cast<double>(points);
}
BENCHMARK(query_month)->ArgName("ttfb")->Arg(0)->Arg(1)->Iterations(20)->UseRealTime()->Unit(benchmark::kMillisecond);

void chunk_encode(benchmark::State& state) {
  SyntheticWindows windows(1, 7, false);
  std::vector<FigureSlot> slots;
  for (int s = 0; s < state.range(0); ++s) {
    const auto record = windows.next(kStart + s);
    for (const auto& t : record.services[0].targets) slots.push_back({kStart + s, t.figures});
  }
  std::size_t bytes = 0;
  for (auto _ : state) bytes = encode_chunk(slots, 1).size();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * slots.size()));
  state.counters["bytes/window"] = static_cast<double>(bytes) / static_cast<double>(slots.size());
}
BENCHMARK(chunk_encode)->Arg(60)->Arg(300);

}  // namespace
}  // namespace nezu::store::sqlite
