#include "common/base/text.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/base/random.h"

namespace nezu {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(Duration, ReadsEachUnit) {
  EXPECT_EQ(*parse_duration("20ns"), Nanos(20));
  EXPECT_EQ(*parse_duration("100us"), Nanos(100'000));
  EXPECT_EQ(*parse_duration("250ms"), Nanos(250'000'000));
  EXPECT_EQ(*parse_duration("30s"), Nanos(seconds(30)));
  EXPECT_EQ(*parse_duration("10m"), Nanos(seconds(600)));
  EXPECT_EQ(*parse_duration("1h"), Nanos(hours(1)));
  EXPECT_EQ(*parse_duration("7d"), Nanos(hours(168)));
  EXPECT_EQ(*parse_duration("0"), Nanos(0));
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text :
       {"", "s", "1", "-1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1min", "1h30m", "106752d", "99999999999999999999s", "0x1s"}) {
    const auto d = parse_duration(text);
    ASSERT_FALSE(d.ok()) << text;
    EXPECT_EQ(d.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(d.error().message().find('\'' + std::string(text) + "': wanted"), std::string::npos) << d.error().message();
  }
}

TEST(Duration, SignedForm) {
  EXPECT_EQ(*parse_signed_duration("-37s"), Nanos(seconds(-37)));
  EXPECT_EQ(*parse_signed_duration("+5ms"), Nanos(5'000'000));
  EXPECT_EQ(*parse_signed_duration("5ms"), Nanos(5'000'000));
  EXPECT_FALSE(parse_signed_duration("--5ms").ok());
}

TEST(Duration, FormatsShortestExactForm) {
  EXPECT_EQ(format_duration(seconds(90)), "90s");
  EXPECT_EQ(format_duration(hours(1)), "1h");
  EXPECT_EQ(format_duration(hours(48)), "2d");
  EXPECT_EQ(format_duration(Nanos(0)), "0s");
  EXPECT_EQ(format_duration(seconds(-37)), "-37s");
  EXPECT_EQ(format_duration(Nanos::min()), "-9223372036854775808ns");
}

TEST(Duration, WhatIsFormattedReadsBackTheSame) {
  SeededRandom random(1);
  for (int i = 0; i < 10'000; ++i) {
    const Nanos d(static_cast<std::int64_t>(random.next_u64() >> (1 + random.below(62))));
    const auto back = parse_duration(format_duration(d));
    ASSERT_TRUE(back.ok()) << format_duration(d);
    ASSERT_EQ(*back, d);
  }
}

TEST(Size, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(*parse_size("4096"), 4096U);
  EXPECT_EQ(*parse_size("64KiB"), 65'536U);
  EXPECT_EQ(*parse_size("64MiB"), 67'108'864U);
  EXPECT_EQ(*parse_size("2GiB"), 2'147'483'648U);
  EXPECT_EQ(*parse_size("10kB"), 10'000U);
  EXPECT_EQ(*parse_size("10MB"), 10'000'000U);
  EXPECT_EQ(*parse_size("1GB"), 1'000'000'000U);
  for (const char* text : {"", "KiB", "-1", "1.5MiB", "1 MiB", "64M", "64mib", "16777216TiB", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(text).ok()) << text;
  }
}

TEST(Size, FormatsShortestExactForm) {
  EXPECT_EQ(format_size(67'108'864), "64MiB");
  EXPECT_EQ(format_size(1000), "1000");
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(*parse_size(format_size(std::numeric_limits<std::uint64_t>::max())), std::numeric_limits<std::uint64_t>::max());
}

TEST(Rfc3339, KnownInstants) {
  EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(format_rfc3339(951'782'400'000'000'000), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_rfc3339(1'795'504'205'250'000'000), "2026-11-24T07:10:05.25Z");
  EXPECT_EQ(format_rfc3339(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(format_rfc3339(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145224192Z");
}

TEST(Rfc3339, ReadsOffsetsFractionsAndDates) {
  EXPECT_EQ(*parse_rfc3339("2026-11-24T07:10:05.25Z"), 1'795'504'205'250'000'000);
  EXPECT_EQ(*parse_rfc3339("2026-11-24t16:10:05.250+09:00"), 1'795'504'205'250'000'000);
  EXPECT_EQ(*parse_rfc3339("2026-11-23 19:10:05.25-12:00"), 1'795'504'205'250'000'000);
  EXPECT_EQ(*parse_rfc3339("1970-01-02"), 86'400'000'000'000);
  EXPECT_EQ(*parse_rfc3339("2016-12-31T23:59:60Z"), *parse_rfc3339("2017-01-01T00:00:00Z"));
  for (const char* text : {"", "2026", "2026-11", "2026-13-01", "2026-02-29", "2026-11-24T07:10:05", "2026-11-24T24:00:00Z",
                           "2026-11-24T07:10Z", "2026-11-24T07:10:05.Z", "2026-11-24T07:10:05.1234567890Z", "2026-11-24T07:10:05Zx",
                           "2026-11-24T07:10:05+9:00", "1677-01-01", "2262-01-01", "26-11-24", "yesterday"}) {
    EXPECT_FALSE(parse_rfc3339(text).ok()) << text;
  }
}

TEST(Rfc3339, EveryDayOfEightHundredYearsGoesAroundAndGrows) {
  std::string before;
  for (std::int64_t day = -106'000; day < 106'000; ++day) {
    const std::int64_t ns = day * 86'400'000'000'000 + 12'345;
    const std::string text = format_rfc3339(ns);
    ASSERT_GT(text, before);
    ASSERT_EQ(*parse_rfc3339(text), ns) << text;
    before = text;
  }
}

TEST(HostPort, SplitsNamesAndAddresses) {
  EXPECT_EQ(*parse_host_port("127.0.0.1:7400"), (HostPort{"127.0.0.1", 7400}));
  EXPECT_EQ(*parse_host_port("[2001:db8::1]:80"), (HostPort{"2001:db8::1", 80}));
  EXPECT_EQ(*parse_host_port("manager.example.net:0"), (HostPort{"manager.example.net", 0}));
  EXPECT_EQ(format_host_port({"2001:db8::1", 80}), "[2001:db8::1]:80");
  EXPECT_EQ(format_host_port({"localhost", 7480}), "localhost:7480");
  for (const char* text : {"", ":80", "host", "host:", "host:x", "host:65536", "2001:db8::1:80", "[::1]", "[::1]80", "[]:80", "a b:80",
                           "http://a:80", "[a]b:1", "u@h:1"}) {
    EXPECT_FALSE(parse_host_port(text).ok()) << text;
  }
}

TEST(U64, WholeStringInRange) {
  EXPECT_EQ(*parse_u64("18446744073709551615", std::numeric_limits<std::uint64_t>::max()), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(*parse_u64("0", 0), 0U);
  for (const char* text : {"", "1x", "x", "-1", "+1", " 1", "101", "18446744073709551616"}) EXPECT_FALSE(parse_u64(text, 100).ok()) << text;
  EXPECT_EQ(parse_u64("101", 100).error().message(), "'101': wanted a whole number, 0–100");
}

}  // namespace
}  // namespace nezu
