// What matching costs with 1, 100 and 10,000 web transactions defined; the naive way beside it. The goal (10,000 against 1: all of the probe's
// CPU ≤ 1.3 ×) means at most about 300 ns more a transaction, at a million transactions a second and core.
#include <benchmark/benchmark.h>

#include "probe/match/matcher.h"

namespace nezu::probe::match {
namespace {

std::vector<definition::Service> services_with(std::size_t transactions, bool by_query) {
  definition::Service s;
  s.name = "shop";
  s.hosts = {"shop.example.net", "*.shop.example.net"};
  s.paths = {"/"};
  for (std::size_t i = 0; i < transactions; ++i) {
    definition::WebTransaction w;
    w.name = "t" + std::to_string(i);
    w.path = {definition::PathCondition::Kind::prefix, by_query ? "/api" : "/api/" + std::to_string(i) + "/"};
    if (by_query) w.query = {{"action", "do" + std::to_string(i)}};
    s.transactions.push_back(w);
  }
  return {s};
}

struct Traffic {
  std::vector<std::string> uris;
  std::vector<Transaction> transactions;
  explicit Traffic(std::size_t kinds) {
    for (std::size_t i = 0; i < 4096; ++i) {
      const std::string n = std::to_string(i * 7919 % kinds);
      uris.push_back("/api/" + n + "/items?id=" + std::to_string(i) + "&action=do" + n);
    }
    for (const std::string& uri : uris) {
      Transaction t;
      t.host = "shop.example.net";
      t.method = "GET";
      t.uri = uri;
      t.server.port = 80;
      transactions.push_back(t);
    }
  }
};

void BM_match(benchmark::State& state, bool by_query) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Matcher m(services_with(n, by_query));
  const Traffic traffic(n);
  Scratch scratch;
  std::vector<Target> out;
  std::size_t i = 0, hits = 0;
  for (auto _ : state) {
    m.match(traffic.transactions[i++ & 4095], scratch, out);
    hits += out.size();
  }
  state.counters["targets"] = static_cast<double>(hits) / static_cast<double>(state.iterations());
}
BENCHMARK_CAPTURE(BM_match, path, false)->Arg(1)->Arg(100)->Arg(10'000);
BENCHMARK_CAPTURE(BM_match, query, true)->Arg(1)->Arg(100)->Arg(10'000);

void BM_naive(benchmark::State& state) {
  const auto services = services_with(static_cast<std::size_t>(state.range(0)), false);
  const Traffic traffic(static_cast<std::size_t>(state.range(0)));
  std::vector<Target> out;
  std::size_t i = 0;
  for (auto _ : state) {
    match_naively(services, traffic.transactions[i++ & 4095], out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(BM_naive)->Arg(1)->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace nezu::probe::match
