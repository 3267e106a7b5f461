#include "model/sketch/histogram.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"

namespace nezu::sketch {
namespace {

constexpr std::int64_t kMin = 1 << 10;
constexpr std::int64_t kMax = std::int64_t{1} << 42;

// The definition, slowly: the i with 2^(i/32) * 2^10 < v <= 2^((i+1)/32) * 2^10.
int bucket_by_definition(std::int64_t v) {
  if (v <= kMin) return 0;
  if (v >= kMax) return Histogram::kBuckets - 1;
  const long double at = (std::log2(static_cast<long double>(v)) - 10) * 32;
  return static_cast<int>(std::ceil(at)) - 1;
}

std::int64_t any_duration(Random& random) {
  // Even over the octaves, not over the values.
  return static_cast<std::int64_t>(std::exp2(9 + 35 * random.next_unit()));
}

Histogram any_histogram(Random& random, int most = 200) {
  Histogram h;
  const auto n = random.below(static_cast<std::uint64_t>(most));
  for (std::uint64_t i = 0; i < n; ++i) {
    if (random.below(4) == 0)
      h.add_bucket(static_cast<int>(random.below(Histogram::kBuckets)), random.below(1'000'000'000));
    else
      h.add(Nanos(any_duration(random)));
  }
  return h;
}

TEST(Histogram, BucketIsThatOfTheDefinition) {
  for (std::int64_t v = 0; v < 300'000; ++v) ASSERT_EQ(Histogram::bucket_of(Nanos(v)), bucket_by_definition(v)) << v;
  SeededRandom random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const std::int64_t v = any_duration(random);
    ASSERT_EQ(Histogram::bucket_of(Nanos(v)), bucket_by_definition(v)) << v;
  }
}

TEST(Histogram, BoundsBelongToTheBucketBelow) {
  for (int b = 0; b + 1 < Histogram::kBuckets; ++b) {
    ASSERT_EQ(Histogram::bucket_of(Histogram::upper_of(b)), b);
    ASSERT_EQ(Histogram::bucket_of(Histogram::upper_of(b) + Nanos(1)), b + 1);
    ASSERT_EQ(Histogram::bucket_of(Histogram::middle_of(b)), b);
  }
  for (int octave = 0; octave < 32; ++octave) {
    ASSERT_EQ(Histogram::upper_of(octave * 32 + 31).count(), std::int64_t{1} << (11 + octave));
  }
}

TEST(Histogram, EndsTakeWhatIsBeyond) {
  EXPECT_EQ(Histogram::bucket_of(Nanos(-5)), 0);
  EXPECT_EQ(Histogram::bucket_of(Nanos::min()), 0);
  EXPECT_EQ(Histogram::bucket_of(Nanos(0)), 0);
  EXPECT_EQ(Histogram::bucket_of(Nanos::max()), Histogram::kBuckets - 1);
  EXPECT_EQ(Histogram::bucket_of(Nanos(kMax)), Histogram::kBuckets - 1);
}

TEST(Histogram, ErrorStaysUnderItsBoundOverTheWholeRange) {
  double worst = 0;
  const auto check = [&](std::int64_t v) {
    const double back = static_cast<double>(Histogram::middle_of(Histogram::bucket_of(Nanos(v))).count());
    // Less half a nanosecond: it reads back as a whole number of them.
    worst = std::max(worst, (std::abs(back - static_cast<double>(v)) - 0.5) / static_cast<double>(v));
  };
  for (std::int64_t v = kMin; v < 300'000; ++v) check(v);
  for (int b = 0; b + 1 < Histogram::kBuckets; ++b) {
    check(Histogram::upper_of(b).count());
    check(Histogram::upper_of(b).count() + 1);
  }
  EXPECT_LE(worst, Histogram::kRelativeError);
  EXPECT_GT(worst, 0.010);
}

TEST(Histogram, QuantileIsWithinTheErrorOfTheExactOne) {
  SeededRandom random(2);
  for (int round = 0; round < 50; ++round) {
    Histogram h;
    std::vector<std::int64_t> values;
    const auto n = 1 + random.below(500);
    for (std::uint64_t i = 0; i < n; ++i) {
      values.push_back(std::clamp(any_duration(random), kMin, kMax));
      h.add(Nanos(values.back()));
    }
    std::sort(values.begin(), values.end());
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
      const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * static_cast<double>(n))));
      const auto exact = static_cast<double>(values[rank - 1]);
      ASSERT_NEAR(static_cast<double>(h.quantile(q).count()), exact, exact * Histogram::kRelativeError + 0.5) << q;
    }
  }
}

TEST(Histogram, QuantileOfNothingAndOfStrangeRanks) {
  EXPECT_EQ(Histogram().quantile(0.5), Nanos(0));
  Histogram h;
  h.add(Millis(1));
  h.add(Millis(100));
  EXPECT_EQ(h.quantile(-1), h.quantile(0));
  EXPECT_EQ(h.quantile(2), h.quantile(1));
  EXPECT_LT(h.quantile(0.5), h.quantile(0.51));
  Histogram big;
  big.add_bucket(3, (std::uint64_t{1} << 62) + 1);
  EXPECT_EQ(big.quantile(1), Histogram::middle_of(3));
}

TEST(Histogram, MergeCommutesAssociatesAndEqualsAddingAll) {
  SeededRandom random(3);
  for (int round = 0; round < 300; ++round) {
    const Histogram a = any_histogram(random), b = any_histogram(random), c = any_histogram(random);
    Histogram ab = a, ba = b, ab_c = a, bc = b, a_bc = a;
    ab.merge(b);
    ba.merge(a);
    EXPECT_EQ(ab, ba);
    ab_c.merge(b);
    ab_c.merge(c);
    bc.merge(c);
    a_bc.merge(bc);
    EXPECT_EQ(ab_c, a_bc);
    EXPECT_EQ(ab.count(), a.count() + b.count());
    Histogram one_by_one = a;
    for (std::size_t i = 0; i < b.counts().size(); ++i) one_by_one.add_bucket(b.first_bucket() + static_cast<int>(i), b.counts()[i]);
    EXPECT_EQ(ab, one_by_one);
    std::uint64_t sum = 0;
    for (const std::uint64_t n : ab_c.counts()) sum += n;
    EXPECT_EQ(sum, ab_c.count());
  }
}

TEST(Histogram, MergeWithItselfDoubles) {
  SeededRandom random(4);
  Histogram h = any_histogram(random), copy = h;
  h.merge(h);
  copy.merge(Histogram(copy));
  EXPECT_EQ(h, copy);
}

TEST(Histogram, SpanHasNoEmptyEnds) {
  SeededRandom random(5);
  for (int round = 0; round < 200; ++round) {
    const Histogram h = any_histogram(random);
    if (h.empty()) continue;
    EXPECT_NE(h.counts().front(), 0U);
    EXPECT_NE(h.counts().back(), 0U);
  }
  Histogram h;
  h.add_bucket(5, 0);
  EXPECT_EQ(h, Histogram());
  h.add(Millis(1));
  h.clear();
  EXPECT_EQ(h, Histogram());
}

TEST(Histogram, EncodedReadsBackTheSame) {
  SeededRandom random(6);
  for (int round = 0; round < 2000; ++round) {
    const Histogram h = any_histogram(random, round % 50 + 1);
    std::string bytes;
    h.encode(bytes);
    auto back = Histogram::decode(bytes);
    ASSERT_TRUE(back.ok()) << back.error().message();
    ASSERT_EQ(*back, h);
  }
}

TEST(Histogram, KnownBytes) {
  Histogram h;
  std::string bytes;
  h.encode(bytes);
  EXPECT_EQ(bytes, std::string("\x02\x00\x00", 3));
  h.add_bucket(300, 2);
  h.add_bucket(304, 200);
  bytes.clear();
  h.encode(bytes);
  EXPECT_EQ(bytes, std::string("\x02\xac\x02\x05\x01\x0f\xc4\x01", 8));
}

TEST(Histogram, RefusesWhatEncodeDoesntMake) {
  const std::string bad[] = {
      "",
      std::string("\x01\x00\x00", 3),                                                   // another version
      std::string("\x02", 1),                                                           // ends
      std::string("\x02\x00", 2),                                                       //
      std::string("\x02\x05\x00", 3),                                                   // empty, with a first bucket
      std::string("\x02\x80\x08\x01\x00", 5),                                           // bucket 1024
      std::string("\x02\xff\x07\x02\x00\x00", 6),                                       // 1023 and one more
      std::string("\x02\x05\x02\x00", 4),                                               // the last one is missing
      std::string("\x02\x05\x01\x03", 4),                                               // a count is missing
      std::string("\x02\x05\x01\x00\x00", 5),                                           // one too many
      std::string("\x02\x05\x02\x04", 4),                                               // begins with an empty one
      std::string("\x02\x05\x03\x00\x00", 5),                                           // ends with an empty one
      std::string("\x02\x05\x03\x00\x08", 5),                                           // empty ones beyond the end
      std::string("\x02\x05\x01\x80\x00", 5),                                           // a number longer than it need be
      std::string("\x02\x05\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 14),      // more than 64 bits
      std::string("\x02\x05\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 14),      // and 4 more
      std::string("\x02\x05\x02\x03\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 15),  // a sum of more than 64 bits
  };
  for (const std::string& bytes : bad) {
    const auto h = Histogram::decode(bytes);
    ASSERT_FALSE(h.ok()) << testing::PrintToString(bytes);
    EXPECT_EQ(h.error().code(), ErrorCode::corrupt);
  }
}

TEST(Histogram, WhatIsAcceptedIsExactlyWhatIsMade) {
  SeededRandom random(7);
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes;
    any_histogram(random, 8).encode(bytes);
    // One or two bytes of it changed.
    for (std::uint64_t i = random.below(2); i < 2; ++i) bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    const auto h = Histogram::decode(bytes);
    if (!h.ok()) continue;
    ++accepted;
    std::string again;
    h->encode(again);
    ASSERT_EQ(again, bytes);
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace nezu::sketch
