// Live capture in a network namespace of its own, which ends with the test's thread. Needs the rights to make one (root); where they are
// missing, each test is skipped and says so.
#include "probe/capture/live_source.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "common/base/system_clock.h"
#include "common/base/unique_fd.h"

namespace nezu::probe {
namespace {
using ::testing::HasSubstr;

// Runs `body` in a namespace with a loopback and a veth pair va–vb, all up.
template <class Body>
void in_namespace(Body body) {
  std::string why;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      why = "network namespaces are not permitted here";
      return;
    }
    const bool made = std::system(
                          "ip link set lo up && ip link add va type veth peer name vb && ip link set va up && ip link set vb up"
                          " && sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null") == 0;
    if (!made) {
      why = "a veth pair can't be made here";
      return;
    }
    body();
  }).join();
  if (!why.empty()) GTEST_SKIP() << why;
}

// An Ethernet frame with IPv4 and UDP; `tag`: an 802.1Q tag in it.
std::string udp(std::uint8_t source, std::uint8_t target, std::uint16_t source_port, std::uint16_t target_port, std::size_t payload,
                std::uint16_t tag = 0) {
  std::string f("\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
  if (tag != 0) f += std::string("\x81\x00", 2) + static_cast<char>(tag >> 8) + static_cast<char>(tag);
  f += std::string("\x08\x00", 2);
  std::string ip("\x45\0\0\0\0\0\x40\0\x40\x11\0\0\x0a\0\0\0\x0a\0\0\0", 20);
  const auto length = static_cast<std::uint16_t>(28 + payload);
  ip[2] = static_cast<char>(length >> 8);
  ip[3] = static_cast<char>(length);
  ip[15] = static_cast<char>(source);
  ip[19] = static_cast<char>(target);
  const auto put16 = [](std::uint16_t v) { return std::string{static_cast<char>(v >> 8), static_cast<char>(v)}; };
  return f + ip + put16(source_port) + put16(target_port) + put16(static_cast<std::uint16_t>(8 + payload)) + put16(0) +
         std::string(payload, 'p');
}

class Sender {
 public:
  explicit Sender(const char* interface) : fd_(::socket(AF_PACKET, SOCK_RAW, 0)) {
    address_.sll_family = AF_PACKET;
    address_.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    const int size = 64 << 20;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  }
  void send(const std::string& frame) {
    ASSERT_EQ(::sendto(fd_.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&address_), sizeof address_),
              static_cast<ssize_t>(frame.size()));
  }

 private:
  UniqueFd fd_;
  sockaddr_ll address_{};
};

bool is_udp(const Frame& f) { return f.captured >= 34 && f.data[12] == 8 && f.data[13] == 0 && f.data[23] == 17; }

// A frame whose bytes outlive the batch.
struct Taken : Frame {
  explicit Taken(const Frame& f) : Frame(f), bytes(new std::uint8_t[f.captured]) {
    std::copy(f.data, f.data + f.captured, bytes.get());
    data = bytes.get();
  }
  std::unique_ptr<std::uint8_t[]> bytes;
};

// Takes frames until `wanted` UDP ones were seen, or the source has been idle for long.
std::vector<Taken> take(FrameSource& source, std::size_t wanted) {
  std::vector<Taken> out;
  FrameBatch batch;
  for (int idle = 0; out.size() < wanted && idle < 50;) {
    Result<Polled> polled = source.poll(batch, Millis(20));
    if (!polled.ok()) break;
    if (*polled == Polled::empty) ++idle;
    for (Frame f; batch.next(f);) {
      if (is_udp(f)) out.emplace_back(f);
    }
  }
  return out;
}

LiveOptions on(const std::string& interface) {
  LiveOptions o;
  o.interface = interface;
  o.ring_bytes = 8u << 20;
  return o;
}

TEST(Live, FramesComeWithTimesLengthsAndTheTagThatTheCardTookOut) {
  in_namespace([] {
    const SystemClock clock;
    auto sources = open_live(on("vb"), clock);
    ASSERT_TRUE(sources.ok()) << sources.error().message();
    Sender sender("va");
    const std::int64_t before = to_ns(clock.wall());
    sender.send(udp(1, 2, 1000, 2000, 500));
    sender.send(udp(1, 2, 1000, 2001, 400, 0x6007));
    const std::vector<Taken> seen = take(*sources->front(), 2);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].captured, 542u);
    EXPECT_EQ(seen[0].original, 542u);
    EXPECT_FALSE(seen[0].has_vlan);
    EXPECT_GE(to_ns(seen[0].time), before);
    EXPECT_LE(to_ns(seen[0].time), to_ns(clock.wall()));
    EXPECT_TRUE(seen[1].has_vlan);
    EXPECT_EQ(seen[1].vlan_tci, 0x6007);
    EXPECT_EQ(seen[1].captured, 442u);
    EXPECT_EQ(seen[1].link, LinkType::ethernet);
  });
}

