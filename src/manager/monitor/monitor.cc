#include "manager/monitor/monitor.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"

namespace nezu::monitor {
namespace {

constexpr Nanos kOffsetWorthStoring = std::chrono::milliseconds(5);

bool is_probe_name(const std::string& name) {
  if (name.empty() || name.size() > 63) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

// "KIND/rest" → rest; nullopt for other kinds.
std::optional<std::string> rest_of(const std::string& key, const std::string& kind) {
  if (key.compare(0, kind.size(), kind) != 0) return std::nullopt;
  return key.substr(kind.size());
}

}  // namespace

Monitor::Monitor(const Options& options, Now now)
    : options_(options), awake_(now.mono), last_mono_(now.mono), started_(now.mono), wall_at_start_(now.wall), mono_at_start_(now.mono) {}

Result<std::unique_ptr<Monitor>> Monitor::create(const Options& options, const store::Loaded& loaded, Now now) {
  std::unique_ptr<Monitor> monitor(new Monitor(options, now));
  const Status status = monitor->load(loaded, now);
  if (!status.ok()) return status.error();
  return monitor;
}

Status Monitor::load_key(const std::string& key, const std::string& json) {
  if (const auto name = rest_of(key, "probe/")) {
    auto state = decode_probe(json);
    if (!state.ok()) return state.error().in("stored state " + key);
    Probe& probe = probes_.try_emplace(*name, options_.ledger_reach).first->second;
    probe.name = *name;
    probe.kept = probe.saved = *std::move(state);
    probe.offset = probe.kept.offset;
  } else if (const auto id = rest_of(key, "service/")) {
    auto number = parse_u64(*id, 0xffffffff);
    auto state = decode_service(json);
    if (!number.ok()) return number.error().in("stored state " + key);
    if (!state.ok()) return state.error().in("stored state " + key);
    Service& service = services_[static_cast<ServiceId>(*number)];
    service.kept = service.saved = *state;
  } else if (key == "discovery") {
    auto number = parse_u64(json, ~std::uint64_t{0});
    if (!number.ok()) return number.error().in("stored state " + key);
    saved_jobs_ = *number;
    jobs_ = std::max(jobs_, *number);
  }
  return {};
}

Status Monitor::load(const store::Loaded& loaded, Now now) {
  events_ = EventBook(loaded.events, loaded.next_event_id);
  failovers_ = FailoverBook(loaded.failovers, loaded.next_failover_id);
  discoveries_ = DiscoveryBook(options_.discovery, loaded.discoveries);
  next_span_ = loaded.next_monitoring_id;
  for (const auto& span : loaded.monitoring) {
    spans_[span.id] = span;
    next_span_ = std::max(next_span_, span.id + 1);
  }
  jobs_ = loaded.next_discovery_id - 1;
  for (const auto& [key, json] : loaded.state) {
    const Status status = load_key(key, json);
    if (!status.ok()) return status;
  }
  for (const auto& covered : loaded.covered) {
    const auto probe = probes_.find(covered.logical_probe);
    if (probe != probes_.end()) probe->second.stored_until = probe->second.accepted_until = covered.stored_until;
  }
  // Ledgers after the probes that they belong to: NAME may hold no "/", so the last one ends it.
  for (const auto& [key, json] : loaded.state) {
    const auto rest = rest_of(key, "ledger/");
    if (!rest) continue;
    const std::size_t slash = rest->rfind('/');
    const auto probe = probes_.find(rest->substr(0, slash));
    auto end = parse_u64(slash == std::string::npos ? "" : rest->substr(slash + 1), ~std::uint64_t{0} >> 1);
    if (!end.ok()) return end.error().in("stored state " + key);
    if (json.size() < 2 || json.front() != '"' || json.back() != '"')
      return Error(ErrorCode::corrupt, "stored state " + key + ": wanted a string");
    auto ledger = ingest::decode_ledger(std::string_view(json).substr(1, json.size() - 2));
    if (!ledger.ok()) return ledger.error().in("stored state " + key);
    if (probe == probes_.end()) continue;
    probe->second.ledgers.add(packet_time_ns(static_cast<std::int64_t>(*end)), *ledger, probe->second.stored_until);
  }
  recover(loaded, now);
  return {};
}

// The manager's own failover.
void Monitor::recover(const store::Loaded& loaded, Now now) {
  for (const store::ServiceRow& row : loaded.services) {
    if (!row.deleted) services_[row.id].row = row;
  }
  for (const store::ServiceRow& row : loaded.services) {
    if (row.deleted) continue;
    for (const std::string& name : row.definition.probes) learn_probe(name);
  }
  for (auto& [name, probe] : probes_) {
    join(probe);
    retire(probe, now);
    probe.loss = {now.mono, now.mono, now.wall, now.wall, "the manager was restarted"};
    if (options_.bugs.epoch_volatile) probe.kept.epoch = 0;
    stop_discovery(probe, discovery_reason::kManagerRestarted, "the manager was restarted", now);
    for (auto& [id, at] : probe.kept.services) {
      probe.since[id] = now.mono;
      if (!options_.bugs.wish_lost) continue;
      at.wished = false;
      if (at.state != State::monitoring) at.state = State::stopped;
    }
  }
  for (auto& [id, service] : services_) service.since = now.mono;
  if (options_.bugs.notice_again) {
    for (const store::Event& event : events_.newest_first()) {
      if (event.code != "failover") continue;
      events_.happened(event.code, event.subject, event.severity, event.text, now.wall);
      break;
    }
  }
}

// Deadlines run on the time for which this process was awake: one that was frozen for ten seconds mustn't find everybody silent before it
// has read what came meanwhile.
MonoTime Monitor::awake(Now now) {
  const Nanos passed = std::max(now.mono - last_mono_, Nanos{0});
  awake_ += std::min(passed, options_.session_timeout / 2);
  last_mono_ = std::max(last_mono_, now.mono);
  return awake_;
}

Status Monitor::hello(SessionId id, const wire::Hello& hello, Now now) {
  awake(now);
  if (!is_probe_name(hello.logical_probe)) {
    return Error(ErrorCode::invalid_argument,
                 fmt::format("logical_probe: '{}': wanted 1 to 63 of the characters A-Z a-z 0-9 . _ -", hello.logical_probe));
  }
  for (auto& [old_id, old] : sessions_) {
    if (old.instance() != hello.instance || old.hello.logical_probe != hello.logical_probe || old_id == id) continue;
    out_.closings.push_back({old_id, "the instance has made a new connection"});
    // Not lost: it is here. Its claim and its clock are told anew by the next heartbeat.
    sessions_.erase(old_id);
    break;
  }
  if (sessions_.size() >= options_.max_sessions) {
    return Error(ErrorCode::no_space, fmt::format("{} sessions are open, the limit (limits.sessions)", sessions_.size()));
  }
  Probe* probe = learn_probe(hello.logical_probe);
  if (!probe) return Error(ErrorCode::no_space, fmt::format("{} logical probes are known, the limit (limits.probes)", probes_.size()));
  Session& session = sessions_[id];
  session.id = id;
  session.hello = hello;
  session.connected = now.wall;
  session.heard = awake_;
  define(*probe, session);
  return {};
}

void Monitor::word(SessionId id, Now now) {
  awake(now);
  const auto session = sessions_.find(id);
  if (session != sessions_.end()) session->second.heard = awake_;
}

void Monitor::heartbeat(SessionId id, const wire::Heartbeat& heartbeat, Now now) {
  awake(now);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  Probe& probe = probes_.at(session.hello.logical_probe);
  const bool first = !session.last;
  session.last = heartbeat;
  session.heard = awake_;
  session.claimed = awake_ - heartbeat.claim_age;
  if (first) announced(probe, session);
  note_cluster(session, heartbeat, now);
  note_clock(probe, session, heartbeat, now);
  holder_reports(probe, session, now);
  note_superseded(probe, session, now);

  const bool holds = probe.kept.holder == session.instance();
  const std::uint64_t old = heartbeat.epoch ? heartbeat.epoch : heartbeat.was;
  if (old && (old != probe.kept.epoch || (heartbeat.epoch && !holds)) && !options_.bugs.not_told) {
    send(session, wire::Superseded{old, reach(probe, old)});
  }
  if (holds && heartbeat.epoch != probe.kept.epoch) {
    // It gave the grant up meanwhile: this promotion is a new claim.
    if (heartbeat.held == probe.kept.epoch && !options_.bugs.old_grant_repeated) {
      admit(probe, session, now);
    } else if (awake_ >= session.grant_again) {
      grant(probe, session);
    }
  }
  if (heartbeat.promoted && probe.kept.holder != session.instance()) {
    Session* better = instead_of(probe, session);
    if (better) {
      admit(probe, *better, now);
      instruct(probe, *better);
    }
    if (!better && admissible(probe, session)) {
      admit(probe, session, now);
    } else {
      const Session* holder = session_of(probe, probe.kept.holder);
      session.told_to_wait = true;
      send(session, wire::Wait{holder ? holder->hello.node : probe.kept.admissions.back().node});
    }
  }
  if (probe.kept.holder == session.instance() && heartbeat.epoch == probe.kept.epoch)
    failovers_.handed_over(probe.name, heartbeat.epoch, heartbeat.handed_over, heartbeat.left_out);
  compare_mirrors(probe, session, now);
  show_waiting(probe, now);
  reconcile(probe, session, now);
  send(session, beat(probe, session), true);
}

void Monitor::lost(SessionId id, Lost why, Now now) {
  awake(now);
  const auto session = sessions_.find(id);
  if (session != sessions_.end()) lose(session->second, why, now);
}

void Monitor::tick(Now now) {
  awake(now);
  std::vector<SessionId> silent;
  for (const auto& [id, session] : sessions_) {
    if (awake_ - session.heard > options_.session_timeout) silent.push_back(id);
  }
  for (const SessionId id : silent) {
    out_.closings.push_back({id, "silent for " + format_duration(options_.session_timeout)});
    lose(sessions_.at(id), Lost::silent, now);
  }
  for (auto& [name, probe] : probes_) {
    for (Session* session : sessions_of(probe)) {
      if (!session->promoted() || probe.kept.holder == session->instance() || !admissible(probe, *session)) continue;
      admit(probe, *session, now);
      instruct(probe, *session);
    }
    if (sessions_of(probe).empty())
      probe.heard_since.reset();
    else if (!probe.heard_since)
      probe.heard_since = awake_;
    check_disconnected(probe, now);
    check_capture(probe, now);
    check_superseded(probe, now);
    check_clocks(probe, now);
    check_mirrors(probe, now);
    show_waiting(probe, now);
    time_out(probe, now);
  }
  time_out_services(now);
  check_discoveries(now);
}

void Monitor::accept(const std::string& logical_probe, const window::Record& record, store::WriteBatch& batch) {
  const auto found = probes_.find(logical_probe);
  if (found == probes_.end()) return;
  Probe& probe = found->second;
  probe.accepted_until = std::max(probe.accepted_until, record.span.end);
  if (options_.bugs.last_ledger_only) probe.ledgers = ingest::Ledgers(probe.ledgers.reach());
  const auto key = [&](PacketTime end) { return fmt::format("ledger/{}/{}", logical_probe, to_ns(end)); };
  for (const PacketTime end : probe.ledgers.add(record.span.end, record.ledger, probe.accepted_until)) batch.state[key(end)] = std::nullopt;
  if (!record.ledger.entries.empty() || record.ledger.left_out_until != PacketTime{}) {
    batch.state[key(record.span.end)] = '"' + ingest::encode_ledger(record.ledger) + '"';
  }
}

void Monitor::stored(const std::string& logical_probe, SessionId from, const window::Record& record, Now now) {
  awake(now);
  const auto found = probes_.find(logical_probe);
  if (found == probes_.end()) return;
  Probe& probe = found->second;
  const bool newest = record.span.end > probe.stored_until;
  note_gaps(probe, record, now);
  probe.stored_until = std::max(probe.stored_until, record.span.end);
  for (const window::ServicePart& part : record.services) {
    if (part.covered.empty()) continue;
    PacketTime& until = probe.covered[part.service];
    until = std::max(until, part.covered.back().end);
  }
  if (failovers_.stored(logical_probe, record, now.wall)) events_.close("failover", logical_probe, now.wall);
  if (!newest) return;
  for (Session* session : sessions_of(probe)) {
    if (session->id == from) continue;
    session->told_epoch = record.epoch;
    send(*session, wire::Stored{probe.stored_until, record.ledger, record.epoch, {}});
  }
}

void Monitor::outdated(SessionId id, std::uint64_t epoch) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end() || options_.bugs.not_told) return;
  send(session->second, wire::Superseded{epoch, reach(probes_.at(session->second.hello.logical_probe), epoch)});
}

