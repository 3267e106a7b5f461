#include "manager/api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "common/base/fake_clock.h"
#include "common/base/mutex.h"
#include "common/base/text.h"
#include "common/http/client.h"
#include "common/http/target.h"
#include "common/json/json.h"
#include "manager/api/fake_backend.h"
#include "manager/api/openapi.h"
#include "manager/store/memory_store.h"

namespace nezu::api {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class FakeStream final : public http::EventStream {
 public:
  bool send(std::string_view event, std::string_view data) override {
    if (!is_open) return false;
    sent.emplace_back(event, data);
    return true;
  }
  bool open() const override { return is_open; }
  bool is_open = true;
  std::vector<std::pair<std::string, std::string>> sent;
};

class FakeResponder final : public http::Responder {
 public:
  void send(http::Response r) override { response = std::move(r); }
  std::shared_ptr<http::EventStream> start_events() override { return stream = std::make_shared<FakeStream>(); }
  std::optional<http::Response> response;
  std::shared_ptr<FakeStream> stream;
};

// What is posted from the query thread, for the test's thread.
class Posted {
 public:
  void push(UniqueFunction<void()> task) {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void run_one() {
    UniqueFunction<void()> task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty()) changed_.wait(mutex_);
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::deque<UniqueFunction<void()>> tasks_ NEZU_GUARDED_BY(mutex_);
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() : api_(backend_, store_, clock_, options()), handler_(api_.handler()) {}
  Options options() {
    Options o;
    o.post = [this](UniqueFunction<void()> task) { posted_.push(std::move(task)); };
    o.metrics = [] { return std::string("nezuban_up 1\n"); };
    o.max_streams = 2;
    return o;
  }
  std::shared_ptr<FakeResponder> call(const std::string& method, const std::string& target, const std::string& body = {},
                                      const std::string& type = "application/json") {
    http::Request request;
    request.method = method;
    request.target = target;
    EXPECT_TRUE(http::parse_target(request).ok());
    request.body = body;
    if (!body.empty()) request.headers["content-type"] = type;
    auto responder = std::make_shared<FakeResponder>();
    handler_(request, responder);
    return responder;
  }
  // The answer's JSON; a query's comes from the thread.
  json::Value ask(const std::string& method, const std::string& target, int status, const std::string& body = {}) {
    auto responder = call(method, target, body);
    if (!responder->response) posted_.run_one();
    if (!responder->response) return {};
    EXPECT_EQ(responder->response->status, status) << responder->response->body;
    EXPECT_EQ(responder->response->content_type, status < 400 ? "application/json" : "application/problem+json");
    auto value = json::parse(responder->response->body);
    EXPECT_TRUE(value.ok()) << responder->response->body;
    if (!value) return {};
    EXPECT_EQ((*value)["status"].int_or(status), status >= 400 ? status : (*value)["status"].int_or(status));
    return *value;
  }
  std::string detail(const std::string& method, const std::string& target, int status, const std::string& body = {}) {
    return ask(method, target, status, body)["detail"].string_or("");
  }
  void apply_checkout() {
    ask("POST", "/api/v1/services/apply", 200,
        R"({"services":[{"group":"shop","name":"checkout","transactions":[{"name":"pay","path":{"prefix":"/pay"}}]}]})");
  }

  FakeClock clock_;
  FakeBackend backend_;
  store::MemoryStore store_;
  Posted posted_;
  Api api_;
  http::Handler handler_;
};

constexpr const char* kService = "/api/v1/services/shop%2Fcheckout";

TEST_F(ApiTest, AnswersForLoopbackOnly) {
  const auto status_for = [this](const char* host) {
    http::Request request;
    request.method = "GET";
    request.target = "/api/v1/status";
    EXPECT_TRUE(http::parse_target(request).ok());
    request.headers["host"] = host;
    auto responder = std::make_shared<FakeResponder>();
    handler_(request, responder);
    return responder->response ? responder->response->status : 0;
  };
  for (const char* host : {"localhost", "LocalHost:7480", "127.0.0.1:7480", "127.0.0.1", "[::1]:7480", "[::1]"})
    EXPECT_EQ(status_for(host), 200) << host;
  for (const char* host : {"rebound.example:7480", "192.0.2.1", "[2001:db8::1]:7480", "[::1", "localhost.example", ""})
    EXPECT_EQ(status_for(host), 421) << host;
}

TEST_F(ApiTest, ServicesAreAppliedShownWishedAndDeleted) {
  auto changes = ask("POST", "/api/v1/services/apply", 200, R"({"services":[{"group":"shop","name":"checkout"}],"dry_run":true})");
  EXPECT_EQ(changes["changes"][0]["action"].string_or(""), "created");
  EXPECT_THAT(detail("GET", kService, 404), HasSubstr("shop/checkout"));
  apply_checkout();
  auto service = ask("GET", kService, 200);
  EXPECT_EQ(service["name"].string_or(""), "shop/checkout");
  EXPECT_EQ(service["targets"][0]["name"].string_or(""), "all");
  EXPECT_EQ(service["targets"][1]["name"].string_or(""), "pay");
  EXPECT_EQ(service["monitoring"]["state"].string_or(""), "stopped");
  auto wished = call("POST", std::string(kService) + "/monitoring", R"({"wish":"start"})");
  EXPECT_EQ(wished->response->status, 202);
  EXPECT_EQ(ask("GET", "/api/v1/status", 200)["services"]["monitoring"].int_or(0), 1);
  EXPECT_THAT(detail("DELETE", kService, 409), HasSubstr("is monitored"));
  call("POST", std::string(kService) + "/monitoring", R"({"wish":"stop"})");
  auto removed = call("DELETE", kService);
  EXPECT_EQ(removed->response->status, 204);
  EXPECT_EQ(removed->response->body, "");
  EXPECT_EQ(ask("GET", "/api/v1/services", 200)["services"].size(), 0u);
}

TEST_F(ApiTest, WrongRequestsAreNamed) {
  apply_checkout();
  const std::string apply = "/api/v1/services/apply";
  EXPECT_THAT(detail("POST", apply, 400, R"({"services":[{"name":"a"},{"name":"b","ports":[70000]}]})"), StartsWith("services[1]: "));
  EXPECT_THAT(detail("POST", apply, 400, R"({"services":[{"name":"a"},{"name":"a"}]})"), HasSubstr("twice"));
  EXPECT_EQ(detail("POST", apply, 400, R"({"services":[],"dryrun":true})"), "dryrun: unknown member");
  EXPECT_EQ(detail("POST", apply, 400, R"({"services":[],"prune":1})"), "prune: wanted true or false");
  EXPECT_THAT(detail("POST", apply, 400, R"({"services":3})"), HasSubstr("wanted an array"));
  EXPECT_THAT(detail("POST", apply, 400, R"({"services":)"), StartsWith("body: line 1"));
  EXPECT_THAT(detail("POST", std::string(kService) + "/monitoring", 400, R"({"wish":"maybe"})"), HasSubstr("\"start\" or \"stop\""));
  EXPECT_EQ(call("POST", apply, "{}", "text/plain")->response->status, 415);
  EXPECT_EQ(call("POST", apply)->response->status, 415);
  EXPECT_EQ(detail("GET", "/api/v1/services?nmae=x", 400), "nmae: unknown parameter");
  EXPECT_THAT(detail("GET", "/api/v1/nothing", 404), HasSubstr("/api/v1/nothing"));
  EXPECT_THAT(detail("GET", "/api/v1/failovers/x", 400), HasSubstr("wanted its number"));
  EXPECT_EQ(call("GET", "/api/v1/failovers/77")->response->status, 404);
  auto wrong = call("PUT", kService);
  EXPECT_EQ(wrong->response->status, 405);
  EXPECT_THAT(wrong->response->headers, ::testing::Contains(::testing::Pair("Allow", "GET, HEAD, DELETE")));
  const std::string query = "/api/v1/query?service=shop%2Fcheckout";
  EXPECT_THAT(detail("GET", "/api/v1/query", 400), StartsWith("service: "));
  EXPECT_EQ(call("GET", "/api/v1/query?service=no")->response->status, 404);
  EXPECT_THAT(detail("GET", query + "&target=nope", 404), StartsWith("target nope"));
  EXPECT_THAT(detail("GET", query + "&probe=nope", 404), StartsWith("probe nope"));
  EXPECT_THAT(detail("GET", query + "&from=yesterday", 400), StartsWith("from: yesterday"));
  EXPECT_THAT(detail("GET", query + "&step=5s", 400), StartsWith("step: 5s"));
  EXPECT_THAT(detail("GET", query + "&from=2026-01-02&to=2026-01-01", 400), StartsWith("to: "));
  EXPECT_EQ(detail("GET", query + "&step=1s&step=1m", 400), "step: is given twice");
  EXPECT_GT(api_.counters().problems, 15u);
}

TEST_F(ApiTest, FaultsOfTheStoreAre503) {
  apply_checkout();
  backend_.failure = Error(ErrorCode::no_space, "manager.db: disk full");
  EXPECT_EQ(call("POST", "/api/v1/services/apply", R"({"services":[]})")->response->status, 503);
  EXPECT_EQ(call("DELETE", kService)->response->status, 503);
  EXPECT_EQ(call("GET", "/healthz")->response->status, 200);
  EXPECT_EQ(call("GET", "/healthz")->response->body, "ok\n");
  EXPECT_EQ(call("GET", "/readyz")->response->status, 200);
  backend_.manager_view.store.fault = "manager.db: disk full";
  EXPECT_THAT(detail("GET", "/healthz", 503), HasSubstr("disk full"));
  EXPECT_THAT(detail("GET", "/readyz", 503), HasSubstr("disk full"));
  backend_.manager_view.store.fault.clear();
  backend_.manager_view.ready = false;
  EXPECT_EQ(call("GET", "/healthz")->response->status, 200);
  EXPECT_THAT(detail("GET", "/readyz", 503), HasSubstr("not let in"));
  using Fields = std::vector<std::pair<std::string, std::string>>;
  backend_.manager_view.process = 4711;
  EXPECT_EQ(call("GET", "/readyz")->response->headers, (Fields{{"Nezuban-Process", "4711"}, {"Retry-After", "1"}}));
  backend_.manager_view.store.fault = "manager.db: disk full";
  EXPECT_EQ(call("GET", "/readyz")->response->headers, (Fields{{"Nezuban-Process", "4711"}})) << "waiting doesn't help";
}

TEST_F(ApiTest, QueryTellsFiguresAndCoverage) {
  apply_checkout();
  const std::int64_t begin = to_ns(clock_.wall()) / 1'000'000'000 - 100;
  backend_.spans.push_back({1, 1, "edge", packet_time_ns(begin * 1'000'000'000), std::nullopt});
  window::Record r;
  r.span = {packet_time_ns((begin + 1) * 1'000'000'000), packet_time_ns((begin + 2) * 1'000'000'000)};
  r.covered = {r.span};
  window::ServicePart part;
  part.service = 1;
  part.covered = {r.span};
  window::TargetFigures t;
  t.target = 10;
  t.figures.transactions = t.figures.timed = 4;
  t.figures.errors = t.figures.status_class[5] = 1;
  t.figures.status_class[2] = 3;
  t.figures.response_time.add_bucket(sketch::Histogram::bucket_of(std::chrono::milliseconds(20)), 4);
  t.figures.response_time_sum = std::chrono::milliseconds(80);
  t.figures.response_time_max = std::chrono::milliseconds(20);
  part.targets.push_back(t);
  r.services.push_back(part);
  store::WriteBatch batch;
  batch.records.push_back({"edge", r});
  store_.write(std::move(batch), nullptr);
  auto answer = ask("GET",
                    "/api/v1/query?service=shop%2Fcheckout&step=1s&from=" + http::url_encode(format_rfc3339(begin * 1'000'000'000)) +
                        "&to=" + http::url_encode(format_rfc3339((begin + 3) * 1'000'000'000)),
                    200);
  ASSERT_EQ(answer["points"].size(), 3u);
  EXPECT_EQ(answer["step"].int_or(0), 1);
  const auto& gap = answer["points"][0];
  EXPECT_EQ(gap["kind"].string_or(""), "gap");
  EXPECT_TRUE(gap["transactions"].is_null());
  EXPECT_TRUE(gap["response_time"].is_null());
  const auto& measured = answer["points"][1];
  EXPECT_EQ(measured["kind"].string_or(""), "measured");
  EXPECT_EQ(measured["covered"].number_or(0), 1);
  EXPECT_EQ(measured["throughput"].number_or(0), 4);
  EXPECT_EQ(measured["error_rate"].number_or(0), 0.25);
  EXPECT_EQ(measured["status"]["5xx"].int_or(0), 1);
  EXPECT_DOUBLE_EQ(measured["response_time"]["average"].number_or(0), 0.02);
  EXPECT_NEAR(measured["response_time"]["p99"].number_or(0), 0.02, 0.0003);
  EXPECT_LE(measured["response_time"]["p99"].number_or(0), 0.02);
  EXPECT_NEAR(answer["totals"]["covered"].number_or(0), 1.0 / 3, 1e-9);
  EXPECT_TRUE(answer["totals"]["network"]["handshake_rtt"].is_null());
}

TEST_F(ApiTest, WatchersGetStatesAndWindows) {
  apply_checkout();
  EXPECT_EQ(backend_.watchers(), 0u);
  auto first = call("GET", "/api/v1/live");
  auto second = call("GET", "/api/v1/live");
  ASSERT_TRUE(first->stream && second->stream);
  EXPECT_EQ(call("GET", "/api/v1/live")->response->status, 503) << "more than max_streams";
  ASSERT_EQ(first->stream->sent.size(), 1u);
  EXPECT_EQ(first->stream->sent[0].first, "state");
  api_.tick();
  EXPECT_EQ(first->stream->sent.size(), 1u) << "nothing has changed";
  call("POST", std::string(kService) + "/monitoring", R"({"wish":"start"})");
  api_.tick();
  ASSERT_EQ(first->stream->sent.size(), 2u);
  EXPECT_THAT(first->stream->sent[1].second, HasSubstr("\"monitoring\""));
  window::Record r;
  r.span = {packet_time_ns(0), packet_time_ns(1'000'000'000)};
  window::ServicePart part;
  part.service = 1;
  part.covered = {{packet_time_ns(0), packet_time_ns(500'000'000)}};
  r.services.push_back(part);
  part.service = 99;  // of a service that has been deleted
  r.services.push_back(part);
  backend_.emit("edge", r);
  ASSERT_EQ(first->stream->sent.size(), 3u);
  auto window = json::parse(first->stream->sent[2].second);
  ASSERT_TRUE(window.ok());
  EXPECT_EQ((*window)["services"].size(), 2u) << "all web access and pay";
  EXPECT_EQ((*window)["services"][0]["kind"].string_or(""), "gap");
  EXPECT_EQ((*window)["services"][0]["covered"].number_or(0), 0.5);
  first->stream->is_open = false;
  backend_.emit("edge", r);
  EXPECT_EQ(first->stream->sent.size(), 3u);
  EXPECT_EQ(second->stream->sent.size(), 4u);
  EXPECT_EQ(api_.counters().open_streams, 1u);
  second->stream->is_open = false;
  api_.tick();
  EXPECT_EQ(backend_.watchers(), 0u) << "nobody looks";
}

TEST_F(ApiTest, MetricsAndDocument) {
  EXPECT_EQ(call("GET", "/metrics")->response->body, "nezuban_up 1\n");
  auto document = ask("GET", "/api/v1/openapi.json", 200);
  EXPECT_EQ(document["openapi"].string_or(""), "3.1.0");
  EXPECT_TRUE(document["paths"]["/api/v1/query"].is_object());
}

}  // namespace
}  // namespace nezu::api
