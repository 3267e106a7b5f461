// The whole nezu-probe as a program: hello → grant → records → acknowledgements → the connection is killed → what wasn't acknowledged comes
// once more → SIGTERM cuts and delivers the last window.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>

#include "probe/control/control.h"
#include "probe/fake_manager.h"
#include "probe/traffic.h"

namespace nezu {
namespace {

using std::chrono::steady_clock;

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("nezu-probe-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  void write_config(const std::string& interface, const std::string& more = {}) {
    std::ofstream(folder_ / "probe.yaml") << "probe: {name: edge, node: test}\n"
                                          << "manager: {address: \"127.0.0.1:" << manager_.port() << "\", insecure: true}\n"
                                          << "capture: {interface: " << interface << ", ports: [" << traffic_.port() << "]}\n"
                                          << "control: {socket: " << socket() << "}\n"
                                          << more;
  }
  std::string socket() const { return folder_ / "p.sock"; }

  void start(const std::string& replay = {}) {
    const std::string config = folder_ / "probe.yaml";
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      if (replay.empty())
        ::execl(NEZU_PROBE_PROGRAM, "nezu-probe", "run", "--config", config.c_str(), nullptr);
      else
        ::execl(NEZU_PROBE_PROGRAM, "nezu-probe", "run", "--config", config.c_str(), "--replay", replay.c_str(), nullptr);
      ::_exit(127);
    }
  }
  int wait_for_exit(int timeout_ms) {
    const auto until = steady_clock::now() + Millis(timeout_ms);
    int status = 0;
    while (steady_clock::now() < until) {
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      }
      ::usleep(5000);
    }
    return -1000;
  }

  // Accepts, greets, and says what is to be done: one service, on the traffic's port.
  void admit(std::uint64_t epoch) {
    ASSERT_TRUE(manager_.accept(5000)) << "the probe doesn't connect";
    const auto hello = manager_.receive(2000);
    ASSERT_TRUE(hello && std::holds_alternative<wire::Hello>(*hello));
    EXPECT_EQ(std::get<wire::Hello>(*hello).logical_probe, "edge");
    manager_.send(wire::Welcome{});
    if (epoch == 0) return;
    wire::Grant grant;
    grant.epoch = epoch;
    manager_.send(grant);
    wire::ServiceDefinition d;
    d.service = 3;
    d.version = 1;
    d.definition.name = "shop";
    d.definition.ports = {traffic_.port()};
    d.all_target = 30;
    manager_.send(wire::Definitions{{d}});
    wire::Instruction i;
    i.number = 1;
    i.services = {{3, 1}};
    manager_.send(i);
  }

  // Plays the manager until `done`, or for so long. Records are stored; acknowledged where `acknowledge` says so. `found`: takes discoveries.
  void play(int timeout_ms, const std::function<bool()>& done, const std::function<bool(const window::Record&)>& acknowledge,
            const std::function<void(const wire::DiscoveryEntries&)>& found = {}) {
    const auto until = steady_clock::now() + Millis(timeout_ms);
    while (!done() && steady_clock::now() < until && !manager_.ended()) {
      const auto m = manager_.receive(20);
      if (!m) continue;
      if (const auto* h = std::get_if<wire::Heartbeat>(&*m)) {
        heartbeat_ = *h;
        manager_.send(wire::Beat{});
      } else if (const auto* r = std::get_if<window::Record>(&*m)) {
        received_.push_back(*r);
        if (acknowledge(*r)) {
          stored_.push_back(*r);
          manager_.send(wire::Ack{r->span.begin, r->span.end, r->epoch});
        }
      } else if (const auto* entries = std::get_if<wire::DiscoveryEntries>(&*m)) {
        if (found) found(*entries);
      } else if (std::holds_alternative<wire::Bye>(*m)) {
        bye_ = true;
      }
    }
    EXPECT_TRUE(done()) << "not within " << timeout_ms << " ms";
  }
  static bool always(const window::Record&) { return true; }
  bool measuring() const { return heartbeat_.applied == 1 && !heartbeat_.services.empty() && heartbeat_.services[0].monitoring; }

  std::uint64_t stored(std::uint64_t window::Figures::*figure) const {
    std::uint64_t n = 0;
    for (const auto& r : stored_) {
      for (const auto& s : r.services) {
        for (const auto& t : s.targets) n += t.figures.*figure;
      }
    }
    return n;
  }

  std::filesystem::path folder_;
  testing::FakeManager manager_;
  testing::Traffic traffic_;
  ::pid_t pid_ = -1;
  wire::Heartbeat heartbeat_;
  std::vector<window::Record> received_, stored_;
  bool bye_ = false;
};

