#include "common/http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "common/http/client.h"

namespace nezu::http {
namespace {

// A blocking socket, as a stranger would use it.
class Raw {
 public:
  explicit Raw(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Raw() { ::close(fd_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Until the text holds `until`, or the end.
  std::string read_until(const std::string& until) {
    while (got_.find(until) == std::string::npos) {
      char buffer[4096];
      const ssize_t size = ::recv(fd_, buffer, sizeof buffer, 0);
      if (size <= 0) return std::exchange(got_, {}) + (size < 0 ? "[no answer]" : "[end]");
      got_.append(buffer, static_cast<std::size_t>(size));
    }
    const std::size_t end = got_.find(until) + until.size();
    std::string text = got_.substr(0, end);
    got_.erase(0, end);
    return text;
  }
  std::string read_to_end() { return read_until("\x01never\x01"); }

 private:
  int fd_;
  std::string got_;
};

class HttpTest : public ::testing::Test {
 protected:
  ~HttpTest() override { stop(); }

  // Answers: /echo its request, /later from a posted task, /drop never, /events a stream, /big 300 kB; anything else 404.
  void start(const ServerOptions& options = {}) {
    std::promise<std::uint16_t> listening_on;
    loop = std::make_unique<net::EventLoop>();
    thread = std::thread([&] {
      auto listening = Server::listen(
          *loop, {"127.0.0.1", 0}, [this](const Request& r, std::shared_ptr<Responder> a) { handle(r, std::move(a)); }, options);
      NEZU_CHECK(listening.ok());
      server = std::move(*listening);
      listening_on.set_value(server->port());
      loop->run();
      streams.clear();
      server.reset();
    });
    port = listening_on.get_future().get();
    client.emplace("http://127.0.0.1:" + std::to_string(port));
  }
  void stop() {
    if (!thread.joinable()) return;
    loop->stop();
    thread.join();
  }

  void handle(const Request& request, std::shared_ptr<Responder> responder) {
    if (request.path == "/echo") {
      Response response;
      response.content_type = "text/plain";
      response.body = request.method + "|" + request.query_or("q", "-") + "|" + request.body + "|";
      const auto x = request.headers.find("x-test");
      if (x != request.headers.end()) response.body += x->second;
      return responder->send(response);
    }
    if (request.path == "/later") {
      return loop->post(
          [this, responder] { loop->post([responder] { responder->send({.status = 202, .body = "later", .headers = {}}); }); });
    }
    if (request.path == "/drop") return;
    if (request.path == "/events") {
      streams.push_back(responder->start_events());
      streams.back()->send("hello", request.query_or("q", "world"));
      return;
    }
    if (request.path == "/big") return responder->send({.body = std::string(300000, 'b'), .headers = {}});
    responder->send(problem(404, "Not Found", "no " + request.path));
  }

  template <class F>
  auto on_loop(F task) {
    std::promise<decltype(task())> result;
    loop->post([&] { result.set_value(task()); });
    return result.get_future().get();
  }
  ServerCounters counters() {
    return on_loop([this] { return server->counters(); });
  }
  // Waits, from the loop's own rounds, until the condition on the counters holds.
  template <class F>
  bool eventually(F condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition(counters())) return true;
      std::this_thread::yield();
    }
    return false;
  }

  std::unique_ptr<net::EventLoop> loop;  // outlives the thread, and what a test's last words are posted to
  std::thread thread;
  std::unique_ptr<Server> server;
  std::vector<std::shared_ptr<EventStream>> streams;
  std::uint16_t port = 0;
  std::optional<Client> client;
};

TEST_F(HttpTest, ClientAndServer) {
  start();
  const auto get = client->request("GET", "/echo?q=a%20b");
  ASSERT_TRUE(get) << get.error().message();
  EXPECT_EQ(get->status, 200);
  EXPECT_EQ(get->content_type, "text/plain");
  EXPECT_EQ(get->body, "GET|a b||");
  const std::string large(1 << 20, 'x');
  const auto post = client->request("POST", "/echo", large);
  ASSERT_TRUE(post);
  EXPECT_EQ(post->body, "POST|-|" + large + "|");
  EXPECT_EQ(client->request("PUT", "/echo", "b")->body, "PUT|-|b|");
  EXPECT_EQ(client->request("DELETE", "/echo")->body, "DELETE|-||");
  EXPECT_EQ(client->request("POST", "/echo")->body, "POST|-||");
  const auto head = client->request("HEAD", "/big");
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(client->request("GET", "/big")->body.size(), 300000u);
  const auto later = client->request("GET", "/later");
  EXPECT_EQ(later->status, 202);
  EXPECT_EQ(later->body, "later");
  const auto missing = client->request("GET", "/nothing");
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->content_type, "application/problem+json");
}

TEST_F(HttpTest, NobodyThere) {
  start();
  stop();
  const auto result = client->request("GET", "/echo");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::unavailable);
  EXPECT_NE(result.error().message().find(client->base()), std::string::npos);
}

TEST_F(HttpTest, ADroppedResponderIsA500) {
  start();
  EXPECT_EQ(client->request("GET", "/drop")->status, 500);
}

TEST_F(HttpTest, KeepAliveAndPipelining) {
  start();
  Raw raw(port);
  std::string burst;
  for (int i = 0; i < 200; ++i)
    burst += "GET /" + std::string(i % 3 == 0 ? "later" : "echo") + "?q=" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  raw.send(burst);
  for (int i = 0; i < 200; ++i) {
    const std::string answer = raw.read_until(i % 3 == 0 ? "later" : "|" + std::to_string(i) + "||");
    EXPECT_EQ(answer.substr(0, 8), "HTTP/1.1") << i;
    EXPECT_NE(answer.find("Connection: keep-alive\r\n"), std::string::npos);
    EXPECT_EQ(answer.find("HTTP/1.1", 8), std::string::npos) << "answers out of order at " << i;
  }
  EXPECT_EQ(counters().open_connections, 1u);
  raw.send("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(raw.read_to_end().find("Connection: close\r\n\r\nGET|-||[end]"), std::string::npos);
}

TEST_F(HttpTest, BytesOneByOneChunkedBodyAndRepeatedHeaders) {
  start();
  Raw raw(port);
  const std::string request =
      "POST /echo?q=1 HTTP/1.1\r\nHost: x\r\nX-Test: a\r\nTransfer-Encoding: chunked\r\nx-TEST: "
      "b\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n";
  for (const char c : request) raw.send(std::string(1, c));
  EXPECT_NE(raw.read_until("|a, b").find("POST|1|abcdefg|a, b"), std::string::npos);
}

TEST_F(HttpTest, Http10) {
  start();
  Raw closing(port);
  closing.send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_NE(closing.read_to_end().find("GET|-||[end]"), std::string::npos);
  Raw keeping(port);
  for (int i = 0; i < 2; ++i) {
    keeping.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(keeping.read_until("GET|-||").find("keep-alive"), std::string::npos);
  }
}

TEST_F(HttpTest, ExpectContinue) {
  start({.max_body_bytes = 100});
  Raw raw(port);
  raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  raw.send("hello");
  EXPECT_NE(raw.read_until("hello|").find("HTTP/1.1 200"), std::string::npos);
  Raw large(port);
  large.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(large.read_until("\r\n"), "HTTP/1.1 413 Content Too Large\r\n");
}

struct Bad {
  const char* name;
  std::string request;
  const char* status;
};
class BadRequest : public HttpTest, public ::testing::WithParamInterface<Bad> {};

TEST_P(BadRequest, IsAnsweredAndTheConnectionClosed) {
  start({.max_body_bytes = 1000, .max_header_bytes = 4096});
  Raw raw(port);
  raw.send(GetParam().request);
  const std::string answer = raw.read_to_end();
  EXPECT_EQ(answer.substr(9, 3), GetParam().status) << answer;
  EXPECT_NE(answer.find("application/problem+json"), std::string::npos);
  EXPECT_EQ(answer.substr(answer.size() - 5), "[end]") << answer;
  EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << "a second answer: " << answer;
  EXPECT_EQ(counters().bad_requests, 1u);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRequest,
    ::testing::Values(
        Bad{"NotHttp", "hello there\r\n\r\nGET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        Bad{"Tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, '\x01'), "400"},
        Bad{"NoHost", "GET /echo HTTP/1.1\r\n\r\n", "400"}, Bad{"TwoHosts", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
        Bad{"BadEscape", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"}, Bad{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
        Bad{"LengthAndChunked", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400"},
        Bad{"TwoLengths", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
        Bad{"UnknownCoding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc", "501"},
        Bad{"BadChunk", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", "400"},
        Bad{"LargeLength", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'), "413"},
        Bad{"LargeChunks",
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x') + "\r\n0\r\n\r\n",
            "413"},
        Bad{"LargeHead", "GET /echo HTTP/1.1\r\nHost: x\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", "431"},
        Bad{"LargeTarget", "GET /" + std::string(5000, 'x'), "431"}, Bad{"SpaceInName", "GET /echo HTTP/1.1\r\nHost : x\r\n\r\n", "400"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(HttpTest, TooManyConnections) {
  start({.max_connections = 2});
  Raw first(port), second(port);
  ASSERT_TRUE(eventually([](const ServerCounters& c) { return c.open_connections == 2; }));
  Raw third(port);
  EXPECT_EQ(third.read_until("\r\n"), "HTTP/1.1 503 Service Unavailable\r\n");
  first.send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(first.read_until("||").find("200"), std::string::npos);
  EXPECT_EQ(counters().refused_connections, 1u);
}

TEST_F(HttpTest, IdleAndHalfRequestsTimeOut) {
  // Long enough for a pause between connecting and sending, which would make an idle one of the half ones.
  start({.idle_timeout = std::chrono::milliseconds(300)});
  Raw idle(port);
  EXPECT_EQ(idle.read_to_end(), "[end]");
  Raw half(port);
  half.send("GET /echo HTTP/1.1\r\nHost:");
  EXPECT_EQ(half.read_to_end().substr(0, 12), "HTTP/1.1 408");
  // A drip of bytes doesn't prolong it.
  Raw half_body(port);
  half_body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_EQ(half_body.read_to_end().substr(0, 12), "HTTP/1.1 408");
  EXPECT_EQ(counters().bad_requests, 2u);
}

TEST_F(HttpTest, APeerThatGoesInTheMiddleIsForgotten) {
  start();
  for (int i = 0; i < 50; ++i) {
    Raw raw(port);
    raw.send(i % 2 == 0 ? "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" : "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  }
  EXPECT_TRUE(eventually([](const ServerCounters& c) { return c.open_connections == 0; }));
}

TEST_F(HttpTest, EventsReachTheirReaders) {
  start();
  std::vector<std::string> seen;
  const Status status = client->events("/events?q=line1%0Aline2", [&](std::string_view event, std::string_view data) {
    seen.push_back(std::string(event) + "=" + std::string(data));
    if (seen.size() == 1) loop->post([this] { streams.back()->send("second", "{}"); });
    return seen.size() < 2;
  });
  EXPECT_TRUE(status) << status.error().message();
  EXPECT_EQ(seen, (std::vector<std::string>{"hello=line1\nline2", "second={}"}));
  // The reader has gone: noticed without anything being sent.
  EXPECT_TRUE(eventually([](const ServerCounters& c) { return c.event_streams == 0 && c.open_connections == 0; }));
  EXPECT_FALSE(on_loop([this] { return streams.back()->open() || streams.back()->send("x", "y"); }));
}

TEST_F(HttpTest, EventsCommentsKeepTheConnectionAlive) {
  start({.event_keep_alive = std::chrono::milliseconds(5)});
  Raw raw(port);
  raw.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(raw.read_until("data: world\n\n").find("text/event-stream"), std::string::npos);
  EXPECT_EQ(raw.read_until(":\n\n:\n\n"), ":\n\n:\n\n");
}

TEST_F(HttpTest, AReaderThatLagsIsCutOff) {
  start();
  Raw slow(port, 4096);
  Raw quick(port);
  for (Raw* raw : {&slow, &quick}) {
    raw->send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    raw->read_until("data: world\n\n");
  }
  const std::string piece(60000, 'e');
  std::size_t sent_to_slow = 0;
  bool open = true;
  while (open && sent_to_slow < (200u << 20)) {
    open = on_loop([&] {
      streams[1]->send("x", piece);
      return streams[0]->send("x", piece);
    });
    quick.read_until("e\n\n");
    sent_to_slow += piece.size();
  }
  EXPECT_FALSE(open);
  const ServerCounters now = counters();
  EXPECT_EQ(now.event_streams_cut, 1u);
  EXPECT_EQ(now.event_streams, 1u);
}

TEST_F(HttpTest, EventsOfSomethingElseAndEndsAreErrors) {
  start();
  const auto never = [](std::string_view, std::string_view) { return true; };
  const Status missing = client->events("/nothing", never);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  EXPECT_NE(missing.error().message().find("status 404"), std::string::npos);
  const Status ended = client->events("/events", [&](std::string_view, std::string_view) {
    loop->stop();  // the server goes
    return true;
  });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code(), ErrorCode::unavailable);
}

TEST_F(HttpTest, EventsEndWhenAskedTo) {
  start();
  int asked = 0;
  EXPECT_TRUE(client->events(
      "/events", [](std::string_view, std::string_view) { return true; }, [&] { return ++asked < 5; }));
}

TEST_F(HttpTest, ServerEndsWithOpenConnections) {
  start();
  Raw idle(port), half(port), events(port);
  half.send("GET /ec");
  events.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  events.read_until("world");
  stop();
  EXPECT_EQ(idle.read_to_end(), "[end]");
}

}  // namespace
}  // namespace nezu::http
