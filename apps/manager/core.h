// Core: the API's Backend over the driver: views of its state, and people's wishes with the words of the API.
#pragma once

#include <deque>

#include "manager/api/backend.h"
#include "manager/session/catalogue.h"
#include "manager/session/driver.h"

namespace nezu::manager_app {

class Core final : public api::Backend {
 public:
  // All of them must outlive it. `loaded`: for the counters of ids, and how the last run ended.
  Core(session::Driver& driver, store::Store& store, const Clock& clock, const std::string& version, const store::Loaded& loaded);

  void set_ready() { ready_ = true; }  // probes are let in

  api::ManagerView manager() const override;
  std::vector<api::ServiceView> services() const override;
  std::optional<api::ServiceView> service(const std::string& full_name) const override;
  std::vector<api::ProbeView> probes() const override;
  std::vector<store::FailoverRecord> failovers() const override { return driver_.monitor().failovers().newest_first(); }
  std::vector<store::Event> events() const override { return driver_.monitor().events().newest_first(); }
  std::vector<store::MonitoringSpan> monitoring_spans(store::ServiceId service) const override { return driver_.monitor().spans(service); }

  void apply(std::vector<definition::Service> services, bool dry_run, bool prune,
             UniqueFunction<void(Result<std::vector<api::Change>>)> done) override;
  void remove(const std::string& full_name, UniqueFunction<void(Status)> done) override;
  void wish(const std::string& full_name, bool monitor, UniqueFunction<void(Status)> done) override;
  std::vector<store::DiscoveryRow> discoveries() const override { return driver_.monitor().discoveries().newest_first(); }
  void start_discovery(const api::DiscoveryRequest& request, UniqueFunction<void(Result<std::uint64_t>)> done) override;
  void stop_discovery(std::uint64_t discovery, const std::string& by, UniqueFunction<void(Status)> done) override;
  std::shared_ptr<void> watch(std::function<void(const api::LiveRecord&)> watcher) override;

 private:
  using Plan = std::function<Result<session::CataloguePlan>()>;
  using Answer = UniqueFunction<void(Result<std::vector<api::Change>>)>;
  struct Task {
    Plan plan;
    Answer done;
  };
  api::ServiceView view(const store::ServiceRow& row) const;
  session::Idle idle() const;
  // Changes of the catalogue go one after another: each is planned on what the one before has left.
  void enqueue(Plan plan, Answer done);
  void next();

  session::Driver& driver_;
  store::Store& store_;
  const Clock& clock_;
  std::string version_;
  WallTime started_;
  bool clean_stop_;
  store::ServiceId next_service_;
  store::TargetId next_target_;
  std::deque<Task> tasks_;
  bool busy_ = false, ready_ = false;
};

}  // namespace nezu::manager_app
