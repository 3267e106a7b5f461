#include <algorithm>
#include <cstring>
#include <string>

#include "world.h"

namespace nezu::sim {
namespace {

// Whether it tells a part of all ledgers, and the next message what follows it.
bool goes_on(const wire::Message& message, const wire::Message& next) {
  const auto* part = std::get_if<wire::Stored>(&message);
  if (!part || !part->ledger_since || part->stored_until == PacketTime{}) return false;
  if (const auto* stored = std::get_if<wire::Stored>(&next)) return stored->ledger_since == part->stored_until;
  const auto* grant = std::get_if<wire::Grant>(&next);
  return grant && grant->ledger_since == part->stored_until;
}

}  // namespace

Manager::Manager(World& world)
    : wished(world.config.probes),
      world_(world),
      stored_(world.config.probes),
      granted_(world.config.probes),
      admissions_(world.config.probes) {
  store::WriteBatch batch;
  store::TargetId target = 1;
  for (std::size_t probe = 0; probe < world.config.probes; ++probe) {
    store::ServiceRow row;
    row.id = world.service(probe);
    row.version = 1;
    row.definition.group = "shop";
    row.definition.name = world.name(probe);
    row.definition.probes = {world.name(probe)};
    row.all_target = target++;
    for (std::size_t i = 0; i < kSlots; ++i) {
      definition::WebTransaction w;
      w.name = "t" + std::to_string(i);
      w.path = {definition::PathCondition::Kind::exact, "/t" + std::to_string(i)};
      row.targets[w.name] = target++;
      row.definition.transactions.push_back(std::move(w));
    }
    batch.services.push_back(std::move(row));
  }
  disk_.write(std::move(batch), [](nezu::Status) {});
  boot();
  world.at(0.1, [this] { tick(); });
}

monitor::Now Manager::clocks() const { return {MonoTime(seconds(5000 + world_.now())), WallTime(Seconds(kEpoch)) + seconds(world_.now())}; }

void Manager::boot() {
  const auto loaded = disk_.load();
  monitor::Options options;
  options.transition_timeout = std::chrono::seconds(12);
  options.names_per_message = world_.config.part;
  options.bugs = world_.bugs.monitor;
  auto monitor = monitor::Monitor::create(options, *loaded, clocks());
  if (!monitor.ok()) {
    world_.violation(3, "the manager can't read its state: " + monitor.error().message());
    return;
  }
  monitor_ = *std::move(monitor);
  ingest_ = std::make_unique<ingest::Ingest>(ingest::Limits{});
  for (const auto& covered : loaded->covered)
    ingest_->restore(covered.logical_probe, covered.recent_spans, covered.stored_until, monitor_->owners(covered.logical_probe));
  trouble = last_commit_ = world_.now();
  pending_ = 0;
  drain();
}

void Manager::tick() {
  world_.at(0.1, [this] { tick(); });
  if (!up()) return;
  monitor_->tick(clocks());
  drain();
}

void Manager::hello(const std::shared_ptr<Conn>& conn, const wire::Hello& hello) {
  if (!monitor_->hello(conn->id, hello, clocks()).ok()) world_.violation(8, "hello was refused");
  wire::Welcome welcome;
  welcome.name_key = {1, 2};
  welcome.ledger_reach = monitor::Options{}.ledger_reach;
  world_.down(conn, [conn, welcome] { conn->instance->receive(welcome); });
  drain();
}

void Manager::receive(const std::shared_ptr<Conn>& conn, wire::Message message) {
  if (const auto* h = std::get_if<wire::Heartbeat>(&message)) {
    check_belief(*conn, *h);
    monitor_->heartbeat(conn->id, *h, clocks());
  } else if (auto* r = std::get_if<window::Record>(&message)) {
    on_record(conn, std::move(*r));
  } else if (std::get_if<wire::Bye>(&message)) {
    monitor_->lost(conn->id, monitor::Lost::planned, clocks());
  } else {
    monitor_->word(conn->id, clocks());
  }
  drain();
}

// Who speaks under an old epoch is told with the answer.
void Manager::check_belief(Conn& conn, const wire::Heartbeat& heartbeat) {
  const Instance& instance = *conn.instance;
  if (heartbeat.epoch == 0 || heartbeat.epoch >= monitor_->epoch(world_.name(instance.probe))) {
    conn.believes.reset();
    return;
  }
  if (!conn.believes) conn.believes = world_.now();
  if (world_.now() - *conn.believes < 1) return;
  world_.violation(11, fmt::format("i{} goes on under the old epoch {}: nobody tells it", instance.number, heartbeat.epoch));
  conn.believes.reset();
}

void Manager::closed(const std::shared_ptr<Conn>& conn) {
  monitor_->lost(conn->id, monitor::Lost::closed, clocks());
  conn->manager_open = false;
  conns.erase(conn->id);
  drain();
}

void Manager::post(const monitor::Outgoing& outgoing) {
  const auto found = conns.find(outgoing.session);
  if (found == conns.end() || !found->second->manager_open) return;
  auto conn = found->second;
  if (const auto* grant = std::get_if<wire::Grant>(&outgoing.message)) note_admission(*grant, *conn->instance);
  if (conn->lose_answer && std::get_if<wire::Grant>(&outgoing.message)) {
    conn->lose_answer = false;
    world_.up(conn, [this, conn] { closed(conn); });
    conn->instance->arrive(conn, [conn] { conn->instance->drop("reset"); });
    return;
  }
  auto decoded = wire::decode(wire::encode(outgoing.message));
  if (!decoded.ok()) {
    world_.violation(5, "a message that can't be read: " + decoded.error().message());
    return;
  }
  world_.down(conn, [conn, message = *std::move(decoded)] { conn->instance->receive(message); });
}

// Sends what promises nothing at once, the rest when its changes are on the disk, in order.
void Manager::drain() {
  monitor::Outputs out = monitor_->take();
  for (const monitor::Closing& closing : out.closings) {
    const auto found = conns.find(closing.session);
    if (found == conns.end()) continue;
    auto conn = found->second;
    conn->manager_open = false;
    conns.erase(found);
    world_.down(conn, [conn] { conn->instance->drop("closed by the manager"); });
  }
  std::vector<monitor::Outgoing> later;
  for (std::size_t i = 0; i < out.messages.size(); ++i) {
    const monitor::Outgoing& outgoing = out.messages[i];
    if (world_.bugs.parts_lost && i + 1 < out.messages.size() && goes_on(outgoing.message, out.messages[i + 1].message)) continue;
    if (outgoing.at_once)
      post(outgoing);
    else
      later.push_back(outgoing);
  }
  if (out.changes.empty() && pending_ == 0) {
    for (const auto& outgoing : later) post(outgoing);
    return;
  }
  if (out.changes.empty() && later.empty()) return;
  after_commit([this, changes = std::move(out.changes), later]() mutable {
    commit(std::move(changes));
    for (const auto& outgoing : later) post(outgoing);
  });
}

void Manager::after_commit(std::function<void()> task) {
  ++pending_;
  last_commit_ = std::max(last_commit_ + 1e-6, world_.now() + world_.uniform(0.001, world_.config.commit));
  world_.at(last_commit_ - world_.now(), [this, run = run_, task = std::move(task)] {
    if (run != run_ || !up()) return;
    --pending_;
    task();
  });
}

void Manager::commit(store::WriteBatch batch) {
  for (const store::Event& e : batch.events) {
    if (e.code == "claim.waiting" || e.code == "mirror.differs") continue;  // may come again, with the same words
    if (e.code == "transition.timeout") {
      for (std::size_t probe = 0; probe < wished.size(); ++probe) {
        if (e.subject.find(world_.name(probe)) != std::string::npos) wished[probe] = false;
      }
    }
    if (const auto at = e.text.find("under epoch "); e.code == "superseded" && at != std::string::npos)
      world_.told_of[{e.subject, std::stoull(e.text.substr(at + std::strlen("under epoch ")))}].insert(e.id);
    const auto [notice, added] = notices_.try_emplace(e.code + " " + e.subject + " " + e.text, e.id);
    if (!added && notice->second != e.id) world_.violation(10, "notice twice: " + e.code + " " + e.text);
    if (added) world_.log("notice {} {}: {}", e.code, e.subject, e.text);
  }
  for (const store::JournalRecord& r : batch.records) {
    const std::size_t probe = r.logical_probe == "edge" ? 0 : 1;
    for (const auto& old : stored_[probe]) {
      if (old->span.overlaps(r.record->span))
        world_.violation(5, fmt::format("{} records overlap at {:.3f}", r.logical_probe, to_double(r.record->span.begin)));
    }
    if (const auto why = window::validate(*r.record, Seconds(1)); !why.empty()) world_.violation(5, "a record that isn't right: " + why);
    stored_[probe].push_back(r.record);
    count(probe, *r.record);
  }
  disk_.write(std::move(batch), [](nezu::Status) {});
}

// Which transactions a record holds: of those whose number gives the target, the one that is nearest in time.
void Manager::count(std::size_t probe, const window::Record& r) {
  const auto& truth = world_.truth[probe];
  const double middle = to_double(r.span.begin);
  for (const window::ServicePart& part : r.services) {
    for (const window::TargetFigures& t : part.targets) {
      const auto first = static_cast<window::TargetId>(1 + probe * (kSlots + 1));
      if (t.target == first) continue;
      std::optional<std::size_t> tx;
      for (std::size_t i = t.target - first - 1; i < truth.size(); i += kSlots) {
        if (!tx || std::abs(truth[i].decided - middle) < std::abs(truth[*tx].decided - middle)) tx = i;
      }
      if (!tx) {
        world_.violation(1, "a transaction that never was");
        continue;
      }
      const auto [old, added] = world_.counted[probe].try_emplace(*tx, &r);
      if (t.figures.transactions + t.figures.unmeasured > 1 || !added) {
        world_.violation(
            1, fmt::format("{} tx {} (decided {:.4f}) counted in [{:.3f}, {:.3f}) of epoch {} and [{:.3f}, {:.3f}) of epoch {}",
                           world_.name(probe), *tx, truth[*tx].decided, to_double(old->second->span.begin),
                           to_double(old->second->span.end), old->second->epoch, to_double(r.span.begin), to_double(r.span.end), r.epoch));
      }
    }
  }
}

void Manager::on_record(const std::shared_ptr<Conn>& conn, window::Record record) {
  const std::size_t probe = conn->instance->probe;
  const std::string name = world_.name(probe);
  monitor_->word(conn->id, clocks());
  const auto verdict = ingest_->decide(name, conn->instance->id, monitor_->epoch(name), record, clocks().wall);
  if (verdict.kind == ingest::Verdict::Kind::refuse) {
    ++world_.reached[fmt::format("refused: {}", ingest::name(verdict.reason))];
    world_.log("{} record [{:.3f}, {:.3f}) of i{} refused: {}", name, to_double(record.span.begin), to_double(record.span.end),
               conn->instance->number, verdict.text);
    if (verdict.reason == ingest::Refused::old_epoch)
      monitor_->outdated(conn->id, record.epoch);
    else
      world_.violation(5, fmt::format("{} record [{:.3f}, {:.3f}) of i{} refused: {}", name, to_double(record.span.begin),
                                      to_double(record.span.end), conn->instance->number, verdict.text));
    return;
  }
  const bool repeat = verdict.kind == ingest::Verdict::Kind::repeat && !world_.bugs.overlap_counts;
  if (repeat) ++world_.reached["repeats"];
  store::WriteBatch batch;
  const auto shared = std::make_shared<const window::Record>(std::move(record));
  if (!repeat) {
    batch.records.push_back({name, shared});
    monitor_->accept(name, *shared, batch);
  }
  const auto acknowledge = [this, conn, probe, shared] {
    acknowledged.push_back({probe, *shared});
    if (!conn->manager_open) return;
    if (conn->lose_answer) {
      conn->lose_answer = false;
      world_.up(conn, [this, conn] { closed(conn); });
      conn->instance->arrive(conn, [conn] { conn->instance->drop("reset"); });
      return;
    }
    world_.down(conn, [conn, ack = wire::Ack{shared->span.begin, shared->span.end, shared->epoch}] { conn->instance->receive(ack); });
  };
  if (world_.bugs.ack_early) acknowledge();
  after_commit([this, conn, name, repeat, shared, acknowledge, batch = std::move(batch)]() mutable {
    commit(std::move(batch));
    if (!repeat) {
      ingest_->durable(name, *shared);
      monitor_->stored(name, conn->id, *shared, clocks());
    }
    if (!world_.bugs.ack_early) acknowledge();
    drain();
  });
}

void Manager::note_admission(const wire::Grant& grant, Instance& instance) {
  auto& granted = granted_[instance.probe];
  const auto known = granted.find(grant.epoch);
  if (known != granted.end()) {
    if (known->second.instance != &instance) world_.violation(4, fmt::format("epoch {} given to two instances", grant.epoch));
    return;
  }
  world_.log("{} i{} on {} ADMITTED, epoch {}, E {:.3f}", world_.name(instance.probe), instance.number, instance.node.name, grant.epoch,
             to_double(grant.stored_until));
  if (!granted.empty()) {
    const auto last = std::prev(granted.end());
    if (grant.epoch <= last->first) world_.violation(4, fmt::format("epoch {} after {}", grant.epoch, last->first));
    Instance* previous = last->second.instance;
    if (previous != &instance && instance.promoted_at < world_.now() - 2 && world_.cluster->well(*previous))
      world_.violation(9, fmt::format("epoch {}: the waiting one is admitted, though the active is well", grant.epoch));
  }
  granted[grant.epoch] = {&instance};
  ++world_.reached["admissions"];
  auto& times = admissions_[instance.probe];
  times.push_back(world_.now());
  while (times.front() < world_.now() - 2) times.pop_front();
  if (times.size() > 6) {
    world_.violation(9, fmt::format("{} admissions in 2 s", times.size()));
    times.clear();
  }
  if (world_.now() - world_.last_fault > 6) world_.violation(9, fmt::format("epoch {}: admitted without a cause", grant.epoch));
}

void Manager::crash(bool power) {
  if (!up()) return;
  world_.log("manager crashes");
  world_.last_fault = world_.now();
  ++run_;
  monitor_.reset();
  for (auto& [id, conn] : conns) {
    conn->manager_open = false;
    if (!power) world_.down(conn, [conn = conn] { conn->instance->drop("closed by the manager"); });
  }
  conns.clear();
  world_.at(world_.uniform(0.3, 6), [this] {
    world_.log("manager is back");
    world_.last_fault = world_.now();
    boot();
  });
}

void Manager::wish(std::size_t probe, bool on) {
  if (!up()) return;
  world_.log("{} wished: {}", world_.name(probe), on ? "on" : "off");
  if (!monitor_->wish(world_.service(probe), on, clocks()).ok()) world_.violation(8, "a wish was refused");
  drain();
  after_commit([this, probe, on] { wished[probe] = on; });  // people have their answer
}

void Manager::discover(std::size_t probe, bool on) {
  if (!up()) return;
  bool done = false;
  if (on) {
    done = monitor_->start_discovery({world_.name(probe), std::nullopt, Nanos{0}, "hana"}, clocks()).ok();
  } else {
    for (const auto& status : monitor_->probes()) {
      if (status.name == world_.name(probe)) done = monitor_->end_discovery(status.kept.discovery_job, "hana", clocks()).ok();
    }
  }
  if (done) ++world_.reached[on ? "discovery on" : "discovery off"];
  drain();
}

Instance* Manager::holder(std::size_t probe) {
  for (const auto& status : monitor_->probes()) {
    if (status.name != world_.name(probe) || !status.kept.holder) continue;
    for (const auto& i : world_.instances) {
      if (i->id == *status.kept.holder) return i.get();
    }
  }
  return nullptr;
}

bool Manager::has_session(const Instance& instance) const {
  if (!up()) return false;
  for (const auto& status : monitor_->probes()) {
    for (const auto& i : status.instances) {
      if (i.hello.instance == instance.id) return true;
    }
  }
  return false;
}

PacketTime Manager::stored_until(std::size_t probe) const {
  PacketTime until{};
  for (const auto& r : stored_[probe]) until = std::max(until, r->span.end);
  return until;
}

}  // namespace nezu::sim
