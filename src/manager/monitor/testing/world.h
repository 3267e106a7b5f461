// A world for the monitor's tests: probes, links, a cluster and the manager's disk on virtual time; one seed replays everything. It has the
// part of failover.md that concerns the manager: an instance here measures nothing, it cuts records of which only the span matters.
// What is wrong is written to `violations`, with the invariant's number:
//   3 acknowledged = stored   4 epochs only grow   5 records don't overlap   7 discovery never goes on in another instance
//   8 wished = reported after the calm   9 no admission without a cause, no flapping, never by an old claim from an active that is well
//   10 no notice twice   11 after the calm one is at work and nobody else believes to be
#pragma once

#include <fmt/core.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "manager/ingest/ingest.h"
#include "manager/monitor/monitor.h"

namespace nezu::monitor::testing {

inline constexpr ServiceId kService = 7;

struct Config {
  bool warm = true;
  bool exact = false;  // shortest delays instead of random ones: for the tables
  Options options;
};

class World;

// A connection: in order, held while the link is cut; each end may be gone without the other's knowing.
struct Conn {
  SessionId id = 0;
  struct Instance* instance = nullptr;
  bool probe_open = true, manager_open = true, lose_next = false;
  std::deque<std::function<void()>> held;
  MonoTime last_up{}, last_down{};
};

struct Instance {
  InstanceId id;
  char node = 'a';
  bool alive = true, paused = false, promoted = false, waiting = false, mute = false;
  Nanos clock{0};  // its packet clock less the logical probe's time
  MonoTime began{}, promoted_at{}, heard{}, retry_at{}, beat_at{}, trouble{}, alone{};
  std::uint64_t epoch = 0, was = 0, superseded = 0, applied = 0, discovery = 0;
  bool measures = false, stands = false;  // stands: its capture gives nothing, and it says so
  struct {
    std::uint64_t both = 0, only_here = 0, only_named = 0;
  } compares, compared;  // a second; so far
  MonoTime compared_at{};
  PacketTime measures_since{}, stopped_at{}, cut{}, stored_until{};
  std::map<ServiceId, std::uint64_t> versions;
  std::shared_ptr<Conn> conn;
  std::vector<window::Record> spool;
  std::deque<std::pair<std::shared_ptr<Conn>, wire::Message>> inbox;
};

class World {
 public:
  World(std::uint64_t seed, const Config& config);
  ~World() {  // what is held for a connection holds the connection
    for (auto& conn : made_) conn->held.clear();
  }

  // ---- time
  void run(Nanos span);
  MonoTime now() const { return now_; }
  Now clocks() const { return {now_, wall_time_ns(to_ns(now_) + kEpoch)}; }
  Nanos random(Nanos low, Nanos high);
  bool chance(double share) { return random_.next_unit() < share; }
  void at(Nanos delay, std::function<void()> task);

  // ---- people
  void wish(bool on);
  void discover(bool on);

  // ---- faults
  void kill(char node, Nanos noticed);
  void pause(char node, Nanos span);
  void cut_link(char node, Nanos span);
  void reset(char node);
  void lose_answer(char node);
  void crash_manager(Nanos away);
  void planned();
  void split(Nanos span);
  void calm();
  void fault() { last_fault_ = now_; }
  bool cluster_acts = true;  // whether the cluster notices and moves; the tables may want to do that themselves

  // ---- what is seen
  Instance* at_node(char node);
  Instance* holder();
  char active_node();
  char standby_node();  // the other one
  Monitor& monitor() { return *monitor_; }
  bool manager_up() const { return monitor_ != nullptr; }
  ServiceStatus service() { return monitor_->service(kService); }
  ProbeStatus probe();
  std::uint64_t epoch() { return monitor_->epoch("edge"); }
  std::size_t notices(const std::string& code) const;
  bool notice_open(const std::string& code) const;
  std::vector<store::FailoverRecord> failovers() { return monitor_->failovers().newest_first(); }
  const std::map<std::string, std::string>& disk() const { return disk_.state; }
  bool wished() const { return wished_; }
  void check_end();
  std::vector<std::string> violations;
  std::map<std::string, int> reached;
  Instance* start(char node, bool promoted);
  void promote(Instance& instance);
  void demote(Instance& instance);

 private:
  static constexpr std::int64_t kEpoch = 1'700'000'000'000'000'000;
  struct Task {
    MonoTime at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Task& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  PacketTime packet_now() const { return packet_time_ns(to_ns(now_) + kEpoch); }
  void violation(int number, const std::string& text);

  // probe's side
  void tick(Instance& instance);
  void connect(Instance& instance);
  void beat(Instance& instance);
  void drop(Instance& instance);
  void measure(Instance& instance);
  void receive(Instance& instance, const std::shared_ptr<Conn>& conn, const wire::Message& message);
  void on_instruction(Instance& instance, const wire::Instruction& instruction);
  void on_grant(Instance& instance, const wire::Grant& grant);
  void on_superseded(Instance& instance, const wire::Superseded& superseded);
  void step_down(Instance& instance);
  // link
  void up(const std::shared_ptr<Conn>& conn, std::function<void()> deliver);
  void down(const std::shared_ptr<Conn>& conn, std::function<void()> deliver);
  // manager's side
  void boot_manager();
  void manager_tick();
  void drain();
  void commit(store::WriteBatch batch);
  void on_record(const std::shared_ptr<Conn>& conn, const window::Record& record);
  void note_admission(const wire::Grant& grant, SessionId session);
  // cluster
  void cluster_tick();
  bool well(const InstanceId& id);

  Config config_;
  SeededRandom random_;
  MonoTime now_{};
  std::priority_queue<Task> tasks_;
  std::uint64_t order_ = 0;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::map<char, Instance*> nodes_;
  std::map<char, bool> link_{{'a', true}, {'b', true}};
  std::map<char, MonoTime> noticed_, start_at_;
  MonoTime busy_{}, last_fault_{}, manager_trouble_{};
  bool split_ = false, wished_ = false;
  std::optional<bool> wish_given_;  // not durable yet
  store::Loaded disk_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<ingest::Ingest> ingest_;
  std::uint64_t run_ = 0, pending_ = 0;
  MonoTime last_commit_{};
  SessionId next_session_ = 1;
  std::map<SessionId, std::shared_ptr<Conn>> conns_;
  std::vector<std::shared_ptr<Conn>> made_;  // all that ever were
  std::uint64_t top_epoch_ = 0;
  std::map<std::uint64_t, InstanceId> granted_;
  std::deque<MonoTime> admissions_;
  std::map<std::uint64_t, InstanceId> jobs_;
  std::vector<window::Record> stored_, acked_;
};

}  // namespace nezu::monitor::testing
