#include "probe/decode/decode.h"

#include <gtest/gtest.h>

#include <string>

namespace nezu::probe {
namespace {

using window::FrameFate;

std::string hex(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

const std::string kMacs = hex("020000000001 020000000002");
std::string ip4(unsigned total, const char* more = "00010000 4006 0000") {
  std::string out = hex("4500");
  out += static_cast<char>(total >> 8);
  out += static_cast<char>(total & 255);
  return out + hex(more) + hex("0a000007 c0000201");
}
const std::string kTcp = hex("9c40 0050 00000001 00000002 5018 ffff 0000 0000");

struct Got {
  FrameFate fate;
  Segment segment;
};
Got decode(const std::string& bytes, LinkType link = LinkType::ethernet, std::uint32_t original = 0) {
  Frame f;
  f.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  f.captured = static_cast<std::uint32_t>(bytes.size());
  f.original = original == 0 ? f.captured : original;
  f.link = link;
  Got got{};
  got.fate = decode_frame(f, got.segment);
  return got;
}

TEST(Decode, TheUsualFrame) {
  const std::string bytes = kMacs + hex("0800") + ip4(45) + kTcp + "hello";
  const Got got = decode(bytes);
  ASSERT_EQ(got.fate, FrameFate::decoded);
  EXPECT_EQ(got.segment.source_port, 40000);
  EXPECT_EQ(got.segment.destination_port, 80);
  EXPECT_EQ(got.segment.seq, 1u);
  EXPECT_EQ(got.segment.ack, 2u);
  EXPECT_EQ(got.segment.flags, tcp_ack | tcp_psh);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(got.segment.payload), got.segment.captured), "hello");
}

TEST(Decode, PaddingIsNoPayload) {
  const std::string bytes = kMacs + hex("0800") + ip4(40) + kTcp + std::string(6, '\0');
  const Got got = decode(bytes);
  EXPECT_EQ(got.fate, FrameFate::decoded);
  EXPECT_EQ(got.segment.length, 0u);
}

TEST(Decode, LengthZeroIsOffload) {
  const std::string body(60000, 'x');
  const Got got = decode(kMacs + hex("0800") + ip4(0) + kTcp + body);
  EXPECT_EQ(got.fate, FrameFate::decoded);
  EXPECT_EQ(got.segment.length, 60000u);
}

TEST(Decode, SnappedPayloadHasItsLength) {
  const Got got = decode(kMacs + hex("0800") + ip4(140) + kTcp + std::string(30, 'x'), LinkType::ethernet, 154);
  EXPECT_EQ(got.fate, FrameFate::snapped);
  EXPECT_EQ(got.segment.length, 100u);
  EXPECT_EQ(got.segment.captured, 30u);
}

TEST(Decode, TagsAndOtherLinks) {
  const std::string packet = ip4(40) + kTcp;
  EXPECT_EQ(decode(kMacs + hex("8100 0005 0800") + packet).fate, FrameFate::decoded);
  EXPECT_EQ(decode(kMacs + hex("88a8 0005 8100 0006 0800") + packet).fate, FrameFate::decoded);
  EXPECT_EQ(decode(hex("0000 0001 0006 020000000001 0000 0800") + packet, LinkType::linux_sll).fate, FrameFate::decoded);
  EXPECT_EQ(decode(hex("0800 0000 00000001 0001 00 06 0200000000010000") + packet, LinkType::linux_sll2).fate, FrameFate::decoded);
  EXPECT_EQ(decode(hex("02000000") + packet, LinkType::null).fate, FrameFate::decoded);
  EXPECT_EQ(decode(hex("00000002") + packet, LinkType::loop).fate, FrameFate::decoded);
  for (const LinkType raw : {LinkType::raw, LinkType::raw_bsd, LinkType::raw_openbsd, LinkType::ipv4}) {
    EXPECT_EQ(decode(packet, raw).fate, FrameFate::decoded);
  }
}

TEST(Decode, Ipv6WithExtensionHeaders) {
  const std::string addresses = hex("20010db8000000000000000000000007 20010db8000000000000000000000001");
  const std::string plain = hex("60000000 0014 06 40") + addresses + kTcp;
  EXPECT_EQ(decode(plain, LinkType::ipv6).fate, FrameFate::decoded);
  const std::string options = hex("60000000 0024 00 40") + addresses + hex("3c00000000000000 0600000000000000") + kTcp;
  EXPECT_EQ(decode(options, LinkType::ipv6).fate, FrameFate::decoded);
  const std::string fragment = hex("60000000 001c 2c 40") + addresses + hex("0600000100000000") + kTcp;
  EXPECT_EQ(decode(fragment, LinkType::ipv6).fate, FrameFate::fragment);
  const std::string udp = hex("60000000 0008 11 40") + addresses + std::string(8, 'x');
  EXPECT_EQ(decode(udp, LinkType::ipv6).fate, FrameFate::not_tcp);
}

TEST(Decode, EachFaultHasItsFate) {
  EXPECT_EQ(decode("short").fate, FrameFate::truncated);
  EXPECT_EQ(decode(kMacs + hex("0806") + std::string(28, 'x')).fate, FrameFate::not_ip);
  EXPECT_EQ(decode(kMacs + hex("9999") + std::string(28, 'x')).fate, FrameFate::link_unknown);
  EXPECT_EQ(decode(kMacs + hex("0800") + ip4(40, "00010000 4011 0000") + kTcp).fate, FrameFate::not_tcp);
  EXPECT_EQ(decode(kMacs + hex("0800") + ip4(40, "00012000 4006 0000") + kTcp).fate, FrameFate::fragment);
  EXPECT_EQ(decode(kMacs + hex("0800") + ip4(10) + kTcp).fate, FrameFate::bad_ip);
  EXPECT_EQ(decode(kMacs + hex("0800") + ip4(2000) + kTcp).fate, FrameFate::bad_ip);
  EXPECT_EQ(decode(kMacs + hex("0800") + ip4(39) + kTcp).fate, FrameFate::bad_tcp);
  EXPECT_EQ(decode(kMacs + hex("0800") + ip4(40) + kTcp.substr(0, 10), LinkType::ethernet, 54).fate, FrameFate::truncated);
  EXPECT_EQ(decode(ip4(40) + kTcp, static_cast<LinkType>(147)).fate, FrameFate::link_unknown);
}

}  // namespace
}  // namespace nezu::probe
