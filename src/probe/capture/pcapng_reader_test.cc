#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probe/capture/test_captures.h"

namespace nezu::probe::test {
namespace {
using ::testing::HasSubstr;

std::string number(std::uint64_t v, std::size_t size, bool swapped) {
  Writer w(swapped);
  if (size == 1) w.u8(static_cast<std::uint8_t>(v));
  if (size == 8) w.u64(v);
  return w.bytes;
}

std::string rich(bool swapped) {
  Writer w(swapped);
  w.section();
  w.interface(1);
  w.interface(101, w.option(2, "eth7") + w.option(9, number(9, 1, swapped)) + w.option(14, number(100, 8, swapped)) + w.option(0, ""));
  w.interface(113, w.option(9, number(0x80 | 10, 1, swapped)));
  w.block(0x0000'0bad, payload(50, 'u'));  // a block that nobody knows
  w.enhanced(0, 1'700'000'000'000'001, payload(60, 'a'), 90);
  w.enhanced(1, 5'000'000'007, payload(21, 'b'));
  w.enhanced(2, 2048 + 512, payload(3, 'c'));
  w.block(2, Writer(swapped).u16(0).u16(0).u32(0).u32(77).u32(5).u32(5).raw("obsol").bytes);
  w.block(3, Writer(swapped).u32(9).raw(payload(9, 's')).bytes);
  w.block(5, Writer(swapped).u32(0).u64(0).raw(w.option(5, number(11, 8, swapped)) + w.option(7, number(2, 8, swapped))).bytes);
  w.section();  // a second section has interfaces of its own
  w.interface(276);
  w.enhanced(0, 3'000'000, payload(40, 'z'));
  return w.bytes;
}

TEST(Pcapng, InterfacesHaveTheirOwnLinkTypesResolutionsAndOffsets) {
  for (const bool swapped : {false, true}) {
    const Outcome seen = read_all(rich(swapped));
    EXPECT_EQ(seen.error, "");
    ASSERT_EQ(seen.frames.size(), 6u);
    EXPECT_EQ(seen.frames[0], (Seen{1'700'000'000'000'001'000, 90, LinkType::ethernet, payload(60, 'a')}));
    EXPECT_EQ(seen.frames[1], (Seen{105'000'000'007, 21, LinkType::raw, payload(21, 'b')}));
    EXPECT_EQ(seen.frames[2], (Seen{2'500'000'000, 3, LinkType::linux_sll, payload(3, 'c')}));
    EXPECT_EQ(seen.frames[3], (Seen{77'000, 5, LinkType::ethernet, "obsol"}));
    EXPECT_EQ(seen.frames[4], (Seen{77'000, 9, LinkType::ethernet, payload(9, 's')}));  // has no time: the one before it
    EXPECT_EQ(seen.frames[5], (Seen{3'000'000'000, 40, LinkType::linux_sll2, payload(40, 'z')}));
    EXPECT_EQ(seen.statistics.kernel_drops, 13u);
  }
}

TEST(Pcapng, APrefixOfAFileGivesAPrefixOfTheFrames) {
  const std::string whole = rich(false);
  const std::vector<Seen> all = read_all(whole).frames;
  std::size_t well = 0;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
      const Outcome seen = read_all(whole.substr(0, n), piece);
      ASSERT_LE(seen.frames.size(), all.size());
      EXPECT_TRUE(std::equal(seen.frames.begin(), seen.frames.end(), all.begin())) << n;
      well += seen.error.empty() ? 1 : 0;
    }
  }
  EXPECT_EQ(well, 3u * 13);  // only between two blocks
}

TEST(Pcapng, AnyByteChangedNeverReadsPastTheBytes) {
  for (const bool swapped : {false, true}) {
    const std::string whole = rich(swapped);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        std::string damaged = whole;
        damaged[n] = static_cast<char>(damaged[n] ^ flip);
        EXPECT_LE(read_all(damaged).frames.size(), 6u);
      }
    }
  }
}

TEST(Pcapng, ErrorsSayWhatIsThereAndWhatWasWanted) {
  const std::string head = Writer().section().interface(1).bytes;
  const std::string at = "x.pcap: at byte " + std::to_string(head.size()) + ": ";
  EXPECT_EQ(read_all(head + Writer().enhanced(3, 1, "abc").bytes).error, at + "interface number 3; the section has described 1");
  EXPECT_THAT(read_all(head + Writer().u32(6).u32(33).raw(std::string(60, 'x')).bytes).error,
              HasSubstr(at + "a block's length is 33; wanted a multiple of 4"));
  EXPECT_THAT(read_all(head + Writer().u32(6).u32(1u << 31).raw(std::string(60, 'x')).bytes).error, HasSubstr("length is 2147483648"));
  EXPECT_THAT(read_all(head + Writer().block(6, Writer().u32(0).u64(0).u32(500).u32(500).raw("abcd").bytes).bytes).error,
              HasSubstr(at + "a packet's captured length is 500; its block has room for 4"));
  EXPECT_THAT(read_all(head + Writer().u32(6).u32(32).raw(std::string(20, '\0')).u32(36).bytes).error,
              HasSubstr("two lengths differ: 32 and 36"));
  EXPECT_THAT(read_all(head + Writer().u32(999).u32(400).raw("abcd").bytes).error, HasSubstr(at + "the file ends inside a block"));
  const Outcome wifi = read_all(Writer().section().interface(105).enhanced(0, 1, "abc").bytes);
  EXPECT_THAT(wifi.error, HasSubstr("a packet of link type 105; wanted Ethernet"));
  EXPECT_EQ(wifi.code, ErrorCode::unsupported);
  // Beside a readable interface, the others' frames are handed over to be counted.
  EXPECT_EQ(read_all(Writer().section().interface(105).interface(1).enhanced(0, 1, "abc").enhanced(1, 1, "d").bytes).frames.size(), 2u);
}

TEST(Pcapng, AnUnknownBlockThatIsLargerThanTheBufferIsPassedOver) {
  const std::string bytes = Writer().section().interface(1).block(0x4242, std::string(3'000'000, 'x')).enhanced(0, 1'000, "abc").bytes;
  for (const std::size_t piece : {std::size_t{4099}, SIZE_MAX}) {
    const Outcome seen = read_all(bytes, piece);
    EXPECT_EQ(seen.error, "");
    ASSERT_EQ(seen.frames.size(), 1u);
    EXPECT_EQ(seen.frames[0].data, "abc");
  }
}

TEST(Pcapng, ManyFramesAcrossBlocksOfReading) {
  Writer w;
  w.section().interface(1);
  for (std::uint32_t i = 0; i < 5'000; ++i) w.enhanced(0, i, payload(i % 1'600, static_cast<char>(i)));
  const Outcome seen = read_all(w.bytes, 90'001);
  EXPECT_EQ(seen.error, "");
  ASSERT_EQ(seen.frames.size(), 5'000u);
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    ASSERT_EQ(seen.frames[i], (Seen{i * 1'000, i % 1'600, LinkType::ethernet, payload(i % 1'600, static_cast<char>(i))}));
  }
}

}  // namespace
}  // namespace nezu::probe::test
