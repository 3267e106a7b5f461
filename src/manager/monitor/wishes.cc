// Wishes for monitoring and discovery: what is wished, what is reported, what closes the difference.
#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "manager/monitor/monitor.h"

namespace nezu::monitor {
namespace {

const wire::ServiceState* reported(const wire::Heartbeat& heartbeat, ServiceId service) {
  for (const wire::ServiceState& state : heartbeat.services) {
    if (state.service == service) return &state;
  }
  return nullptr;
}

bool in_transition(State state) { return state == State::starting || state == State::stopping; }

}  // namespace

void Monitor::reconcile(Probe& probe, Session& session, Now now) {
  const wire::Heartbeat& heartbeat = *session.last;
  const bool holds = probe.kept.holder == session.instance();
  // A state is confirmed under the present epoch only, and by a report that has seen the last wish.
  const bool numbered = heartbeat.applied == probe.kept.number || options_.bugs.any_report_confirms;
  if (holds && heartbeat.epoch == probe.kept.epoch && numbered) confirm(probe, heartbeat, now);

  const wire::Instruction wanted = instruction(probe, session);
  std::vector<wire::ServiceWish> has;
  for (const wire::ServiceState& state : heartbeat.services) {
    if (state.monitoring) has.push_back({state.service, state.definition_version});
  }
  std::sort(has.begin(), has.end(), [](const auto& a, const auto& b) { return a.service < b.service; });
  if (has != wanted.services || heartbeat.discovery_job != wanted.discovery_job || heartbeat.applied != wanted.number) {
    send(session, wanted);
  }
}

void Monitor::confirm(Probe& probe, const wire::Heartbeat& heartbeat, Now now) {
  std::vector<ServiceId> done;
  for (auto& [id, at] : probe.kept.services) {
    const wire::ServiceState* state = reported(heartbeat, id);
    const bool measures = state && state->monitoring;
    if (at.state == State::starting && measures) {
      at.state = State::monitoring;
      begin_span(probe, id, at, state->since);
    } else if (at.state == State::stopping && !measures) {
      done.push_back(id);
    }
  }
  for (const ServiceId id : done) {
    const wire::ServiceState* state = reported(heartbeat, id);
    const bool told = state && state->since != PacketTime{};
    // Not the end of what is stored: the record in which the service ended may go on for others, or be a successor's whole window.
    const auto covered = probe.covered.find(id);
    const PacketTime known = told && covered != probe.covered.end() ? covered->second : probe.accepted_until;
    stopped(probe, id, std::max(known, told ? state->since : heartbeat.frame_clock), now);
  }
}

void Monitor::begin_span(Probe& probe, ServiceId service, AtProbe& at, PacketTime since) {
  const PacketTime begin = std::max(since, probe.accepted_until);
  if (at.span) {
    // It was stopped and started before the stop was confirmed. Unless it was really interrupted, the span goes on.
    if (since <= probe.accepted_until) return;
    end_span(at, probe.accepted_until);
  }
  const std::uint64_t id = next_span_++;
  spans_[id] = {id, service, probe.name, begin, std::nullopt};
  changed_spans_.insert(id);
  at.span = id;
}

void Monitor::end_span(AtProbe& at, PacketTime end) {
  if (!at.span) return;
  const auto span = spans_.find(*at.span);
  if (span != spans_.end()) {
    span->second.end = std::max(span->second.begin, end);
    changed_spans_.insert(span->first);
  }
  at.span.reset();
}

// Stopped: confirmed, or given up.
void Monitor::stopped(Probe& probe, ServiceId service, PacketTime end, Now now) {
  AtProbe& at = probe.kept.services.at(service);
  end_span(at, end);
  close_gap(probe, service, now);
  at.state = State::stopped;
  probe.since.erase(service);
  if (failovers_.left(probe.name, service)) events_.close("failover", probe.name, now.wall);
  if (at.retired) probe.kept.services.erase(service);
}

wire::Instruction Monitor::instruction(const Probe& probe, const Session& session) const {
  wire::Instruction wanted;
  wanted.number = probe.kept.number;
  for (const auto& [id, at] : probe.kept.services) {
    if (at.state != State::starting && at.state != State::monitoring) continue;
    const auto service = services_.find(id);
    if (service != services_.end()) wanted.services.push_back({id, service->second.row.version});
  }
  const bool discovers = probe.kept.holder == session.instance() || options_.bugs.disc_resumed;
  const store::DiscoveryRow* row = discovers ? discoveries_.find(probe.kept.discovery_job) : nullptr;
  if (!row) return wanted;
  wanted.discovery_job = row->id;
  wanted.discovery_limit = row->limit;
  if (!row->source.empty()) {
    if (auto source = parse_ip_prefix(row->source); source.ok()) wanted.discovery_source = *source;
  }
  return wanted;
}

void Monitor::instruct(Probe& probe, Session& session) { send(session, instruction(probe, session)); }

void Monitor::instruct_all(Probe& probe) {
  for (Session* session : sessions_of(probe)) instruct(probe, *session);
}

void Monitor::define(Probe& probe, Session& session) {
  wire::Definitions definitions;
  for (const auto& [id, service] : services_) {
    if (service.row.id == 0 || !belongs(service, probe)) continue;
    wire::ServiceDefinition definition{id, service.row.version, service.row.definition, service.row.all_target, {}};
    for (const auto& transaction : service.row.definition.transactions) {
      definition.transaction_targets.push_back(service.row.targets.at(transaction.name));
    }
    definitions.services.push_back(std::move(definition));
  }
  send(session, std::move(definitions));
}

void Monitor::set_wish(Probe& probe, ServiceId service, bool on) {
  AtProbe& at = probe.kept.services[service];
  if (at.wished == on) return;
  at.wished = on;
  at.state = on ? State::starting : State::stopping;
  at.number = ++probe.kept.number;
  probe.since[service] = awake_;
}

Status Monitor::wish(ServiceId id, bool on, Now now) {
  awake(now);
  const auto found = services_.find(id);
  if (found == services_.end() || found->second.row.id == 0) return Error(ErrorCode::not_found, fmt::format("service {} is not known", id));
  Service& service = found->second;
  service.kept.wished = on;
  service.since = awake_;
  for (auto& [name, probe] : probes_) {
    if (!belongs(service, probe)) continue;
    const std::uint64_t before = probe.kept.number;
    set_wish(probe, id, on);
    if (probe.kept.number != before) instruct_all(probe);
  }
  return {};
}

Result<std::uint64_t> Monitor::start_discovery(const DiscoveryWish& wish, Now now) {
  awake(now);
  const auto found = probes_.find(wish.logical_probe);
  if (found == probes_.end()) return Error(ErrorCode::not_found, fmt::format("logical probe {} is not known", wish.logical_probe));
  Probe& probe = found->second;
  if (const auto* row = discoveries_.find(probe.kept.discovery_job)) {
    return Error(ErrorCode::conflict,
                 fmt::format("logical probe {}: discovery {} is running since {}{}", probe.name, row->id,
                             format_rfc3339(to_ns(row->started)), row->started_by.empty() ? "" : ", started by " + row->started_by));
  }
  const Session* holder = session_of(probe, probe.kept.holder);
  if (!holder) return Error(ErrorCode::conflict, fmt::format("logical probe {}: no instance is at work", probe.name));
  probe.kept.discovery_job = ++jobs_;
  probe.kept.discovery_reason.clear();
  discoveries_.start(jobs_, wish, holder->instance(), holder->hello.node, awake_, now);
  ++probe.kept.number;
  instruct_all(probe);
  return jobs_;
}

Status Monitor::end_discovery(std::uint64_t job, const std::string& by, Now now) {
  awake(now);
  const store::DiscoveryRow* row = discoveries_.find(job);
  if (!row) return Error(ErrorCode::not_found, fmt::format("there is no discovery {}", job));
  if (row->stopped) return {};
  Probe& probe = probes_.at(row->logical_probe);
  stop_discovery(probe, discovery_reason::kPerson, by.empty() ? "stopped by a person" : "stopped by " + by, now, by);
  instruct_all(probe);
  return {};
}

void Monitor::stop_discovery(Probe& probe, std::string_view reason, const std::string& text, Now now, const std::string& by) {
  const std::uint64_t job = probe.kept.discovery_job;
  if (job == 0 || options_.bugs.disc_resumed) return;
  const store::DiscoveryRow* row = discoveries_.find(job);
  if (reason != discovery_reason::kPerson) {
    const bool cut_short = reason != discovery_reason::kTimeLimit && reason != discovery_reason::kDemoted;
    events_.happened("discovery.stopped", probe.name, cut_short ? store::Severity::warning : store::Severity::information,
                     fmt::format("discovery {}{} has stopped: {}; what it had found is kept", job,
                                 row && !row->started_by.empty() ? " of " + row->started_by : "", text),
                     now.wall);
  }
  discoveries_.stop(job, reason, text, by, awake_, now);
  probe.kept.discovery_job = 0;
  probe.kept.discovery_reason = text;
  ++probe.kept.number;
  // Everybody hears of it with the answer to the next heartbeat.
}

void Monitor::found(SessionId from, const wire::DiscoveryEntries& entries, Now now) {
  awake(now);
  const auto session = sessions_.find(from);
  if (session == sessions_.end()) return;
  Probe& probe = probes_.at(session->second.hello.logical_probe);
  const auto received = discoveries_.receive(entries, probe.name, session->second.instance(), awake_);
  if (received.acknowledge) send(session->second, wire::DiscoveryAck{entries.job, entries.number});
  if (!received.full || probe.kept.discovery_job != entries.job) return;
  stop_discovery(probe, discovery_reason::kLimitsReached,
                 fmt::format("more than {} entries, or {} of hosts, paths and methods, were found (discovery.entries)",
                             options_.discovery.entries, format_size(options_.discovery.bytes)),
                 now);
}

void Monitor::check_discoveries(Now now) {
  for (const std::uint64_t job : discoveries_.over(awake_)) {
    const store::DiscoveryRow* row = discoveries_.find(job);
    Probe& probe = probes_.at(row->logical_probe);
    stop_discovery(probe, discovery_reason::kTimeLimit, "its time limit, " + format_duration(row->limit) + ", was reached", now);
    instruct_all(probe);
  }
  if (awake_ - expired_ < std::chrono::minutes(1)) return;
  expired_ = awake_;
  discoveries_.expire(now);
}

void Monitor::time_out(Probe& probe, Now now) {
  std::vector<ServiceId> late;
  for (const auto& [id, at] : probe.kept.services) {
    if (in_transition(at.state) && awake_ - probe.since[id] > options_.transition_timeout) late.push_back(id);
  }
  for (const ServiceId id : late) {
    AtProbe& at = probe.kept.services.at(id);
    const auto service = services_.find(id);
    events_.happened("transition.timeout", name_of(id), store::Severity::warning,
                     fmt::format("{} at logical probe {}: nobody confirmed within {}; it is stopped, and the wish (number {}) is withdrawn",
                                 to_string(at.state), probe.name, format_duration(options_.transition_timeout), at.number),
                     now.wall);
    if (!options_.bugs.timeout_keeps_wish) at.wished = false;
    ++probe.kept.number;
    stopped(probe, id, probe.accepted_until, now);
    if (service == services_.end()) continue;
    const bool still = std::any_of(probes_.begin(), probes_.end(), [id = id](const auto& other) {
      const auto there = other.second.kept.services.find(id);
      return there != other.second.kept.services.end() && there->second.wished;
    });
    if (!still) service->second.kept.wished = false;
  }
  if (!late.empty()) instruct_all(probe);
}

// A wish that no logical probe could take up, because none is known.
void Monitor::time_out_services(Now now) {
  for (auto& [id, service] : services_) {
    if (!service.kept.wished || awake_ - service.since <= options_.transition_timeout) continue;
    const bool anywhere =
        std::any_of(probes_.begin(), probes_.end(), [id = id](const auto& probe) { return probe.second.kept.services.count(id) != 0; });
    if (anywhere) continue;
    service.kept.wished = false;
    events_.happened(
        "transition.timeout", service.row.definition.full_name(), store::Severity::warning,
        fmt::format("starting: no logical probe has come within {}; the wish is withdrawn", format_duration(options_.transition_timeout)),
        now.wall);
  }
}

bool Monitor::belongs(const Service& service, const Probe& probe) const {
  const auto& named = service.row.definition.probes;
  return service.row.id != 0 && (named.empty() || std::find(named.begin(), named.end(), probe.name) != named.end());
}

// nullptr: there are as many as may be.
Monitor::Probe* Monitor::learn_probe(const std::string& name) {
  const auto known = probes_.find(name);
  if (known != probes_.end()) return &known->second;
  if (probes_.size() >= options_.max_probes) return nullptr;
  Probe& probe = probes_.try_emplace(name, options_.ledger_reach).first->second;
  probe.name = name;
  probe.saved.epoch = ~std::uint64_t{0};  // differs from every state: the probe is stored although nothing has happened to it yet
  join(probe);
  return &probe;
}

// Wished services that belong to the logical probe and aren't there yet start.
void Monitor::join(Probe& probe) {
  for (const auto& [id, service] : services_) {
    if (!belongs(service, probe)) continue;
    const auto there = probe.kept.services.find(id);
    if (there != probe.kept.services.end()) {
      if (!there->second.retired) continue;
      there->second.retired = false;
    }
    if (service.kept.wished) set_wish(probe, id, true);
  }
}

// Services that don't belong to the logical probe any more stop, and are forgotten.
void Monitor::retire(Probe& probe, Now now) {
  std::vector<ServiceId> gone;
  for (const auto& [id, at] : probe.kept.services) {
    const auto service = services_.find(id);
    if (service == services_.end() || !belongs(service->second, probe)) gone.push_back(id);
  }
  for (const ServiceId id : gone) {
    probe.kept.services.at(id).retired = true;
    set_wish(probe, id, false);
    if (probe.kept.services.at(id).state == State::stopped) stopped(probe, id, probe.accepted_until, now);
  }
}

void Monitor::catalogue(const std::vector<store::ServiceRow>& rows, Now now) {
  awake(now);
  std::set<ServiceId> changed;
  for (const store::ServiceRow& row : rows) {
    Service& service = services_[row.id];
    if (row.deleted) {
      if (service.row.id != 0) changed.insert(row.id);
      service.row = {};
      service.kept.wished = false;
      continue;
    }
    if (service.row.id == row.id && service.row.version == row.version) continue;
    service.row = row;
    changed.insert(row.id);
    for (const std::string& name : row.definition.probes) learn_probe(name);
  }
  if (changed.empty()) return;
  for (auto& [name, probe] : probes_) {
    const std::uint64_t before = probe.kept.number;
    const bool measured = std::any_of(changed.begin(), changed.end(), [&probe = probe](ServiceId id) {
      const auto there = probe.kept.services.find(id);
      return there != probe.kept.services.end() && there->second.state != State::stopped;
    });
    if (measured) ++probe.kept.number;
    join(probe);
    retire(probe, now);
    for (Session* session : sessions_of(probe)) {
      define(probe, *session);
      if (probe.kept.number != before) instruct(probe, *session);
    }
  }
}

bool Monitor::idle(ServiceId id) const {
  const auto service = services_.find(id);
  if (service != services_.end() && service->second.kept.wished) return false;
  return std::all_of(probes_.begin(), probes_.end(), [id](const auto& probe) {
    const auto there = probe.second.kept.services.find(id);
    return there == probe.second.kept.services.end() || there->second.state == State::stopped;
  });
}

ServiceStatus Monitor::service(ServiceId id) const {
  ServiceStatus status;
  const auto found = services_.find(id);
  if (found == services_.end()) return status;
  status.wished = found->second.kept.wished;
  bool starting = false, stopping = false, monitoring = false;
  for (const auto& [name, probe] : probes_) {
    const auto there = probe.kept.services.find(id);
    if (there == probe.kept.services.end() && !belongs(found->second, probe)) continue;
    const AtProbe at = there == probe.kept.services.end() ? AtProbe{} : there->second;
    const bool interrupted = at.state == State::monitoring && !session_of(probe, probe.kept.holder);
    starting = starting || at.state == State::starting;
    stopping = stopping || at.state == State::stopping;
    monitoring = monitoring || at.state == State::monitoring;
    status.interrupted = status.interrupted || interrupted;
    status.parts.push_back({name, at, interrupted});
  }
  if (status.parts.empty() && status.wished) starting = true;
  status.state = starting ? State::starting : stopping ? State::stopping : monitoring ? State::monitoring : State::stopped;
  return status;
}

std::vector<store::MonitoringSpan> Monitor::spans(ServiceId service) const {
  std::vector<store::MonitoringSpan> all;
  for (const auto& [id, span] : spans_) {
    if (span.service == service) all.push_back(span);
  }
  return all;
}

}  // namespace nezu::monitor
