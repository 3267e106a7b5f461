// What a transaction costs from its decision to its record, without and with names: targets, slices, figures, ledger.
#include <benchmark/benchmark.h>

#include "probe/aggregate/worker.h"
#include "probe/shadow/shadow.h"

namespace nezu::probe::shadow {
namespace {

PacketTime at(double s) { return PacketTime(Seconds(1'700'000'000)) + Nanos(static_cast<std::int64_t>(s * 1e9)); }

void cut(benchmark::State& state, bool names) {
  constexpr int kPerSecond = 100'000;
  aggregate::PlannedService service;
  service.id = 1;
  service.version = 1;
  service.all_target = 10;
  service.definition.name = "web";
  definition::WebTransaction pay;
  pay.name = "pay";
  pay.path = {definition::PathCondition::Kind::prefix, "/pay"};
  service.definition.transactions = {pay};
  service.transaction_targets = {11};
  aggregate::Worker worker(aggregate::Worker::Options{});
  worker.watch(at(0));
  worker.set_plan(std::make_shared<aggregate::Plan>(1, std::vector<aggregate::PlannedService>{service}, PacketTime{},
                                                    names ? std::optional(HashKey{1, 2}) : std::nullopt),
                  at(0));
  Options options;
  options.names = names;
  options.ledger = 1'000'000;
  Shadow shadow(options);
  shadow.begin(at(0), false);
  Transaction t;
  t.has_request = t.has_response = t.has_times = true;
  t.method = "GET";
  t.host = "shop.example.net";
  t.uri = "/pay/42";
  t.version = "1.1";
  t.status = 200;
  t.server.port = 80;
  aggregate::Slices slices;
  window::Counters totals;
  double now = 0;
  std::uint64_t counted = 0, ledger = 0;
  for (auto _ : state) {
    for (int i = 0; i < kPerSecond; ++i) {
      const double when = now + static_cast<double>(i) / kPerSecond;
      t.decided = t.response_end = at(when);
      t.request_begin = t.request_end = at(when - 0.002);
      t.response_begin = at(when - 0.001);
      t.client.port = static_cast<std::uint16_t>(i);
      t.request_seq += 600;
      t.response_seq += 900;
      worker.add(t);
      if (i % 2000 == 1999) worker.advance(at(when), totals, slices);
    }
    now += 1;
    worker.advance(at(now), totals, slices);
    for (auto& s : slices) shadow.take(std::move(s), MonoTime{});
    slices.clear();
    while (auto r = shadow.cut(MonoTime{}, at(now))) {
      for (const auto& target : r->services[0].targets) counted += target.target == 10 ? target.figures.transactions : 0;
      ledger += r->ledger.entries.size();
      shadow.stored(r->span);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kPerSecond);
  state.counters["counted"] = static_cast<double>(counted) / (static_cast<double>(state.iterations()) * kPerSecond);
  state.counters["named"] = static_cast<double>(ledger) / (static_cast<double>(state.iterations()) * kPerSecond);
}

void cold(benchmark::State& state) { cut(state, false); }
void warm(benchmark::State& state) { cut(state, true); }
BENCHMARK(cold);
BENCHMARK(warm);

}  // namespace
}  // namespace nezu::probe::shadow

BENCHMARK_MAIN();
