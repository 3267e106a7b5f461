#include "common/metrics/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

#include "common/base/check.h"
#include "common/base/mutex.h"

namespace nezu::metrics {
namespace {

bool is_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), fits);
}

prometheus::ClientMetric labelled(const Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

using Read = std::function<std::vector<prometheus::ClientMetric>()>;

}  // namespace

struct Registry::Impl {
  struct Family {
    std::string name, help;
    prometheus::MetricType type;
    Read read;
  };
  mutable Mutex mutex;
  std::vector<Family> families NEZU_GUARDED_BY(mutex);

  void add(const std::string& name, const std::string& help, prometheus::MetricType type, Read read) {
    NEZU_CHECK(is_name(name));
    MutexLock lock(mutex);
    for (const Family& f : families) NEZU_CHECK(f.name != name);
    families.push_back({name, help, type, std::move(read)});
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

void Registry::counter(const std::string& name, const std::string& help, std::function<std::vector<Sample>()> read) {
  constexpr std::string_view ending = "_total";
  NEZU_CHECK(name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0);
  impl_->add(name, help, prometheus::MetricType::Counter, [read = std::move(read)] {
    std::vector<prometheus::ClientMetric> metrics;
    for (const Sample& s : read()) {
      metrics.push_back(labelled(s.labels));
      metrics.back().counter.value = s.value;
    }
    return metrics;
  });
}

void Registry::gauge(const std::string& name, const std::string& help, std::function<std::vector<Sample>()> read) {
  impl_->add(name, help, prometheus::MetricType::Gauge, [read = std::move(read)] {
    std::vector<prometheus::ClientMetric> metrics;
    for (const Sample& s : read()) {
      metrics.push_back(labelled(s.labels));
      metrics.back().gauge.value = s.value;
    }
    return metrics;
  });
}

void Registry::histogram(const std::string& name, const std::string& help, std::function<std::vector<HistogramSample>()> read) {
  impl_->add(name, help, prometheus::MetricType::Histogram, [read = std::move(read)] {
    std::vector<prometheus::ClientMetric> metrics;
    for (const HistogramSample& s : read()) {
      metrics.push_back(labelled(s.labels));
      auto& histogram = metrics.back().histogram;
      histogram.sample_count = s.count;
      histogram.sample_sum = s.sum;
      for (const auto& [bound, count] : s.buckets) histogram.bucket.push_back({count, bound});
      histogram.bucket.push_back({s.count, std::numeric_limits<double>::infinity()});
    }
    return metrics;
  });
}

void Registry::counter_value(const std::string& name, const std::string& help, std::function<double()> read) {
  counter(name, help, [read = std::move(read)] { return std::vector<Sample>{{{}, read()}}; });
}

void Registry::gauge_value(const std::string& name, const std::string& help, std::function<double()> read) {
  gauge(name, help, [read = std::move(read)] { return std::vector<Sample>{{{}, read()}}; });
}

void Registry::remove(const std::string& name) {
  MutexLock lock(impl_->mutex);
  auto& all = impl_->families;
  all.erase(std::remove_if(all.begin(), all.end(), [&](const Impl::Family& f) { return f.name == name; }), all.end());
}

std::string Registry::text() const {
  std::vector<prometheus::MetricFamily> collected;
  {
    MutexLock lock(impl_->mutex);
    for (const Impl::Family& f : impl_->families) collected.push_back({f.name, f.help, f.type, f.read()});
  }
  return prometheus::TextSerializer().Serialize(collected);
}

}  // namespace nezu::metrics
