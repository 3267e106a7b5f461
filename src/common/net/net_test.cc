#include "common/net/net.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

namespace nezu::net {
namespace {

constexpr Nanos kPatience{std::chrono::seconds(20)};

// A loop that ends by itself where a test would hang, and two connected TCP streams on demand.
class NetTest : public ::testing::Test {
 protected:
  NetTest() : watchdog(loop) {
    watchdog.after(kPatience, [this] {
      ADD_FAILURE() << "the loop was still running after " << to_seconds(kPatience) << " s";
      loop.stop();
    });
  }

  void connect_pair() {
    auto listening = listen_tcp(loop, {"127.0.0.1", 0}, [this](std::unique_ptr<Stream> stream) {
      server = std::move(stream);
      if (client) loop.stop();
    });
    ASSERT_TRUE(listening) << listening.error().message();
    acceptor = std::move(*listening);
    connect_tcp(loop, {"127.0.0.1", acceptor->port()}, kPatience, [this](Result<std::unique_ptr<Stream>> result) {
      ASSERT_TRUE(result) << result.error().message();
      client = std::move(*result);
      if (server) loop.stop();
    });
    loop.run();
    ASSERT_TRUE(client && server);
  }

  // Reads until `size` bytes are there, or the end.
  void read_all(Stream& stream, std::size_t size, std::string& into) {
    stream.read([this, &stream, size, &into](Result<std::string_view> bytes) {
      ASSERT_TRUE(bytes) << bytes.error().message();
      into.append(*bytes);
      if (into.size() >= size || bytes->empty()) return loop.stop();
      read_all(stream, size, into);
    });
  }

  EventLoop loop;
  Timer watchdog;
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<Stream> client, server;
};

TEST_F(NetTest, PostedTasksRunInOrderAlsoFromOtherThreads) {
  std::vector<int> seen;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.stop();
  });
  loop.run();
  other.join();
  ASSERT_EQ(seen.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST_F(NetTest, WhatWasPostedBeforeStopHasRunAndTheLoopCanRunAgain) {
  int count = 0;
  loop.stop();
  loop.post([&] { ++count; });
  loop.run();
  EXPECT_EQ(count, 0);  // posted after stop
  loop.post([&] { ++count; });
  loop.stop();
  loop.run();
  EXPECT_EQ(count, 2);
}

TEST_F(NetTest, TimerSetAgainOrCancelledNeverRunsTheOldHandler) {
  int old_one = 0, new_one = 0;
  Timer a(loop), b(loop), end(loop);
  a.after(Nanos(0), [&] { ++old_one; });
  a.after(std::chrono::milliseconds(2), [&] { ++new_one; });
  b.after(Nanos(0), [&] { ++old_one; });
  b.cancel();
  {
    Timer gone(loop);
    gone.after(Nanos(0), [&] { ++old_one; });
  }
  end.after(std::chrono::milliseconds(5), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(old_one, 0);
  EXPECT_EQ(new_one, 1);
}

// Both timers are due at once; the first handler takes the second back although its expiry is already queued.
TEST_F(NetTest, TimerCancelledByAnotherThatIsDueAtTheSameInstant) {
  int ran = 0;
  auto a = std::make_unique<Timer>(loop);
  auto b = std::make_unique<Timer>(loop);
  const auto one_of_them = [&](std::unique_ptr<Timer>& other) {
    ++ran;
    other.reset();
    loop.stop();
  };
  a->after(Nanos(0), [&] { one_of_them(b); });
  b->after(Nanos(0), [&] { one_of_them(a); });
  loop.run();
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(ran, 1);
}

TEST_F(NetTest, TimerMayBeDestroyedInItsOwnHandler) {
  auto timer = std::make_unique<Timer>(loop);
  timer->after(Nanos(0), [&, text = std::string(100, 'x')] {
    timer.reset();
    EXPECT_EQ(text.size(), 100u);  // our captures are still there
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(timer, nullptr);
}

// An object that is held by nothing but its own timer goes with the loop.
TEST(Timers, HandlersAreDroppedWithTheLoop) {
  struct Thing {
    explicit Thing(EventLoop& event_loop) : timer(event_loop) {}
    Timer timer;
  };
  std::weak_ptr<Thing> watched;
  {
    EventLoop loop;
    auto thing = std::make_shared<Thing>(loop);
    watched = thing;
    thing->timer.after(std::chrono::hours(1), [thing] {});
  }
  EXPECT_TRUE(watched.expired());
}

TEST(Timers, CancelLetsTheHandlersCapturesGoAtOnce) {
  EventLoop loop;
  Timer timer(loop);
  auto held = std::make_shared<int>(1);
  timer.after(std::chrono::hours(1), [held] {});
  EXPECT_EQ(held.use_count(), 2);
  timer.cancel();
  EXPECT_EQ(held.use_count(), 1);
  timer.after(std::chrono::hours(1), [held] {});
  timer.after(std::chrono::hours(1), [] {});
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(NetTest, SignalsArriveOnTheLoop) {
  std::vector<int> seen;
  loop.on_signal({SIGUSR1, SIGUSR2}, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 2) return loop.stop();
    ::raise(SIGUSR2);
  });
  ::raise(SIGUSR1);
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR1, SIGUSR2}));
}

TEST_F(NetTest, ManyWritesArriveInOrderAndAreAllAcknowledged) {
  connect_pair();
  std::string expected, got;
  std::size_t acknowledged = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string piece = std::to_string(i) + std::string(static_cast<std::size_t>(i % 700), 'x') + ";";
    expected += piece;
    client->write(std::move(piece), [&](Status status) {
      EXPECT_TRUE(status);
      ++acknowledged;
    });
  }
  client->write("", [&](Status status) {
    EXPECT_TRUE(status);
    ++acknowledged;
  });
  EXPECT_GT(client->queued_bytes(), 0u);
  client->shutdown();
  read_all(*server, SIZE_MAX, got);  // until the end: shutdown sends what is queued first
  loop.run();
  EXPECT_EQ(got, expected);
  EXPECT_EQ(acknowledged, 5001u);
  EXPECT_EQ(client->queued_bytes(), 0u);
  EXPECT_EQ(server->peer().substr(0, 10), "127.0.0.1:");
}

