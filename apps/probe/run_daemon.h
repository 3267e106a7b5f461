// The daemon behind `nezu-probe run`: constructs the parts in order, carries messages between them, and ends. What to do is decided in
// probe/role; this file only does it. One thread a ring, and this one, which owns everything else.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/random.h"
#include "common/base/sd_notify.h"
#include "common/json/json.h"
#include "common/net/net.h"
#include "probe/config.h"
#include "probe/control/control.h"
#include "probe/discovery/outbox.h"
#include "probe/link/link.h"
#include "probe/role/role.h"
#include "probe/worker/worker.h"

namespace nezu::probe_app {

class Daemon final : public probe::link::LinkHandler {
 public:
  struct Parts {
    const Clock& clock;
    Random& random;
    log::Logger& logger;
    std::string config_file;          // read again by a reload
    std::vector<std::string> replay;  // capture files instead of the interface, as fast as they can be read; then the end
    std::string version;
    std::optional<MonoTime> start_began;  // the cluster's action, where a cluster has started it
  };
  Daemon(const Config& config, const Parts& parts);
  ~Daemon() override;

  // Everything that can be wrong before the work begins. The exit status that it asks for: 2 for what the user gave, 1 for the system.
  struct Trouble {
    Error error;
    int exit_status;
  };
  std::optional<Trouble> prepare();
  int run();

 private:
  struct WorkerState {
    std::uint64_t generation = 0;
    PacketTime at{};
    std::uint64_t discovery = 0;  // the job that it has taken up
    bool finished = false, ended = false;
  };
  struct PlanState {
    std::shared_ptr<const probe::aggregate::Plan> plan;
    bool told = true;  // the role knows that every worker has taken it
  };

  void link_connected() override;
  void link_lost(const std::string& why) override;
  void link_received(wire::Message message) override;

  Result<std::vector<std::unique_ptr<probe::FrameSource>>> open_capture();
  void give_sources(std::vector<std::unique_ptr<probe::FrameSource>> sources);
  void capture_failed(const Error& error);
  void reopen();

  void carry_out(probe::role::Actions actions);
  void on(probe::role::Connect);
  void on(probe::role::Disconnect a);
  void on(probe::role::Send a);
  void on(probe::role::Measure a);
  void on(probe::role::Discover a);
  void on(probe::role::Cut);
  void on(probe::role::Finished a);
  void on(probe::role::Say a);

  void wake();  // from a worker's thread
  void take_events();
  void on(probe::worker::SliceReady e);
  void on(probe::worker::PlanTaken e);
  void on(probe::worker::SourceFailed e);
  void on(probe::worker::SourceEnded e);
  void on(probe::worker::ClockStepped e);
  void on(probe::worker::Finished e);
  void on(probe::worker::DiscoveryTaken e);
  void on(probe::worker::Discovered e);
  void discover();  // what is due: the job's end, messages
  void tell_if_applied();
  void work();

  void refresh();  // what the workers and the capture are, for everybody who asks
  void tick();
  void watch_interface();
  void look_at_interface();
  PacketTime packet_clock() const;
  probe::role::CaptureReport capture_report() const;
  std::string reload();
  void stop(const char* why);

  Result<json::Value> command(const std::string& name, const json::Value& request);
  json::Value status() const;
  json::Value health(std::int64_t depth) const;
  std::vector<std::string> faults() const;

  Config config_;
  const Parts parts_;
  log::Logger& log_;
  net::EventLoop loop_;
  net::Timer tick_timer_;
  std::optional<net::Readable> interfaces_;  // changes of their state
  ServiceNotifier notifier_;
  wire::InstanceId instance_;
  std::shared_ptr<tls::Context> tls_;
  BoundedQueue<probe::worker::Event> events_{1024};
  std::atomic<bool> woken_{false};
  std::vector<std::unique_ptr<probe::worker::Worker>> workers_;
  std::vector<WorkerState> states_;
  std::vector<probe::worker::Snapshot> snapshots_;
  probe::role::Role role_;
  probe::discovery::Outbox found_;
  std::uint64_t discovery_job_ = 0;
  std::optional<MonoTime> discovery_ends_;  // the job's time limit, as the instance counts it
  std::unique_ptr<probe::link::Link> link_;
  std::unique_ptr<probe::control::Server> control_;
  std::vector<std::unique_ptr<probe::FrameSource>> sources_;  // between prepare() and run()
  PlanState plan_;
  std::map<window::ServiceId, std::pair<std::uint64_t, PacketTime>> since_;  // measured services: version, where the coverage begins
  std::string fault_;                                                        // of the capture; empty: none
  bool interface_up_ = false, cut_told_ = false, reopening_ = false, said_finished_ = false;
  MonoTime reopen_at_{}, watchdog_at_{}, started_at_{}, session_seen_at_{};
  std::uint64_t capture_faults_ = 0, commands_lost_ = 0;
  int exit_status_ = 0;
};

}  // namespace nezu::probe_app