TEST_F(DaemonTest, FromHelloToTheLastWindow) {
  write_config("lo");
  start();
  admit(7);
  play(
      3000, [&] { return measuring() && heartbeat_.capture.running; }, always);
  EXPECT_EQ(heartbeat_.epoch, 7u);

  // Requests in several windows, on a connection that was open before the probe began; the second record isn't acknowledged.
  std::optional<window::Span> withheld;
  const auto withhold_second = [&](const window::Record& r) {
    if (stored_.size() == 1 && !withheld) withheld = r.span;
    return !withheld;
  };
  play(
      6000,
      [&] {
        traffic_.request();
        ::usleep(5000);
        return withheld.has_value();
      },
      withhold_second);
  ASSERT_TRUE(withheld);
  manager_.reset();
  for (int i = 0; i < 20; ++i) traffic_.request();  // nobody listens; the probe measures on

  admit(0);
  const std::size_t before = received_.size();
  play(
      3000, [&] { return stored_.size() >= 3; }, always);
  EXPECT_EQ(heartbeat_.epoch, 7u) << "the same instance goes on under its epoch";
  ASSERT_GT(received_.size(), before);
  EXPECT_EQ(received_[before].span, *withheld) << "what wasn't acknowledged comes first";
  std::size_t times = 0;
  for (std::size_t i = before; i < received_.size(); ++i) times += received_[i].span == *withheld ? 1 : 0;
  EXPECT_EQ(times, 1u) << "once";

  json::Value ask;
  ask.set("command", "health").set("depth", 10);
  const auto health = probe::control::ask(socket(), ask, Seconds(2));
  ASSERT_TRUE(health.ok()) << health.error().message();
  EXPECT_TRUE((*health)["healthy"].bool_or(false));

  // In the middle of a window.
  play(
      2000, [&, n = stored_.size()] { return stored_.size() > n; }, always);
  for (int i = 0; i < 25; ++i) traffic_.request();
  ::usleep(100'000);
  ASSERT_EQ(::kill(pid_, SIGTERM), 0);
  play(
      5000, [&] { return bye_; }, always);
  EXPECT_EQ(wait_for_exit(3000), 0);

  EXPECT_EQ(stored(&window::Figures::transactions), traffic_.requests()) << "each request, once";
  EXPECT_EQ(stored(&window::Figures::errors), traffic_.errors());
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    EXPECT_EQ(window::validate(stored_[i], Seconds(1)), "");
    EXPECT_EQ(stored_[i].epoch, 7u);
    if (i > 0) { EXPECT_GE(stored_[i].span.begin, stored_[i - 1].span.end); }
  }
  const window::Span last = stored_.back().span;
  EXPECT_LT(last.length(), Nanos(Seconds(1))) << "the last window was cut short";
  EXPECT_NE(floor_to(last.end, Seconds(1)), last.end);
}

