#include "model/sketch/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "common/base/check.h"

namespace nezu::sketch {
namespace {

constexpr int kSub = 1 << Histogram::kScale;  // buckets an octave
constexpr int kFirstOctave = 10;              // 2^10 ns
constexpr int kEndOctave = 42;                // 2^42 ns
constexpr int kGuessBits = 8;
constexpr char kVersion = 2;
// A bucket in use takes one byte where few are empty before it and few values are in it: counts of 1…3 stand beside the number of empty ones.
constexpr int kSmallBits = 2;
constexpr std::uint64_t kSmall = (1 << kSmallBits) - 1;
static_assert((kEndOctave - kFirstOctave) * kSub == Histogram::kBuckets);

// 2^(n/32) for n in 0…31, from the square roots of 2. Made by the compiler: tables that differ between machines couldn't be merged.
constexpr long double root_power(int n) {
  constexpr std::array<long double, 5> roots{1.021897148654116678234L, 1.044273782427413840322L, 1.090507732665257659207L,
                                             1.189207115002721066717L, 1.414213562373095048802L};
  long double product = 1;
  for (std::size_t bit = 0; bit < roots.size(); ++bit) {
    if ((n >> bit) & 1) product *= roots[bit];
  }
  return product;
}

// Bucket i holds the whole nanoseconds in (upper[i-1], upper[i]].
struct Tables {
  std::array<std::int64_t, Histogram::kBuckets> upper{};
  std::array<std::int64_t, Histogram::kBuckets> middle{};
  // By the bits after the highest one: the lowest bucket of its octave that such a value can be in. A step of 1/256 holds at most one bound.
  std::array<std::uint8_t, 1 << kGuessBits> guess{};
};

constexpr Tables make_tables() {
  Tables t;
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    const auto octave = static_cast<long double>(std::int64_t{1} << (kFirstOctave + i / kSub));
    const int sub = i % kSub;
    const auto at = static_cast<std::size_t>(i);
    t.upper[at] = sub == kSub - 1 ? std::int64_t{2} << (kFirstOctave + i / kSub) : static_cast<std::int64_t>(octave * root_power(sub + 1));
    // The harmonic mean of the least and the largest: as far from both, relatively.
    const auto low = static_cast<long double>(i == 0 ? std::int64_t{1} << kFirstOctave : t.upper[at - 1] + 1);
    const auto high = static_cast<long double>(t.upper[at]);
    t.middle[at] = static_cast<std::int64_t>(2 * low * high / (low + high) + 0.5L);
  }
  for (std::size_t s = 0; s < t.guess.size(); ++s) {
    int below = 0;
    while (below + 1 < kSub && root_power(below + 1) <= 1 + static_cast<long double>(s) / (1 << kGuessBits)) ++below;
    t.guess[s] = static_cast<std::uint8_t>(below);
  }
  return t;
}

constexpr Tables kTables = make_tables();

void put_varint(std::string& out, std::uint64_t v) {
  while (v >= 0x80) {
    out += static_cast<char>(v | 0x80);
    v >>= 7;
  }
  out += static_cast<char>(v);
}

// The shortest form only. False where the bytes end, or the number is too long or written too long.
bool take_varint(std::string_view& bytes, std::uint64_t& v) {
  v = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto b = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (shift == 63 && b > 1) return false;
    v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
    if (b < 0x80) return b != 0 || shift == 0;
  }
  return false;
}

Error corrupt(const char* what) { return Error(ErrorCode::corrupt, std::string("histogram: ") + what); }

}  // namespace

int Histogram::bucket_of(Nanos d) {
  const std::int64_t v = d.count();
  if (v <= kTables.upper[0]) return 0;
  if (v >= std::int64_t{1} << kEndOctave) return kBuckets - 1;
  const auto x = static_cast<std::uint64_t>(v - 1);  // bounds belong to the bucket below
  const int octave = static_cast<int>(std::bit_width(x)) - 1;
  const std::uint64_t next_bits = (x >> (octave - kGuessBits)) & ((1 << kGuessBits) - 1);
  const int bucket = (octave - kFirstOctave) * kSub + kTables.guess[next_bits];
  return bucket + (v > kTables.upper[static_cast<std::size_t>(bucket)] ? 1 : 0);
}

Nanos Histogram::middle_of(int bucket) {
  NEZU_CHECK(bucket >= 0 && bucket < kBuckets);
  return Nanos(kTables.middle[static_cast<std::size_t>(bucket)]);
}

