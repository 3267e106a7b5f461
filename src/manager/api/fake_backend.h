// A Backend for tests of the API and of programs that talk to it: definitions in memory, probes and failovers as they were put in.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manager/api/backend.h"

namespace nezu::api {

class FakeBackend final : public Backend {
 public:
  ManagerView manager_view = [] {
    ManagerView v;
    v.ready = true;
    return v;
  }();
  std::vector<ProbeView> probe_views;
  std::vector<store::FailoverRecord> failover_records;
  std::vector<store::Event> event_list;
  std::vector<store::MonitoringSpan> spans;
  std::vector<store::DiscoveryRow> discovery_rows;  // newest first
  std::optional<Error> failure;                     // of apply, remove, wish, and of starting and stopping a discovery

  ManagerView manager() const override { return manager_view; }
  std::vector<ServiceView> services() const override {
    std::vector<ServiceView> out;
    for (const auto& [name, service] : services_) out.push_back(service);
    return out;
  }
  std::optional<ServiceView> service(const std::string& full_name) const override {
    const auto found = services_.find(full_name);
    return found == services_.end() ? std::nullopt : std::optional<ServiceView>(found->second);
  }
  std::vector<ProbeView> probes() const override { return probe_views; }
  std::vector<store::FailoverRecord> failovers() const override { return failover_records; }
  std::vector<store::Event> events() const override { return event_list; }
  std::vector<store::MonitoringSpan> monitoring_spans(store::ServiceId) const override { return spans; }

  void apply(std::vector<definition::Service> wanted, bool dry_run, bool prune,
             UniqueFunction<void(Result<std::vector<Change>>)> done) override {
    if (failure) return done(*failure);
    std::vector<Change> changes;
    std::map<std::string, ServiceView> after = prune ? std::map<std::string, ServiceView>{} : services_;
    for (definition::Service& definition : wanted) {
      const std::string name = definition.full_name();
      const auto known = services_.find(name);
      ServiceView view = known == services_.end() ? ServiceView{} : known->second;
      Change change{name, known == services_.end() ? Change::Action::created : Change::Action::updated, view.row.version + 1, {}};
      if (known != services_.end() && view.row.definition == definition) change = {name, Change::Action::unchanged, view.row.version, {}};
      if (change.action == Change::Action::updated) change.differences.push_back("definition: changed");
      if (view.row.id == 0) view.row.id = next_id_++, view.row.all_target = view.row.id * 10;
      for (const auto& t : definition.transactions)
        view.row.targets.emplace(t.name, view.row.all_target + static_cast<store::TargetId>(view.row.targets.size()) + 1);
      view.row.version = change.version;
      view.row.changed = wall_time_ns(1'700'000'000'000'000'000);
      view.row.definition = std::move(definition);
      if (view.probes.empty()) view.probes.push_back({"edge", MonitoringState::stopped, false, false, 0});
      after[name] = std::move(view);
      changes.push_back(std::move(change));
    }
    for (const auto& [name, view] : services_) {
      if (after.count(name) == 0) changes.push_back({name, Change::Action::deleted, view.row.version, {}});
    }
    if (!dry_run) services_ = std::move(after);
    done(std::move(changes));
  }
  void remove(const std::string& full_name, UniqueFunction<void(Status)> done) override {
    if (failure) return done(*failure);
    if (services_[full_name].state != MonitoringState::stopped)
      return done(Error(ErrorCode::conflict, "service " + full_name + ": is monitored"));
    services_.erase(full_name);
    done({});
  }
  void wish(const std::string& full_name, bool monitor, UniqueFunction<void(Status)> done) override {
    if (failure) return done(*failure);
    ServiceView& view = services_[full_name];
    view.state = monitor ? MonitoringState::monitoring : MonitoringState::stopped;
    for (ServiceAtProbe& p : view.probes) p.state = view.state, p.wished = monitor;
    done({});
  }
  std::vector<store::DiscoveryRow> discoveries() const override { return discovery_rows; }
  // Like the manager: one at a probe at a time.
  void start_discovery(const DiscoveryRequest& request, UniqueFunction<void(Result<std::uint64_t>)> done) override {
    if (failure) return done(*failure);
    for (const store::DiscoveryRow& row : discovery_rows) {
      if (row.logical_probe == request.probe && !row.stopped) return done(Error(ErrorCode::conflict, "a discovery is running"));
    }
    if (std::none_of(probe_views.begin(), probe_views.end(), [&](const auto& p) { return p.name == request.probe; }))
      return done(Error(ErrorCode::not_found, "logical probe " + request.probe + " is not known"));
    store::DiscoveryRow row;
    row.id = discovery_rows.empty() ? 1 : discovery_rows.front().id + 1;
    row.logical_probe = request.probe;
    if (request.source) row.source = to_string(*request.source);
    row.limit = request.limit;
    row.started_by = request.by;
    row.started = wall_time_ns(1'700'000'000'000'000'000);
    discovery_rows.insert(discovery_rows.begin(), row);
    done(row.id);
  }
  void stop_discovery(std::uint64_t discovery, const std::string& by, UniqueFunction<void(Status)> done) override {
    if (failure) return done(*failure);
    for (store::DiscoveryRow& row : discovery_rows) {
      if (row.id != discovery || row.stopped) continue;
      row.stopped = wall_time_ns(1'700'000'060'000'000'000);
      row.stopped_by = by;
      row.reason = "person";
      row.text = "stopped by a person";
    }
    done({});
  }
  std::shared_ptr<void> watch(std::function<void(const LiveRecord&)> watcher) override {
    auto handle = std::make_shared<std::function<void(const LiveRecord&)>>(std::move(watcher));
    watchers_.push_back(handle);
    return handle;
  }
  // As if the record had just become durable.
  void emit(const std::string& probe, const window::Record& record) {
    std::erase_if(watchers_, [](const auto& w) { return w.expired(); });
    for (const auto& weak : watchers_) {
      if (const auto watcher = weak.lock()) (*watcher)(LiveRecord{probe, &record});
    }
  }
  std::size_t watchers() const {
    return static_cast<std::size_t>(std::count_if(watchers_.begin(), watchers_.end(), [](const auto& w) { return !w.expired(); }));
  }

 private:
  std::map<std::string, ServiceView> services_;
  std::vector<std::weak_ptr<std::function<void(const LiveRecord&)>>> watchers_;
  store::ServiceId next_id_ = 1;
};

}  // namespace nezu::api
