// What a transaction pays for its place in a histogram, and what a query pays for merging.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "common/base/random.h"
#include "model/sketch/histogram.h"

namespace {

using nezu::Nanos;
using nezu::sketch::Histogram;

std::vector<Nanos> durations(double octaves) {
  nezu::SeededRandom random(1);
  std::vector<Nanos> all(4096);
  for (Nanos& d : all) d = Nanos(static_cast<std::int64_t>(std::exp2(20 + octaves * random.next_unit())));
  return all;
}

void bucket_of(benchmark::State& state) {
  const auto all = durations(12);
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(Histogram::bucket_of(all[i++ & 4095]));
}
BENCHMARK(bucket_of);

// The usual case: the histogram has its span already. Best: one octave; worst: twenty.
void add(benchmark::State& state) {
  const auto all = durations(static_cast<double>(state.range(0)));
  Histogram h;
  std::size_t i = 0;
  for (auto _ : state) h.add(all[i++ & 4095]);
  benchmark::DoNotOptimize(h.count());
}
BENCHMARK(add)->Arg(1)->Arg(20);

void merge(benchmark::State& state) {
  Histogram one, sum;
  for (const Nanos d : durations(static_cast<double>(state.range(0)))) one.add(d);
  for (auto _ : state) sum.merge(one);
  benchmark::DoNotOptimize(sum.count());
}
BENCHMARK(merge)->Arg(1)->Arg(20);

void encode_and_decode(benchmark::State& state) {
  Histogram h;
  for (const Nanos d : durations(static_cast<double>(state.range(0)))) h.add(d);
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    h.encode(bytes);
    benchmark::DoNotOptimize(Histogram::decode(bytes).ok());
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(encode_and_decode)->Arg(1)->Arg(20);

void quantile(benchmark::State& state) {
  Histogram h;
  for (const Nanos d : durations(20)) h.add(d);
  for (auto _ : state) benchmark::DoNotOptimize(h.quantile(0.99));
}
BENCHMARK(quantile);

}  // namespace
