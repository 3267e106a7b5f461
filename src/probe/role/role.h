// Role: what this instance is in its cluster, and what follows from it: docs/failover.md for the probe, as a pure state machine. Inputs are
// calls, each with the monotonic `now`; outputs are Actions. It keeps the spool, because who may send what from where is one question.
//
//   standby   the cluster doesn't hold it promoted
//   claiming  promoted: its heartbeats lodge the claim, the manager hasn't answered it
//   waiting   promoted, and told to wait for another instance
//   active    admitted: it has an epoch, cuts records under it and sends them
//
// Whatever its role, it measures what the manager's last instruction says; what it measures without an epoch stays in the shadow (probe/shadow).
// On a grant the shadow, less what the ledgers name, is cut into records from the end of what is stored (E) on, or where the coverage begins.
//
// Without names (a cold pair) the shadow is used only where nobody else can have counted the same: nothing is stored at all, or what is stored
// ends with a record of ours. Else it is thrown away, and the coverage begins anew at the admission: a gap rather than a transaction
// counted twice.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/time.h"
#include "model/wire/messages.h"
#include "probe/role/actions.h"
#include "probe/shadow/shadow.h"
#include "probe/spool/spool.h"

namespace nezu::probe::role {

// When the cluster took the steps that made this instance active, as its agent says; none: nobody said. In a warm pair the claim comes with
// the promotion, in a cold one with the start. Told to the manager with the claim, as ages (docs/failover.md).
struct ClusterSteps {
  std::optional<MonoTime> stopped;         // this node was told that the old instance's stop or demotion was done
  std::optional<MonoTime> start, promote;  // the agent's action of that name began
};

struct Options {
  std::string logical_probe, node, program_version, interface;
  wire::InstanceId instance;
  Nanos window = std::chrono::seconds(1);
  bool promoted = true;                 // cold: from the start; warm: by promote()
  std::optional<MonoTime> start_began;  // ClusterSteps::start
  spool::Spool::Options spool;
  shadow::Options shadow;  // its window is `window`
  Nanos beat = std::chrono::milliseconds(250);
  Nanos silence = std::chrono::seconds(1);            // a session is lost after so long without a word
  Nanos retry_first = std::chrono::milliseconds(50);  // doubled with each failure,
  Nanos retry_last = std::chrono::milliseconds(800);  // up to this; each time between half of it and all
  Nanos retry_refused = std::chrono::seconds(10);     // after a refusal
  Nanos stop_wait = std::chrono::seconds(5);          // for the last acknowledgement
  std::size_t in_flight = 32;                         // records sent and not acknowledged, at most
  std::optional<Nanos> isolation;  // active, monitoring and so long without a session: it ends itself; none: it never does
};

// What the capture says; kept until the next one.
struct CaptureReport {
  wire::CaptureState state;
};

struct AppliedService {
  window::ServiceId service = 0;
  PacketTime since{};  // where its coverage begins, in the instance's own packet time
};

// As shadow::PlantedBugs: false in the product.
struct PlantedBugs {
  shadow::PlantedBugs shadow;
  bool spool_dropped = false;  // what is kept is dropped when a new connection stands
};

enum class Name { standby, claiming, waiting, active };
const char* to_string(Name name);

class Role {
 public:
  // `random`: for the jitter; must outlive the role.
  Role(const Options& options, Random& random);

  // ---- inputs
  Actions start(MonoTime now);
  Actions connected(MonoTime now);
  // The attempt failed, or the connection broke.
  Actions disconnected(MonoTime now, const std::string& why);
  Actions received(MonoTime now, wire::Message message);
  // Every 50 ms or so; `packet_clock`: the instance's own packet clock, now.
  Actions tick(MonoTime now, PacketTime packet_clock);
  // `began`: when the cluster's action began, where it is known, and when the old instance's stop or demotion was told (ClusterSteps).
  Actions promote(MonoTime now, std::optional<MonoTime> began = {}, std::optional<MonoTime> stopped = {});
  Actions demote(MonoTime now);
  Actions stop(MonoTime now);
  // From the workers; what follows from it comes with the next work().
  void take(MonoTime now, std::unique_ptr<aggregate::Slice> slice) { shadow_.take(std::move(slice), now); }
  void worker_alive(MonoTime now, std::uint32_t worker, PacketTime watermark) { shadow_.alive(worker, watermark, now); }
  void worker_finished(std::uint32_t worker) { shadow_.finished(worker); }
  // Cuts what is complete, and sends it. `packet_clock`: as in tick().
  Actions work(MonoTime now, PacketTime packet_clock);
  Actions applied(MonoTime now, std::uint64_t generation, std::vector<AppliedService> services, PacketTime stopped_at);
  Actions discovering(MonoTime now, std::uint64_t job);
  Actions cut_done(MonoTime now);
  void capture(const CaptureReport& report) { capture_ = report; }
  void set_bugs(const PlantedBugs& bugs);  // for tests
  void set_spool(const spool::Spool::Options& options) { spool_.set_options(options); }
  void set_isolation(std::optional<Nanos> isolation) { isolation_ = isolation; }

