#include "manager/core.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

namespace nezu::manager_app {
namespace {

constexpr std::size_t kMaxTasks = 64;  // changes of the catalogue that wait

api::MonitoringState api_state(monitor::State state) {
  switch (state) {
    case monitor::State::stopped: return api::MonitoringState::stopped;
    case monitor::State::starting: return api::MonitoringState::starting;
    case monitor::State::monitoring: return api::MonitoringState::monitoring;
    case monitor::State::stopping: return api::MonitoringState::stopping;
  }
  return api::MonitoringState::stopped;
}

api::InstanceView instance_view(const monitor::InstanceStatus& status) {
  api::InstanceView view;
  view.instance = to_string(status.hello.instance);
  view.node = status.hello.node;
  view.program_version = status.hello.program_version;
  view.interface = status.hello.interface;
  view.role = status.role;
  view.connected = status.connected;
  view.silent_for = status.silent_for;
  if (!status.last) return view;
  view.epoch = status.last->epoch;
  view.kept_windows = status.last->kept_windows;
  view.overflow_windows = status.last->overflow_windows;
  view.capture_running = status.last->capture.running;
  view.interface_up = status.last->capture.interface_up;
  view.capture_fault = status.last->capture.fault;
  view.frames = status.last->capture.frames;
  view.kernel_drops = status.last->capture.kernel_drops;
  view.watermark = status.last->capture.watermark;
  return view;
}

std::vector<api::Change> api_changes(const std::vector<session::CatalogueChange>& changes) {
  using Action = session::CatalogueChange::Action;
  std::vector<api::Change> all;
  for (const session::CatalogueChange& change : changes) {
    const auto action = change.action == Action::created   ? api::Change::Action::created
                        : change.action == Action::updated ? api::Change::Action::updated
                        : change.action == Action::deleted ? api::Change::Action::deleted
                                                           : api::Change::Action::unchanged;
    all.push_back({change.service, action, change.version, change.differences});
  }
  return all;
}

}  // namespace

Core::Core(session::Driver& driver, store::Store& store, const Clock& clock, const std::string& version, const store::Loaded& loaded)
    : driver_(driver),
      store_(store),
      clock_(clock),
      version_(version),
      started_(clock.wall()),
      clean_stop_(loaded.clean_stop),
      next_service_(static_cast<store::ServiceId>(loaded.next_service_id)),
      next_target_(static_cast<store::TargetId>(loaded.next_target_id)) {}

api::ManagerView Core::manager() const {
  api::ManagerView view;
  view.version = version_;
  view.instance = to_string(driver_.instance());
  view.process = ::getpid();
  view.started = started_;
  view.clean_stop = clean_stop_;
  view.ready = ready_;
  view.ingest_paused = driver_.committer().paused();
  view.ingest_fault = driver_.committer().fault();
  view.store = store_.status();
  return view;
}

api::ServiceView Core::view(const store::ServiceRow& row) const {
  const monitor::ServiceStatus status = driver_.monitor().service(row.id);
  api::ServiceView view{row, api_state(status.state), status.interrupted, {}};
  for (const auto& part : status.parts) {
    view.probes.push_back({part.logical_probe, api_state(part.at.state), part.at.wished, part.interrupted, part.at.number});
  }
  return view;
}

std::vector<api::ServiceView> Core::services() const {
  std::vector<api::ServiceView> all;
  for (const auto& [id, row] : driver_.services()) {
    if (!row.deleted) all.push_back(view(row));
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.row.definition.full_name() < b.row.definition.full_name(); });
  return all;
}

std::optional<api::ServiceView> Core::service(const std::string& full_name) const {
  const store::ServiceRow* row = session::find_service(driver_.services(), full_name);
  if (!row) return std::nullopt;
  return view(*row);
}

