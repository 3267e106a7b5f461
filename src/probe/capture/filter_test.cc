#include "probe/capture/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <random>

#include "probe/capture/test_captures.h"

namespace nezu::probe::test {
namespace {
using ::testing::HasSubstr;

// By libpcap, in this process: the test may.
Filter compiled(const char* expression, bpf_program* keep = nullptr) {
  pcap_t* p = pcap_open_dead(DLT_EN10MB, 65535);
  bpf_program program{};
  EXPECT_EQ(pcap_compile(p, &program, expression, 1, PCAP_NETMASK_UNKNOWN), 0) << pcap_geterr(p);
  Filter out;
  for (unsigned i = 0; i < program.bf_len; ++i) {
    out.push_back({program.bf_insns[i].code, program.bf_insns[i].jt, program.bf_insns[i].jf, program.bf_insns[i].k});
  }
  if (keep != nullptr) {
    *keep = program;
  } else {
    pcap_freecode(&program);
  }
  pcap_close(p);
  return out;
}

TEST(Filter, TheTextFormIsReadBackExactly) {
  const Filter filter = compiled("tcp port 80 and net 192.0.2.0/24 or vlan 7");
  const Result<Filter> read = parse_filter(format_filter(filter, LinkType::ethernet, 65535), LinkType::ethernet, 65535);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(*read, filter);
}

TEST(Filter, AnythingElseIsRefused) {
  const auto refused = [](const std::string& text) {
    const Result<Filter> read = parse_filter(text, LinkType::ethernet, 100);
    return read.ok() ? "" : read.error().message();
  };
  const std::string head = "nezu-filter 1 1 100 ";
  EXPECT_EQ(refused(head + "1\n6 0 0 100\n"), "");
  EXPECT_THAT(refused("nezu-filter 1 1 99 1\n6 0 0 100\n"), HasSubstr("line 1"));
  EXPECT_THAT(refused("nezu-filter 1 113 100 1\n6 0 0 100\n"), HasSubstr("line 1"));
  EXPECT_THAT(refused(head + "1\n6 0 0\n"), HasSubstr("line 2"));
  EXPECT_THAT(refused(head + "2\n6 0 0 100\n"), HasSubstr("line 3"));
  EXPECT_THAT(refused(head + "1\n6 0 0 100\n6 0 0 100\n"), HasSubstr("more than the 1"));
  EXPECT_THAT(refused(head + "0\n"), HasSubstr("no sound filter"));
  EXPECT_THAT(refused(head + "5000\n"), HasSubstr("line 1"));
  EXPECT_THAT(refused(head + "1\n48 0 0 0\n"), HasSubstr("no sound filter"));            // no return at the end
  EXPECT_THAT(refused(head + "2\n21 0 1 5\n6 0 0 1\n"), HasSubstr("no sound filter"));   // jumps out
  EXPECT_THAT(refused(head + "2\n5 0 0 4294967295\n6 0 0 1\n"), HasSubstr("no sound"));  // jumps back
  EXPECT_THAT(refused(head + "2\n52 0 0 0\n6 0 0 1\n"), HasSubstr("no sound filter"));   // divides by zero
  EXPECT_THAT(refused(head + "2\n2 0 0 16\n6 0 0 1\n"), HasSubstr("no sound filter"));   // memory word 16
  EXPECT_THAT(refused(head + "2\n7777 0 0 1\n6 0 0 1\n"), HasSubstr("no sound filter"));
}

TEST(Filter, DecidesAsLibpcapDoes) {
  std::mt19937 random(7);
  for (const char* expression :
       {"tcp port 80", "udp", "ip6 or arp", "vlan and len > 60", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ip[2:2] > 100 and len < 600",
        "net 192.0.2.0/24 and not host 192.0.2.7", "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420", "greater 90", "(ip[8] * 3) % 7 = 3"}) {
    bpf_program program{};
    const Filter filter = compiled(expression, &program);
    std::size_t taken = 0;
    for (int i = 0; i < 3'000; ++i) {
      std::string frame(random() % 120, '\0');
      for (char& c : frame) c = static_cast<char>(random());
      if (frame.size() > 40 && i % 4 != 0) {  // mostly IPv4 with TCP or UDP
        frame.replace(12, 4, std::string("\x08\x00\x45\x00", 4));
        frame.replace(20, 4, std::string("\x00\x00\x40\x06", 4));
        if (i % 8 == 1) frame[23] = 17;
        if (i % 3 == 0) frame.replace(26, 3, "\xc0\x00\x02", 3);
        if (i % 5 == 0) frame.replace(36, 2, std::string("\0\x50", 2));
        if (i % 16 == 2) frame.replace(12, 2, std::string("\x81\x00", 2));
        if (i % 16 == 3) frame.replace(12, 2, std::string("\x86\xdd", 2));
        if (i % 16 == 5 && frame.size() > 60) frame.replace(46, 1, "\x50").replace(54, 4, "GET ");
      }
      const auto size = static_cast<std::uint32_t>(frame.size());
      const auto* data = reinterpret_cast<const std::uint8_t*>(frame.data());
      const std::uint32_t wanted = bpf_filter(program.bf_insns, data, size + 7, size);
      ASSERT_EQ(run_filter(filter, data, size, size + 7), wanted) << expression;
      taken += wanted != 0;
    }
    EXPECT_GT(taken, 0u) << expression;
    pcap_freecode(&program);
  }
}

TEST(Filter, ACompilerThatIsMissingOrTalksNonsenseIsNamed) {
  const Error missing = compile_filter("/nonexistent/nezu-filter", "tcp", LinkType::ethernet, 65535).error();
  EXPECT_EQ(missing.code(), ErrorCode::not_found);
  EXPECT_THAT(missing.message(), HasSubstr("/nonexistent/nezu-filter"));
  EXPECT_THAT(compile_filter("/bin/true", "tcp", LinkType::ethernet, 65535).error().message(),
              HasSubstr("answer of /bin/true: line 1 is ''"));
  EXPECT_EQ(compile_filter("/bin/false", "tcp", LinkType::ethernet, 65535).error().code(), ErrorCode::io);
}

}  // namespace
}  // namespace nezu::probe::test