  // ---- state, for status
  Name name() const;
  bool promoted() const { return promoted_; }
  // By the manager's last word: a standby has everything since the end of what is stored.
  bool standby_ok() const { return standby_ok_; }
  bool session() const { return session_ == Session::open; }
  // "connected", "connecting", "refused: …"
  std::string session_text() const;
  std::uint64_t epoch() const { return epoch_; }
  PacketTime stored_until() const { return stored_until_; }
  std::optional<MonoTime> session_since() const { return session() ? std::optional(session_since_) : std::nullopt; }
  const spool::Spool& spool() const { return spool_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t instruction() const { return applied_number_; }
  std::size_t services() const { return wished_.size(); }
  std::uint64_t discarded() const { return discarded_; }      // windows measured and thrown away at an admission
  std::uint64_t measured() const { return measured_count_; }  // windows
  const shadow::Shadow& shadow() const { return shadow_; }
  std::uint64_t sessions_lost() const { return sessions_lost_; }
  const std::string& manager_version() const { return manager_version_; }
  wire::NameKey name_key() const { return name_key_; }

 private:
  enum class Session { none, connecting, greeting, open };

  void on(MonoTime now, wire::Welcome m, Actions& out);
  void on(MonoTime now, wire::Refusal m, Actions& out);
  void on(MonoTime now, wire::Beat m, Actions& out);
  void on(MonoTime now, wire::Grant m, Actions& out);
  void on(MonoTime now, wire::Wait m, Actions& out);
  void on(MonoTime now, wire::Superseded m, Actions& out);
  void on(MonoTime now, wire::Instruction m, Actions& out);
  void on(MonoTime now, wire::Definitions m, Actions& out);
  void on(MonoTime now, wire::Ack m, Actions& out);
  void on(MonoTime now, wire::Stored m, Actions& out);
  template <class Other>
  void on(MonoTime now, Other m, Actions& out);

  void lose_session(MonoTime now, const std::string& why, Actions& out);
  void retry_after_failure(MonoTime now);
  void beat(MonoTime now, Actions& out);
  void send_records(Actions& out);
  void step_down(std::optional<PacketTime> wanted_until);
  void discover(const wire::Instruction& m, Actions& out);
  void take_back(std::optional<PacketTime> until);
  void find_clock(const wire::Grant& grant, PacketTime own_now);
  void begin_records(const wire::Grant& grant, bool nobody_else, PacketTime own_now);
  void deliver(MonoTime now, Actions& out);
  void keep(window::Record record, Actions& out);
  void sweep(MonoTime now);
  void measure(Actions& out, bool at_edge);
  void finish_if_done(MonoTime now, Actions& out);
  bool isolated(MonoTime now) const;
  void give_up(MonoTime now, Actions& out);
  PacketTime since() const;
  std::vector<wire::ClusterStep> cluster_steps(MonoTime now) const;
  PacketTime packet_now(MonoTime now) const { return packet_clock_ + (now - packet_clock_at_); }

  const Options options_;
  PlantedBugs bugs_;
  Random& random_;
  spool::Spool spool_;
  shadow::Shadow shadow_;

  Session session_ = Session::none;
  MonoTime heard_{}, beat_at_{}, retry_at_{}, session_since_{}, session_lost_at_{}, claimed_at_{}, stop_by_{};
  Nanos backoff_{0};
  std::optional<Nanos> isolation_;
  std::string trouble_;  // why there is no session
  std::uint64_t sessions_lost_ = 0, sent_ = 0, discarded_ = 0, too_long_ = 0;

  ClusterSteps cluster_;
  bool promoted_, waiting_ = false, standby_ok_ = false;
  std::uint64_t epoch_ = 0, held_ = 0, was_ = 0;
  std::uint64_t superseded_ = 0;  // the last epoch that the manager took back: said for good, see on(Superseded)
  PacketTime stored_until_{}, acknowledged_until_{};
  PacketTime packet_clock_{};   // as of the last tick …
  MonoTime packet_clock_at_{};  // … which was then
  MonoTime swept_at_{};
  std::uint64_t handed_over_ = 0, left_out_ = 0;  // at the last admission: transactions
  std::uint64_t of_epoch_ = 0;                    // of the last record of another instance that we were told of
  std::uint64_t measured_count_ = 0;
  CaptureReport capture_;
  wire::NameKey name_key_;
  std::string manager_version_;

  std::map<window::ServiceId, wire::ServiceDefinition> definitions_;
  std::map<window::ServiceId, std::uint64_t> wished_;         // by the last instruction: versions
  std::map<window::ServiceId, wire::ServiceState> measured_;  // what every worker measures; since: own packet time
  std::map<window::ServiceId, wire::ServiceState> stopped_;   // no longer measured, and until when it was: likewise
  std::uint64_t number_ = 0, applied_number_ = 0;             // instructions: received, carried out by every worker
  std::uint64_t generation_ = 0, applied_generation_ = 0;
  std::uint64_t discovery_wished_ = 0, discovery_ = 0;  // jobs: instructed, carried out by every worker
  bool stopping_ = false, cutting_ = false, finished_ = false;
};

}  // namespace nezu::probe::role
