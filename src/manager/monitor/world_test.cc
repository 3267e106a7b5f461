// testing/world.h's other half. It stands in a *_test.cc so that only the test program has it.
#include "manager/monitor/testing/world.h"

#include <algorithm>

namespace nezu::monitor::testing {
namespace {

constexpr Nanos kBeat = std::chrono::milliseconds(250), kWindow = std::chrono::seconds(1);
constexpr Nanos kSilence = std::chrono::seconds(1), kIsolation = std::chrono::seconds(6);
constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

template <class Row>
void put(std::vector<Row>& rows, const Row& row) {
  const auto old = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.id == row.id; });
  if (old == rows.end())
    rows.push_back(row);
  else
    *old = row;
}

}  // namespace

World::World(std::uint64_t seed, const Config& config) : config_(config), random_(seed), now_(mono_time_ns(1'000'000'000'000)) {
  last_fault_ = now_;
  store::ServiceRow row;
  row.id = kService;
  row.version = 1;
  row.definition.group = "shop";
  row.definition.name = "checkout";
  row.definition.probes = {"edge"};
  row.all_target = 70;
  disk_.services.push_back(row);
  boot_manager();
  start('a', !config_.warm);
  if (config_.warm) at(random(ms(1), ms(1900)), [this] { start('b', false); });
  at(ms(50), [this] { manager_tick(); });
  at(ms(200), [this] { cluster_tick(); });
}