void Monitor::send(const Session& session, wire::Message message, bool at_once) {
  out_.messages.push_back({session.id, std::move(message), at_once});
}

Outputs Monitor::take() {
  for (auto& [name, probe] : probes_) {
    const bool moved = probe.offset && (!probe.kept.offset || std::chrono::abs(*probe.offset - *probe.kept.offset) > kOffsetWorthStoring);
    if (moved) probe.kept.offset = probe.offset;
    if (probe.kept == probe.saved) continue;
    out_.changes.state["probe/" + name] = encode(probe.kept);
    probe.saved = probe.kept;
  }
  for (auto& [id, service] : services_) {
    if (service.kept == service.saved) continue;
    out_.changes.state[fmt::format("service/{}", id)] = encode(service.kept);
    service.saved = service.kept;
  }
  if (jobs_ != saved_jobs_) out_.changes.state["discovery"] = fmt::format("{}", jobs_);
  saved_jobs_ = jobs_;
  for (const std::uint64_t id : changed_spans_) out_.changes.monitoring.push_back(spans_.at(id));
  changed_spans_.clear();
  out_.changes.failovers = failovers_.take_changes();
  out_.changes.events = events_.take_changes();
  discoveries_.take_changes(out_.changes);
  Outputs taken;
  std::swap(taken, out_);
  return taken;
}

