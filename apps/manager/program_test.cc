// The built nezu-manager, talked to by a small probe over plain loopback: admission, records, kill -9 and what is left after it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "common/base/random.h"
#include "common/base/system_clock.h"
#include "common/http/client.h"
#include "common/json/json.h"
#include "common/net/net.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"

namespace nezu::manager_app {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

// nezu-manager as a process, its database in a directory of its own.
class Manager {
 public:
  Manager() {
    char name[] = "/tmp/nezu-manager-test-XXXXXX";
    directory_ = ::mkdtemp(name);
    write("link: {listen: \"127.0.0.1:0\", insecure: true}\napi: {listen: \"127.0.0.1:0\"}\nstore: {path: " + directory_ +
          "/manager.db}\n");
  }
  ~Manager() {
    if (pid_ > 0) kill(SIGKILL);
    std::filesystem::remove_all(directory_);
  }
  void write(const std::string& config) { std::ofstream(directory_ + "/manager.yaml") << config; }

  int run(const std::vector<std::string>& more) {
    spawn(more);
    return wait();
  }
  void start() {
    spawn({});
    for (int i = 0; i < 1000 && !find("nezu-manager is ready"); ++i) std::this_thread::sleep_for(ms(10));  // seam: polls a real program
    ASSERT_TRUE(find("nezu-manager is ready")) << output();
    link_port_ = port_after(" link=127.0.0.1:");
    api_port_ = port_after(" api=127.0.0.1:");
  }
  int kill(int signal) {
    ::kill(pid_, signal);
    return wait();
  }
  std::string output() const {
    std::ifstream file(directory_ + "/log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool find(const std::string& text) const { return output().find(text) != std::string::npos; }
  std::uint16_t link_port() const { return link_port_; }
  json::Value get(const std::string& path) const {
    auto answer = http::Client("http://127.0.0.1:" + std::to_string(api_port_)).request("GET", path);
    if (!answer.ok()) return {};
    auto value = json::parse(answer->body);
    return value.ok() ? *value : json::Value(answer->body);
  }
  int post(const std::string& path, const std::string& body) const {
    auto answer = http::Client("http://127.0.0.1:" + std::to_string(api_port_)).request("POST", path, body);
    return answer.ok() ? answer->status : 0;
  }

 private:
  void spawn(const std::vector<std::string>& more) {
    const std::string log = directory_ + "/log", config = directory_ + "/manager.yaml";
    std::filesystem::remove(log);
    pid_ = ::fork();
    if (pid_ != 0) return;
    const int fd = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    std::vector<std::string> words{NEZU_MANAGER, "run", "--config", config};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::uint16_t port_after(const std::string& text) const {
    const std::string all = output();
    const std::size_t at = all.rfind(text);
    return at == std::string::npos ? std::uint16_t{0} : static_cast<std::uint16_t>(std::atoi(all.c_str() + at + text.size()));
  }
  std::string directory_;
  pid_t pid_ = 0;
  std::uint16_t link_port_ = 0, api_port_ = 0;
};

// A probe that only knows the link: it claims, and hands over records that count one transaction each.
class Probe {
 public:
  explicit Probe(std::uint8_t number) { instance_.bytes[0] = number; }

  bool connect(std::uint16_t port) {
    stream_.reset();
    reader_ = wire::FrameReader(wire::kMaxFrameBytes);
    ended = welcomed = false;
    net::connect_tcp(loop_, {"127.0.0.1", port}, Seconds(5), [this](Result<std::unique_ptr<net::Stream>> stream) {
      if (!stream.ok()) {
        ended = true;
        return;
      }
      stream_ = *std::move(stream);
      read();
    });
    until([&] { return stream_ != nullptr || ended; });
    if (!stream_) return false;
    wire::Hello hello;
    hello.logical_probe = "edge";
    hello.node = "node-" + std::to_string(instance_.bytes[0]);
    hello.instance = instance_;
    hello.window = Seconds(1);
    send(hello);
    return until([&] { return welcomed || ended; }) && welcomed;
  }
  void beat(bool promoted = true) {
    wire::Heartbeat heartbeat;
    heartbeat.promoted = promoted;
    heartbeat.claim_age = ms(1);
    heartbeat.epoch = heartbeat.held = epoch;
    heartbeat.applied = applied;
    for (const auto& wish : wanted) heartbeat.services.push_back({wish.service, wish.definition_version, true, second(first_second)});
    heartbeat.packet_clock = heartbeat.frame_clock = packet_time_ns(to_ns(SystemClock().wall()));
    send(heartbeat);
    next_beat_ = SystemClock().mono() + ms(200);
  }
  bool admitted() {
    const std::uint64_t before = epoch;
    beat();
    return until([&] { return epoch > before || ended; }) && !ended;
  }
  window::Record record(std::int64_t n) const {
    window::Record r;
    r.instance = instance_;
    r.epoch = epoch;
    r.span = {second(n), second(n + 1)};
    r.covered = {r.span};
    return r;
  }
  void send(const wire::Message& message) {
    if (stream_) stream_->write(wire::frame(wire::encode(message)), [](Status) {});
  }
  // Runs the loop until it holds; false after ten seconds. Once it is welcome it goes on beating as a real probe does, or the manager would
  // call it silent on a machine that makes it wait.
  template <class Holds>
  bool until(Holds holds) {
    const MonoTime end = SystemClock().mono() + Seconds(10);
    while (!holds()) {
      const MonoTime now = SystemClock().mono();
      if (now > end) return false;
      if (welcomed && !ended && now >= next_beat_) beat();
      net::Timer timer(loop_);
      timer.after(ms(2), [this] { loop_.stop(); });
      loop_.run();
    }
    return true;
  }
  void run_for(Nanos span) {
    const MonoTime end = SystemClock().mono() + span;
    until([&] { return SystemClock().mono() >= end; });
  }
  static PacketTime second(std::int64_t n) { return packet_time_ns(n * kSecond); }

  std::uint64_t epoch = 0, applied = 0;
  std::vector<wire::ServiceWish> wanted;
  std::set<std::int64_t> acked;  // seconds
  std::size_t acks = 0;
  bool ended = false, welcomed = false;
  std::int64_t first_second = 0;

 private:
  void read() {
    stream_->read([this](Result<std::string_view> bytes) {
      if (!bytes.ok() || bytes->empty()) {
        ended = true;
        return;
      }
      reader_.append(*bytes);
      for (auto next = reader_.next(); next.ok() && next->ready; next = reader_.next()) {
        auto message = wire::decode(next->bytes);
        ASSERT_TRUE(message.ok());
        welcomed = welcomed || std::holds_alternative<wire::Welcome>(*message);
        if (const auto* grant = std::get_if<wire::Grant>(&*message)) epoch = grant->epoch;
        if (const auto* instruction = std::get_if<wire::Instruction>(&*message)) {
          applied = instruction->number;
          wanted = instruction->services;
        }
        if (const auto* ack = std::get_if<wire::Ack>(&*message)) {
          acked.insert(to_ns(ack->begin) / kSecond);
          ++acks;
        }
      }
      read();
    });
  }
  net::EventLoop loop_;
  MonoTime next_beat_{};
  wire::InstanceId instance_;
  wire::FrameReader reader_{wire::kMaxFrameBytes};
  std::unique_ptr<net::Stream> stream_;
};

std::int64_t some_time_ago() { return to_ns(SystemClock().wall()) / kSecond - 3600; }

TEST(Program, check_config_and_usage) {
  Manager manager;
  EXPECT_EQ(manager.run({"--check-config"}), 0);
  EXPECT_TRUE(manager.find("manager.yaml: well"));
  EXPECT_EQ(manager.run({"--no-such-flag"}), 2);
  manager.write("link: {listen: \"0.0.0.0:0\", insecure: true}\nwindow: [1]\n");
  EXPECT_EQ(manager.run({"--check-config"}), 2);
  EXPECT_TRUE(manager.find("manager.yaml:1:")) << manager.output();
  EXPECT_TRUE(manager.find("manager.yaml:2:")) << manager.output();
  EXPECT_EQ(manager.run({}), 2) << "it doesn't start with it either";
  manager.write("link: {listen: \"127.0.0.1:0\", tls: {ca: no.crt, certificate: no.crt, key: no.key}}\n");
  EXPECT_EQ(manager.run({"--check-config"}), 0);
  EXPECT_EQ(manager.run({}), 2) << "files that aren't there";
  EXPECT_TRUE(manager.find("link.tls: no.crt")) << manager.output();
}

TEST(Program, admits_stores_monitors_and_stops_cleanly) {
  Manager manager;
  ASSERT_NO_FATAL_FAILURE(manager.start());
  Probe probe(1);
  ASSERT_TRUE(probe.connect(manager.link_port()));
  ASSERT_TRUE(probe.admitted());
  EXPECT_EQ(probe.epoch, 1u);
  const std::int64_t t = probe.first_second = some_time_ago();
  for (int i = 0; i < 20; ++i) probe.send(probe.record(t + i));
  ASSERT_TRUE(probe.until([&] { return probe.acked.size() == 20; }));

  EXPECT_EQ(manager.post("/api/v1/services/apply", R"({"services": [{"group": "shop", "name": "checkout"}]})"), 200);
  EXPECT_EQ(manager.post("/api/v1/services/shop%2Fcheckout/monitoring", R"({"wish": "start"})"), 202);
  ASSERT_TRUE(probe.until([&] { return probe.wanted.size() == 1; }));
  probe.beat();
  const auto state = [&] { return manager.get("/api/v1/services/shop%2Fcheckout")["monitoring"]["state"].string_or(""); };
  ASSERT_TRUE(probe.until([&] { return state() == "monitoring"; })) << state();
  const json::Value known = manager.get("/api/v1/probes")["probes"][std::size_t{0}];
  EXPECT_EQ(known["name"].string_or(""), "edge");
  EXPECT_EQ(known["state"].string_or(""), "connected");
  EXPECT_EQ(known["records"]["stored"].uint_or(0), 20u);
  EXPECT_NE(manager.get("/metrics").string_or("").find("nezu_records_stored_total{probe=\"edge\"} 20"), std::string::npos);

  EXPECT_EQ(manager.kill(SIGTERM), 0);
  EXPECT_TRUE(manager.find("nezu-manager has ended"));
  ASSERT_NO_FATAL_FAILURE(manager.start());
  EXPECT_TRUE(manager.get("/api/v1/status")["manager"]["clean_stop"].bool_or(false));
  EXPECT_EQ(state(), "monitoring");
}

// Each round another instance: the epoch must grow over every kill. What was acknowledged in any round must be there after it.
TEST(Program, kill_9_loses_nothing_that_was_acknowledged) {
  Manager manager;
  SeededRandom random(4);
  std::int64_t t = some_time_ago();
  std::uint64_t epoch = 0;
  for (std::uint8_t round = 1; round <= 8; ++round) {
    ASSERT_NO_FATAL_FAILURE(manager.start());
    Probe probe(round);
    ASSERT_TRUE(probe.connect(manager.link_port()));
    // The one before is lost with the manager: the new claim waits for claim_patience.
    ASSERT_TRUE(probe.until([&] {
      probe.beat();
      probe.run_for(ms(100));
      return probe.epoch != 0;
    }));
    EXPECT_GT(probe.epoch, epoch) << "round " << int{round};
    epoch = probe.epoch;
    const std::int64_t first = t;
    const Nanos life = ms(static_cast<std::int64_t>(20 + random.below(150)));
    const MonoTime end = SystemClock().mono() + life, patience = end + Seconds(5);
    // A disk that is slow to sync acknowledges nothing in so short a life: then it lives until something was.
    while (SystemClock().mono() < end || (probe.acked.empty() && SystemClock().mono() < patience)) {
      probe.send(probe.record(t++));
      probe.run_for(ms(3));
    }
    EXPECT_EQ(manager.kill(SIGKILL), 128 + SIGKILL);
    probe.until([&] { return probe.ended; });
    const std::set<std::int64_t> acked = probe.acked;
    ASSERT_FALSE(acked.empty());

    ASSERT_NO_FATAL_FAILURE(manager.start());
    EXPECT_FALSE(manager.get("/api/v1/status")["manager"]["clean_stop"].bool_or(true));
    ASSERT_TRUE(probe.connect(manager.link_port()));
    probe.beat();
    probe.acks = 0;
    for (std::int64_t s = first; s < t; ++s) probe.send(probe.record(s));
    const auto sent = static_cast<std::size_t>(t - first);
    ASSERT_TRUE(probe.until([&] { return probe.acks == sent; })) << probe.acks << " of " << sent;
    const json::Value records = manager.get("/api/v1/probes")["probes"][std::size_t{0}]["records"];
    // All that was acknowledged is there: it comes again as a repeat. What wasn't acknowledged may have been stored as well.
    EXPECT_GE(records["repeats"].uint_or(0), acked.size());
    EXPECT_EQ(records["repeats"].uint_or(0) + records["stored"].uint_or(0), sent);
    EXPECT_EQ(records["refused"].uint_or(1), 0u);
    EXPECT_EQ(manager.kill(SIGTERM), 0);
  }
}

}  // namespace
}  // namespace nezu::manager_app