TEST_F(NetTest, AfterTheEndOneDirectionStillCarries) {
  connect_pair();
  std::string to_server, to_client;
  client->write("request", {});
  client->shutdown();
  read_all(*server, SIZE_MAX, to_server);
  loop.run();
  EXPECT_EQ(to_server, "request");
  server->write("answer", {});
  read_all(*client, 6, to_client);
  loop.run();
  EXPECT_EQ(to_client, "answer");
}

TEST_F(NetTest, StreamMayBeDestroyedInItsReadHandlerAndNoHandlerFollows) {
  connect_pair();
  int late = 0;
  client->write("x", {});
  server->write(std::string(8 << 20, 'y'), [&](Status) { ++late; });  // more than the kernel takes: stays pending
  server->read([&](Result<std::string_view> bytes) {
    ASSERT_TRUE(bytes);
    const std::string_view view = *bytes;
    server.reset();
    EXPECT_EQ(view, "x");  // still valid during the call
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(late, 0);
}

TEST_F(NetTest, StreamMayBeDestroyedInItsWriteHandler) {
  connect_pair();
  int second = 0;
  client->write("a", [&](Status) {
    client.reset();
    loop.post([&] { loop.stop(); });
  });
  client->write("b", [&](Status) { ++second; });
  loop.run();
  EXPECT_EQ(second, 0);
}

TEST_F(NetTest, APendingReadIsForgottenWithItsStream) {
  connect_pair();
  auto held = std::make_shared<int>(1);
  server->read([held](Result<std::string_view>) { ADD_FAILURE() << "called after destruction"; });
  EXPECT_EQ(held.use_count(), 2);
  server.reset();
  EXPECT_EQ(held.use_count(), 1);  // at once, not when the loop runs next
  loop.post([&] { loop.stop(); });
  loop.run();
}

TEST_F(NetTest, WritingToAPeerThatHasGoneFailsOnceForEachWrite) {
  connect_pair();
  server.reset();
  int failed = 0, written = 0;
  std::function<void()> write = [&] {
    client->write(std::string(100000, 'x'), [&](Status status) {
      status ? ++written : ++failed;
      if (failed == 3) return loop.stop();
      write();
    });
  };
  write();
  loop.run();
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(client->queued_bytes(), 0u);
}

TEST_F(NetTest, NobodyListensIsNamed) {
  std::uint16_t port = 0;
  {
    auto listening = listen_tcp(loop, {"127.0.0.1", 0}, [](std::unique_ptr<Stream>) {});
    ASSERT_TRUE(listening);
    port = (*listening)->port();
  }
  bool inside = true;
  connect_tcp(loop, {"127.0.0.1", port}, kPatience, [&](Result<std::unique_ptr<Stream>> result) {
    EXPECT_FALSE(inside);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(result.error().message(), "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
    loop.stop();
  });
  inside = false;
  loop.run();
}

TEST_F(NetTest, AListenerWhoseQueueIsFullMakesConnectTimeOut) {
  // A socket that listens with the smallest queue and never accepts; the second or third connection gets no answer.
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(fd, 0), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::vector<std::unique_ptr<Stream>> connected;
  std::optional<Error> error;
  std::size_t answers = 0;
  for (int i = 0; i < 4; ++i) {
    connect_tcp(loop, {"127.0.0.1", ntohs(address.sin_port)}, std::chrono::milliseconds(100), [&](Result<std::unique_ptr<Stream>> result) {
      if (result)
        connected.push_back(std::move(*result));
      else
        error = result.error();
      if (++answers == 4) loop.stop();
    });
  }
  loop.run();
  ::close(fd);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::unavailable);
  EXPECT_NE(error->message().find("no answer within 100ms"), std::string::npos) << error->message();
}

TEST_F(NetTest, NameIsResolved) {
  auto listening = listen_tcp(loop, {"localhost", 0}, [](std::unique_ptr<Stream>) {});
  ASSERT_TRUE(listening) << listening.error().message();
  connect_tcp(loop, {"localhost", (*listening)->port()}, kPatience, [&](Result<std::unique_ptr<Stream>> result) {
    EXPECT_TRUE(result) << result.error().message();
    loop.stop();
  });
  loop.run();
  connect_tcp(loop, {"no-such-host.invalid", 80}, kPatience, [&](Result<std::unique_ptr<Stream>> result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::unavailable);
    EXPECT_NE(result.error().message().find("no-such-host.invalid:80"), std::string::npos);
    loop.stop();
  });
  loop.run();
}

TEST_F(NetTest, APortInUseIsNamed) {
  auto first = listen_tcp(loop, {"127.0.0.1", 0}, [](std::unique_ptr<Stream>) {});
  ASSERT_TRUE(first);
  const auto second = listen_tcp(loop, {"127.0.0.1", (*first)->port()}, [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(), "listen on 127.0.0.1:" + std::to_string((*first)->port()) + ": Address already in use");
}

// With no descriptor left, accept is counted and tried again later; the waiting connection is served when there is room.
TEST_F(NetTest, WithoutDescriptorsTheAcceptorBacksOffAndRecovers) {
#ifdef NEZU_SANITIZED
  GTEST_SKIP() << "UndefinedBehaviorSanitizer needs descriptors of its own to look at objects";
#endif
  bool served = false;
  auto listening = listen_tcp(loop, {"127.0.0.1", 0}, [&](std::unique_ptr<Stream>) {
    served = true;
    loop.stop();
  });
  ASSERT_TRUE(listening);
  acceptor = std::move(*listening);
  connect_tcp(loop, {"127.0.0.1", acceptor->port()}, kPatience, [&](Result<std::unique_ptr<Stream>> result) {
    if (result) client = std::move(*result);
  });
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old_limit), 0);
  rlimit small = old_limit;
  small.rlim_cur = 3;  // below every descriptor that is open now: nothing new can be opened
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
  Timer check(loop);
  std::uint64_t failures = 0;
  check.after(std::chrono::milliseconds(150), [&] {
    failures = acceptor->accept_failures();
    EXPECT_FALSE(served);
    ::setrlimit(RLIMIT_NOFILE, &old_limit);
  });
  loop.run();
  ::setrlimit(RLIMIT_NOFILE, &old_limit);
  EXPECT_TRUE(served);
  EXPECT_GE(failures, 1u);
  EXPECT_LE(failures, 3u);  // a spin would count thousands
}