TEST(Live, SnapLengthOffsetAndFilterHold) {
  in_namespace([] {
    const SystemClock clock;
    LiveOptions o = on("vb");
    o.snap_length = 96;
    o.timestamp_offset = Seconds(-1000);
    auto all = open_live(o, clock);
    // Only UDP to port 2001: by the low byte of the port in a frame without options.
    o.filter = {{BPF_LD | BPF_H | BPF_ABS, 0, 0, 36},
                {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 2001},
                {BPF_RET | BPF_K, 0, 0, 128},
                {BPF_RET | BPF_K, 0, 0, 0}};
    auto some = open_live(o, clock);
    ASSERT_TRUE(all.ok() && some.ok());
    Sender sender("va");
    for (std::uint16_t port = 2000; port < 2003; ++port) sender.send(udp(1, 2, 1000, port, 1000));
    const std::vector<Taken> seen = take(*all->front(), 3);
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_EQ(seen[0].captured, 96u);
    EXPECT_EQ(seen[0].original, 1042u);
    EXPECT_LT(to_ns(seen[0].time), to_ns(clock.wall()) - 999'000'000'000);
    const std::vector<Taken> one = take(*some->front(), 2);
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(one[0].captured, 128u);
  });
}

TEST(Live, OnTheLoopbackEachPacketIsHandedOverOnce) {
  in_namespace([] {
    const SystemClock clock;
    auto sources = open_live(on("lo"), clock);
    ASSERT_TRUE(sources.ok());
    UniqueFd s(::socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9999);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 10; ++i) ::sendto(s.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    EXPECT_EQ(take(*sources->front(), 11).size(), 10u);
    EXPECT_GE(sources->front()->statistics().own_copies, 10u);
  });
}

TEST(Live, TheWatermarkOfAnEmptyRingFollowsTheClockAndStaysBehindWhatComes) {
  in_namespace([] {
    const SystemClock clock;
    auto sources = open_live(on("vb"), clock);
    ASSERT_TRUE(sources.ok());
    FrameSource& source = *sources->front();
    Sender sender("va");
    FrameBatch batch;
    PacketTime last{};
    for (int i = 0; i < 40; ++i) {
      if (i % 3 == 0) sender.send(udp(1, 2, 1000, 2000, 10));
      ASSERT_TRUE(source.poll(batch, Millis(7)).ok());
      for (Frame f; batch.next(f);) EXPECT_GE(f.time, last) << "a frame came for a time that was declared complete";
      ASSERT_TRUE(batch.watermark().has_value());
      EXPECT_GE(*batch.watermark(), last);
      last = *batch.watermark();
    }
    // Idle: it moves on without frames. The last one may still be on its way, and this thread may be held up before or after the wait.
    Polled polled = Polled::frames;
    std::int64_t before = 0;
    for (int i = 0; i < 20 && polled == Polled::frames; ++i) {
      before = to_ns(clock.wall());
      polled = *source.poll(batch, Millis(60));
    }
    ASSERT_EQ(polled, Polled::empty);
    EXPECT_GT(to_ns(*batch.watermark()), std::min(to_ns(clock.wall()), before + 60'000'000) - 60'000'000);
    EXPECT_LT(to_ns(*batch.watermark()), to_ns(clock.wall()));
  });
}

TEST(Live, BothDirectionsOfAConnectionReachTheSameWorker) {
  in_namespace([] {
    const SystemClock clock;
    LiveOptions o = on("vb");
    o.workers = 2;
    auto sources = open_live(o, clock);
    ASSERT_TRUE(sources.ok()) << sources.error().message();
    Sender sender("va");
    for (std::uint16_t port = 1; port <= 200; ++port) {
      sender.send(udp(1, 2, port, 80, 10));
      sender.send(udp(2, 1, 80, port, 10));
    }
    std::set<int> ports[2];
    std::size_t total = 0;
    for (int w = 0; w < 2; ++w) {
      std::map<int, int> count;
      for (const Taken& f : take(*(*sources)[static_cast<std::size_t>(w)], 400)) {
        const int from = f.data[34] << 8 | f.data[35], to = f.data[36] << 8 | f.data[37];
        ports[w].insert(from == 80 ? to : from);
        ++total;
      }
    }
    EXPECT_EQ(total, 400u);
    EXPECT_EQ(ports[0].size() + ports[1].size(), 200u);  // no port at both
    EXPECT_GT(ports[0].size(), 20u);
    EXPECT_GT(ports[1].size(), 20u);
  });
}

TEST(Live, WhatFindsTheRingFullIsCounted) {
  in_namespace([] {
    const SystemClock clock;
    LiveOptions o = on("vb");
    o.ring_bytes = 2u << 20;
    auto sources = open_live(o, clock);
    ASSERT_TRUE(sources.ok());
    Sender sender("va");
    for (int i = 0; i < 5'000; ++i) sender.send(udp(1, 2, 1000, 2000, 1400));
    const std::size_t seen = take(*sources->front(), 5'000).size();
    const SourceStatistics s = sources->front()->statistics();
    EXPECT_LT(seen, 2'000u);
    EXPECT_GE(seen + s.kernel_drops, 5'000u);
    EXPECT_LE(seen + s.kernel_drops, 5'010u);  // some of the kernel's own packets
    EXPECT_GE(s.freezes, 1u);
    EXPECT_EQ(sources->front()->statistics().kernel_drops, s.kernel_drops);  // reading twice counts once
  });
}

TEST(Live, AnInterfaceThatGoesDownOrAwayIsNamed) {
  in_namespace([] {
    const SystemClock clock;
    auto sources = open_live(on("vb"), clock);
    ASSERT_TRUE(sources.ok());
    FrameBatch batch;
    const auto until_error = [&]() -> Error {
      for (int i = 0; i < 100; ++i) {
        Result<Polled> polled = sources->front()->poll(batch, Millis(20));
        if (!polled.ok()) return polled.error();
        for (Frame f; batch.next(f);) {}
      }
      return Error(ErrorCode::io, "none came");
    };
    ASSERT_EQ(std::system("ip link set vb name vc 2>/dev/null || (ip link set vb down; ip link set vb name vc; ip link set vc up)"), 0);
    ASSERT_EQ(std::system("ip link set vc down"), 0);
    const Error down = until_error();
    EXPECT_EQ(down.code(), ErrorCode::unavailable) << down.message();
    EXPECT_THAT(down.message(), HasSubstr("interface vb went down"));
    EXPECT_EQ(open_live(on("vc"), clock).error().code(), ErrorCode::unavailable);
    ASSERT_EQ(std::system("ip link set vc up"), 0);
    auto again = open_live(on("vc"), clock);
    ASSERT_TRUE(again.ok());
    sources = std::move(again);
    ASSERT_EQ(std::system("ip link del vc"), 0);
    const Error gone = until_error();
    EXPECT_EQ(gone.code(), ErrorCode::not_found) << gone.message();
    EXPECT_THAT(gone.message(), HasSubstr("interface vc is gone"));
  });
}

TEST(Live, StopWakesAWaitingPoll) {
  in_namespace([] {
    const SystemClock clock;
    auto sources = open_live(on("vb"), clock);
    ASSERT_TRUE(sources.ok());
    std::thread other([&] { sources->front()->stop(); });
    FrameBatch batch;
    const MonoTime begin = clock.mono();
    while (*sources->front()->poll(batch, Seconds(60)) != Polled::end) {
      for (Frame f; batch.next(f);) {}
    }
    EXPECT_LT(clock.mono() - begin, Seconds(20));
    other.join();
  });
}

TEST(Live, ErrorsSayWhatIsWrongAndWhatIsWanted) {
  in_namespace([] {
    const SystemClock clock;
    const Error missing = open_live(on("eth9"), clock).error();
    EXPECT_EQ(missing.code(), ErrorCode::not_found);
    EXPECT_THAT(missing.message(), HasSubstr("no interface named 'eth9'; there are lo, "));
    LiveOptions o = on("vb");
    o.ring_bytes = 4096;
    EXPECT_THAT(open_live(o, clock).error().message(), HasSubstr("ring is 4096; wanted 2MiB to 4GiB"));
    o = on("vb");
    o.stamps = Stamps::hardware;
    EXPECT_EQ(open_live(o, clock).error().code(), ErrorCode::unsupported);
    // Without rights; of this thread only, which ends here.
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    const Error refused = open_live(on("vb"), clock).error();
    EXPECT_EQ(refused.code(), ErrorCode::permission);
    EXPECT_THAT(refused.message(), HasSubstr("CAP_NET_RAW"));
  });
}

}  // namespace
}  // namespace nezu::probe
