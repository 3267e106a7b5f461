// What nezu-load counted: requests by outcome, status and kind, and the times of those that were answered.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "load/options.h"

namespace nezu::load {

// Times with a relative error of at most 1/64: 64 linear steps in each power of two, in nanoseconds up to 2^40 (18 minutes).
class Times {
 public:
  void add(Nanos time);
  void merge(const Times& other);
  // The time below which the share `q` (0–1) of the values lies; zero where there is none.
  Nanos quantile(double q) const;
  std::uint64_t count() const { return count_; }
  Nanos sum() const { return sum_; }
  Nanos max() const { return max_; }

 private:
  static constexpr unsigned kStepBits = 6, kTopBit = 40;
  static constexpr std::size_t kSize = (kTopBit - kStepBits + 1) << kStepBits;
  static std::size_t index(std::uint64_t ns);
  static std::uint64_t upper(std::size_t index);

  std::array<std::uint64_t, kSize> counts_{};
  std::uint64_t count_ = 0;
  Nanos sum_{};
  Nanos max_{};
};

// Of one line of the mix.
struct OfRequest {
  std::uint64_t sent = 0;
  Times service;
};

// sent = answered + sum over the ways to fail, once everything has ended.
struct Stats {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t reset = 0;      // connection reset while an answer was awaited
  std::uint64_t closed = 0;     // closed likewise
  std::uint64_t malformed = 0;  // an answer that is no HTTP/1.1
  std::uint64_t abandoned = 0;  // unanswered when the run had ended and the time-out too
  std::uint64_t connect_failures = 0;
  std::uint64_t connections = 0;     // opened
  std::uint64_t skipped = 0;         // due, but too many were already waiting for a free connection
  std::uint64_t response_bytes = 0;  // of bodies
  std::map<int, std::uint64_t> statuses;
  std::vector<OfRequest> by_request;  // in the order of the mix
  Times service;                      // from the sending of the request to the end of the answer
  Times schedule;                     // from when the request was due; with a constant rate this is what a user feels
  Nanos elapsed{};

  void merge(const Stats& other);
};

std::string to_text(const Stats& stats, const Options& options);
std::string to_json(const Stats& stats, const Options& options);

}  // namespace nezu::load
