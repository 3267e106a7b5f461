// Claims, admissions, losses: the manager as the witness.
#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "manager/monitor/monitor.h"

namespace nezu::monitor {
namespace {

constexpr std::size_t kClockSamples = 20;
constexpr Nanos kPartOnItsWay = std::chrono::seconds(1);
constexpr const char* kPlanned = "planned";

void keep_newest(std::deque<Nanos>& samples, Nanos sample) {
  samples.push_back(sample);
  if (samples.size() > kClockSamples) samples.pop_front();
}

}  // namespace

Monitor::Session* Monitor::session_of(const Probe& probe, const std::optional<InstanceId>& instance) {
  return const_cast<Session*>(std::as_const(*this).session_of(probe, instance));
}

const Monitor::Session* Monitor::session_of(const Probe& probe, const std::optional<InstanceId>& instance) const {
  if (!instance) return nullptr;
  for (const auto& [id, session] : sessions_) {
    if (session.hello.logical_probe == probe.name && session.instance() == *instance) return &session;
  }
  return nullptr;
}

std::vector<Monitor::Session*> Monitor::sessions_of(const Probe& probe) {
  std::vector<Session*> all;
  for (auto& [id, session] : sessions_) {
    if (session.hello.logical_probe == probe.name) all.push_back(&session);
  }
  return all;
}

// The end of what was accepted when the epoch was closed; of the present one, the end of what is.
PacketTime Monitor::reach(const Probe& probe, std::uint64_t epoch) const {
  for (const Admission& admission : probe.kept.admissions) {
    if (admission.epoch > epoch) return admission.from;
  }
  return probe.accepted_until;
}

// How far back the names reach that are kept; where nothing is stored, before everything.
PacketTime Monitor::ledger_since(const Probe& probe) const {
  return probe.accepted_until == PacketTime{} ? PacketTime{} : probe.accepted_until - probe.ledgers.reach();
}

void Monitor::announced(Probe& probe, Session& session) {
  session.began_as_standby = !session.last->promoted;
  if (probe.kept.holder == session.instance()) return;
  // Also where nothing is stored yet: who isn't told so can't know that the first record is the first.
  session.told_epoch = probe.kept.epoch;
  for (ingest::Ledgers::Part& part : probe.ledgers.parts(options_.names_per_message, ledger_since(probe), probe.accepted_until))
    send(session, wire::Stored{part.until, std::move(part.ledger), probe.kept.epoch, part.since});
}

void Monitor::note_clock(Probe& probe, Session& session, const wire::Heartbeat& heartbeat, Now now) {
  // Our own clock for this purpose: wall time that doesn't step while we run.
  const std::int64_t here = to_ns(wall_at_start_) + (now.mono - mono_at_start_).count();
  keep_newest(session.raws, Nanos(to_ns(heartbeat.packet_clock) - here));
  if (probe.kept.holder != session.instance() || heartbeat.epoch != probe.kept.epoch) return;
  keep_newest(session.frames, Nanos(to_ns(heartbeat.frame_clock) - here));
  probe.offset = *std::max_element(session.frames.begin(), session.frames.end());
}

// The instance's clock less the logical probe's time: the largest samples are those with the shortest way.
std::optional<Nanos> Monitor::coarse(Probe& probe, const Session& session) {
  if (!probe.offset || session.raws.empty()) return std::nullopt;
  return *std::max_element(session.raws.begin(), session.raws.end()) - *probe.offset;
}

// Ages become times of ours here, where the message has just come.
void Monitor::note_cluster(Session& session, const wire::Heartbeat& heartbeat, Now now) {
  session.cluster_steps.clear();
  for (const wire::ClusterStep& step : heartbeat.cluster_steps) {
    if (step.age >= Nanos(0) && step.age <= wire::kMaxStepAge) session.cluster_steps[step.kind] = now.wall - step.age;
  }
}

void Monitor::holder_reports(Probe& probe, Session& session, Now now) {
  if (options_.bugs.announcement_ends_grace && probe.kept.holder && probe.kept.holder != session.instance() &&
      !session_of(probe, probe.kept.holder)) {
    interrupt(probe, "another instance has announced itself", now);
  }
  if (probe.kept.holder != session.instance()) return;
  restored(probe, now);
  if (session.last->promoted) return;
  probe.kept.holder.reset();
  probe.loss = {awake_, awake_, now.wall, now.wall, kPlanned};
  stop_discovery(probe, discovery_reason::kDemoted, "the cluster has demoted " + session.hello.node, now);
}

bool Monitor::admissible(const Probe& probe, const Session& session) const {
  if (!probe.kept.holder || options_.bugs.always_admit) return true;
  if (options_.bugs.waiting_starves && session.claimed < awake_ - std::chrono::milliseconds(300)) return false;
  if (const Session* holder = session_of(probe, probe.kept.holder)) return awake_ - holder->heard >= options_.claim_patience;
  if (options_.bugs.old_claim_is_fresh) return true;
  return session.claimed > probe.loss.at || awake_ - probe.loss.word >= options_.claim_patience;
}

// The active has died and was started again where it ran (a node runs one instance, so a new one there says that the old one is gone): its new
// claim is younger than the loss, but it has measured nothing. A claim that waits and has everything goes before it.
Monitor::Session* Monitor::instead_of(const Probe& probe, const Session& claims) {
  if (!probe.kept.holder || session_of(probe, probe.kept.holder) || claims.last->whole || probe.kept.admissions.empty()) return nullptr;
  const Admission& lost = probe.kept.admissions.back();
  if (lost.instance == claims.instance() || lost.node != claims.hello.node) return nullptr;
  for (Session* other : sessions_of(probe)) {
    const bool fit = other->last && other->last->whole && other->last->clock_known != wire::ClockKnown::none;
    if (other->id != claims.id && other->promoted() && other->told_to_wait && fit && awake_ - other->heard < options_.claim_patience)
      return other;
  }
  return nullptr;
}

void Monitor::admit(Probe& probe, Session& session, Now now) {
  ProbeState& kept = probe.kept;
  const std::optional<Admission> old = kept.admissions.empty() ? std::nullopt : std::optional(kept.admissions.back());
  Session* previous = kept.holder == session.instance() ? nullptr : session_of(probe, kept.holder);
  if (previous) {
    const Nanos silent = std::max(awake_ - previous->heard, Nanos{0});
    probe.loss = {awake_, awake_ - silent, now.wall - silent, now.wall, "silent for " + format_duration(options_.claim_patience)};
  }
  const std::uint64_t closed = kept.epoch;
  ++kept.epoch;
  kept.holder = session.instance();
  kept.admissions.push_back({kept.epoch, session.instance(), session.hello.node, probe.accepted_until});
  if (kept.admissions.size() > ProbeState::kAdmissions) kept.admissions.erase(kept.admissions.begin());
  session.frames.clear();
  session.told_to_wait = false;
  if (old && old->instance != session.instance()) {
    interrupt(probe, session.hello.node + " took over from " + old->node, now);
    open_failover(probe, session, *old, now);
  }
  restored(probe, now);
  if (previous && !options_.bugs.not_told) send(*previous, wire::Superseded{closed, probe.accepted_until});
  grant(probe, session);
}

namespace {

// What was before the loss has nothing to do with it: a warm instance's start, or a claim that waits since a split.
void take_steps(const std::map<wire::ClusterStep::Kind, WallTime>& steps, store::FailoverRecord& record) {
  for (const auto& [kind, at] : steps) {
    if (at < record.lost || at > record.admitted) continue;
    switch (kind) {
      case wire::ClusterStep::Kind::stopped: record.stopped = at; break;
      case wire::ClusterStep::Kind::start: record.start = at; break;
      case wire::ClusterStep::Kind::promote: record.promote = at; break;
    }
  }
}

}  // namespace

void Monitor::open_failover(Probe& probe, Session& session, const Admission& old, Now now) {
  store::FailoverRecord record;
  record.logical_probe = probe.name;
  record.epoch = probe.kept.epoch;
  record.reason = probe.loss.reason;
  record.from_node = old.node;
  record.to_node = session.hello.node;
  record.from_instance = to_string(old.instance);
  record.to_instance = to_string(session.instance());
  record.mode = session.began_as_standby ? "warm" : "cold";
  record.lost = probe.loss.lost;
  record.noticed = probe.loss.noticed;
  record.announced = std::max(session.connected, now.wall - std::max(awake_ - session.claimed, Nanos{0}));
  record.admitted = now.wall;
  take_steps(session.cluster_steps, record);
  record.last_covered = probe.accepted_until;
  record.clock_offset = coarse(probe, session);
  std::map<ServiceId, PacketTime> monitored;
  for (const auto& [service, at] : probe.kept.services) {
    if (at.state != State::monitoring) continue;
    const auto covered = probe.covered.find(service);
    monitored[service] = covered == probe.covered.end() ? probe.accepted_until : covered->second;
  }
  const std::string text =
      fmt::format("epoch {}: {} took over from {} ({})", record.epoch, record.to_node, record.from_node, record.reason);
  events_.close("failover", probe.name, now.wall);
  const bool planned = record.reason == kPlanned;
  const auto severity = monitored.empty() ? store::Severity::information : store::Severity::warning;
  const bool open = failovers_.open(std::move(record), monitored);
  if (planned) return;  // somebody moved it: a record, and no event
  if (open) {
    events_.open("failover", probe.name, severity, text, now.wall);
  } else {
    events_.happened("failover", probe.name, severity, text, now.wall);
  }
}

void Monitor::grant(Probe& probe, Session& session) {
  auto parts = probe.ledgers.parts(options_.names_per_message, ledger_since(probe), probe.accepted_until);
  // What is repeated before it can have arrived only lengthens its own way.
  session.grant_again = awake_ + static_cast<int>(parts.size()) * kPartOnItsWay;
  // The older names go before it, and not as those of another active: the clocks' comparison with the one that was must stand.
  const std::uint64_t before = session.told_epoch != 0 ? session.told_epoch : probe.kept.epoch - 1;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    send(session, wire::Stored{parts[i].until, std::move(parts[i].ledger), before, parts[i].since});
  wire::Grant grant;
  grant.epoch = probe.kept.epoch;
  grant.stored_until = probe.accepted_until;
  grant.ledger = std::move(parts.back().ledger);
  grant.ledger_since = parts.back().since;
  grant.offset = coarse(probe, session);
  send(session, std::move(grant));
}

void Monitor::interrupt(Probe& probe, const std::string& why, Now now) {
  if (probe.interrupted) return;
  probe.interrupted = true;
  stop_discovery(probe, discovery_reason::kFailover, why, now);
}

void Monitor::restored(Probe& probe, Now now) {
  probe.interrupted = false;
  events_.close("probe.disconnected", probe.name, now.wall);
}

void Monitor::check_disconnected(Probe& probe, Now now) {
  if (probe.kept.epoch == 0 || probe.interrupted || session_of(probe, probe.kept.holder)) return;
  if (awake_ - probe.loss.at <= options_.reconnect_grace) return;
  interrupt(probe, "the connection was lost for longer than " + format_duration(options_.reconnect_grace), now);
  const bool monitored = std::any_of(probe.kept.services.begin(), probe.kept.services.end(),
                                     [](const auto& service) { return service.second.state != State::stopped; });
  events_.open("probe.disconnected", probe.name, monitored ? store::Severity::error : store::Severity::warning,
               fmt::format("no instance is at work since {} ({}){}", format_rfc3339(to_ns(probe.loss.lost)), probe.loss.reason,
                           monitored ? ": monitored services have a gap that grows" : ""),
               now.wall);
}

void Monitor::show_waiting(Probe& probe, Now now) {
  const Session* waiting = nullptr;
  for (const auto& [id, session] : sessions_) {
    const bool waits = session.hello.logical_probe == probe.name && session.promoted() && session.told_to_wait;
    if (waits && probe.kept.holder && probe.kept.holder != session.instance()) waiting = &session;
  }
  if (!waiting) {
    events_.close("claim.waiting", probe.name, now.wall);
    return;
  }
  const Session* holder = session_of(probe, probe.kept.holder);
  if (!holder) return;
  events_.open("claim.waiting", probe.name, store::Severity::warning,
               fmt::format("two nodes claim to be active: {} is at work, {} waits; the cluster may be split", holder->hello.node,
                           waiting->hello.node),
               now.wall);
}

void Monitor::lose(Session& session, Lost why, Now now) {
  Probe& probe = probes_.at(session.hello.logical_probe);
  if (probe.kept.holder == session.instance()) {
    const Nanos silent = why == Lost::silent ? std::max(awake_ - session.heard, Nanos{0}) : Nanos{0};
    const std::string reason = why == Lost::silent   ? "silent for " + format_duration(options_.session_timeout)
                               : why == Lost::closed ? "connection closed"
                                                     : kPlanned;
    probe.loss = {awake_, awake_ - silent, now.wall - silent, now.wall, reason};
  }
  sessions_.erase(session.id);
  show_waiting(probe, now);
}

wire::Beat Monitor::beat(Probe& probe, const Session& session) {
  wire::Beat beat;
  beat.holder = probe.kept.holder;
  beat.stored_until = probe.stored_until;
  for (const auto& [id, other] : sessions_) {
    if (other.hello.logical_probe != probe.name || probe.kept.holder == other.instance() || !other.last) continue;
    beat.standby_ok = beat.standby_ok || (other.last->clock_known != wire::ClockKnown::none && other.last->whole &&
                                          awake_ - other.heard < options_.claim_patience);
  }
  beat.offset = coarse(probe, session);
  return beat;
}

}  // namespace nezu::monitor