Nanos World::random(Nanos low, Nanos high) {
  if (config_.exact) return high;
  return low + Nanos(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

void World::at(Nanos delay, std::function<void()> task) { tasks_.push({now_ + delay, order_++, std::move(task)}); }

void World::run(Nanos span) {
  const MonoTime until = now_ + span;
  while (!tasks_.empty() && tasks_.top().at <= until) {
    Task task = tasks_.top();
    tasks_.pop();
    now_ = task.at;
    task.run();
  }
  now_ = until;
}

void World::violation(int number, const std::string& text) {
  violations.push_back(fmt::format("({}) at {:.3f}: {}", number, to_seconds(now_ - mono_time_ns(1'000'000'000'000)), text));
}

// ---- the probe

Instance* World::start(char node, bool promoted) {
  auto instance = std::make_unique<Instance>();
  const auto bytes = random_.next_id();
  instance->id.bytes = bytes;
  instance->node = node;
  instance->promoted = promoted;
  instance->began = instance->promoted_at = instance->alone = instance->trouble = now_;
  Instance* raw = nodes_[node] = instance.get();
  instances_.push_back(std::move(instance));
  at(ms(10), [this, raw] { tick(*raw); });
  return raw;
}

void World::tick(Instance& instance) {
  if (!instance.alive) return;
  at(ms(50), [this, &instance] { tick(instance); });
  if (instance.paused) return;
  if (instance.conn && now_ - instance.heard > kSilence) drop(instance);
  if (!instance.conn && now_ >= instance.retry_at) connect(instance);
  if (instance.conn && now_ - instance.beat_at >= kBeat) beat(instance);
  measure(instance);
}

void World::connect(Instance& instance) {
  instance.retry_at = now_ + random(ms(50), ms(400));
  if (!link_[instance.node] || !monitor_) return;
  instance.conn = std::make_shared<Conn>();
  auto conn = instance.conn;
  conn->id = next_session_++;
  conn->instance = &instance;
  conns_[conn->id] = conn;
  made_.push_back(conn);
  instance.heard = now_;
  up(conn, [this, conn, id = instance.id, node = instance.node] {
    wire::Hello hello;
    hello.logical_probe = "edge";
    hello.node = std::string(1, node);
    hello.instance = id;
    if (!monitor_->hello(conn->id, hello, clocks()).ok()) violation(0, "hello was refused");
  });
  beat(instance);
  for (const auto& record : instance.spool) up(conn, [this, conn, record] { on_record(conn, record); });
}

void World::beat(Instance& instance) {
  instance.beat_at = now_;
  wire::Heartbeat heartbeat;
  heartbeat.promoted = instance.promoted && !instance.mute;
  heartbeat.claim_age = now_ - instance.promoted_at;
  if (heartbeat.promoted && instance.epoch == 0) {
    using Kind = wire::ClusterStep::Kind;
    heartbeat.cluster_steps = {{Kind::start, now_ - instance.began}};
    if (config_.warm) heartbeat.cluster_steps.push_back({Kind::promote, now_ - instance.promoted_at});
  }
  heartbeat.epoch = instance.epoch;
  heartbeat.held = instance.was;
  heartbeat.superseded = instance.superseded;
  heartbeat.was = instance.spool.empty() ? 0 : instance.was;
  heartbeat.applied = instance.applied;
  heartbeat.discovery_job = instance.discovery;
  if (now_ - instance.compared_at >= std::chrono::seconds(1)) {
    instance.compared_at = now_;
    instance.compared.both += instance.compares.both;
    instance.compared.only_here += instance.compares.only_here;
    instance.compared.only_named += instance.compares.only_named;
  }
  heartbeat.compared = instance.compared.both;
  heartbeat.only_here = instance.compared.only_here;
  heartbeat.only_named = instance.compared.only_named;
  heartbeat.packet_clock = packet_now() + instance.clock;
  heartbeat.frame_clock = packet_now();
  heartbeat.clock_known = wire::ClockKnown::own;
  heartbeat.whole = instance.measures;
  if (instance.stands) heartbeat.capture.fault = "interface mirror0 has no carrier";
  for (const auto& [service, version] : instance.versions) {
    heartbeat.services.push_back({service, version, instance.measures, instance.measures ? instance.measures_since : instance.stopped_at});
  }
  auto conn = instance.conn;
  up(conn, [this, conn, heartbeat] { monitor_->heartbeat(conn->id, heartbeat, clocks()); });
}

void World::drop(Instance& instance) {
  if (!instance.conn) return;
  instance.conn->probe_open = false;
  instance.conn.reset();
  instance.alone = now_;
  instance.retry_at = now_ + random(ms(10), ms(100));
}

void World::measure(Instance& instance) {
  if (!instance.epoch || !instance.measures) return;
  if (instance.stands) {
    instance.cut = std::max(instance.cut, packet_now());
    return;
  }
  while (floor_to(instance.cut, kWindow) + kWindow <= packet_now() - ms(20)) {
    window::Record record;
    record.instance = instance.id;
    record.epoch = instance.epoch;
    record.span = {instance.cut, floor_to(instance.cut, kWindow) + kWindow};
    record.covered = {record.span};
    record.services.push_back({kService, 1, record.covered, {}});
    instance.cut = record.span.end;
    instance.spool.push_back(record);
    auto conn = instance.conn;
    if (conn) up(conn, [this, conn, record] { on_record(conn, record); });
  }
}

void World::receive(Instance& instance, const std::shared_ptr<Conn>& conn, const wire::Message& message) {
  if (instance.paused) {
    instance.inbox.push_back({conn, message});
    return;
  }
  if (!instance.alive || conn != instance.conn) return;
  instance.heard = now_;
  if (const auto* m = std::get_if<wire::Instruction>(&message)) on_instruction(instance, *m);
  if (const auto* m = std::get_if<wire::Grant>(&message)) on_grant(instance, *m);
  if (const auto* m = std::get_if<wire::Superseded>(&message)) on_superseded(instance, *m);
  if (std::get_if<wire::Wait>(&message)) instance.waiting = true;
  if (const auto* m = std::get_if<wire::Stored>(&message)) instance.stored_until = std::max(instance.stored_until, m->stored_until);
  if (const auto* m = std::get_if<wire::Beat>(&message)) {
    if (m->holder == instance.id) instance.waiting = false;
    if (!instance.epoch) instance.stored_until = std::max(instance.stored_until, m->stored_until);
  }
  if (const auto* m = std::get_if<wire::Ack>(&message)) {
    std::erase_if(instance.spool, [&](const auto& r) { return r.span.begin == m->begin && r.span.end == m->end; });
  }
}

void World::on_instruction(Instance& instance, const wire::Instruction& instruction) {
  // A repeated number changes nothing, as the link's contract says: the monitor must count up with every change.
  if (instruction.number == instance.applied) return;
  instance.applied = instruction.number;
  const bool wanted = !instruction.services.empty();
  if (wanted && !instance.measures) {
    instance.measures = true;
    instance.measures_since = packet_now();
    if (instance.epoch) instance.cut = std::max(instance.cut, instance.measures_since);
  } else if (!wanted && instance.measures) {
    measure(instance);
    instance.measures = false;
    instance.stopped_at = instance.epoch ? instance.cut : packet_now();
  }
  instance.versions.clear();
  if (wanted)
    instance.versions[kService] = instruction.services.front().definition_version;
  else
    instance.versions[kService] = 1;
  if (instance.discovery != instruction.discovery_job) {
    instance.discovery = instruction.discovery_job;
    if (instance.discovery && jobs_.try_emplace(instance.discovery, instance.id).first->second != instance.id) {
      violation(7, fmt::format("discovery {} goes on in another instance", instance.discovery));
    }
  }
  if (instance.conn) beat(instance);
}

void World::on_grant(Instance& instance, const wire::Grant& grant) {
  if (instance.epoch == grant.epoch) return;
  if (instance.epoch) step_down(instance);
  instance.spool.clear();
  instance.epoch = grant.epoch;
  instance.waiting = instance.mute = false;
  instance.stored_until = grant.stored_until;
  instance.cut = std::max(grant.stored_until, instance.measures ? instance.measures_since : packet_now());
  measure(instance);
  if (instance.conn) beat(instance);
}

void World::on_superseded(Instance& instance, const wire::Superseded& superseded) {
  if (instance.epoch && instance.epoch != superseded.epoch) return;
  if (instance.epoch) instance.superseded = instance.epoch;
  if (instance.epoch) step_down(instance);
  std::erase_if(instance.spool, [&](const auto& r) { return r.span.end > superseded.wanted_until; });
}

void World::step_down(Instance& instance) {
  if (instance.epoch) instance.was = instance.epoch;
  instance.epoch = 0;
  instance.waiting = instance.promoted;
}

void World::promote(Instance& instance) {
  instance.promoted = true;
  instance.promoted_at = now_;
  instance.mute = false;
  if (instance.conn && !instance.paused) beat(instance);
}

void World::demote(Instance& instance) {
  if (!instance.alive) return;
  instance.promoted = false;
  step_down(instance);
  if (instance.conn && !instance.paused) beat(instance);
}

// ---- the link

void World::up(const std::shared_ptr<Conn>& conn, std::function<void()> deliver) {
  if (!link_[conn->instance->node]) {
    conn->held.push_back([this, conn, deliver] { up(conn, deliver); });
    return;
  }
  conn->last_up = std::max(conn->last_up + Nanos(1), now_ + random(Nanos(300'000), ms(4)));
  at(conn->last_up - now_, [this, conn, deliver] {
    if (!link_[conn->instance->node]) {
      conn->held.push_back([this, conn, deliver] { up(conn, deliver); });
    } else if (conn->manager_open && monitor_) {
      deliver();
      drain();
    }
  });
}

void World::down(const std::shared_ptr<Conn>& conn, std::function<void()> deliver) {
  if (!link_[conn->instance->node]) {
    conn->held.push_back([this, conn, deliver] { down(conn, deliver); });
    return;
  }
  conn->last_down = std::max(conn->last_down + Nanos(1), now_ + random(Nanos(300'000), ms(4)));
  at(conn->last_down - now_, [this, conn, deliver] {
    if (!link_[conn->instance->node])
      conn->held.push_back([this, conn, deliver] { down(conn, deliver); });
    else if (conn->probe_open)
      deliver();
  });
}

// ---- the manager

void World::boot_manager() {
  auto monitor = Monitor::create(config_.options, disk_, clocks());
  if (!monitor.ok()) {
    violation(0, "the manager can't read its state: " + monitor.error().message());
    return;
  }
  monitor_ = *std::move(monitor);
  ingest_ = std::make_unique<ingest::Ingest>(ingest::Limits{});
  for (const auto& covered : disk_.covered) {
    ingest_->restore(covered.logical_probe, covered.recent_spans, covered.stored_until, monitor_->owners(covered.logical_probe));
  }
  manager_trouble_ = now_;
  last_commit_ = now_;
  pending_ = 0;
  drain();
}

void World::manager_tick() {
  at(ms(100), [this] { manager_tick(); });
  if (!monitor_) return;
  monitor_->tick(clocks());
  drain();
}

// Sends what promises nothing at once, the rest when its changes are on the disk, in order.
void World::drain() {
  Outputs out = monitor_->take();
  for (const Closing& closing : out.closings) {
    const auto conn = conns_.find(closing.session);
    if (conn == conns_.end()) continue;
    conn->second->manager_open = false;
    auto gone = conn->second;
    down(gone, [this, gone] {
      if (gone->instance->conn == gone && !gone->instance->paused) drop(*gone->instance);
    });
  }
  const auto post = [this](const Outgoing& outgoing) {
    const auto found = conns_.find(outgoing.session);
    if (found == conns_.end() || !found->second->manager_open) return;
    auto conn = found->second;
    if (const auto* grant = std::get_if<wire::Grant>(&outgoing.message)) note_admission(*grant, outgoing.session);
    const bool answer = std::get_if<wire::Ack>(&outgoing.message) || std::get_if<wire::Grant>(&outgoing.message);
    if (answer && conn->lose_next) {
      conn->lose_next = false;
      up(conn, [this, conn] { monitor_->lost(conn->id, Lost::closed, clocks()); });
      drop(*conn->instance);
      return;
    }
    down(conn, [this, conn, message = outgoing.message] { receive(*conn->instance, conn, message); });
  };
  std::vector<Outgoing> later;
  for (const Outgoing& outgoing : out.messages) {
    if (outgoing.at_once)
      post(outgoing);
    else
      later.push_back(outgoing);
  }
  if (out.changes.empty() && later.empty()) return;
  if (out.changes.empty() && pending_ == 0) {
    for (const Outgoing& outgoing : later) post(outgoing);
    return;
  }
  ++pending_;
  last_commit_ = std::max(last_commit_ + Nanos(1), now_ + random(ms(1), ms(12)));
  const auto given = wish_given_;
  wish_given_.reset();
  at(last_commit_ - now_, [this, run = run_, changes = std::move(out.changes), later, post, given] {
    if (run != run_ || !monitor_) return;
    --pending_;
    commit(changes);
    if (given) wished_ = *given;
    for (const auto& event : changes.events) wished_ = wished_ && event.code != "transition.timeout";
    for (const Outgoing& outgoing : later) post(outgoing);
  });
}

void World::commit(store::WriteBatch batch) {
  for (const auto& [key, value] : batch.state) {
    if (value)
      disk_.state[key] = *value;
    else
      disk_.state.erase(key);
  }
  for (const auto& span : batch.monitoring) put(disk_.monitoring, span);
  for (const auto& failover : batch.failovers) put(disk_.failovers, failover);
  for (const auto& discovery : batch.discoveries) put(disk_.discoveries, discovery);
  for (const auto& event : batch.events) {
    const bool repeated = event.code != "claim.waiting" && std::any_of(disk_.events.begin(), disk_.events.end(), [&](const auto& old) {
                            return old.id != event.id && old.code == event.code && old.subject == event.subject && old.text == event.text;
                          });
    if (std::none_of(disk_.events.begin(), disk_.events.end(), [&](const auto& old) { return old.id == event.id; }))
      ++reached["event " + event.code];
    if (repeated) violation(10, fmt::format("notice twice: {} {}", event.code, event.text));
    put(disk_.events, event);
  }
  for (const auto& journal : batch.records) {
    for (const auto& old : stored_) {
      if (old.span.overlaps(journal.record->span)) violation(5, "records overlap");
    }
    stored_.push_back(*journal.record);
    if (disk_.covered.empty()) disk_.covered.push_back({"edge", {}, {}, 0, {}});
    disk_.covered[0].recent_spans.push_back(journal.record->span);
    disk_.covered[0].recent_spans = window::normalise(disk_.covered[0].recent_spans);
    disk_.covered[0].stored_until = std::max(disk_.covered[0].stored_until, journal.record->span.end);
  }
}

void World::on_record(const std::shared_ptr<Conn>& conn, const window::Record& record) {
  monitor_->word(conn->id, clocks());
  const auto verdict = ingest_->decide("edge", conn->instance->id, monitor_->epoch("edge"), record, clocks().wall);
  if (verdict.kind == ingest::Verdict::Kind::refuse) {
    ++reached[fmt::format("refused {}", name(verdict.reason))];
    if (verdict.reason == ingest::Refused::old_epoch) monitor_->outdated(conn->id, record.epoch);
    return;
  }
  const bool repeat = verdict.kind == ingest::Verdict::Kind::repeat;
  if (repeat) ++reached["repeats"];
  store::WriteBatch batch;
  if (!repeat) {
    batch.records.push_back({"edge", record});
    monitor_->accept("edge", record, batch);
  }
  ++pending_;
  last_commit_ = std::max(last_commit_ + Nanos(1), now_ + random(ms(1), ms(12)));
  at(last_commit_ - now_, [this, run = run_, batch, repeat, record, conn] {
    if (run != run_ || !monitor_) return;
    --pending_;
    commit(batch);
    if (!repeat) {
      ingest_->durable("edge", record);
      monitor_->stored("edge", conn->id, record, clocks());
    }
    drain();
    acked_.push_back(record);
    if (!conn->manager_open) return;
    if (conn->lose_next) {
      conn->lose_next = false;
      up(conn, [this, conn] { monitor_->lost(conn->id, Lost::closed, clocks()); });
      if (conn->instance->conn == conn) drop(*conn->instance);
      return;
    }
    const wire::Ack ack{record.span.begin, record.span.end, record.epoch};
    down(conn, [this, conn, ack] { receive(*conn->instance, conn, ack); });
  });
}

void World::note_admission(const wire::Grant& grant, SessionId session) {
  const Instance& instance = *conns_.at(session)->instance;
  const auto known = granted_.find(grant.epoch);
  if (known != granted_.end()) {
    if (known->second != instance.id) violation(4, fmt::format("epoch {} given to two instances", grant.epoch));
    return;
  }
  if (grant.epoch <= top_epoch_) violation(4, fmt::format("epoch {} after {}", grant.epoch, top_epoch_));
  const auto previous = granted_.find(top_epoch_);
  if (previous != granted_.end() && previous->second != instance.id && instance.promoted_at < now_ - std::chrono::seconds(2) &&
      well(previous->second)) {
    violation(9, fmt::format("epoch {}: the waiting one is admitted, though the active is well", grant.epoch));
  }
  granted_[grant.epoch] = instance.id;
  top_epoch_ = std::max(top_epoch_, grant.epoch);
  ++reached["admissions"];
  admissions_.push_back(now_);
  while (admissions_.front() < now_ - std::chrono::seconds(2)) admissions_.pop_front();
  if (admissions_.size() > 6) violation(9, fmt::format("{} admissions in 2 s", admissions_.size()));
  if (now_ - last_fault_ > std::chrono::seconds(6)) violation(9, fmt::format("epoch {}: admitted without a cause", grant.epoch));
}

void World::crash_manager(Nanos away) {
  if (!monitor_) return;
  fault();
  ++run_;
  wish_given_.reset();
  monitor_.reset();
  for (auto& [id, conn] : conns_) {
    if (!conn->manager_open) continue;
    conn->manager_open = false;
    auto gone = conn;
    if (chance(0.5)) {
      down(gone, [this, gone] {
        if (gone->instance->conn == gone && !gone->instance->paused) drop(*gone->instance);
      });
    }
  }
  conns_.clear();
  at(away, [this] {
    fault();
    boot_manager();
  });
}

// ---- people

void World::wish(bool on) {
  if (!monitor_) return;
  wish_given_ = on;
  if (!monitor_->wish(kService, on, clocks()).ok()) violation(0, "a wish was refused");
  drain();
  if (pending_ == 0 && wish_given_) wished_ = *wish_given_;  // it changed nothing
}

void World::discover(bool on) {
  if (!monitor_) return;
  const bool done = on ? monitor_->start_discovery({"edge", std::nullopt, Nanos{0}, "hana"}, clocks()).ok()
                       : monitor_->end_discovery(probe().kept.discovery_job, "hana", clocks()).ok();
  if (done) ++reached[on ? "discovery on" : "discovery off"];
  drain();
}

// ---- faults

Instance* World::at_node(char node) {
  Instance* instance = nodes_[node];
  return instance && instance->alive ? instance : nullptr;
}

Instance* World::holder() {
  const auto probes = monitor_->probes();
  for (Instance* instance : {at_node('a'), at_node('b')}) {
    if (instance && !probes.empty() && probes[0].kept.holder == instance->id) return instance;
  }
  return nullptr;
}

char World::active_node() {
  for (const char node : {'a', 'b'}) {
    if (at_node(node) && at_node(node)->epoch) return node;
  }
  return 'a';
}

char World::standby_node() { return active_node() == 'a' ? 'b' : 'a'; }

void World::kill(char node, Nanos noticed) {
  Instance* instance = at_node(node);
  if (!instance) return;
  fault();
  instance->alive = false;
  if (auto conn = instance->conn) {
    conn->probe_open = false;
    up(conn, [this, conn] { monitor_->lost(conn->id, Lost::closed, clocks()); });
  }
  instance->conn.reset();
  noticed_[node] = now_ + noticed;
}

void World::pause(char node, Nanos span) {
  Instance* instance = at_node(node);
  if (!instance || instance->paused) return;
  fault();
  instance->paused = true;
  instance->trouble = now_;
  at(span, [this, instance] {
    if (!instance->alive) return;
    fault();
    instance->paused = false;
    instance->trouble = now_;
    if (chance(0.5)) measure(*instance);
    auto inbox = std::move(instance->inbox);
    instance->inbox.clear();
    for (auto& [conn, message] : inbox) receive(*instance, conn, message);
  });
}

void World::cut_link(char node, Nanos span) {
  if (!link_[node]) return;
  fault();
  link_[node] = false;
  at(span, [this, node] {
    fault();
    link_[node] = true;
    if (at_node(node)) at_node(node)->trouble = now_;
    std::vector<std::shared_ptr<Conn>> conns;
    for (auto& [id, conn] : conns_) conns.push_back(conn);
    for (auto& conn : conns) {
      if (conn->instance->node != node) continue;
      auto held = std::move(conn->held);
      conn->held.clear();
      for (auto& send : held) send();
    }
  });
}

void World::reset(char node) {
  Instance* instance = at_node(node);
  if (!instance || !instance->conn) return;
  fault();
  auto conn = instance->conn;
  up(conn, [this, conn] { monitor_->lost(conn->id, Lost::closed, clocks()); });
  drop(*instance);
}

void World::lose_answer(char node) {
  Instance* instance = at_node(node);
  if (!instance || !instance->conn) return;
  fault();
  instance->conn->lose_next = true;
}

void World::planned() {
  const char from = active_node(), to = standby_node();
  if (!at_node(to) || split_ || !config_.warm) return;
  fault();
  busy_ = now_ + ms(400);
  at(random(ms(20), ms(60)), [this, from] {
    if (at_node(from)) demote(*at_node(from));
  });
  at(random(ms(70), ms(120)), [this, to] {
    fault();
    if (at_node(to)) promote(*at_node(to));
  });
}

void World::split(Nanos span) {
  if (split_) return;
  fault();
  split_ = true;
  at(span, [this] {
    fault();
    split_ = false;
  });
}

void World::calm() {
  fault();
  if (monitor_ && chance(0.5)) wish(true);
}

// ---- the cluster

void World::cluster_tick() {
  at(ms(100), [this] { cluster_tick(); });
  if (now_ < busy_ || !cluster_acts) return;
  for (const char node : {'a', 'b'}) {
    Instance* instance = nodes_[node];
    if (instance && !instance->alive) {
      if (now_ < noticed_[node]) return;
      nodes_[node] = nullptr;
    }
    if (!nodes_[node] && config_.warm && now_ >= start_at_[node] && now_ > noticed_[node]) {
      start_at_[node] = now_ + std::chrono::seconds(1);
      at(random(ms(100), ms(600)), [this, node] {
        if (!nodes_[node]) start(node, false);
      });
    }
  }
  const auto score = [&](char node) {
    const Instance* i = at_node(node);
    if (!i) return -1;
    if (i->conn) return i->epoch ? 100 : i->waiting ? 50 : 10;
    return i->epoch && now_ - i->alone < kIsolation ? 100 : 1;
  };
  const auto promote_later = [&](char node) {
    fault();
    busy_ = now_ + ms(300);
    at(random(ms(20), ms(60)), [this, node] {
      fault();
      if (at_node(node) && !at_node(node)->promoted) promote(*at_node(node));
    });
  };
  Instance *a = at_node('a'), *b = at_node('b');
  if (!config_.warm) {
    if (a || b) return;
    const char next = noticed_['a'] > noticed_['b'] ? 'b' : 'a';
    fault();
    busy_ = now_ + ms(300);
    at(random(ms(40), ms(120)), [this, next] { start(next, true); });
    return;
  }
  const char best = score('b') > score('a') ? 'b' : 'a', other = best == 'a' ? 'b' : 'a';
  if (split_) {
    if (a && !a->promoted) promote_later('a');
    if (b && !b->promoted) promote_later('b');
  } else if (a && b && a->promoted && b->promoted) {
    fault();
    busy_ = now_ + ms(300);
    at(random(ms(20), ms(60)), [this, other] {
      if (at_node(other)) demote(*at_node(other));
    });
  } else if (at_node(best) && !at_node(best)->promoted) {
    const bool nobody = !at_node(other) || !at_node(other)->promoted;
    if (!nobody && score(best) <= score(other)) return;
    if (!nobody) {
      at(random(ms(10), ms(20)), [this, other] {
        if (at_node(other)) demote(*at_node(other));
      });
    }
    promote_later(best);
  }
}

bool World::well(const InstanceId& id) {
  for (const char node : {'a', 'b'}) {
    const Instance* i = at_node(node);
    if (!i || i->id != id) continue;
    return i->promoted && !i->paused && link_[node] && now_ - std::max(i->trouble, manager_trouble_) > ms(2500);
  }
  return false;
}

// ---- what is seen

ProbeStatus World::probe() {
  for (ProbeStatus& status : monitor_->probes()) {
    if (status.name == "edge") return status;
  }
  return {};
}

std::size_t World::notices(const std::string& code) const {
  return static_cast<std::size_t>(std::count_if(disk_.events.begin(), disk_.events.end(), [&](const auto& e) { return e.code == code; }));
}

bool World::notice_open(const std::string& code) const {
  return std::any_of(disk_.events.begin(), disk_.events.end(), [&](const auto& e) { return e.code == code && !e.closed; });
}

void World::check_end() {
  for (const auto& record : acked_) {
    if (std::find(stored_.begin(), stored_.end(), record) == stored_.end()) violation(3, "acknowledged and not stored");
  }
  if (!monitor_) return violation(11, "the manager is not there");
  const ProbeStatus status = probe();
  Instance* active = holder();
  if (!active || active->epoch != status.kept.epoch || !active->conn) return violation(11, "nobody is at work");
  for (const char node : {'a', 'b'}) {
    const Instance* other = at_node(node);
    if (other && other != active && (other->epoch || other->discovery)) violation(11, "two believe to be active");
  }
  const ServiceStatus service = monitor_->service(kService);
  if (wished_ != (service.state == State::monitoring) || active->measures != wished_) {
    violation(8, fmt::format("wished {}, state {}, the instance {}", wished_, to_string(service.state), active->measures));
  }
  if (active->discovery != status.kept.discovery_job) violation(8, "discovery differs");
  std::size_t discovering = 0;
  for (const auto& discovery : disk_.discoveries) {
    discovering += discovery.stopped ? 0 : 1;
    if (discovery.stopped.has_value() == discovery.reason.empty())
      violation(8, "a discovery stopped without a reason, or has one and runs");
  }
  if (discovering != (status.kept.discovery_job ? 1u : 0u)) violation(8, fmt::format("{} discoveries are running", discovering));
  for (const char* code : {"gap", "superseded", "clocks.apart", "failover", "probe.disconnected", "claim.waiting"}) {
    if (notice_open(code)) violation(10, fmt::format("{} is open after the calm", code));
  }
  if (wished_ && packet_now() - status.stored_until > ms(2500)) violation(11, "nothing is stored any more");
  std::size_t open = 0;
  for (const auto& span : disk_.monitoring) open += span.end ? 0 : 1;
  if (open != (wished_ ? 1u : 0u)) violation(8, fmt::format("{} spans of monitoring are open", open));
}

}  // namespace nezu::monitor::testing
