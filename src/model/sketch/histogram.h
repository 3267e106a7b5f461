// Histogram: a mergeable sketch of durations with a bounded relative error.
//
// Base-2 exponential buckets, as OpenTelemetry's exponential histogram and Prometheus' native histograms have them
// (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram): at scale S bucket i holds the values in
// (base^i, base^(i+1)], base = 2^(2^-S). We fix S = 5: 32 buckets an octave, a value read back is off by at most 1.1 %.
// Unit: nanoseconds. Values below 1 µs are counted as 1 µs, values above 2^42 ns (73 minutes) as that: so an index is
// 0…1023 (from 2^10 ns up) and the whole table is 4 KiB at most. Merging adds counts: it is exact, commutes and associates.
//
// Sparse: only the span between the smallest and the largest bucket in use is stored. A value type; not for sharing between threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::sketch {

class Histogram {
 public:
  static constexpr int kScale = 5;                 // 2^5 buckets an octave
  static constexpr int kBuckets = 1024;            // index 0: up to 2^10 ns; the last: 2^42 ns and above
  static constexpr double kRelativeError = 0.011;  // of a value read back, and half a nanosecond, over the whole range

  // Bucket of a duration; any value, negative ones count as 0.
  static int bucket_of(Nanos d);
  // The value that a bucket reads back as (the one whose largest relative error is least), and its upper bound. REQUIRES: 0 <= bucket < kBuckets
  static Nanos middle_of(int bucket);
  static Nanos upper_of(int bucket);

  void add(Nanos d) { add_bucket(bucket_of(d), 1); }
  void add_bucket(int bucket, std::uint64_t count);
  void merge(const Histogram& other);
  void clear();

  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }

  // The value at rank ceil(q * count), from the middle of its bucket; q in [0, 1]. 0 where the histogram is empty.
  Nanos quantile(double q) const;

  // The used span: first bucket and counts from there. Empty where count() == 0.
  int first_bucket() const { return first_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }

  // Varint-coded: first, number of buckets, and of each in use the number of empty ones before it and its count (docs/formats/record.md).
  // Version byte first. decode() accepts exactly what encode() makes; anything else is ErrorCode::corrupt.
  void encode(std::string& out) const;
  static Result<Histogram> decode(std::string_view bytes);
  // The same into this one, whose room is used again. After an error it is empty.
  Status assign(std::string_view bytes);

  friend bool operator==(const Histogram& a, const Histogram& b) { return a.same_counts(b); }

 private:
  Status read(std::string_view bytes);
  bool same_counts(const Histogram& other) const;
  int first_ = 0;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
};

}  // namespace nezu::sketch