class UnixTest : public NetTest {
 protected:
  UnixTest() {
    char name[] = "/tmp/nezu-net-test-XXXXXX";
    directory = ::mkdtemp(name);
    path = directory + "/control.sock";
  }
  ~UnixTest() override {
    ::unlink(path.c_str());
    ::rmdir(directory.c_str());
  }
  std::string directory, path;
};

TEST_F(UnixTest, CarriesBytesWithMode0660AndRemovesItsFile) {
  auto listening = listen_unix(loop, path, [&](std::unique_ptr<Stream> stream) { server = std::move(stream); });
  ASSERT_TRUE(listening) << listening.error().message();
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
  std::string got;
  connect_unix(loop, path, kPatience, [&](Result<std::unique_ptr<Stream>> result) {
    ASSERT_TRUE(result) << result.error().message();
    client = std::move(*result);
    client->write("status", {});
    loop.post([&] { read_all(*server, 6, got); });
  });
  loop.run();
  EXPECT_EQ(got, "status");
  EXPECT_EQ(client->peer(), "unix");
  listening->reset();
  EXPECT_NE(::stat(path.c_str(), &info), 0);
}

TEST_F(UnixTest, AStaleFileIsReplacedALivingOneIsNot) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage whole{};
  auto* un = reinterpret_cast<char*>(&whole);
  whole.ss_family = AF_UNIX;
  path.copy(un + offsetof(sockaddr, sa_data), path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&whole), static_cast<socklen_t>(offsetof(sockaddr, sa_data) + path.size() + 1)), 0);
  ::close(fd);  // the file stays, nobody listens
  auto first = listen_unix(loop, path, [](std::unique_ptr<Stream>) {});
  ASSERT_TRUE(first) << first.error().message();
  const auto second = listen_unix(loop, path, [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(), "listen on " + path + ": another program listens there");
}

