// The failover protocol's real cores (aggregate, shadow, spool, role; wire; monitor, ingest) on virtual time, with everything around them made
// up: traffic, two nodes with their own clocks, links, Pacemaker as far as it matters, a manager that crashes. One seed replays everything.
//
// What is wrong is kept with the number of its invariant (docs/failover.md):
//   1  no transaction is counted twice
//   2  none is lost, but what the measuring node missed or decided otherwise, or what lies at a shown gap or at a seam marked doubtful;
//      in "single…" configurations (a warm pair, one fault at a time) there is no gap and no doubtful seam at all
//   3  acknowledged = stored         4  epochs only grow          5  records don't overlap, and are valid
//   7  discovery never goes on in another instance                8  wished = reported after the calm
//   9  no admission without a cause, no flapping, never by an old claim from an active that is well
//   10 no notice twice; each supersession of an instance that lives to say so is told, once
//   11 after the calm one is at work, everybody else knows that it isn't, records flow, clocks are compared
#pragma once

#include <fmt/core.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "common/base/keyed_hash.h"
#include "common/base/random.h"
#include "common/base/time.h"
#include "manager/ingest/ingest.h"
#include "manager/monitor/monitor.h"
#include "manager/store/memory_store.h"
#include "probe/aggregate/worker.h"
#include "probe/role/role.h"

