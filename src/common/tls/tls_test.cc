#include "common/tls/tls.h"

#include <gtest/gtest.h>

#include <chrono>

#include "common/net/pipe.h"
#include "common/tls/test_ca.h"

namespace nezu::tls {
namespace {

constexpr Nanos kPatience{std::chrono::seconds(20)};
constexpr Nanos kYear{std::chrono::hours(365 * 24)};

WallTime now() { return wall_time_ns(std::chrono::duration_cast<Nanos>(std::chrono::system_clock::now().time_since_epoch()).count()); }

using StreamResult = std::optional<Result<std::unique_ptr<net::Stream>>>;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : ca(now()), watchdog(loop) {
    watchdog.after(kPatience, [this] {
      ADD_FAILURE() << "the loop was still running";
      loop.stop();
    });
  }
  void run_until_both() {
    if (server_result && client_result) loop.stop();
  }
  // Both ends over a pipe; runs until both have answered.
  void meet(Context& server, Context& client, const std::string& name = "manager.example") {
    pipe = std::make_unique<net::Pipe>(loop, options);
    server_result.reset();
    client_result.reset();
    accept_over(loop, pipe->take_first(), server, [this](auto result) {
      server_result = std::move(result);
      run_until_both();
    });
    connect_over(loop, pipe->take_second(), client, name, [this](auto result) {
      client_result = std::move(result);
      run_until_both();
    });
    loop.run();
  }
  std::string server_error() const {
    return !server_result ? "no answer" : server_result->ok() ? "accepted" : server_result->error().message();
  }
  std::string client_error() const {
    return !client_result ? "no answer" : client_result->ok() ? "accepted" : client_result->error().message();
  }

  void read_all(net::Stream& stream, std::string& into, std::size_t size) {
    stream.read([this, &stream, &into, size](Result<std::string_view> bytes) {
      if (!bytes) {
        read_error = bytes.error();
        return loop.stop();
      }
      into.append(*bytes);
      if (bytes->empty() || into.size() >= size) return loop.stop();
      read_all(stream, into, size);
    });
  }

