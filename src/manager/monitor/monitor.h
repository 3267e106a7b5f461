// Monitor: the states of monitoring and discovery, claims and epochs, and what to send to whom (docs/failover.md). A pure state machine:
// no sockets, no clock, no SQL. Inputs are method calls with `now`; what they lead to is collected and taken with take().
//
// Durable first: messages of one Outputs may be sent only after its `changes` are on disk, and after those of all Outputs before it;
// those marked `at_once` (beats) promise nothing that isn't durable, and go round the queue. Level-triggered: whatever isn't carried out
// is sent again with the next heartbeat, so Outputs that hold no changes may be dropped (a paused store).
//
// A service whose definition names no probes belongs to every logical probe that the manager knows: that ever said hello, or that any
// definition names. One Instruction to an instance lists all services of its logical probe that should be measured.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "manager/ingest/ingest.h"
#include "manager/ingest/ledgers.h"
#include "manager/monitor/discovery_book.h"
#include "manager/monitor/durable.h"
#include "manager/monitor/event_book.h"
#include "manager/monitor/failover_book.h"
#include "manager/monitor/options.h"
#include "manager/store/store.h"
#include "model/wire/messages.h"

namespace nezu::monitor {

using SessionId = std::uint64_t;  // given by the caller, never used again

enum class Lost { closed, silent, planned };  // planned: the instance said goodbye

struct Outgoing {
  SessionId session = 0;
  wire::Message message;
  bool at_once = false;
};
struct Closing {
  SessionId session = 0;
  std::string reason;
};
struct Outputs {
  std::vector<Outgoing> messages;
  std::vector<Closing> closings;
  store::WriteBatch changes;  // without records
};

// For people: one instance that has a session, and a logical probe.
struct InstanceStatus {
  SessionId session = 0;
  wire::Hello hello;
  std::optional<wire::Heartbeat> last;
  std::string role;  // active, waiting, standby
  WallTime connected{};
  Nanos silent_for{0};
};
struct ProbeStatus {
  std::string name;
  std::string state;  // connected; interrupted (lost, within the grace); disconnected
  ProbeState kept;
  PacketTime stored_until{};
  std::vector<InstanceStatus> instances;
};
struct ServiceStatus {
  State state = State::stopped;
  bool interrupted = false;
  bool wished = false;
  struct Part {
    std::string logical_probe;
    AtProbe at;
    bool interrupted = false;
  };
  std::vector<Part> parts;
};

class Monitor {
 public:
  // What was durable when the manager started: its own failover (monitoring stays, wishes continue, discovery stops, claims wait for
  // claim_patience from now). Errors: corrupt, naming the key.
  static Result<std::unique_ptr<Monitor>> create(const Options& options, const store::Loaded& loaded, Now now);

  // ---- sessions
  // A new session; of an instance that has one already, the old one is closed. Errors: invalid_argument (the name), no_space (limits).
  Status hello(SessionId session, const wire::Hello& hello, Now now);
  void heartbeat(SessionId session, const wire::Heartbeat& heartbeat, Now now);
  void word(SessionId session, Now now);  // any other message: it isn't silent
  void lost(SessionId session, Lost why, Now now);
  void tick(Now now);  // every 100 ms

  // ---- records
  // `record` is to be written, with the changes that are put into `batch`. What is promised from now on counts it as stored: promises wait
  // in order behind the batch.
  void accept(const std::string& logical_probe, const window::Record& record, store::WriteBatch& batch);
  // It is durable. Its ledger goes to the other instances.
  void stored(const std::string& logical_probe, SessionId from, const window::Record& record, Now now);
  // What an instance has found; it is told when that is durable.
  void found(SessionId from, const wire::DiscoveryEntries& entries, Now now);
  // A record of an old epoch came: its sender is told.
  void outdated(SessionId session, std::uint64_t epoch);

