#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstdio>

#include "probe/capture/test_captures.h"

namespace nezu::probe::test {
namespace {
using ::testing::HasSubstr;

constexpr std::uint32_t kMicros = 0xa1b2c3d4, kNanos = 0xa1b23c4d, kKuznetzov = 0xa1b2cd34;

std::string small(std::uint32_t magic, bool swapped) {
  Writer w(swapped);
  w.pcap_header(magic);
  const std::string extra = magic == kKuznetzov ? std::string(8, 'k') : "";
  for (std::uint32_t i = 0; i < 5; ++i) {
    const std::string data = payload(i * 13, static_cast<char>('a' + i));
    w.u32(1'700'000'000 + i).u32(123'456 + i).u32(static_cast<std::uint32_t>(data.size())).u32(static_cast<std::uint32_t>(data.size()) + i);
    w.raw(extra).raw(data);
  }
  return w.bytes;
}

// What libpcap reads out of the same bytes.
std::vector<Seen> by_libpcap(const std::string& bytes) {
  std::vector<Seen> frames;
  std::string copy = bytes;
  FILE* file = ::fmemopen(copy.data(), copy.size(), "rb");
  char message[PCAP_ERRBUF_SIZE];
  pcap_t* p = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, message);
  if (p == nullptr) {
    std::fclose(file);
    return frames;
  }
  const auto link = static_cast<LinkType>(pcap_datalink(p));
  pcap_pkthdr* h = nullptr;
  const u_char* data = nullptr;
  while (pcap_next_ex(p, &h, &data) == 1) {
    frames.push_back(
        {h->ts.tv_sec * 1'000'000'000 + h->ts.tv_usec, h->len, link, std::string(reinterpret_cast<const char*>(data), h->caplen)});
  }
  pcap_close(p);
  return frames;
}

TEST(Pcap, EveryVariantInBothByteOrdersReadsAsLibpcapReadsIt) {
  for (const std::uint32_t magic : {kMicros, kNanos, kKuznetzov}) {
    for (const bool swapped : {false, true}) {
      const std::string bytes = small(magic, swapped);
      const Outcome seen = read_all(bytes);
      EXPECT_EQ(seen.error, "");
      ASSERT_EQ(seen.frames.size(), 5u);
      EXPECT_EQ(seen.frames[3].ns, 1'700'000'003'000'000'000 + (magic == kNanos ? 123'459 : 123'459'000));
      EXPECT_EQ(seen.frames[3].data, payload(39, 'd'));
      EXPECT_EQ(seen.frames[3].original, 42u);
      EXPECT_EQ(seen.frames, by_libpcap(bytes)) << std::hex << magic << swapped;
    }
  }
}

TEST(Pcap, ManyFramesOfAllSizesReadAsLibpcapReadsThem) {
  Writer w;
  w.pcap_header(kNanos);
  std::uint32_t state = 1;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    state = state * 1664525 + 1013904223;
    w.pcap_record(i, state % 1'000'000'000, payload((state >> 8) % (i % 100 == 0 ? 65'000 : 300), static_cast<char>(i)));
  }
  w.pcap_record(1, 1, payload(262'144, 'x'));
  const Outcome seen = read_all(w.bytes, 100'003);
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.frames, by_libpcap(w.bytes));
}

TEST(Pcap, APrefixOfAFileGivesAPrefixOfTheFramesThenTheOffset) {
  const std::string whole = small(kMicros, false);
  const std::vector<Seen> all = read_all(whole).frames;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
      const Outcome seen = read_all(whole.substr(0, n), piece);
      ASSERT_LE(seen.frames.size(), all.size());
      EXPECT_TRUE(std::equal(seen.frames.begin(), seen.frames.end(), all.begin()));
      std::size_t boundary = 24;
      for (std::size_t i = 0; i < seen.frames.size(); ++i) boundary += 16 + all[i].data.size();
      if (n >= 24 && n == boundary) {
        EXPECT_EQ(seen.error, "");
      } else {
        EXPECT_EQ(seen.code, ErrorCode::corrupt);
        EXPECT_THAT(seen.error, HasSubstr("x.pcap: at byte " + std::to_string(n < 24 ? 0 : boundary) + ": "));
      }
    }
  }
}

TEST(Pcap, AnyByteChangedNeverReadsPastTheBytes) {
  for (const bool swapped : {false, true}) {
    const std::string whole = small(kMicros, swapped);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        std::string damaged = whole;
        damaged[n] = static_cast<char>(damaged[n] ^ flip);
        EXPECT_LE(read_all(damaged).frames.size(), 12u);
      }
    }
  }
}

TEST(Pcap, ErrorsSayWhatIsThereAndWhatWasWanted) {
  EXPECT_THAT(read_all("").error, HasSubstr("x.pcap: at byte 0: the file is empty; wanted a capture"));
  EXPECT_THAT(read_all("abc").error, HasSubstr("only 3 bytes"));
  EXPECT_THAT(read_all("GET / HTTP/1.1").error, HasSubstr("begins with 47 45 54 20; wanted a capture: pcap or pcapng"));
  EXPECT_THAT(read_all(Writer().pcap_header(kMicros, 147).bytes).error, HasSubstr("at byte 20: link type 147; wanted Ethernet"));
  EXPECT_EQ(read_all(Writer().pcap_header(kMicros, 147).bytes).code, ErrorCode::unsupported);
  EXPECT_THAT(read_all(Writer().u32(kMicros).u16(3).u16(0).u32(0).u32(0).u32(0).u32(1).bytes).error,
              HasSubstr("pcap version 3.0; wanted 2.4"));
  Outcome huge = read_all(Writer().pcap_header(kMicros).pcap_record(1, 2, "abcd").u32(1).u32(2).u32(1u << 31).u32(60).bytes);
  EXPECT_EQ(huge.frames.size(), 1u);
  EXPECT_THAT(huge.error, HasSubstr("at byte 44: a packet's captured length is 2147483648; wanted at most 262144"));
}

TEST(Pcap, FrameCheckSequenceBitsInTheLinkTypeAreIgnored) {
  EXPECT_EQ(read_all(Writer().pcap_header(kMicros, 1 | 0x24000000).pcap_record(1, 1, "abc").bytes).frames.size(), 1u);
}

TEST(Pcap, TheOffsetIsAddedToAllTimes) {
  const std::string bytes = Writer().pcap_header(kMicros).pcap_record(10, 5, "abc").bytes;
  std::unique_ptr<FrameSource> source = read_bytes(read_memory(bytes.data(), bytes.size()), "x", Seconds(-37));
  EXPECT_EQ(drain(*source).frames.at(0).ns, -27'000'000'000 + 5'000);
}

TEST(Pcap, WhatIsLeftInABatchStays) {
  const std::string bytes = small(kMicros, false);
  std::unique_ptr<FrameSource> source = read_bytes(read_memory(bytes.data(), bytes.size()), "x");
  FrameBatch batch;
  std::vector<std::size_t> sizes;
  while (*source->poll(batch, Nanos(0)) == Polled::frames) {
    Frame f;
    ASSERT_TRUE(batch.next(f));
    sizes.push_back(f.captured);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{0, 13, 26, 39, 52}));
}

}  // namespace
}  // namespace nezu::probe::test