// A job, its source's filter, a connection that is lost before the acknowledgement: each request is counted once. Then its end.
TEST_F(DaemonTest, DiscoversForTheJobThatItIsTold) {
  write_config("lo");
  start();
  admit(7);
  play(
      3000, [&] { return measuring() && heartbeat_.capture.running; }, always);
  const std::uint64_t before = traffic_.requests();
  for (int i = 0; i < 10; ++i) traffic_.request();  // nobody discovers yet
  // Until they are counted: what is still in the ring when the job comes would rightly be found.
  play(
      5000, [&] { return stored(&window::Figures::transactions) >= 10; }, always);
  wire::Instruction instruction;
  instruction.number = 2;
  instruction.services = {{3, 1}};
  instruction.discovery_job = 5;
  instruction.discovery_source = *parse_ip_prefix("127.0.0.0/8");
  manager_.send(instruction);
  play(
      3000, [&] { return heartbeat_.discovery_job == 5; }, always);

  std::map<std::string, std::uint64_t> counted;
  std::map<std::uint64_t, int> numbers;
  std::uint64_t sum = 0;
  bool withheld = false;
  const auto listen = [&](int timeout_ms, bool acknowledge, const std::function<bool()>& done) {
    play(timeout_ms, done, always, [&](const wire::DiscoveryEntries& found) {
      EXPECT_EQ(found.job, 5u);
      withheld = withheld || !acknowledge;
      ++numbers[found.number];
      if (!acknowledge) return;
      for (const wire::DiscoveryEntry& e : found.entries) {
        EXPECT_EQ(e.host, "shop.example.net");
        EXPECT_EQ(e.port, traffic_.port());
        EXPECT_EQ(e.timed, e.count);
        EXPECT_GT(e.response_time_sum, Nanos(0));
        counted[e.method + " " + e.path] += e.count;
        sum += e.count;
      }
      manager_.send(wire::DiscoveryAck{found.job, found.number});
    });
  };
  for (int i = 0; i < 40; ++i) traffic_.request();
  listen(3000, true, [&] { return sum == 40; });
  for (int i = 0; i < 20; ++i) traffic_.request();
  listen(3000, false, [&] { return withheld; });
  manager_.reset();
  for (int i = 0; i < 5; ++i) traffic_.request();
  admit(0);
  listen(3000, true, [&] { return sum == 65; });
  EXPECT_EQ(heartbeat_.discovery_job, 5u) << "the same instance goes on";
  std::uint64_t bad = 0;
  for (std::uint64_t i = before + 10; i < traffic_.requests(); ++i) bad += i % 10 == 9 ? 1 : 0;
  EXPECT_EQ(counted, (std::map<std::string, std::uint64_t>{{"GET /bad", bad}, {"GET /good", 65 - bad}}));
  EXPECT_EQ(std::count_if(numbers.begin(), numbers.end(), [](const auto& n) { return n.second > 1; }), 1) << "one was sent again";

  instruction.number = 3;
  instruction.discovery_job = 0;
  manager_.send(instruction);
  listen(3000, true, [&] { return heartbeat_.discovery_job == 0; });
  for (int i = 0; i < 10; ++i) traffic_.request();
  listen(600, true, [&, until = steady_clock::now() + Millis(500)] { return steady_clock::now() > until; });
  EXPECT_EQ(sum, 65u);
}

TEST_F(DaemonTest, ABadFileChangesNothing_AGoodOneIsTaken) {
  write_config("lo");
  start();
  admit(1);
  play(
      3000, [&] { return measuring(); }, always);
  json::Value reload;
  reload.set("command", "reload");
  std::ofstream(folder_ / "probe.yaml") << "probe: {name: edge}\nnonsense: 1\n";
  const auto bad = probe::control::ask(socket(), reload, Seconds(2));
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message(), ::testing::HasSubstr("2:1: nonsense: unknown key"));
  write_config("lo", "spool: {windows: 2}\n");
  const auto good = probe::control::ask(socket(), reload, Seconds(2));
  EXPECT_TRUE(good.ok()) << good.error().message();
  play(
      3000, [&] { return stored_.size() >= 2; }, always);
}

TEST_F(DaemonTest, AManagerOfAnotherVersionIsNotTakenForASession) {
  write_config("lo");
  start();
  ASSERT_TRUE(manager_.accept(5000));
  ASSERT_TRUE(manager_.receive(2000));
  wire::Refusal refusal;
  refusal.reason = wire::Refusal::Reason::protocol;
  refusal.protocol_min = refusal.protocol_max = 9;
  manager_.send(refusal);
  EXPECT_FALSE(manager_.receive(1000));
  EXPECT_TRUE(manager_.ended());
  EXPECT_FALSE(manager_.accept(3000)) << "tried again, but slowly";
  json::Value ask;
  ask.set("command", "status");
  const auto status = probe::control::ask(socket(), ask, Seconds(2));
  ASSERT_TRUE(status.ok());
  EXPECT_THAT((*status)["session"]["state"].string_or(""), ::testing::HasSubstr("the manager speaks 9 to 9, we speak 1 to 1"));
  ASSERT_EQ(::kill(pid_, SIGTERM), 0);
  EXPECT_EQ(wait_for_exit(3000), 0);
}

