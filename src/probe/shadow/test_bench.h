// A shadow and its workers, for tests.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "probe/shadow/shadow.h"
#include "probe/shadow/test_slices.h"

namespace nezu::probe::shadow::testing {

using Records = std::vector<window::Record>;

inline std::uint64_t transactions(const window::Record& r) {
  std::uint64_t n = 0;
  for (const auto& s : r.services) {
    for (const auto& t : s.targets) n += t.figures.transactions;
  }
  return n;
}
// The transactions that a ledger names.
inline std::multiset<std::uint64_t> named(const window::Ledger& l) {
  std::multiset<std::uint64_t> out;
  for (const auto& e : l.entries) out.insert(e.response != 0 ? (e.response - 2) / 2 : (e.request - 1) / 2);
  return out;
}
inline window::Ledger ledger(std::vector<std::pair<std::uint64_t, double>> transactions) {
  window::Ledger l;
  for (const auto& [n, decided] : transactions) l.entries.push_back({request_name(n), response_name(n), at(decided)});
  return l;
}

inline Options options(bool names, std::uint32_t workers = 1) {
  Options o;
  o.workers = workers;
  o.names = names;
  return o;
}

// A shadow whose workers measure service 1 from 0 on.
class Bench {
 public:
  explicit Bench(const Options& o) : shadow(o) {
    for (std::uint32_t i = 0; i < o.workers; ++i) workers.emplace_back(0, i);
  }
  void come_to(std::size_t worker, double t, double when, const window::Spans& lost = {}) {
    shadow.take(workers[worker].until(t, lost), mono(when));
  }
  void come_to(double t) {
    now = t;
    for (std::size_t i = 0; i < workers.size(); ++i) come_to(i, t, t);
  }
  Records cut(double t) {
    Records out;
    while (auto r = shadow.cut(mono(t), at(t))) {
      EXPECT_EQ(window::validate(*r, Seconds(1)), "");
      out.push_back(std::move(*r));
    }
    return out;
  }
  Records cut() { return cut(now); }
  // What the manager says of another instance's record [until - 1, until).
  void learn(double until, const window::Ledger& l, std::optional<double> since = {}) {
    shadow.learn(l, at(until), since ? std::optional(at(*since)) : std::nullopt);
    shadow.sweep();
  }
  Shadow shadow;
  std::vector<SliceMaker> workers;
  double now = 0;
};

class Cold : public Bench {
 public:
  explicit Cold(std::uint32_t n = 1) : Bench(options(false, n)) { shadow.begin(at(0), false); }
};
class Warm : public Bench {
 public:
  explicit Warm(const Options& o = options(true)) : Bench(o) {}
};

}  // namespace nezu::probe::shadow::testing
