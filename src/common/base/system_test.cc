#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <set>

#include "common/base/fake_clock.h"
#include "common/base/keyed_hash.h"
#include "common/base/random.h"
#include "common/base/sd_notify.h"
#include "common/base/system_clock.h"
#include "common/base/unique_fd.h"

namespace nezu {
namespace {

TEST(SystemClock, MonotonicNeverGoesBackAndWallIsOurEra) {
  const SystemClock clock;
  MonoTime before = clock.mono();
  for (int i = 0; i < 1000; ++i) {
    const MonoTime now = clock.mono();
    ASSERT_GE(now, before);
    before = now;
  }
  EXPECT_GT(to_ns(clock.wall()), 1'700'000'000'000'000'000);
}

TEST(FakeClock, SettingTheWallClockLeavesTheMonotonicOne) {
  FakeClock clock;
  const MonoTime m = clock.mono();
  const WallTime w = clock.wall();
  clock.advance(Millis(5));
  EXPECT_EQ(clock.mono() - m, Millis(5));
  EXPECT_EQ(clock.wall() - w, Millis(5));
  clock.set_wall(wall_time_ns(7));
  EXPECT_EQ(clock.wall(), wall_time_ns(7));
  EXPECT_EQ(clock.mono() - m, Millis(5));
}

TEST(Time, FloorIsRightBeforeTheEpochToo) {
  EXPECT_EQ(floor_to(packet_time_ns(-1), Seconds(1)), packet_time_ns(-1'000'000'000));
  EXPECT_EQ(floor_to(packet_time_ns(-1'000'000'000), Seconds(1)), packet_time_ns(-1'000'000'000));
  EXPECT_EQ(floor_to(packet_time_ns(1'999'999'999), Seconds(1)), packet_time_ns(1'000'000'000));
}

TEST(Random, SeedRepeatsItself) {
  SeededRandom a(42), b(42), c(43);
  std::array<std::uint8_t, 100> x{}, y{}, z{};
  a.fill(x.data(), x.size());
  b.fill(y.data(), y.size());
  c.fill(z.data(), z.size());
  EXPECT_EQ(x, y);
  EXPECT_NE(x, z);
}

TEST(Random, BelowIsEven) {
  SeededRandom random(7);
  std::array<int, 10> seen{};
  for (int i = 0; i < 100'000; ++i) ++seen[random.below(10)];
  for (const int n : seen) EXPECT_NEAR(n, 10'000, 500);
  EXPECT_EQ(random.below(1), 0U);
  for (int i = 0; i < 1000; ++i) {
    const double u = random.next_unit();
    ASSERT_TRUE(u >= 0 && u < 1);
  }
}

TEST(Random, SystemGivesDifferentIds) {
  SystemRandom random;
  std::set<std::array<std::uint8_t, 16>> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(random.next_id());
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(KeyedHash, EachKeyIsAFunctionOfItsOwnThatNeverChanges) {
  const KeyedHash a({1, 2}), same({1, 2}), b({1, 3}), c({2, 2});
  EXPECT_EQ(a("nezuban"), same("nezuban"));
  EXPECT_NE(a("nezuban"), b("nezuban"));
  EXPECT_NE(a("nezuban"), c("nezuban"));
  // Two nodes may run programs that were built years apart: these figures must stay.
  EXPECT_EQ(a(""), 14816934125323958847U);
  EXPECT_EQ(a("nezuban"), 4365269833397681690U);
}

TEST(KeyedHash, NamesOfTransactionsDifferInEachPart) {
  const KeyedHash hash({5, 6});
  NamedBytes n;
  n.client_address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
  n.server_address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 2};
  n.client_port = 40'000;
  n.server_port = 80;
  n.sequence = 1;
  std::set<std::uint64_t> names{transaction_name(hash, NameOf::request, n), transaction_name(hash, NameOf::response, n)};
  NamedBytes o = n;
  std::swap(o.client_address, o.server_address);
  names.insert(transaction_name(hash, NameOf::request, o));
  o = n, ++o.client_port, names.insert(transaction_name(hash, NameOf::request, o));
  o = n, ++o.server_port, names.insert(transaction_name(hash, NameOf::request, o));
  o = n, ++o.stream, names.insert(transaction_name(hash, NameOf::request, o));
  o = n, ++o.sequence, names.insert(transaction_name(hash, NameOf::request, o));
  EXPECT_EQ(names.size(), 7U);
  EXPECT_EQ(names.count(0), 0U);
  EXPECT_EQ(transaction_name(hash, NameOf::request, n), 311080060079793248U);
}

TEST(KeyedHash, SpreadsLowBits) {
  const KeyedHash hash({9, 9});
  std::array<int, 256> seen{};
  for (std::uint32_t i = 0; i < 256'000; ++i) ++seen[hash(&i, sizeof i) & 255];
  for (const int n : seen) EXPECT_NEAR(n, 1000, 200);
}

TEST(UniqueFd, ClosesOnce) {
  int raw = -1;
  {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(static_cast<bool>(fd));
    raw = fd.get();
    UniqueFd moved(std::move(fd));
    EXPECT_EQ(moved.get(), raw);
    EXPECT_FALSE(static_cast<bool>(fd));  // NOLINT: what a moved-from one is
    EXPECT_EQ(::fcntl(raw, F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

class Receiver {
 public:
  explicit Receiver(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '@' ? 0 : 1);
    bound_ = ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)) == 0;
  }
  bool bound() const { return bound_; }
  std::string take() {
    std::array<char, 1000> buffer{};
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    return n < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(n));
  }

 private:
  UniqueFd fd_;
  bool bound_ = false;
};

void expect_every_message(const std::string& socket) {
  Receiver receiver(socket);
  ASSERT_TRUE(receiver.bound());
  const ServiceNotifier notifier(socket, Nanos(0));
  EXPECT_TRUE(notifier.ready("serving\non 7400").ok());
  EXPECT_EQ(receiver.take(), "READY=1\nSTATUS=serving on 7400");
  EXPECT_TRUE(notifier.reloading(mono_time_ns(5'000'999)).ok());
  EXPECT_EQ(receiver.take(), "RELOADING=1\nMONOTONIC_USEC=5000");
  EXPECT_TRUE(notifier.status("3 probes").ok());
  EXPECT_EQ(receiver.take(), "STATUS=3 probes");
  EXPECT_TRUE(notifier.watchdog().ok());
  EXPECT_EQ(receiver.take(), "WATCHDOG=1");
  EXPECT_TRUE(notifier.stopping().ok());
  EXPECT_EQ(receiver.take(), "STOPPING=1");
}

TEST(ServiceNotifier, AbstractSocket) { expect_every_message("@nezuban-test-" + std::to_string(::getpid())); }

TEST(ServiceNotifier, PathSocket) {
  const std::string path = testing::TempDir() + "notify-" + std::to_string(::getpid());
  expect_every_message(path);
  ::unlink(path.c_str());
}

TEST(ServiceNotifier, NobodyListens) {
  EXPECT_TRUE(ServiceNotifier("", Nanos(0)).ready().ok());
  EXPECT_FALSE(ServiceNotifier("", Nanos(0)).enabled());
  const Status s = ServiceNotifier("/nonexistent/notify", Nanos(0)).ready();
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().code(), ErrorCode::not_found);
  EXPECT_EQ(ServiceNotifier("relative", Nanos(0)).ready().error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(ServiceNotifier("/" + std::string(200, 'x'), Nanos(0)).ready().error().code(), ErrorCode::invalid_argument);
}

TEST(ServiceNotifier, ReadsItsEnvironment) {
  ::setenv("NOTIFY_SOCKET", "@x", 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_interval(), Seconds(3));
  EXPECT_TRUE(ServiceNotifier::from_environment().enabled());
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_interval(), Nanos(0));
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
  EXPECT_FALSE(ServiceNotifier::from_environment().enabled());
}

TEST(ErrorFromErrno, KeepsMeaningAndPlace) {
  EXPECT_EQ(Error::from_errno(ENOSPC, "write x").code(), ErrorCode::no_space);
  EXPECT_EQ(Error::from_errno(ENOENT, "/a").message(), "/a: No such file or directory");
  EXPECT_EQ(Error(ErrorCode::io, "b").in("a"), Error(ErrorCode::io, "a: b"));
}

}  // namespace
}  // namespace nezu
