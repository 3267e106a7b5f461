// Backend: what the API asks of the manager. Implemented by the manager's core (apps/manager wires it); faked in the API's tests.
// Everything runs on the loop's thread; what has to wait for durability answers through `done`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ip_prefix.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_function.h"
#include "manager/store/store.h"
#include "model/definition/service.h"
#include "model/window/counters.h"

namespace nezu::api {

// State of monitoring (docs/failover.md): per service, over its logical probes, and at each of them.
enum class MonitoringState { stopped, starting, monitoring, stopping };
const char* to_string(MonitoringState state);

struct ServiceAtProbe {
  std::string logical_probe;
  MonitoringState state = MonitoringState::stopped;
  bool wished = false;
  bool interrupted = false;  // monitoring, but no instance measures at present: a gap grows
  std::uint64_t number = 0;  // of the wish
};
struct ServiceView {
  store::ServiceRow row;
  MonitoringState state = MonitoringState::stopped;
  bool interrupted = false;
  std::vector<ServiceAtProbe> probes;
};

struct InstanceView {
  std::string instance, node, program_version, interface, role;  // role: active, waiting, standby
  WallTime connected{};
  Nanos silent_for{0};
  std::uint64_t epoch = 0, kept_windows = 0, overflow_windows = 0;
  bool capture_running = false, interface_up = false;
  std::string capture_fault;
  std::uint64_t frames = 0, kernel_drops = 0;
  PacketTime watermark{};
};
struct ProbeView {
  std::string name;
  std::string state;  // connected, disconnected, interrupted (in reconnect_grace)
  std::uint64_t epoch = 0;
  std::string holder;  // instance id; empty: none
  PacketTime stored_until{};
  std::uint64_t records = 0, repeats = 0, refused = 0;  // stored; acknowledged again; refused (old epoch, overlap)
  std::vector<InstanceView> instances;
  window::Counters counters;  // sums since the manager's start
  std::string discovery;      // stopped, discovering
  std::string discovery_reason;
  std::uint64_t discovery_id = 0;  // that is discovering; 0: none
};

struct ManagerView {
  std::string version, instance;
  std::int64_t process = 0;  // its id
  WallTime started{};
  bool clean_stop = true;
  bool ready = false;  // probes are let in
  bool ingest_paused = false;
  std::string ingest_fault;
  store::Status store;
};

struct Change {
  std::string service;  // full name
  enum class Action { created, updated, unchanged, deleted } action = Action::unchanged;
  std::uint64_t version = 0;
  std::vector<std::string> differences;  // "ports: [80] → [80, 8080]"
};

// A stored record, for watchers.
struct LiveRecord {
  std::string logical_probe;
  const window::Record* record = nullptr;  // valid during the call
};

struct DiscoveryRequest {
  std::string probe;               // logical probe
  std::optional<IpPrefix> source;  // empty: everybody's requests
  Nanos limit{0};                  // 0: none
  std::string by;                  // a person, as the client tells
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual ManagerView manager() const = 0;
  virtual std::vector<ServiceView> services() const = 0;  // not deleted ones, by full name
  virtual std::optional<ServiceView> service(const std::string& full_name) const = 0;
  virtual std::vector<ProbeView> probes() const = 0;
  virtual std::vector<store::FailoverRecord> failovers() const = 0;  // newest first
  virtual std::vector<store::Event> events() const = 0;              // newest first
  virtual std::vector<store::MonitoringSpan> monitoring_spans(store::ServiceId service) const = 0;

  // All or nothing. dry_run: only what would change. prune: services that aren't in the list are deleted (a monitored one: conflict).
  virtual void apply(std::vector<definition::Service> services, bool dry_run, bool prune,
                     UniqueFunction<void(Result<std::vector<Change>>)> done) = 0;
  virtual void remove(const std::string& full_name, UniqueFunction<void(Status)> done) = 0;
  // Durable when `done` runs; the state that follows comes by itself.
  virtual void wish(const std::string& full_name, bool monitor, UniqueFunction<void(Status)> done) = 0;

  virtual std::vector<store::DiscoveryRow> discoveries() const = 0;  // newest first
  // The discovery's number; durable when `done` runs. One that has stopped already may be stopped again: nothing changes.
  virtual void start_discovery(const DiscoveryRequest& request, UniqueFunction<void(Result<std::uint64_t>)> done) = 0;
  virtual void stop_discovery(std::uint64_t discovery, const std::string& by, UniqueFunction<void(Status)> done) = 0;

  // Called after each record is durable. The subscription ends when the handle is destroyed.
  virtual std::shared_ptr<void> watch(std::function<void(const LiveRecord&)> watcher) = 0;
};

}  // namespace nezu::api