TEST_F(UnixTest, AnOrdinaryFileIsNeverRemoved) {
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const auto result = listen_unix(loop, path, [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(result);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  const auto too_long = listen_unix(loop, "/tmp/" + std::string(200, 'x'), [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code(), ErrorCode::invalid_argument);
}

TEST(Readable, TellsWheneverThereIsSomethingAndNotAfterItsEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd writer(ends[1]);
  EventLoop loop;
  std::string got;
  int told = 0;
  std::unique_ptr<Readable> readable;
  readable = std::make_unique<Readable>(loop, UniqueFd(ends[0]), [&](int fd) {
    std::array<char, 16> bytes{};
    const ssize_t n = ::read(fd, bytes.data(), bytes.size());
    ASSERT_GT(n, 0);
    got.append(bytes.data(), static_cast<std::size_t>(n));
    if (++told == 1) {
      ASSERT_EQ(::write(writer.get(), "again", 5), 5);
    } else {
      loop.stop();
      readable.reset();
    }
  });
  ASSERT_EQ(::write(writer.get(), "once", 4), 4);
  loop.run();
  EXPECT_EQ(got, "onceagain");
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(::write(writer.get(), "x", 1), -1) << "it is closed";
}

TEST(Address, Loopback) {
  for (const char* yes : {"127.0.0.1", "127.9.8.7", "::1", "localhost", "::ffff:127.0.0.1"}) EXPECT_TRUE(is_loopback(yes)) << yes;
  for (const char* no : {"0.0.0.0", "::", "192.0.2.1", "::2", "localhost.example.net", "127.0.0.1.example.net", ""})
    EXPECT_FALSE(is_loopback(no)) << no;
}

}  // namespace
}  // namespace nezu::net