  // ---- people. Errors: not_found, conflict
  Status wish(ServiceId service, bool on, Now now);
  // The job's number. Errors also: one is discovering there already, nobody is at work.
  Result<std::uint64_t> start_discovery(const DiscoveryWish& wish, Now now);
  // One that has stopped already stays as it is.
  Status end_discovery(std::uint64_t job, const std::string& by, Now now);
  void catalogue(const std::vector<store::ServiceRow>& services, Now now);  // all of them; deleted ones are passed over
  // Whether a service may be deleted: stopped everywhere, and not wished.
  bool idle(ServiceId service) const;

  Outputs take();

  // ---- views
  std::uint64_t epoch(const std::string& logical_probe) const;  // 0: nobody was ever admitted
  // Who was admitted from when on: whose a stored span is, for ingest.
  std::vector<ingest::Ingest::Owner> owners(const std::string& logical_probe) const;
  std::vector<ProbeStatus> probes() const;
  ServiceStatus service(ServiceId id) const;
  std::vector<store::MonitoringSpan> spans(ServiceId service) const;
  EventBook& events() { return events_; }
  const EventBook& events() const { return events_; }
  const FailoverBook& failovers() const { return failovers_; }
  const DiscoveryBook& discoveries() const { return discoveries_; }
  std::size_t session_count() const { return sessions_.size(); }

 private:
  struct Session {
    SessionId id = 0;
    wire::Hello hello;
    std::optional<wire::Heartbeat> last;
    WallTime connected{};
    MonoTime heard{}, claimed{};
    std::map<wire::ClusterStep::Kind, WallTime> cluster_steps;  // in our time; as last told
    bool began_as_standby = false;
    bool told_to_wait = false;
    std::uint64_t told_epoch = 0;    // of the last Stored: another one makes the instance compare the clocks anew
    MonoTime grant_again{};          // a grant that isn't taken up isn't repeated before
    std::deque<Nanos> raws, frames;  // the instance's packet clock, and the logical probe's time, less our clock; the newest 20
    const InstanceId& instance() const { return hello.instance; }
    bool promoted() const { return last && last->promoted; }
  };
  struct Loss {
    MonoTime at{};    // when it was noticed: claims made after that are fresh
    MonoTime word{};  // the last sign of life: claim_patience counts from here
    WallTime lost{}, noticed{};
    std::string reason;
  };
  struct Gap {
    Nanos missing{0};
    PacketTime until{};  // the end of what was last missing
  };
  // The last look at what a standby says of the two mirror ports.
  struct MirrorLook {
    MonoTime at{};
    std::uint64_t compared = 0, only_here = 0, only_named = 0;
  };
  struct PacketClock {
    std::string node;
    Nanos offset{0};  // less the logical probe's time
    MonoTime seen{};
  };
  struct Probe {
    explicit Probe(Nanos reach) : ledgers(reach) {}
    std::string name;
    ProbeState kept, saved;
    PacketTime stored_until{};                // durable
    PacketTime accepted_until{};              // with what is on its way to the disk
    ingest::Ledgers ledgers;                  // likewise
    std::map<ServiceId, PacketTime> covered;  // end of each service's coverage
    Loss loss;
    bool interrupted = false;
    std::optional<Nanos> offset;
    std::map<ServiceId, MonoTime> since;        // of transitions
    std::map<ServiceId, Gap> gaps;              // that are open, as far as they were seen since the start
    std::optional<MonoTime> stands;             // since when the instance at work captures nothing, by its own word
    std::map<InstanceId, MonoTime> superseded;  // that still believe to be admitted: when they last said so
    std::optional<MonoTime> heard_since;        // since when there has been a session without a break
    std::map<InstanceId, PacketClock> clocks;
    std::map<InstanceId, MirrorLook> mirrors;
  };
  struct Service {
    store::ServiceRow row;
    ServiceState kept, saved;
    MonoTime since{};  // of the wish
  };

  Monitor(const Options& options, Now now);
  Status load(const store::Loaded& loaded, Now now);
  Status load_key(const std::string& key, const std::string& json);
  void recover(const store::Loaded& loaded, Now now);
  MonoTime awake(Now now);