std::vector<api::ProbeView> Core::probes() const {
  std::vector<api::ProbeView> all;
  for (const monitor::ProbeStatus& status : driver_.monitor().probes()) {
    const ingest::Counters counters = driver_.ingest().counters(status.name);
    api::ProbeView view;
    view.name = status.name;
    view.state = status.state;
    view.epoch = status.kept.epoch;
    if (status.kept.holder) view.holder = to_string(*status.kept.holder);
    view.stored_until = status.stored_until;
    view.records = counters.stored;
    view.repeats = counters.repeats;
    view.refused = counters.refused_total();
    for (const auto& instance : status.instances) view.instances.push_back(instance_view(instance));
    view.counters = driver_.probe_counters(status.name);
    view.discovery = status.kept.discovery_job != 0 ? "discovering" : "stopped";
    view.discovery_reason = status.kept.discovery_reason;
    view.discovery_id = status.kept.discovery_job;
    all.push_back(std::move(view));
  }
  return all;
}

session::Idle Core::idle() const {
  return [this](store::ServiceId id) { return driver_.monitor().idle(id); };
}

void Core::enqueue(Plan plan, Answer done) {
  if (driver_.committer().paused())
    return done(Error(ErrorCode::unavailable, "the database can't be written: " + driver_.committer().fault()));
  if (tasks_.size() >= kMaxTasks)
    return done(Error(ErrorCode::unavailable, fmt::format("{} changes of the catalogue wait already", kMaxTasks)));
  tasks_.push_back({std::move(plan), std::move(done)});
  next();
}

void Core::next() {
  while (!busy_ && !tasks_.empty()) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    auto plan = task.plan();
    if (!plan.ok()) {
      task.done(plan.error());
      continue;
    }
    auto changes = api_changes(plan->changes);
    if (plan->rows.empty()) {
      task.done(std::move(changes));
      continue;
    }
    next_service_ = plan->next_service;
    next_target_ = plan->next_target;
    busy_ = true;
    driver_.put_services(std::move(plan->rows), [this, changes = std::move(changes), done = std::move(task.done)]() mutable {
      busy_ = false;
      done(std::move(changes));
      next();
    });
  }
}

void Core::apply(std::vector<definition::Service> services, bool dry_run, bool prune, Answer done) {
  const auto plan = [this, services = std::move(services), prune] {
    return session::plan_apply(driver_.services(), services, prune, idle(), next_service_, next_target_, clock_.wall());
  };
  if (!dry_run) return enqueue(plan, std::move(done));
  auto planned = plan();
  if (!planned.ok()) return done(planned.error());
  done(api_changes(planned->changes));
}

void Core::remove(const std::string& full_name, UniqueFunction<void(Status)> done) {
  enqueue([this,
           full_name] { return session::plan_removal(driver_.services(), full_name, idle(), next_service_, next_target_, clock_.wall()); },
          [done = std::move(done)](Result<std::vector<api::Change>> changes) mutable {
            if (changes.ok())
              done({});
            else
              done(changes.error());
          });
}

void Core::wish(const std::string& full_name, bool monitor, UniqueFunction<void(Status)> done) {
  const store::ServiceRow* row = session::find_service(driver_.services(), full_name);
  if (!row) return done(Error(ErrorCode::not_found, fmt::format("there is no service {}", full_name)));
  driver_.wish(row->id, monitor, std::move(done));
}

void Core::start_discovery(const api::DiscoveryRequest& request, UniqueFunction<void(Result<std::uint64_t>)> done) {
  driver_.start_discovery({request.probe, request.source, request.limit, request.by}, std::move(done));
}

void Core::stop_discovery(std::uint64_t discovery, const std::string& by, UniqueFunction<void(Status)> done) {
  driver_.end_discovery(discovery, by, std::move(done));
}

std::shared_ptr<void> Core::watch(std::function<void(const api::LiveRecord&)> watcher) {
  return driver_.watch([watcher = std::move(watcher)](const std::string& logical_probe, const window::Record& record) {
    watcher({logical_probe, &record});
  });
}

}  // namespace nezu::manager_app