namespace nezu::sim {

inline constexpr std::int64_t kEpoch = 1'700'000'000;  // packet and wall time of the beginning, seconds
inline constexpr std::size_t kSlots = 2048;            // targets: transaction n belongs to the one with number n % kSlots
inline constexpr double kNever = -1e9;

constexpr Nanos seconds(double s) { return Nanos(static_cast<std::int64_t>(s * 1e9 + (s < 0 ? -0.5 : 0.5))); }
inline PacketTime packet(double s) { return PacketTime(Seconds(kEpoch)) + seconds(s); }
inline double to_double(PacketTime t) { return static_cast<double>(to_ns(t) - kEpoch * 1'000'000'000) * 1e-9; }

struct Config {
  std::string name;
  std::size_t probes = 1;
  double rate = 12, edge_rate = 12;  // transactions a second; and round each second's edge
  double miss = 0.003;               // share that a node misses, and as much that it decides otherwise, and of which it misses the request
  double unordered = 0.03;           // share of which a node sees the last packet first: all of it is there, but decided a little later
  double start_lost = 0.5;           // … and of these the share that it says it can't measure
  std::size_t ledger = 100'000, part = 100'000;  // names in a record; in a message of all ledgers
  double late = 4;                               // how much later a node may decide what it decides otherwise
  std::vector<double> offsets;
  double length = 40, calm = 28;
  bool warm = true, single = false, fencing = false;
  double slow_heal = 12, every = 3;
  double first = 5, settled = 2;  // when the first fault comes; "single": how long an instance must have watched before the next
  double commit = 0.012;          // what a commit takes at most
  std::vector<std::string> faults;
};
const std::vector<Config>& configs();
const Config* find_config(const std::string& name);

struct Bugs {
  monitor::PlantedBugs monitor;
  probe::role::PlantedBugs role;
  bool ack_early = false;           // acknowledged before it is durable
  bool overlap_counts = false;      // what is stored doesn't stand in the way of what comes for the same span
  bool parts_lost = false;          // of all ledgers in parts only the last one comes
  bool unmeasured_unnamed = false;  // a request whose start is lost bears no names
};
// Planted by name; false: there is none of that name.
bool plant(const std::string& name, Bugs& bugs);
const std::vector<std::string>& bug_names();

struct Node {
  char name = 'a';
  double offset = 0, drift = 0;
  bool up = true, link = true, frozen = false;
  double trouble = 0;
  double clock(double t) const { return t + offset + drift * t; }
};

// A decided transaction, as one node sees it. Times: the node's own.
struct Seen {
  double decided = 0, began = 0;
  std::size_t tx = 0;
  bool regular = true, request = true, unordered = false, start_lost = false;
};
struct Truth {
  double decided = 0, began = 0;
  std::set<char> nodes;  // that saw it whole
};

class World;
class Manager;

// A connection: in order, held while the link is cut; each end may be gone without the other's knowing.
struct Conn {
  std::uint64_t id = 0;
  class Instance* instance = nullptr;
  bool probe_open = true, manager_open = true, lose_answer = false;
  std::deque<std::function<void()>> held;
  double last_up = 0, last_down = 0;
  std::optional<double> believes;  // since when its heartbeats say that it is at work, though another one is
};

// One run of the probe: the real worker, shadow, spool and role.
class Instance {
 public:
  Instance(World& world, std::size_t probe, Node& node, bool promoted);
  void kill(bool fin);
  void pause(bool on);
  void stall(double span);
  void promote();
  void demote();
  void stop();  // the cold agent's
  void arrive(const std::shared_ptr<Conn>& conn, std::function<void()> deliver);
  void drop(const std::string& why);
  void receive(const wire::Message& message);

  const std::size_t probe;
  Node& node;
  const std::uint64_t number;
  wire::InstanceId id;
  bool alive = true, paused = false;
  double trouble = 0, alone = 0, promoted_at = 0;
  std::shared_ptr<Conn> conn;
  std::vector<double> watched_since;  // own times
  probe::role::Role& role() { return *role_; }
  const probe::role::Role& role() const { return *role_; }
  bool measures() const { return role_->services() > 0; }
  double raw() const;
  double frame_now() const;

 private:
  void tick();
  void feed();
  void feed(const Seen& seen);
  void take_slices();
  void hand_over();
  void take_plan(std::shared_ptr<const probe::aggregate::Plan> plan);
  void carry_out(probe::role::Actions actions);
  void on(probe::role::Connect);
  void on(const probe::role::Disconnect& a);
  void on(const probe::role::Send& a);
  void on(const probe::role::Measure& a);
  void on(const probe::role::Discover& a);
  void on(probe::role::Cut);
  void on(const probe::role::Finished& a);
  void on(const probe::role::Say& a);
  MonoTime mono() const;

  World& world_;
  std::unique_ptr<SeededRandom> random_;
  std::unique_ptr<probe::role::Role> role_;
  probe::aggregate::Worker worker_;
  probe::aggregate::Slices slices_;
  window::Counters totals_;
  std::size_t next_ = 0;  // in the node's list
  double lag_ = 0, stalled_until_ = 0, paused_at_ = 0;
  std::shared_ptr<const probe::aggregate::Plan> plan_;
  std::uint64_t told_generation_ = 0, epoch_ = 0;
  std::deque<std::pair<std::shared_ptr<Conn>, std::function<void()>>> inbox_;
};

// The real monitor and ingest over a disk that takes a while.
class Manager {
 public:
  explicit Manager(World& world);
  bool up() const { return monitor_ != nullptr; }
  void hello(const std::shared_ptr<Conn>& conn, const wire::Hello& hello);
  void receive(const std::shared_ptr<Conn>& conn, wire::Message message);
  void closed(const std::shared_ptr<Conn>& conn);
  void crash(bool power);
  void wish(std::size_t probe, bool on);
  void discover(std::size_t probe, bool on);
  monitor::Monitor& monitor() { return *monitor_; }
  Instance* holder(std::size_t probe);
  bool has_session(const Instance& instance) const;
  PacketTime stored_until(std::size_t probe) const;
  const std::vector<std::shared_ptr<const window::Record>>& stored(std::size_t probe) const { return stored_[probe]; }
  std::map<std::uint64_t, std::shared_ptr<Conn>> conns;
  double trouble = 0;
  std::vector<std::pair<std::size_t, window::Record>> acknowledged;
  std::vector<bool> wished;  // by people, as far as they weren't told that it is withdrawn

 private:
  void boot();
  void tick();
  void drain();
  void post(const monitor::Outgoing& outgoing);
  void after_commit(std::function<void()> task);
  void commit(store::WriteBatch batch);
  void on_record(const std::shared_ptr<Conn>& conn, window::Record record);
  void check_belief(Conn& conn, const wire::Heartbeat& heartbeat);
  void count(std::size_t probe, const window::Record& record);
  void note_admission(const wire::Grant& grant, Instance& instance);
  monitor::Now clocks() const;

  World& world_;
  store::MemoryStore disk_;
  std::unique_ptr<monitor::Monitor> monitor_;
  std::unique_ptr<ingest::Ingest> ingest_;
  std::uint64_t run_ = 0, pending_ = 0;
  double last_commit_ = 0;
  std::vector<std::vector<std::shared_ptr<const window::Record>>> stored_;
  struct Granted {
    Instance* instance = nullptr;
  };
  std::vector<std::map<std::uint64_t, Granted>> granted_;
  std::vector<std::deque<double>> admissions_;
  std::map<std::string, std::uint64_t> notices_;  // code, subject, text → id
};

// Pacemaker as far as it matters: notices, stops, starts, promotes by score, splits, and heals late.
class Cluster {
 public:
  explicit Cluster(World& world);
  void kill(std::size_t probe, char node, bool fin = true, std::optional<double> noticed = {});
  void power(char node);
  void freeze(char node, bool on);
  void cut_link();
  void heal();
  void move(std::size_t probe, const std::vector<char>& side, const std::vector<char>& down, std::optional<char> up);
  Instance* at(std::size_t probe, char node) const;
  bool well(const Instance& instance) const;
  void boot(char node);
  bool member = true, cut = false;

 private:
  void tick();
  void act(std::size_t probe, const std::vector<char>& side);
  void start(std::size_t probe, char node, bool promoted);
  void down(std::size_t probe, char node);
  void up(std::size_t probe, char node);
  void apart(std::optional<char> lost);
  void together();
  double score(Instance& instance) const;

  World& world_;
  std::map<std::pair<std::size_t, char>, Instance*> instances_;
  std::map<std::pair<std::size_t, char>, double> noticed_, start_at_;
  std::map<std::pair<std::size_t, std::string>, double> busy_;
  std::map<std::size_t, char> failed_;
};

class World {
 public:
  World(std::uint64_t seed, const Config& config, const Bugs& bugs, bool verbose);
  void run_to_the_end();

  // ---- time and chance
  double now() const { return now_; }
  void at(double delay, std::function<void()> task);
  double uniform(double low, double high) { return low + random_.next_unit() * (high - low); }
  bool chance(double share) { return random_.next_unit() < share; }
  double exponential(double mean);
  template <class T>
  const T& pick(const std::vector<T>& list) {
    return list[random_.below(list.size())];
  }

  // ---- what everybody uses
  std::string name(std::size_t probe) const { return probe == 0 ? "edge" : "core"; }
  monitor::ServiceId service(std::size_t probe) const { return static_cast<monitor::ServiceId>(7 + probe); }
  void up(const std::shared_ptr<Conn>& conn, std::function<void()> deliver);
  void down(const std::shared_ptr<Conn>& conn, std::function<void()> deliver);
  void relink(Node& node);
  void violation(int number, const std::string& text);
  template <class... Args>
  void log(fmt::format_string<Args...> format, Args&&... args) {
    if (verbose) fmt::print("{:8.3f} {}\n", now_, fmt::format(format, std::forward<Args>(args)...));
  }
  Node& node(char name) { return nodes.at(name); }
  Node& other(const Node& n) { return nodes.at(n.name == 'a' ? 'b' : 'a'); }

  const Config& config;
  const Bugs bugs;
  const bool verbose;
  std::map<char, Node> nodes;
  std::vector<std::vector<Truth>> truth;  // by logical probe
  std::map<std::pair<std::size_t, char>, std::vector<Seen>> seen;
  std::vector<std::unique_ptr<Instance>> instances;
  std::vector<std::weak_ptr<Conn>> connections;  // all that ever were
  std::unique_ptr<Manager> manager;
  std::unique_ptr<Cluster> cluster;
  double last_fault = 0;
  std::vector<std::map<std::size_t, const window::Record*>> counted;       // by logical probe: transaction → its record
  std::vector<std::vector<std::pair<double, double>>> frames;              // by logical probe: when, true time less the logical probe's
  std::map<std::pair<std::size_t, std::uint64_t>, wire::InstanceId> jobs;  // of discovery
  std::map<std::pair<std::size_t, std::uint64_t>, const Instance*> superseded;       // logical probe, epoch → by its own word
  std::map<std::pair<std::string, std::uint64_t>, std::set<std::uint64_t>> told_of;  // logical probe, epoch → events
  std::vector<std::string> violations;
  std::map<std::string, std::uint64_t> reached;

 private:
  struct Task {
    double at = 0;
    std::uint64_t order = 0;
    std::function<void()> run;
    bool operator<(const Task& o) const { return at != o.at ? at > o.at : order > o.order; }
  };
  void make_traffic(std::size_t probe);
  void transmit(const std::shared_ptr<Conn>& conn, double Conn::*last, std::function<void()> arrive);
  void run_until(double end);

  SeededRandom random_;
  double now_ = 0;
  std::priority_queue<Task> tasks_;
  std::uint64_t order_ = 0;
  std::unique_ptr<class Faults> faults_;

 public:
  ~World();
};

// One seed, one sequence; "single" waits until all is well again before the next.
class Faults {
 public:
  explicit Faults(World& world);

 private:
  using Fault = void (Faults::*)(std::size_t probe, char node);
  static const std::map<std::string, Fault>& all();
  void tick();
  bool healthy() const;
  char active(std::size_t probe, char otherwise) const;
  Instance* active_instance(std::size_t probe, char otherwise) const;
  void calm();
  void kill(std::size_t probe, char node);
  void storm(std::size_t probe, char node);
  void pause(std::size_t probe, char node);
  void hang(std::size_t probe, char node);
  void power(std::size_t probe, char node);
  void freeze(std::size_t probe, char node);
  void link(std::size_t probe, char node);
  void reset(std::size_t probe, char node);
  void lost_answer(std::size_t probe, char node);
  void split(std::size_t probe, char node);
  void manager(std::size_t probe, char node);
  void planned(std::size_t probe, char node);
  void monitoring(std::size_t probe, char node);
  void stop_and_kill(std::size_t probe, char node);
  void late(std::size_t probe, char node);
  void discover(std::size_t probe, char node);
  void stall(std::size_t probe, char node);

  World& world_;
  std::vector<std::string> armed_;
  double next_ = 0;
};

// What must be true at the end.
void check_end(World& world);

}  // namespace nezu::sim