TEST_F(DaemonTest, AnInterfaceThatDoesNotExistIsAnErrorAtTheStart) {
  write_config("nezu-none0");
  start();
  EXPECT_EQ(wait_for_exit(5000), 2);
}

// Three seconds of a capture file, delivered in the windows of its own time, as fast as they can be read.
TEST_F(DaemonTest, ACaptureFileThroughTheWholeDaemon) {
  const std::string file = folder_ / "t.pcap";
  testing::write_capture(file, traffic_.port(), 300, Millis(10));
  write_config("lo");
  start(file);
  admit(3);
  play(
      10'000, [&] { return bye_; }, always);
  EXPECT_EQ(wait_for_exit(3000), 0);
  EXPECT_EQ(stored(&window::Figures::transactions), 300u);
  ASSERT_EQ(stored_.size(), 4u);
  EXPECT_EQ(stored_[1].span.begin, packet_time_ns(1'700'000'001'000'000'000));
  EXPECT_EQ(stored_[1].services[0].targets[0].figures.transactions, 100u);
  EXPECT_EQ(stored_[1].services[0].targets[0].figures.response_time_max, Nanos(Millis(3)));
}

// The interface goes away and comes back: a fault that is told, a gap in the coverage, and the measuring goes on by itself.
TEST_F(DaemonTest, AnInterfaceThatGoesAwayAndComesBack) {
  const std::string name = "h5t" + std::to_string(::getpid() % 100000);
  const std::string make =
      "ip link add " + name + " type veth peer name " + name + "p && ip link set " + name + "p up && ip link set " + name + " up";
  ASSERT_EQ(std::system(make.c_str()), 0) << "needs ip and CAP_NET_ADMIN";
  write_config(name);
  start();
  admit(1);
  play(
      5000, [&] { return measuring() && stored_.size() >= 1; }, always);
  ASSERT_EQ(std::system(("ip link del " + name).c_str()), 0);
  play(
      5000, [&] { return !heartbeat_.capture.running && !heartbeat_.capture.fault.empty(); }, always);
  play(
      1500, [&, until = steady_clock::now() + Millis(1200)] { return steady_clock::now() > until; }, always);
  ASSERT_EQ(std::system(make.c_str()), 0);
  play(
      5000, [&] { return heartbeat_.capture.running; }, always);
  const std::size_t before = stored_.size();
  play(
      5000, [&] { return stored_.size() >= before + 2; }, always);
  ASSERT_EQ(std::system(("ip link del " + name).c_str()), 0);
  window::Spans covered;
  for (const auto& r : stored_) covered = window::unite(covered, r.covered);
  EXPECT_GE(covered.size(), 2u) << "what nobody watched is covered by nothing";
}

// A port whose other end is off is up, and gives no error: nothing that it didn't bring may be called covered.
TEST_F(DaemonTest, AnInterfaceWithoutCarrierCoversNothing) {
  const std::string name = "h6t" + std::to_string(::getpid() % 100000);
  const std::string peer = "ip link set " + name + "p ";
  ASSERT_EQ(
      std::system(("ip link add " + name + " type veth peer name " + name + "p && " + peer + "up && ip link set " + name + " up").c_str()),
      0)
      << "needs ip and CAP_NET_ADMIN";
  write_config(name);
  start();
  admit(1);
  play(
      5000, [&] { return measuring() && stored_.size() >= 1; }, always);
  ASSERT_EQ(std::system((peer + "down").c_str()), 0);
  play(
      2000, [&] { return heartbeat_.capture.fault.find("carrier") != std::string::npos; }, always);
  play(
      3000, [&, until = steady_clock::now() + Millis(2500)] { return steady_clock::now() > until; }, always);
  ASSERT_EQ(std::system((peer + "up").c_str()), 0);
  play(
      5000, [&] { return heartbeat_.capture.running; }, always);
  const std::size_t before = stored_.size();
  play(
      5000, [&] { return stored_.size() >= before + 2; }, always);
  ASSERT_EQ(std::system(("ip link del " + name).c_str()), 0);
  window::Spans covered;
  for (const auto& r : stored_) covered = window::unite(covered, r.covered);
  ASSERT_EQ(covered.size(), 2u);
  EXPECT_GT(covered[1].begin - covered[0].end, Nanos(Millis(2400)));
}

}  // namespace
}  // namespace nezu
