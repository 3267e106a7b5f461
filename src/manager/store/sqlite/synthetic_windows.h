// Windows as busy services make them, for tests and benchmarks: request rates and response times log-normal over targets and within each,
// 1 % errors, minutes in which a target is four times as slow. Same seed, same windows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "manager/store/store.h"

namespace nezu::store::sqlite {

class SyntheticWindows {
 public:
  // with_ttfb: the time to first byte is a share of the response time of its own; else the server's answer is one packet, and both are equal.
  explicit SyntheticWindows(int targets, std::uint64_t seed = 7, bool with_ttfb = false) : random_(seed), with_ttfb_(with_ttfb) {
    for (int i = 0; i < targets; ++i) {
      Target t;
      t.rate = std::min(400.0, std::exp(std::log(8.0) + 1.4 * normal_(random_)));
      t.median = std::exp(std::log(0.03) + 0.9 * normal_(random_));
      t.sigma = 0.5 + 0.3 * std::fabs(normal_(random_));
      targets_.push_back(t);
    }
  }

  // The record of second `second` since 1970: targets 1…n in services of 20 targets, all covered.
  window::Record next(std::int64_t second) {
    window::Record record;
    record.epoch = 1;
    record.span = {packet_time_ns(second * 1'000'000'000), packet_time_ns((second + 1) * 1'000'000'000)};
    record.covered = {record.span};
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (i % 20 == 0) {
        window::ServicePart part;
        part.service = static_cast<ServiceId>(i / 20 + 1);
        part.definition_version = 1;
        part.covered = record.covered;
        record.services.push_back(std::move(part));
      }
      window::TargetFigures target;
      target.target = static_cast<TargetId>(i + 1);
      target.figures = figures(targets_[i], (second / 60 + static_cast<std::int64_t>(i)) % 97 == 0);
      if (target.figures.transactions > 0) record.services.back().targets.push_back(std::move(target));
    }
    return record;
  }

 private:
  struct Target {
    double rate = 0, median = 0, sigma = 0;
  };

  window::Figures figures(const Target& t, bool slow) {
    window::Figures f;
    const int n = std::poisson_distribution<int>(t.rate)(random_);
    for (int k = 0; k < n; ++k) {
      const double seconds = std::min(60.0, t.median * (slow ? 4 : 1) * std::exp(t.sigma * normal_(random_)));
      const Nanos response(static_cast<std::int64_t>(seconds * 1e9));
      const double share = with_ttfb_ ? std::uniform_real_distribution<double>(0.6, 1.0)(random_) : 1.0;
      const Nanos ttfb(static_cast<std::int64_t>(seconds * share * 1e9));
      ++f.transactions;
      ++f.timed;
      f.response_time.add(response);
      f.response_time_sum += response;
      f.response_time_max = std::max(f.response_time_max, response);
      f.ttfb.add(ttfb);
      f.ttfb_sum += ttfb;
      f.ttfb_max = std::max(f.ttfb_max, ttfb);
      f.transfer_sum += response - ttfb;
      const bool error = random_() % 100 == 0;
      ++f.status_class[error ? 5 : 2];
      f.errors += error ? 1 : 0;
      f.request_bytes += 400 + random_() % 500;
      f.response_bytes += static_cast<std::uint64_t>(std::exp(8.5 + 1.2 * normal_(random_)));
    }
    return f;
  }

  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  const bool with_ttfb_;
  std::vector<Target> targets_;
};

}  // namespace nezu::store::sqlite
