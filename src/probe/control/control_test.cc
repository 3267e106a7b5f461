#include "probe/control/control.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <thread>

#include "common/net/pipe.h"
#include "probe/control/cluster_times.h"

namespace nezu::probe::control {
namespace {

using ::testing::HasSubstr;

Result<json::Value> handle(const std::string& command, const json::Value& request) {
  if (command == "health") {
    json::Value v;
    v.set("healthy", request["depth"].int_or(0) == 0);
    return v;
  }
  return Error(ErrorCode::not_found, "no command '" + command + "'");
}

TEST(Answer, OneLineForEachRequest) {
  EXPECT_EQ(answer(handle, R"({"command":"health","depth":0})"), "{\"ok\":true,\"healthy\":true}\n");
  EXPECT_EQ(answer(handle, R"({"command":"health","depth":10})"), "{\"ok\":true,\"healthy\":false}\n");
  EXPECT_THAT(answer(handle, R"({"command":"dance"})"), HasSubstr(R"("ok":false,"error":"no command 'dance'")"));
  EXPECT_THAT(answer(handle, R"({"depth":1})"), HasSubstr("wanted"));
  EXPECT_THAT(answer(handle, "GET / HTTP/1.1"), HasSubstr("no JSON"));
}

TEST(Server, AnswersSeveralRequestsAndRefusesALineWithoutEnd) {
  net::EventLoop loop;
  net::Pipe pipe(loop);
  auto server = Server::make(loop, handle);
  server->serve(pipe.take_first());
  auto client = pipe.take_second();
  std::string got;
  bool ended = false;
  std::function<void()> read = [&] {
    client->read([&](Result<std::string_view> bytes) {
      if (!bytes.ok() || bytes->empty()) {
        ended = true;
        loop.stop();
        return;
      }
      got += *bytes;
      if (std::count(got.begin(), got.end(), '\n') == 2) client->write(std::string(kMaxLine + 1, 'x'), [](Status) {});
      read();
    });
  };
  read();
  client->write("{\"command\":\"health\"}\n{\"command\":\"health\"}\n", [](Status) {});
  net::Timer guard(loop);
  guard.after(std::chrono::seconds(5), [&] { loop.stop(); });
  loop.run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(got, "{\"ok\":true,\"healthy\":true}\n{\"ok\":true,\"healthy\":true}\n");
}

TEST(Ask, OverARealSocket) {
  const std::string path = "/tmp/nezu-control-test-" + std::to_string(::getpid()) + ".sock";
  net::EventLoop loop;
  auto server = Server::listen(loop, path, handle);
  ASSERT_TRUE(server.ok()) << server.error().message();
  std::thread thread([&] { loop.run(); });
  json::Value request;
  request.set("command", "health");
  const auto good = ask(path, request, std::chrono::seconds(5));
  request = json::Value();
  request.set("command", "dance");
  const auto bad = ask(path, request, std::chrono::seconds(5));
  loop.stop();
  thread.join();
  ASSERT_TRUE(good.ok()) << good.error().message();
  EXPECT_TRUE((*good)["healthy"].bool_or(false));
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message(), HasSubstr("dance"));
  ::unlink(path.c_str());
  const auto nobody = ask(path, request, std::chrono::seconds(1));
  ASSERT_FALSE(nobody.ok());
  EXPECT_THAT(nobody.error().message(), HasSubstr(path));
}

TEST(ClusterTimes, OnlyWhatCanBeIsTaken) {
  const MonoTime now = mono_time_ns(5'000);
  EXPECT_EQ(cluster_time("4999", now), mono_time_ns(4'999));
  EXPECT_EQ(cluster_time("5000", now), now);
  for (const char* text : {"5001", "0", "-1", "", "4999 ", "soon", "99999999999999999999"}) EXPECT_FALSE(cluster_time(text, now)) << text;
  EXPECT_FALSE(cluster_time(nullptr, now));
  EXPECT_EQ(cluster_time(std::int64_t{1}, now), mono_time_ns(1));
  EXPECT_FALSE(cluster_time(std::int64_t{5'001}, now));
  EXPECT_FALSE(cluster_time(std::int64_t{-1}, now));
}

}  // namespace
}  // namespace nezu::probe::control
