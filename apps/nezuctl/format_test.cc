#include "nezuctl/format.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/text.h"

namespace nezuctl {
namespace {

TEST(Format, SecondsInTheUnitThatFits) {
  EXPECT_EQ(seconds_text(0), "0 s");
  EXPECT_EQ(seconds_text(0.00000085), "0.85 µs");
  EXPECT_EQ(seconds_text(0.00085), "850 µs");
  EXPECT_EQ(seconds_text(0.0009996), "1.00 ms");
  EXPECT_EQ(seconds_text(0.0123), "12.3 ms");
  EXPECT_EQ(seconds_text(0.9996), "1.00 s");
  EXPECT_EQ(seconds_text(12.34), "12.3 s");
  EXPECT_EQ(seconds_text(125), "2 min 05 s");
  EXPECT_EQ(seconds_text(3 * 3600 + 600), "3 h 10 min");
  EXPECT_EQ(seconds_text(12 * 86400.0 + 4 * 3600), "12 d 4 h");
  EXPECT_EQ(seconds_text(-0.0123), "-12.3 ms");
  EXPECT_EQ(seconds_text(std::nan("")), kNothing);
}

TEST(Format, RatesPercentsBytes) {
  EXPECT_EQ(rate_text(0), "0");
  EXPECT_EQ(rate_text(0.166), "0.17");
  EXPECT_EQ(rate_text(9.996), "10.0");
  EXPECT_EQ(rate_text(99.96), "100");
  EXPECT_EQ(rate_text(12345.6), "12346");
  EXPECT_EQ(percent_text(0.01234), "1.23 %");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(1234), "1.2 KiB");
  EXPECT_EQ(bytes_text(64.0 * 1024 * 1024), "64 MiB");
}

TEST(Format, ControlCharactersNeverReachTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\nc\x7f"), "a [31mb c ");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            " 31m");  // the one-character CSI
  EXPECT_EQ(printable("決済"), "決済");
}

TEST(Zone, ReadsWhatPeopleType) {
  const Zone utc(true);
  const std::int64_t now = *nezu::parse_rfc3339("2026-11-24T07:10:05Z");
  const auto read = [&](const char* text) {
    const auto at = utc.parse(text, now);
    return at ? nezu::format_rfc3339(*at) : "error";
  };
  EXPECT_EQ(read("now"), "2026-11-24T07:10:05Z");
  EXPECT_EQ(read("-10m"), "2026-11-24T07:00:05Z");
  EXPECT_EQ(read("06:30"), "2026-11-24T06:30:00Z");
  EXPECT_EQ(read("06:30:15"), "2026-11-24T06:30:15Z");
  EXPECT_EQ(read("2026-11-01"), "2026-11-01T00:00:00Z");
  EXPECT_EQ(read("2026-11-01 06:30"), "2026-11-01T06:30:00Z");
  EXPECT_EQ(read("2026-11-01T06:30:15"), "2026-11-01T06:30:15Z");
  EXPECT_EQ(read("2026-11-01T06:30:15+09:00"), "2026-10-31T21:30:15Z");
  for (const char* wrong : {"", "yesterday", "-", "-10", "25:00", "06:60", "2026-13-01", "2026-11-01 6:30", "06:30x"})
    EXPECT_EQ(read(wrong), "error") << wrong;
}

TEST(Zone, WritesTimes) {
  const Zone utc(true);
  EXPECT_EQ(utc.text(1795504205'250'000'000), "2026-11-24 07:10:05");
  EXPECT_EQ(utc.text(1795504205'250'000'000, true), "2026-11-24 07:10:05.250");
  EXPECT_EQ(utc.text(-1, true), "1969-12-31 23:59:59.999");
  EXPECT_EQ(utc.text_of(""), kNothing);
}

}  // namespace
}  // namespace nezuctl