Nanos Histogram::upper_of(int bucket) {
  NEZU_CHECK(bucket >= 0 && bucket < kBuckets);
  return Nanos(kTables.upper[static_cast<std::size_t>(bucket)]);
}

void Histogram::add_bucket(int bucket, std::uint64_t count) {
  NEZU_CHECK(bucket >= 0 && bucket < kBuckets);
  if (count == 0) return;
  if (counts_.empty()) first_ = bucket;
  if (bucket < first_) {
    counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - bucket), 0);
    first_ = bucket;
  }
  const auto at = static_cast<std::size_t>(bucket - first_);
  if (at >= counts_.size()) counts_.resize(at + 1, 0);
  counts_[at] += count;
  count_ += count;
}

void Histogram::merge(const Histogram& other) {
  if (other.counts_.empty()) return;
  if (&other == this) {
    for (std::uint64_t& c : counts_) c *= 2;
    count_ *= 2;
    return;
  }
  // The ends first: then there is room for all.
  add_bucket(other.first_, other.counts_.front());
  const std::size_t last = other.counts_.size() - 1;
  if (last > 0) add_bucket(other.first_ + static_cast<int>(last), other.counts_[last]);
  const auto offset = static_cast<std::size_t>(other.first_ - first_);
  std::uint64_t added = 0;
  for (std::size_t i = 1; i < last; ++i) {
    counts_[offset + i] += other.counts_[i];
    added += other.counts_[i];
  }
  count_ += added;
}

void Histogram::clear() {
  first_ = 0;
  counts_.clear();
  count_ = 0;
}

Nanos Histogram::quantile(double q) const {
  if (count_ == 0) return Nanos(0);
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
  // A count beyond 2^53 may be rounded up past itself.
  const std::uint64_t rank =
      wanted >= static_cast<double>(count_) ? count_ : std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return middle_of(first_ + static_cast<int>(i));
  }
  return middle_of(first_ + static_cast<int>(counts_.size()) - 1);
}

bool Histogram::same_counts(const Histogram& other) const {
  return count_ == other.count_ && first_ == other.first_ && counts_ == other.counts_;
}

void Histogram::encode(std::string& out) const {
  out += kVersion;
  put_varint(out, static_cast<std::uint64_t>(first_));
  put_varint(out, counts_.size());
  std::uint64_t skipped = 0;
  for (const std::uint64_t count : counts_) {
    if (count == 0) {
      ++skipped;
      continue;
    }
    put_varint(out, skipped << kSmallBits | std::min(count - 1, kSmall));
    if (count > kSmall) put_varint(out, count - 1 - kSmall);
    skipped = 0;
  }
}

Result<Histogram> Histogram::decode(std::string_view bytes) {
  Histogram h;
  if (auto status = h.assign(bytes); !status) return status.error();
  return h;
}

Status Histogram::assign(std::string_view bytes) {
  auto status = read(bytes);
  if (!status) clear();
  return status;
}

Status Histogram::read(std::string_view bytes) {
  clear();
  if (bytes.empty() || bytes.front() != kVersion) return corrupt("wanted version 2 in the first byte");
  bytes.remove_prefix(1);
  std::uint64_t first = 0, size = 0;
  if (!take_varint(bytes, first) || !take_varint(bytes, size)) return corrupt("ends in its head");
  if (size == 0 && first != 0) return corrupt("an empty one with a first bucket");
  if (first >= kBuckets || size > kBuckets - first) return corrupt("buckets beyond the last");
  first_ = static_cast<int>(first);
  counts_.resize(size, 0);
  for (std::size_t at = 0; at < size; ++at) {
    std::uint64_t token = 0, more = 0;
    if (!take_varint(bytes, token)) return corrupt("ends within its counts");
    const std::uint64_t skipped = token >> kSmallBits;
    if (skipped >= size - at || (at == 0 && skipped != 0)) return corrupt("a run of empty buckets that can't be");
    at += skipped;
    std::uint64_t count = token & kSmall;
    if (count == kSmall && !take_varint(bytes, more)) return corrupt("ends within its counts");
    // One more than `count` and `more` together, which must fit, and so must the sum.
    if (more > std::numeric_limits<std::uint64_t>::max() - kSmall - 1) return corrupt("counts that don't fit 64 bits");
    count += more + 1;
    if (count > std::numeric_limits<std::uint64_t>::max() - count_) return corrupt("counts that don't fit 64 bits");
    counts_[at] = count;
    count_ += count;
  }
  if (!bytes.empty()) return corrupt("more bytes after its end");
  return {};
}

}  // namespace nezu::sketch
