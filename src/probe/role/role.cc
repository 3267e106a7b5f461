#include "probe/role/role.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"

namespace nezu::probe::role {
namespace {

constexpr std::size_t kStoppedTold = 256;
constexpr Nanos kSweep = std::chrono::seconds(1);
constexpr Nanos kDoubt = std::chrono::milliseconds(100);  // a seam as near as this to missing names is doubtful

shadow::Options with_window(shadow::Options o, Nanos window) {
  o.window = window;
  return o;
}

wire::ClockKnown to_wire(shadow::Clock::Known known) {
  switch (known) {
    case shadow::Clock::Known::none: return wire::ClockKnown::none;
    case shadow::Clock::Known::own: return wire::ClockKnown::own;
    case shadow::Clock::Known::coarse: return wire::ClockKnown::coarse;
    case shadow::Clock::Known::compared: return wire::ClockKnown::compared;
  }
  return wire::ClockKnown::none;
}

const char* to_string(wire::Refusal::Reason reason) {
  using Reason = wire::Refusal::Reason;
  switch (reason) {
    case Reason::protocol: return "no common version of the link's protocol";
    case Reason::unknown_probe: return "this certificate may not be this logical probe";
    case Reason::bad_request: return "the manager doesn't understand us";
    case Reason::too_many: return "the manager has too many probes";
    case Reason::window: return "another window length than the manager's";
    case Reason::unspecified: break;
  }
  return "no reason given";
}

}  // namespace

const char* to_string(Name name) {
  switch (name) {
    case Name::standby: return "standby";
    case Name::claiming: return "claiming";
    case Name::waiting: return "waiting";
    case Name::active: return "active";
  }
  return "?";
}

Role::Role(const Options& options, Random& random)
    : options_(options),
      random_(random),
      spool_(options.spool),
      shadow_(with_window(options.shadow, options.window)),
      backoff_(options.retry_first),
      isolation_(options.isolation),
      cluster_{{}, options.start_began, {}},
      promoted_(options.promoted) {}

Name Role::name() const {
  if (epoch_ != 0) return Name::active;
  if (!promoted_) return Name::standby;
  return waiting_ ? Name::waiting : Name::claiming;
}

std::string Role::session_text() const {
  if (session_ == Session::open) return "connected";
  return trouble_.empty() ? "connecting" : "connecting: " + trouble_;
}

void Role::set_bugs(const PlantedBugs& bugs) {
  bugs_ = bugs;
  shadow_.set_bugs(bugs.shadow);
}

// ---- the session

Actions Role::start(MonoTime now) {
  claimed_at_ = now;
  session_ = Session::connecting;
  return {Connect{}};
}

Actions Role::connected(MonoTime now) {
  session_ = Session::greeting;
  heard_ = now;
  if (bugs_.spool_dropped) spool_ = spool::Spool(options_.spool);
  wire::Hello hello;
  hello.logical_probe = options_.logical_probe;
  hello.node = options_.node;
  hello.instance = options_.instance;
  hello.program_version = options_.program_version;
  hello.window = options_.window;
  hello.interface = options_.interface;
  return {Send{hello}};
}

void Role::retry_after_failure(MonoTime now) {
  retry_at_ = now + Nanos(static_cast<std::int64_t>(static_cast<double>(backoff_.count()) * (0.5 + 0.5 * random_.next_unit())));
  backoff_ = std::min(backoff_ * 2, options_.retry_last);
}

void Role::lose_session(MonoTime now, const std::string& why, Actions& out) {
  const bool was_open = session_ == Session::open;
  session_ = Session::none;
  spool_.connection_lost();
  if (was_open) {
    ++sessions_lost_;
    session_lost_at_ = now;
    backoff_ = options_.retry_first;
    retry_at_ = now + Nanos(std::chrono::milliseconds(10 + random_.below(90)));
    out.push_back(Say{Say::Level::warning, "session with the manager lost", {{"why", why}}});
  } else {
    retry_after_failure(now);
    if (why != trouble_) out.push_back(Say{Say::Level::warning, "no session with the manager", {{"why", why}}});
  }
  trouble_ = why;
}

Actions Role::disconnected(MonoTime now, const std::string& why) {
  Actions out;
  if (session_ != Session::none) lose_session(now, why, out);
  return out;
}

void Role::on(MonoTime now, wire::Welcome m, Actions& out) {
  if (m.protocol < wire::kProtocolMin || m.protocol > wire::kProtocolMax) {
    const std::string why = "the manager chose version " + std::to_string(m.protocol) + " of the link's protocol; we speak " +
                            std::to_string(wire::kProtocolMin) + " to " + std::to_string(wire::kProtocolMax);
    out.push_back(Disconnect{why});
    lose_session(now, why, out);
    retry_at_ = now + options_.retry_refused;
    return;
  }
  session_ = Session::open;
  session_since_ = now;
  backoff_ = options_.retry_first;
  trouble_.clear();
  shadow_.set_reach(m.ledger_reach);
  const bool other_key = m.name_key != std::exchange(name_key_, m.name_key);
  manager_version_ = m.program_version;
  out.push_back(Say{Say::Level::info,
                    "session with the manager open",
                    {{"manager_version", m.program_version}, {"kept_windows", std::to_string(spool_.size())}}});
  if (other_key && options_.shadow.names && generation_ > 0) measure(out, false);
  beat(now, out);
  send_records(out);
}

void Role::on(MonoTime now, wire::Refusal m, Actions& out) {
  std::string why = std::string("refused: ") + to_string(m.reason);
  if (!m.text.empty()) why += " (" + m.text + ")";
  if (m.reason == wire::Refusal::Reason::protocol) {
    why += "; the manager speaks " + std::to_string(m.protocol_min) + " to " + std::to_string(m.protocol_max) + ", we speak " +
           std::to_string(wire::kProtocolMin) + " to " + std::to_string(wire::kProtocolMax);
  }
  out.push_back(Disconnect{why});
  lose_session(now, why, out);
  retry_at_ = now + options_.retry_refused;
}

Actions Role::received(MonoTime now, wire::Message message) {
  Actions out;
  if (session_ != Session::greeting && session_ != Session::open) return out;
  heard_ = now;
  const bool greets = std::holds_alternative<wire::Welcome>(message) || std::holds_alternative<wire::Refusal>(message);
  if (greets != (session_ == Session::greeting)) {
    out.push_back(Disconnect{"the manager's messages are out of order"});
    lose_session(now, "the manager's messages are out of order", out);
    return out;
  }
  std::visit([&](auto&& m) { on(now, std::forward<decltype(m)>(m), out); }, std::move(message));
  finish_if_done(now, out);
  return out;
}

template <class Other>
void Role::on(MonoTime now, Other, Actions& out) {
  out.push_back(Disconnect{"the manager sent what only probes send"});
  lose_session(now, "the manager sent what only probes send", out);
}

Actions Role::tick(MonoTime now, PacketTime packet_clock) {
  Actions out;
  packet_clock_ = packet_clock;
  packet_clock_at_ = now;
  if (finished_) return out;
  if ((session_ == Session::open || session_ == Session::greeting) && now - heard_ > options_.silence) {
    out.push_back(Disconnect{"silent"});
    lose_session(now, "silent for more than a second", out);
  }
  if (isolated(now)) {
    give_up(now, out);
    return out;
  }
  if (session_ == Session::none && now >= retry_at_) {
    session_ = Session::connecting;
    out.push_back(Connect{});
  }
  if (session_ == Session::open && now - beat_at_ >= options_.beat) beat(now, out);
  for (Action& action : work(now, packet_clock)) out.push_back(std::move(action));
  finish_if_done(now, out);
  return out;
}

Actions Role::work(MonoTime now, PacketTime packet_clock) {
  Actions out;
  if (finished_) return out;
  packet_clock_ = packet_clock;
  packet_clock_at_ = now;
  while (auto record = shadow_.cut(now, packet_clock)) keep(std::move(*record), out);
  if (epoch_ == 0 && now - swept_at_ >= kSweep) sweep(now);
  while (auto record = shadow_.add_up()) keep(std::move(*record), out);
  send_records(out);
  return out;
}

// Cuts the open window short, and sends what there is.
void Role::deliver(MonoTime now, Actions& out) {
  while (auto record = shadow_.cut(now, packet_now(now))) keep(std::move(*record), out);
  while (auto record = shadow_.cut_short()) keep(std::move(*record), out);
  send_records(out);
}

void Role::sweep(MonoTime now) {
  swept_at_ = now;
  shadow_.sweep();
  if (epoch_ == 0) discarded_ += spool_.drop_shadow(stored_until_);
}

void Role::keep(window::Record record, Actions& out) {
  ++measured_count_;
  record.instance = options_.instance;
  record.epoch = epoch_;
  const window::Span span = record.span;
  // Sent again with each session it would end all of them: better a gap that is told.
  if (!wire::can_be_sent(record)) {
    ++too_long_;
    shadow_.given_up(span);
    out.push_back(Say{Say::Level::error,
                      "a window doesn't fit into a message to the manager, it is a gap: too many targets had traffic in it",
                      {{"dropped", std::to_string(too_long_)}}});
    return;
  }
  if (!spool_.push(std::move(record))) shadow_.given_up(span);
  const auto pushed_out = spool_.take_overflow();
  for (const window::Span& s : pushed_out) shadow_.given_up(s);
  if (!pushed_out.empty()) {
    out.push_back(
        Say{Say::Level::warning, "the spool is full, the oldest window is dropped", {{"dropped", std::to_string(spool_.overflow())}}});
  }
}

void Role::beat(MonoTime now, Actions& out) {
  if (session_ != Session::open) return;
  beat_at_ = now;
  wire::Heartbeat h;
  h.promoted = promoted_;
  h.claim_age = promoted_ ? now - claimed_at_ : Nanos(0);
  h.epoch = epoch_;
  h.held = held_;
  h.was = spool_.granted() > 0 ? was_ : 0;
  h.applied = applied_number_;
  h.discovery_job = discovery_;
  for (const auto* states : {&measured_, &stopped_}) {
    for (const auto& [id, state] : *states) {
      h.services.push_back(state);
      h.services.back().since = shadow_.clock().logical(state.since);
    }
  }
  h.packet_clock = packet_now(now);
  h.frame_clock = shadow_.clock().logical(h.packet_clock);
  h.clock_known = to_wire(shadow_.clock().known());
  h.since = since();
  h.whole = !measured_.empty() && shadow_.whole();
  h.capture = capture_.state;
  h.kept_windows = spool_.size();
  h.overflow_windows = spool_.overflow() + too_long_;
  h.compared = shadow_.counters().left_out;
  h.only_here = shadow_.counters().only_here;
  h.only_named = shadow_.names_not_seen();
  h.handed_over = handed_over_;
  h.left_out = left_out_;
  h.cluster_steps = cluster_steps(now);
  h.superseded = superseded_;
  out.push_back(Send{std::move(h)});
}

// Of a claim that isn't admitted: the admission is what the manager writes its record at.
std::vector<wire::ClusterStep> Role::cluster_steps(MonoTime now) const {
  using Kind = wire::ClusterStep::Kind;
  std::vector<wire::ClusterStep> steps;
  if (!promoted_ || epoch_ != 0) return steps;
  for (const auto& [kind, at] :
       {std::pair(Kind::stopped, cluster_.stopped), {Kind::start, cluster_.start}, {Kind::promote, cluster_.promote}}) {
    if (at && *at <= now && now - *at <= wire::kMaxStepAge) steps.push_back({kind, now - *at});
  }
  return steps;
}

// Where our coverage begins after the end of what is stored.
PacketTime Role::since() const {
  PacketTime begin = shadow_.since().value_or(shadow_.clock().logical(packet_clock_));
  if (const window::Spans kept = spool_.covered_after(stored_until_); !kept.empty()) begin = std::min(begin, kept.front().begin);
  return std::max(begin, stored_until_);
}

void Role::send_records(Actions& out) {
  if (session_ != Session::open) return;
  while (spool_.on_its_way() < options_.in_flight) {
    const window::Record* r = spool_.take_unsent();
    if (r == nullptr) return;
    ++sent_;
    out.push_back(Send{*r});
  }
}

// ---- the cluster's word, and the manager's

Actions Role::promote(MonoTime now, std::optional<MonoTime> began, std::optional<MonoTime> stopped) {
  Actions out;
  if (promoted_) return out;
  promoted_ = true;
  cluster_.promote = began;
  cluster_.stopped = stopped;
  waiting_ = false;
  claimed_at_ = now;
  beat(now, out);
  return out;
}

Actions Role::demote(MonoTime now) {
  Actions out;
  if (!promoted_) return out;
  promoted_ = false;
  step_down(std::nullopt);
  discover({}, out);
  beat(now, out);
  return out;
}

// No longer admitted. What is kept stays with its old epoch until the manager says what of it is wanted.
void Role::step_down(std::optional<PacketTime> wanted_until) {
  if (epoch_ != 0) was_ = epoch_;
  if (wanted_until) take_back(wanted_until);
  epoch_ = 0;
  waiting_ = promoted_;
  shadow_.end();
  shadow_.clock().forget_differences();
}

// Records that end after `until` (none: all) become shadow again.
void Role::take_back(std::optional<PacketTime> until) {
  spool_.take_back(until, [this](const window::Span& span) { return shadow_.take_back(span); });
}

void Role::on(MonoTime, wire::Beat m, Actions&) {
  standby_ok_ = m.standby_ok;
  if (epoch_ == 0) {
    stored_until_ = std::max(stored_until_, m.stored_until);
    shadow_.set_stored_until(m.stored_until);
    if (m.offset) shadow_.clock().coarse(*m.offset);
  }
  if (m.holder == options_.instance) waiting_ = false;
}

void Role::on(MonoTime now, wire::Grant m, Actions& out) {
  if (m.epoch == epoch_ || !promoted_) return;
  if (epoch_ != 0) step_down(std::nullopt);
  const bool nobody_else = to_ns(m.stored_until) <= 0 || m.stored_until == acknowledged_until_;
  take_back(std::nullopt);
  epoch_ = held_ = m.epoch;
  waiting_ = false;
  stored_until_ = std::max(stored_until_, m.stored_until);
  shadow_.set_stored_until(m.stored_until);
  find_clock(m, packet_now(now));
  begin_records(m, nobody_else, packet_now(now));
  for (Action& action : work(now, packet_now(now))) out.push_back(std::move(action));
  out.push_back(
      Say{Say::Level::info, "admitted", {{"epoch", std::to_string(epoch_)}, {"windows_handed_over", std::to_string(spool_.size())}}});
  beat(now, out);
}

// From now on the logical probe's time is ours, less the offset that is known best.
void Role::find_clock(const wire::Grant& grant, PacketTime own_now) {
  shadow::Clock& clock = shadow_.clock();
  if (options_.shadow.names) clock.compare(shadow_.differences(grant.ledger));
  if (grant.offset) clock.coarse(*grant.offset);
  if (clock.known() == shadow::Clock::Known::none && to_ns(grant.stored_until) > 0) {
    // No idea of it: the shadow can't be laid beside what is stored. It begins anew, and not before the end of that.
    clock.adopt(std::min(Nanos(0), own_now - grant.stored_until));
    shadow_.throw_away(own_now);
  }
  clock.keep();
}

void Role::begin_records(const wire::Grant& grant, bool nobody_else, PacketTime own_now) {
  bool doubtful = false;
  const std::uint64_t left_out = shadow_.counters().left_out;
  if (options_.shadow.names) {
    shadow_.learn(grant.ledger, grant.stored_until, grant.ledger_since);
    doubtful = grant.ledger.left_out_until > grant.stored_until - kDoubt && to_ns(grant.stored_until) > 0;
    shadow_.sweep();
  } else if (!nobody_else) {
    shadow_.throw_away(own_now);
    discarded_ += spool_.drop_shadow(PacketTime::max());
  }
  discarded_ += spool_.grant(epoch_, grant.stored_until);
  left_out_ = shadow_.counters().left_out - left_out;
  handed_over_ = shadow_.kept();
  // Where nothing is covered yet it will be soon, and the watermark lies behind the present.
  const PacketTime begin = shadow_.since().value_or(shadow_.clock().logical(own_now) - options_.window);
  PacketTime from = std::max(grant.stored_until, floor_to(begin, options_.window));
  if (const auto end = spool_.end()) from = std::max(from, *end);
  shadow_.begin(from, doubtful);
}

void Role::on(MonoTime, wire::Wait m, Actions& out) {
  if (!waiting_) out.push_back(Say{Say::Level::info, "another instance is at work, our claim waits", {{"holder", m.holder_node}}});
  waiting_ = promoted_;
}

// One that slept may read this before it has said a word: so it says itself what it believed, with every heartbeat from now on. The manager
// tells it to people once an epoch; when that is durable isn't known here, and its own restart may come in between.
void Role::on(MonoTime now, wire::Superseded m, Actions& out) {
  if (epoch_ != 0 && m.epoch == epoch_) {
    out.push_back(Say{Say::Level::warning, "superseded by another instance", {{"epoch", std::to_string(epoch_)}}});
    superseded_ = epoch_;
    step_down(m.wanted_until);
    discover({}, out);
    beat(now, out);
  } else if (epoch_ == 0) {
    take_back(m.wanted_until);
  }
}

void Role::on(MonoTime, wire::Ack m, Actions& out) {
  if (spool_.acknowledge(m.begin, m.end)) shadow_.stored({m.begin, m.end});
  stored_until_ = std::max(stored_until_, m.end);
  acknowledged_until_ = std::max(acknowledged_until_, m.end);
  shadow_.set_stored_until(m.end);
  send_records(out);
}

// What other instances' records counted: it is left out of the shadow, and the clocks are compared, anew with each active.
void Role::on(MonoTime now, wire::Stored m, Actions&) {
  // Also one that doesn't know yet that it is superseded: it won't be told again.
  if (m.ledger_since) shadow_.learn(m.ledger, m.stored_until, m.ledger_since);
  if (epoch_ != 0) return;
  stored_until_ = std::max(stored_until_, m.stored_until);
  if (m.epoch != of_epoch_) {
    of_epoch_ = m.epoch;
    shadow_.clock().anew();
  }
  if (options_.shadow.names) shadow_.clock().compare(shadow_.differences(m.ledger));
  if (!m.ledger_since) shadow_.learn(m.ledger, m.stored_until, std::nullopt);
  sweep(now);
}

// ---- what is measured

void Role::on(MonoTime, wire::Definitions m, Actions&) {
  for (wire::ServiceDefinition& d : m.services) {
    const window::ServiceId id = d.service;
    definitions_.insert_or_assign(id, std::move(d));
  }
}

void Role::on(MonoTime now, wire::Instruction m, Actions& out) {
  std::map<window::ServiceId, std::uint64_t> wished;
  for (const wire::ServiceWish& w : m.services) {
    const auto it = definitions_.find(w.service);
    if (it == definitions_.end() || it->second.version != w.definition_version) {
      out.push_back(Say{Say::Level::warning,
                        "an instruction names a definition that we don't have; waiting for it",
                        {{"service", std::to_string(w.service)}, {"version", std::to_string(w.definition_version)}}});
      return;
    }
    wished[w.service] = w.definition_version;
  }
  number_ = m.number;
  discover(m, out);
  if (wished == wished_) {
    if (applied_generation_ == generation_) applied_number_ = number_;
    beat(now, out);
    return;
  }
  const bool changed = std::any_of(wished.begin(), wished.end(), [&](const auto& w) {
    const auto it = wished_.find(w.first);
    return it != wished_.end() && it->second != w.second;
  });
  wished_ = std::move(wished);
  measure(out, changed);
}

// Only the admitted instance discovers, and what it was told as such ends with its grant.
void Role::discover(const wire::Instruction& m, Actions& out) {
  const std::uint64_t job = epoch_ != 0 ? m.discovery_job : 0;
  if (job == discovery_wished_) return;
  discovery_wished_ = job;
  out.push_back(job != 0 ? Discover{job, m.discovery_source, m.discovery_limit} : Discover{});
}

Actions Role::discovering(MonoTime now, std::uint64_t job) {
  Actions out;
  if (job != discovery_wished_ || job == discovery_) return out;  // a newer one is on its way
  discovery_ = job;
  beat(now, out);
  return out;
}

void Role::measure(Actions& out, bool at_edge) {
  Measure m;
  m.generation = ++generation_;
  if (options_.shadow.names) m.names = name_key_;
  m.at_edge = at_edge;
  m.offset = shadow_.clock().offset();
  for (const auto& [id, version] : wished_) m.services.push_back(definitions_.at(id));
  out.push_back(std::move(m));
}

Actions Role::applied(MonoTime now, std::uint64_t generation, std::vector<AppliedService> services, PacketTime stopped_at) {
  Actions out;
  if (generation != generation_) return out;  // a newer one is on its way
  applied_generation_ = generation;
  applied_number_ = number_;
  std::map<window::ServiceId, wire::ServiceState> before = std::move(measured_);
  measured_.clear();
  // What stopped long ago needn't be told for ever: that it isn't measured shows by its absence.
  if (stopped_.size() > kStoppedTold) stopped_.clear();
  for (const AppliedService& s : services) {
    const auto wish = wished_.find(s.service);
    if (wish == wished_.end()) continue;
    measured_[s.service] = {s.service, wish->second, true, s.since};
    stopped_.erase(s.service);
    before.erase(s.service);
  }
  for (auto& [id, state] : before) {
    state.monitoring = false;
    state.since = stopped_at;
    stopped_[id] = state;
  }
  // What is told as stopped is on its way before that is told: nobody else may have it.
  if (!before.empty() && epoch_ != 0) deliver(now, out);
  beat(now, out);
  return out;
}

// ---- the end

Actions Role::stop(MonoTime now) {
  Actions out;
  if (stopping_) return out;
  stopping_ = true;
  stop_by_ = now + options_.stop_wait;
  // The last words are the open window, cut short, where nobody else has it.
  if (epoch_ != 0 && !wished_.empty() && !standby_ok_) {
    cutting_ = true;
    out.push_back(Cut{});
  }
  finish_if_done(now, out);
  return out;
}

Actions Role::cut_done(MonoTime now) {
  Actions out;
  cutting_ = false;
  if (epoch_ != 0) deliver(now, out);
  finish_if_done(now, out);
  return out;
}

void Role::finish_if_done(MonoTime now, Actions& out) {
  if (!stopping_ || finished_) return;
  const std::size_t undelivered = spool_.granted();
  const bool deliverable = epoch_ != 0 && !standby_ok_;
  if (now < stop_by_ && deliverable && (cutting_ || undelivered > 0)) return;
  finished_ = true;
  if (session_ == Session::open) out.push_back(Send{wire::Bye{"stopped"}});
  out.push_back(Finished{undelivered});
}

// Of the active one only, and while there is something to measure: then another node may do it better. A standby, or one that has just been
// started where the manager can't be reached either, would end and be started again without any use. A greeting that is on its way is
// waited for, a second at most.
bool Role::isolated(MonoTime now) const {
  const bool cut_off = session_ == Session::none || session_ == Session::connecting;
  return isolation_ && cut_off && epoch_ != 0 && !wished_.empty() && !stopping_ && now - session_lost_at_ >= *isolation_;
}

// At once, without the wait of a stop: there is nobody to deliver to, and the other node's start waits for our end.
void Role::give_up(MonoTime now, Actions& out) {
  finished_ = true;
  out.push_back(Say{Say::Level::error,
                    "no session with the manager for too long: ending, as on_isolation says",
                    {{"without_session", format_duration(now - session_lost_at_)}, {"why", trouble_}}});
  out.push_back(Finished{spool_.granted(), true});
}

}  // namespace nezu::probe::role
