#include "probe/link/link.h"

#include <gmock/gmock.h>

#include "common/net/pipe.h"

namespace nezu::probe::link {
namespace {

struct Heard final : LinkHandler {
  void link_connected() override {
    ++connected;
    if (on_connected) on_connected();
  }
  void link_lost(const std::string& w) override {
    why = w;
    ++lost;
    if (on_lost) on_lost();
  }
  void link_received(wire::Message m) override {
    messages.push_back(std::move(m));
    if (on_message) on_message();
  }
  int connected = 0, lost = 0;
  std::string why;
  std::vector<wire::Message> messages;
  std::function<void()> on_connected, on_lost, on_message;
};

struct Bench {
  net::EventLoop loop;
  net::Pipe pipe{loop, {.piece_bytes = 7}};  // frames arrive in pieces
  std::unique_ptr<net::Stream> manager = pipe.take_second();
  Heard heard;
  Link link{loop, heard, [this](net::ConnectHandler h) { loop.post([this, h = std::move(h)]() mutable { h(pipe.take_first()); }); }};
  net::Timer guard{loop};
  void run() {
    guard.after(std::chrono::seconds(5), [this] {
      ADD_FAILURE() << "nothing came";
      loop.stop();
    });
    loop.run();
  }
};

TEST(Link, SendsAndReceivesWholeMessages) {
  Bench b;
  wire::Hello hello;
  hello.logical_probe = "edge";
  hello.window = Seconds(1);
  b.heard.on_connected = [&] { b.link.send(hello); };
  b.heard.on_message = [&] {
    if (b.heard.messages.size() == 2) b.loop.stop();
  };
  std::string got;
  std::function<void()> read = [&] {
    b.manager->read([&](Result<std::string_view> bytes) {
      if (!bytes.ok() || bytes->empty()) return;
      got += *bytes;
      const std::string wanted = wire::frame(wire::encode(hello));
      if (got == wanted) {
        b.manager->write(wire::frame(wire::encode(wire::Wait{"node-b"})) + wire::frame(wire::encode(wire::Beat{})), [](Status) {});
      }
      read();
    });
  };
  read();
  b.link.connect();
  b.run();
  ASSERT_EQ(b.heard.messages.size(), 2u);
  EXPECT_EQ(std::get<wire::Wait>(b.heard.messages[0]).holder_node, "node-b");
  EXPECT_EQ(b.heard.lost, 0);
}

TEST(Link, APeerThatSpeaksSomethingElseIsToldFromDamage) {
  Bench b;
  b.heard.on_connected = [&] { b.manager->write("HTTP/1.1 400 Bad Request\r\n", [](Status) {}); };
  b.heard.on_lost = [&] { b.loop.stop(); };
  b.link.connect();
  b.run();
  EXPECT_THAT(b.heard.why, ::testing::HasSubstr("no link frame"));
  EXPECT_FALSE(b.link.connected());
}

TEST(Link, TheEndOfTheOtherSideIsALoss) {
  Bench b;
  b.heard.on_connected = [&] { b.manager.reset(); };
  b.heard.on_lost = [&] { b.loop.stop(); };
  b.link.connect();
  b.run();
  EXPECT_EQ(b.heard.lost, 1);
}

TEST(Link, AMessageLongerThanAFrameEndsTheConnectionAndSaysSo) {
  Bench b;
  window::Record record;
  for (std::uint64_t n = 1; n <= 1'000'000; ++n) record.ledger.entries.push_back({n, n, PacketTime{}});
  b.heard.on_connected = [&] { b.link.send(record); };
  b.heard.on_lost = [&] { b.loop.stop(); };
  b.link.connect();
  b.run();
  EXPECT_THAT(b.heard.why, ::testing::HasSubstr("wanted at most 16777216"));
  EXPECT_EQ(b.link.dropped_messages(), 1u);
}

TEST(Link, AfterDisconnectNothingIsHeard) {
  Bench b;
  b.heard.on_connected = [&] {
    b.manager->write(wire::frame(wire::encode(wire::Beat{})), [](Status) {});
    b.link.disconnect();
    b.link.send(wire::Bye{});
    b.loop.post([&] { b.loop.post([&] { b.loop.stop(); }); });
  };
  b.link.connect();
  b.run();
  EXPECT_EQ(b.heard.lost, 0);
  EXPECT_TRUE(b.heard.messages.empty());
  EXPECT_EQ(b.link.dropped_messages(), 1u);
}

TEST(Link, CloseWaitsUntilTheLastWordsAreWritten) {
  Bench b;
  bool done = false;
  b.heard.on_connected = [&] {
    b.link.send(wire::Bye{"stopped"});
    b.link.close(std::chrono::seconds(2), [&] {
      done = true;
      b.loop.stop();
    });
  };
  b.link.connect();
  b.run();
  EXPECT_TRUE(done);
  EXPECT_EQ(b.heard.lost, 0);
}

TEST(Connector, PlainTextIsForTheLoopbackOnly) {
  net::EventLoop loop;
  EXPECT_TRUE(make_connector(loop, {.manager = {"127.0.0.1", 7400}, .insecure = true, .server_name = {}}, nullptr).ok());
  const auto far = make_connector(loop, {.manager = {"192.0.2.1", 7400}, .insecure = true, .server_name = {}}, nullptr);
  ASSERT_FALSE(far.ok());
  EXPECT_EQ(far.error().code(), ErrorCode::permission);
  EXPECT_FALSE(make_connector(loop, {.manager = {"127.0.0.1", 7400}, .insecure = false, .server_name = {}}, nullptr).ok());
}

}  // namespace
}  // namespace nezu::probe::link