std::uint64_t Monitor::epoch(const std::string& logical_probe) const {
  const auto probe = probes_.find(logical_probe);
  return probe == probes_.end() ? 0 : probe->second.kept.epoch;
}

std::vector<ingest::Ingest::Owner> Monitor::owners(const std::string& logical_probe) const {
  std::vector<ingest::Ingest::Owner> owners;
  const auto probe = probes_.find(logical_probe);
  if (probe == probes_.end()) return owners;
  for (const Admission& admission : probe->second.kept.admissions) owners.push_back({admission.from, admission.instance});
  return owners;
}

std::vector<ProbeStatus> Monitor::probes() const {
  std::vector<ProbeStatus> all;
  for (const auto& [name, probe] : probes_) {
    ProbeStatus status{name, "disconnected", probe.kept, probe.stored_until, {}};
    const bool here = session_of(probe, probe.kept.holder) != nullptr;
    for (const auto& [id, session] : sessions_) {
      if (session.hello.logical_probe != name) continue;
      const char* role = probe.kept.holder == session.instance() ? "active" : session.promoted() ? "waiting" : "standby";
      status.instances.push_back({id, session.hello, session.last, role, session.connected, std::max(awake_ - session.heard, Nanos{0})});
    }
    const bool never = probe.kept.epoch == 0 && !status.instances.empty();
    if (here || never)
      status.state = "connected";
    else if (probe.kept.epoch != 0 && awake_ - probe.loss.at <= options_.reconnect_grace)
      status.state = "interrupted";
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace nezu::monitor
