// Metrics: our own counters, read when somebody scrapes. Components keep plain numbers; what is registered here is a function that reads them.
// So nothing is locked, added or allocated on the packets' way. prometheus-cpp is used in metrics.cc only.
//
//   registry.counter("nezuban_frames_total", "frames by what became of them", [&] { return samples_of(counters()); });
//   text = registry.text();   // Prometheus' text form 0.0.4
//
// Threads: each function runs within text(), on its caller's thread and under the registry's lock: it must not call the registry.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace nezu::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;  // name, value

struct Sample {
  Labels labels;
  double value = 0;
};
struct HistogramSample {
  Labels labels;
  std::vector<std::pair<double, std::uint64_t>> buckets;  // upper bound, count up to it (cumulative); in order; +Inf is added
  std::uint64_t count = 0;
  double sum = 0;
};

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // `name`: [a-zA-Z_:][a-zA-Z0-9_:]*, not registered before, a counter's ends in _total; else it is a bug. What `read` touches must outlive
  // the registry or remove() of the name.
  void counter(const std::string& name, const std::string& help, std::function<std::vector<Sample>()> read);
  void gauge(const std::string& name, const std::string& help, std::function<std::vector<Sample>()> read);
  void histogram(const std::string& name, const std::string& help, std::function<std::vector<HistogramSample>()> read);
  // One value, no labels.
  void counter_value(const std::string& name, const std::string& help, std::function<double()> read);
  void gauge_value(const std::string& name, const std::string& help, std::function<double()> read);
  void remove(const std::string& name);

  // All of them in the order of registration. Content type: kContentType.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace nezu::metrics