  TestCa ca;
  net::EventLoop loop;
  net::Timer watchdog;
  net::PipeOptions options;
  std::unique_ptr<net::Pipe> pipe;
  StreamResult server_result, client_result;
  std::optional<Error> read_error;
};

TEST_F(TlsTest, BothSidesKnowEachOtherAndCarryBytes) {
  options = {.capacity_bytes = 5000, .piece_bytes = 7};  // every record in many pieces
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example", "127.0.0.1", "::1"});
  const auto probe = ca.context("edge", pki::Role::probe);
  meet(*manager, *probe);
  ASSERT_EQ(server_error(), "accepted");
  ASSERT_EQ(client_error(), "accepted");
  auto server = std::move(**server_result), client = std::move(**client_result);
  EXPECT_EQ(server->peer_name(), "edge");
  EXPECT_EQ(client->peer_name(), "manager");
  std::string sent, got;
  for (int i = 0; i < 100000; ++i) sent += static_cast<char>(i * 7);
  bool written = false;
  client->write(sent, [&](Status status) { written = status.ok(); });
  read_all(*server, got, sent.size());
  loop.run();
  EXPECT_TRUE(written);
  EXPECT_EQ(got, sent);
  got.clear();
  server->write("answer", {});
  server->shutdown();
  read_all(*client, got, SIZE_MAX);
  loop.run();
  EXPECT_EQ(got, "answer");
  EXPECT_FALSE(read_error);  // a proper end
}

TEST_F(TlsTest, AConnectionThatIsCutIsNoEnd) {
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  const auto probe = ca.context("edge", pki::Role::probe);
  meet(*manager, *probe);
  auto server = std::move(**server_result), client = std::move(**client_result);
  client.reset();  // the inner stream goes without TLS's farewell
  std::string got;
  read_all(*server, got, SIZE_MAX);
  loop.run();
  ASSERT_TRUE(read_error);
  EXPECT_EQ(read_error->code(), ErrorCode::unavailable);
}

TEST_F(TlsTest, StreamMayBeDestroyedInItsHandlers) {
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  const auto probe = ca.context("edge", pki::Role::probe);
  meet(*manager, *probe);
  auto server = std::move(**server_result), client = std::move(**client_result);
  int late = 0;
  client->write("x", {});
  server->write("y", [&](Status) { ++late; });
  server->write("z", [&](Status) { server.reset(); });
  server->write("w", [&](Status) { late += 100; });
  loop.post([&] {});
  std::string got;
  read_all(*client, got, SIZE_MAX);
  loop.run();
  EXPECT_EQ(server, nullptr);
  EXPECT_EQ(late, 1);
}

struct Refusal {
  const char* name;
  pki::Role role;
  Nanos offset;
  const char* server_says;
  const char* client_says;
};

class Refused : public TlsTest, public ::testing::WithParamInterface<Refusal> {};

// The client's certificate is wrong in some way.
TEST_P(Refused, TheReasonIsNamedOnBothSides) {
  const Refusal& c = GetParam();
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  const auto client = ca.context("edge", c.role, {"edge.example"}, c.offset);
  meet(*manager, *client);
  EXPECT_NE(server_error().find(c.server_says), std::string::npos) << server_error();
  EXPECT_NE(client_error().find(c.client_says), std::string::npos) << client_error();
  EXPECT_EQ(server_result->error().code(), ErrorCode::permission);
  EXPECT_EQ(client_result->error().code(), ErrorCode::permission);
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, Refused,
    ::testing::Values(Refusal{"Expired", pki::Role::probe, -2 * kYear, "its certificate \"edge\" has expired on 20",
                              "refuses our certificate: expired"},
                      Refusal{"NotYetValid", pki::Role::probe, 2 * kYear, "its certificate \"edge\" is not valid before 20",
                              "refuses our certificate: not valid yet"},
                      Refusal{"WrongUse", pki::Role::manager, Nanos(0), "extended key usage clientAuth is missing", "not for this use"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(TlsTest, AnotherCaIsRefusedOnBothSides) {
  const TestCa other(now());
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  const auto stranger = other.context("edge", pki::Role::probe);
  meet(*manager, *stranger);  // the client looks first: the server's certificate is of another CA for it
  EXPECT_NE(client_error().find("its certificate \"manager\" is signed by another CA, \"Test CA\""), std::string::npos) << client_error();
  EXPECT_NE(server_error().find("refuses our certificate: signed by another CA"), std::string::npos) << server_error();
  // A client that trusts the server's CA, but shows a certificate of its own CA.
  Files mixed = other.files("edge");
  const std::string both = other.path() + "/both.pem";
  std::filesystem::copy_file(other.path() + "/ca.crt", both);
  {
    const auto ours = io::read_file(ca.path() + "/ca.crt");
    std::FILE* file = std::fopen(both.c_str(), "a");
    std::fwrite(ours->data(), 1, ours->size(), file);
    std::fclose(file);
  }
  mixed.ca = both;
  auto mixed_context = Context::load(mixed);
  ASSERT_TRUE(mixed_context) << mixed_context.error().message();
  meet(*manager, **mixed_context);
  EXPECT_NE(server_error().find("its certificate \"edge\" is signed by another CA"), std::string::npos) << server_error();
  EXPECT_NE(client_error().find("signed by another CA than it trusts"), std::string::npos) << client_error();
}

TEST_F(TlsTest, TheWrongNameIsRefused) {
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example", "192.0.2.1"});
  const auto probe = ca.context("edge", pki::Role::probe);
  meet(*manager, *probe, "other.example");
  EXPECT_NE(client_error().find("its certificate \"manager\" is for manager.example, 192.0.2.1, not for other.example"), std::string::npos)
      << client_error();
  meet(*manager, *probe, "192.0.2.2");
  EXPECT_NE(client_error().find("not for 192.0.2.2"), std::string::npos) << client_error();
  meet(*manager, *probe, "192.0.2.1");
  EXPECT_EQ(client_error(), "accepted");
}

TEST_F(TlsTest, AClientAsServerIsRefused) {
  const auto false_manager = ca.context("false", pki::Role::probe, {"manager.example"});
  const auto probe = ca.context("edge", pki::Role::probe);
  meet(*false_manager, *probe);
  EXPECT_NE(client_error().find("extended key usage serverAuth is missing"), std::string::npos) << client_error();
}

TEST_F(TlsTest, PlainTextIsNamedAtEitherEnd) {
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  pipe = std::make_unique<net::Pipe>(loop);
  auto plain = pipe->take_second();
  plain->write("GET / HTTP/1.1\r\n\r\n", {});
  accept_over(loop, pipe->take_first(), *manager, [this](auto result) {
    server_result = std::move(result);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(server_error(), "pipe: it speaks plain text, wanted TLS 1.3");
  const auto probe = ca.context("edge", pki::Role::probe);
  net::Pipe second(loop);
  auto plain_server = second.take_first();
  plain_server->write("220 mail.example ESMTP\r\n", {});
  connect_over(loop, second.take_second(), *probe, "manager.example", [this](auto result) {
    client_result = std::move(result);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(client_error(), "pipe: it speaks plain text, wanted TLS 1.3");
}

TEST_F(TlsTest, ASilentPeerTimesOut) {
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  pipe = std::make_unique<net::Pipe>(loop);
  auto silent = pipe->take_second();
  accept_over(
      loop, pipe->take_first(), *manager,
      [this](auto result) {
        server_result = std::move(result);
        loop.stop();
      },
      std::chrono::milliseconds(20));
  loop.run();
  EXPECT_EQ(server_error(), "pipe: the TLS handshake was not done within 20ms");
  EXPECT_EQ(server_result->error().code(), ErrorCode::unavailable);
}

TEST_F(TlsTest, APeerThatHangsUpIsNamed) {
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  pipe = std::make_unique<net::Pipe>(loop);
  pipe->take_second().reset();
  accept_over(loop, pipe->take_first(), *manager, [this](auto result) {
    server_result = std::move(result);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(server_error(), "pipe: it closed the connection during the TLS handshake");
}

TEST_F(TlsTest, AHandshakeThatIsUnderWayEndsWithTheLoop) {
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  auto held = std::make_shared<int>(1);
  {
    net::EventLoop short_loop;
    net::Pipe silent(short_loop);
    auto other = silent.take_second();
    accept_over(short_loop, silent.take_first(), *manager, [held](auto) { ADD_FAILURE() << "called"; });
    short_loop.stop();
    short_loop.run();
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(TlsTest, OverTcpWithReloadAndRefusals) {
  const auto manager = ca.context("manager", pki::Role::manager, {"127.0.0.1"});
  const auto probe = ca.context("edge", pki::Role::probe);
  const auto expired = ca.context("old", pki::Role::probe, {}, -2 * kYear);
  std::unique_ptr<net::Stream> server;
  std::vector<std::string> refused;
  auto listening = listen(
      loop, {"127.0.0.1", 0}, manager,
      [&](std::unique_ptr<net::Stream> stream) {
        server = std::move(stream);
        if (client_result) loop.stop();
      },
      [&](std::string why) {
        refused.push_back(std::move(why));
        if (client_result) loop.stop();
      });
  ASSERT_TRUE(listening) << listening.error().message();
  const auto connect_as = [&](const std::shared_ptr<Context>& context) {
    client_result.reset();
    const std::size_t before = refused.size();
    server.reset();
    connect(loop, {"127.0.0.1", (*listening)->port()}, context, "", kPatience, [&, before](auto result) {
      client_result = std::move(result);
      if (server || refused.size() > before) loop.stop();
    });
    loop.run();
  };
  connect_as(probe);
  EXPECT_EQ(client_error(), "accepted");
  connect_as(expired);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].find("127.0.0.1:"), std::string::npos) << refused[0];
  EXPECT_NE(refused[0].find("\"old\" has expired"), std::string::npos) << refused[0];
  EXPECT_NE(client_error().find("refuses our certificate: expired"), std::string::npos) << client_error();

  // A new certificate, read by reload, is shown to the next connection, and cuts none.
  connect_as(probe);
  auto first_client = std::move(**client_result);
  auto first_server = std::move(server);
  ASSERT_TRUE(pki::issue(
      ca.path(), {.name = "manager", .role = pki::Role::manager, .hosts = {"192.0.2.9"}, .lifetime = Seconds(3600), .force = true}, now()));
  ASSERT_TRUE(manager->reload());
  connect_as(probe);
  EXPECT_NE(client_error().find("is for 192.0.2.9, not for 127.0.0.1"), std::string::npos) << client_error();
  std::string got;
  first_client->write("still here", {});
  read_all(*first_server, got, 10);
  loop.run();
  EXPECT_EQ(got, "still here");
  EXPECT_LE(manager->remaining(now()), Seconds(3600));
  EXPECT_GE(manager->remaining(now()), Seconds(3590));

  // Files that are wrong leave the old ones at work.
  std::filesystem::remove(ca.path() + "/manager.key");
  EXPECT_FALSE(manager->reload());
  connect_as(probe);
  EXPECT_NE(client_error().find("is for 192.0.2.9"), std::string::npos) << client_error();
}

TEST_F(TlsTest, LoadNamesTheFileAndWhatIsWrong) {
  ca.context("manager", pki::Role::manager, {"127.0.0.1"});
  ca.context("edge", pki::Role::probe);
  const auto error = [](const Files& files) {
    const auto loaded = Context::load(files);
    return loaded.ok() ? std::string("loaded") : loaded.error().message();
  };
  const Files good = ca.files("manager");
  EXPECT_EQ(error(good), "loaded");
  Files files = good;
  files.key = ca.path() + "/missing.key";
  EXPECT_EQ(error(files), ca.path() + "/missing.key: No such file or directory");
  files = good;
  files.key = ca.path() + "/edge.key";
  EXPECT_EQ(error(files), ca.path() + "/edge.key: the key does not belong to the certificate in " + good.certificate);
  files = good;
  files.certificate = good.key;
  EXPECT_NE(error(files).find(good.key + ": no readable PEM certificate"), std::string::npos) << error(files);
  const TestCa other(now());
  files = good;
  files.ca = other.path() + "/ca.crt";
  EXPECT_NE(error(files).find("not signed by the CA in " + files.ca), std::string::npos) << error(files);
  ca.context("old", pki::Role::probe, {}, -2 * kYear);
  EXPECT_NE(error(ca.files("old")).find("old.crt: the certificate has expired on "), std::string::npos) << error(ca.files("old"));
  ca.context("new", pki::Role::probe, {}, 2 * kYear);
  EXPECT_NE(error(ca.files("new")).find("new.crt: the certificate is not valid before "), std::string::npos) << error(ca.files("new"));
}

}  // namespace
}  // namespace nezu::tls