  // claims.cc
  void announced(Probe& probe, Session& session);
  void holder_reports(Probe& probe, Session& session, Now now);
  void note_clock(Probe& probe, Session& session, const wire::Heartbeat& heartbeat, Now now);
  bool admissible(const Probe& probe, const Session& session) const;
  Session* instead_of(const Probe& probe, const Session& claims);
  void admit(Probe& probe, Session& session, Now now);
  void note_cluster(Session& session, const wire::Heartbeat& heartbeat, Now now);
  void open_failover(Probe& probe, Session& session, const Admission& old, Now now);
  void grant(Probe& probe, Session& session);
  void interrupt(Probe& probe, const std::string& why, Now now);
  void restored(Probe& probe, Now now);
  void show_waiting(Probe& probe, Now now);
  void check_disconnected(Probe& probe, Now now);
  void lose(Session& session, Lost why, Now now);
  std::optional<Nanos> coarse(Probe& probe, const Session& session);
  wire::Beat beat(Probe& probe, const Session& session);
  Session* session_of(const Probe& probe, const std::optional<InstanceId>& instance);
  const Session* session_of(const Probe& probe, const std::optional<InstanceId>& instance) const;
  std::vector<Session*> sessions_of(const Probe& probe);
  PacketTime reach(const Probe& probe, std::uint64_t epoch) const;
  PacketTime ledger_since(const Probe& probe) const;

  // attention.cc
  bool settled() const;
  std::string name_of(ServiceId service) const;
  void note_gaps(Probe& probe, const window::Record& record, Now now);
  void note_gap(Probe& probe, ServiceId service, const window::Spans& missing, PacketTime end, Now now);
  void close_gap(Probe& probe, ServiceId service, Now now);
  void check_capture(Probe& probe, Now now);
  void note_superseded(Probe& probe, const Session& session, Now now);
  void tell_superseded(Probe& probe, const Session& session, std::uint64_t epoch, bool believes, Now now);
  const Admission* successor(const Probe& probe, const InstanceId& instance, std::uint64_t epoch) const;
  void check_superseded(Probe& probe, Now now);
  bool heard_for(const Probe& probe, Nanos time) const;
  void check_clocks(Probe& probe, Now now);
  void compare_mirrors(Probe& probe, const Session& session, Now now);
  void check_mirrors(Probe& probe, Now now);

  // wishes.cc
  void reconcile(Probe& probe, Session& session, Now now);
  void confirm(Probe& probe, const wire::Heartbeat& heartbeat, Now now);
  void set_wish(Probe& probe, ServiceId service, bool on);
  void instruct(Probe& probe, Session& session);
  void instruct_all(Probe& probe);
  void define(Probe& probe, Session& session);
  wire::Instruction instruction(const Probe& probe, const Session& session) const;
  void begin_span(Probe& probe, ServiceId service, AtProbe& at, PacketTime since);
  void end_span(AtProbe& at, PacketTime end);
  void stopped(Probe& probe, ServiceId service, PacketTime end, Now now);
  void stop_discovery(Probe& probe, std::string_view reason, const std::string& text, Now now, const std::string& by = {});
  void check_discoveries(Now now);
  void time_out(Probe& probe, Now now);
  void time_out_services(Now now);
  bool belongs(const Service& service, const Probe& probe) const;
  Probe* learn_probe(const std::string& name);
  void join(Probe& probe);
  void retire(Probe& probe, Now now);
  void send(const Session& session, wire::Message message, bool at_once = false);

  Options options_;
  MonoTime awake_{}, last_mono_{}, started_{};
  WallTime wall_at_start_{};
  MonoTime mono_at_start_{};
  std::map<std::string, Probe> probes_;
  std::map<SessionId, Session> sessions_;
  std::map<ServiceId, Service> services_;
  std::map<std::uint64_t, store::MonitoringSpan> spans_;
  std::set<std::uint64_t> changed_spans_;
  std::uint64_t next_span_ = 1;
  std::uint64_t jobs_ = 0, saved_jobs_ = 0;
  EventBook events_;
  FailoverBook failovers_;
  DiscoveryBook discoveries_;
  MonoTime expired_{};  // when old discoveries were last looked for
  Outputs out_;
};

}  // namespace nezu::monitor
