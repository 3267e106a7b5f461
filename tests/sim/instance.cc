#include <algorithm>

#include "world.h"

namespace nezu::sim {

using probe::Completeness;
using probe::Reason;
using probe::Transaction;
using probe::role::Actions;

namespace {

constexpr double kRing = 1.0;  // seconds of packets that the capture's ring holds for a process that stands still
constexpr double kTick = 0.05;

probe::role::Options options(const World& world, std::size_t probe, const Node& node, const wire::InstanceId& id, bool promoted) {
  probe::role::Options o;
  o.logical_probe = world.name(probe);
  o.node = std::string(1, node.name);
  o.instance = id;
  o.promoted = promoted;
  o.spool.windows = 25;
  o.shadow.names = world.config.warm;
  o.shadow.ledger = world.config.ledger;
  o.shadow.book.kept = std::chrono::seconds(40);
  return o;
}

Transaction transaction(const Seen& s) {
  Transaction t;
  for (std::size_t i = 0; i < 4; ++i) t.client.address[12 + i] = static_cast<std::uint8_t>(s.tx >> (8 * i));
  t.client.port = 40000;
  t.server.port = 80;
  t.has_request = true;
  t.request_begin = t.request_end = packet(s.began);
  t.decided = packet(s.decided);
  t.request_seq = static_cast<std::uint32_t>(s.tx * 2 + 1);
  t.response_seq = static_cast<std::uint32_t>(s.tx * 2 + 2);
  t.method = "GET";
  t.host = "h";
  t.version = "1.1";
  t.status = 200;
  // Decided otherwise: some have their response and were in doubt, some have none.
  t.has_response = s.regular ? !s.start_lost : s.tx % 2 == 0;
  t.has_times = t.has_response;
  const bool at_once = s.regular && !s.unordered;
  t.response_begin = t.response_end = at_once ? t.decided : std::max(t.request_begin, t.decided - Nanos(1'000'000));
  if (!t.has_response) {
    t.completeness = Completeness::no_response;
    t.reason = s.start_lost ? Reason::start_lost : Reason::timeout;
  }
  return t;
}

}  // namespace

Instance::Instance(World& world, std::size_t p, Node& n, bool promoted)
    : probe(p), node(n), number(world.instances.size() + 1), world_(world), worker_(probe::aggregate::Worker::Options{}) {
  random_ = std::make_unique<SeededRandom>(static_cast<std::uint64_t>(world.uniform(0, 1e15)));
  id.bytes = random_->next_id();
  promoted_at = alone = trouble = world.now();
  lag_ = world.uniform(0.001, 0.02);
  role_ = std::make_unique<probe::role::Role>(options(world, p, n, id, promoted), *random_);
  role_->set_bugs(world.bugs.role);
  worker_.watch(packet(raw()));
  watched_since.push_back(raw());
  const auto& list = world.seen[{probe, node.name}];
  next_ = static_cast<std::size_t>(
      std::lower_bound(list.begin(), list.end(), raw(), [](const Seen& s, double t) { return s.decided < t; }) - list.begin());
  world.at(0.01, [this] {
    if (!alive) return;
    probe::role::CaptureReport c;
    c.state.running = true;
    role_->capture(c);
    carry_out(role_->start(mono()));
    tick();
  });
}

MonoTime Instance::mono() const { return MonoTime(seconds(1000 + world_.now())); }
double Instance::raw() const { return node.clock(world_.now()); }
double Instance::frame_now() const { return raw() - to_seconds(role_->shadow().clock().offset()); }

void Instance::tick() {
  if (!alive) return;
  world_.at(kTick, [this] { tick(); });
  if (paused) return;
  feed();
  carry_out(role_->tick(mono(), packet(raw())));
  if (!role_->session()) return;
  alone = world_.now();
}

void Instance::feed() {
  if (world_.now() < stalled_until_) return;
  const double mark = raw() - lag_;
  const auto& list = world_.seen[{probe, node.name}];
  for (; next_ < list.size() && list[next_].decided < mark; ++next_) feed(list[next_]);
  worker_.advance(packet(mark), totals_, slices_);
  hand_over();
}

void Instance::feed(const Seen& s) {
  if (!s.request) return;  // no transaction then
  Transaction t = transaction(s);
  const std::string uri = "/t" + std::to_string(s.tx % kSlots);
  t.uri = uri;
  totals_.frames += 2;
  worker_.add(t);
}

void Instance::take_slices() {
  for (auto& slice : slices_) {
    for (probe::aggregate::Item& item : slice->items) {
      if (world_.bugs.unmeasured_unnamed && item.outcome.reason == Reason::start_lost) item.request_name = item.response_name = 0;
    }
    role_->take(mono(), std::move(slice));
  }
  slices_.clear();
}

void Instance::hand_over() {
  take_slices();
  if (plan_ && worker_.generation() != told_generation_) {
    told_generation_ = worker_.generation();
    std::vector<probe::role::AppliedService> applied;
    const PacketTime at = std::max(packet(raw() - lag_), plan_->effective());
    for (std::size_t i = 0; i < plan_->service_count(); ++i) applied.push_back({plan_->id(i), at});
    carry_out(role_->applied(mono(), told_generation_, std::move(applied), at));
  }
  carry_out(role_->work(mono(), packet(raw())));
}

void Instance::carry_out(Actions actions) {
  for (probe::role::Action& action : actions) {
    if (!alive) return;
    std::visit([this](auto& a) { on(a); }, action);
  }
  if (!alive || role_->epoch() == epoch_) return;
  epoch_ = role_->epoch();
  if (epoch_ == 0) return;
  const auto& clock = role_->shadow().clock();
  world_.frames[probe].push_back({world_.now(), node.offset + node.drift * world_.now() - to_seconds(clock.offset())});
}

void Instance::on(probe::role::Connect) {
  const bool reachable = node.link && world_.manager->up();
  const auto done = [this, reachable] {
    if (!alive) return;
    if (!reachable || !node.link || !world_.manager->up()) {
      carry_out(role_->disconnected(mono(), "unreachable"));
      return;
    }
    conn = std::make_shared<Conn>();
    conn->id = world_.reached["connections"] += 1;
    conn->instance = this;
    world_.connections.push_back(conn);
    world_.manager->conns[conn->id] = conn;
    carry_out(role_->connected(mono()));
  };
  world_.at(world_.uniform(0.001, 0.005), [this, done] { arrive(nullptr, done); });
}

void Instance::on(const probe::role::Disconnect&) {
  if (!conn) return;
  conn->probe_open = false;
  conn.reset();
}

void Instance::on(const probe::role::Send& a) {
  if (!conn) return;
  // Through the real codec, as over the wire.
  world_.up(conn, [this, conn = conn, bytes = wire::encode(a.message)] {
    auto message = wire::decode(bytes);
    if (!message.ok()) {
      world_.violation(5, "a message that can't be read: " + message.error().message());
      return;
    }
    if (auto* hello = std::get_if<wire::Hello>(&*message)) {
      world_.manager->hello(conn, *hello);
      return;
    }
    if (const auto* h = std::get_if<wire::Heartbeat>(&*message); h && h->discovery_job != 0) {
      const auto [job, added] = world_.jobs.try_emplace({probe, h->discovery_job}, id);
      if (job->second != id) world_.violation(7, fmt::format("discovery {} goes on in instance {}", h->discovery_job, number));
    }
    world_.manager->receive(conn, *std::move(message));
  });
}

void Instance::on(const probe::role::Measure& a) {
  std::vector<probe::aggregate::PlannedService> services;
  for (const wire::ServiceDefinition& d : a.services)
    services.push_back({d.service, d.version, d.all_target, d.transaction_targets, d.definition});
  std::optional<HashKey> names;
  if (a.names) names = HashKey{a.names->k0, a.names->k1};
  plan_ = std::make_shared<probe::aggregate::Plan>(a.generation, std::move(services), PacketTime{}, names);
  take_plan(plan_);
}

// The worker takes it up with its next round; one that stalls, later.
void Instance::take_plan(std::shared_ptr<const probe::aggregate::Plan> plan) {
  world_.at(std::max(world_.uniform(0.001, 0.02), stalled_until_ - world_.now()), [this, plan = std::move(plan)] {
    if (!alive || plan != plan_) return;
    if (paused || world_.now() < stalled_until_) return take_plan(plan);
    feed();
    worker_.set_plan(plan, packet(raw() - lag_));
    worker_.flush(packet(raw() - lag_), totals_, slices_);
    hand_over();
  });
}

void Instance::on(const probe::role::Discover& a) {
  world_.at(world_.uniform(0.001, 0.02), [this, job = a.job] {
    if (alive && !paused) carry_out(role_->discovering(mono(), job));
  });
}

void Instance::on(probe::role::Cut) {
  stalled_until_ = 0;  // it reads what its ring holds before it ends
  feed();
  worker_.finish(packet(raw() - lag_), totals_, slices_);
  take_slices();
  role_->worker_finished(0);
  carry_out(role_->cut_done(mono()));
}

void Instance::on(const probe::role::Finished&) {
  if (conn) world_.up(conn, [this, conn = conn] { world_.manager->closed(conn); });
  kill(false);
}

void Instance::on(const probe::role::Say& a) {
  world_.log("{} i{} on {}: {}", world_.name(probe), number, node.name, a.text);
  if (a.text == "superseded by another instance") world_.superseded[{probe, std::stoull(a.fields.at(0).second)}] = this;
}

// ---- life

void Instance::kill(bool fin) {
  alive = false;
  auto gone = std::exchange(conn, nullptr);
  if (!gone) return;
  gone->probe_open = false;
  if (fin) world_.up(gone, [this, gone] { world_.manager->closed(gone); });
}

void Instance::pause(bool on) {
  paused = on;
  trouble = world_.last_fault = world_.now();
  if (on) {
    paused_at_ = raw();
    return;
  }
  if (!alive) return;
  if (raw() - paused_at_ > kRing) {  // the ring overflowed: a hole in what was watched
    const auto& list = world_.seen[{probe, node.name}];
    for (; next_ < list.size() && list[next_].decided < paused_at_ + kRing - lag_; ++next_) feed(list[next_]);
    worker_.advance(packet(paused_at_ + kRing - lag_), totals_, slices_);
    worker_.unwatch(packet(paused_at_ + kRing - lag_));
    worker_.watch(packet(raw()));
    watched_since.push_back(raw());
    while (next_ < list.size() && list[next_].decided < raw()) ++next_;
    hand_over();
  }
  if (world_.chance(0.5)) {  // the timer may run before the socket is read
    feed();
    carry_out(role_->tick(mono(), packet(raw())));
  }
  std::deque<std::pair<std::shared_ptr<Conn>, std::function<void()>>> inbox;
  std::swap(inbox, inbox_);
  for (auto& [from, deliver] : inbox) arrive(from, deliver);
}

void Instance::stall(double span) { stalled_until_ = world_.now() + span; }

void Instance::promote() {
  promoted_at = world_.now();
  if (!paused) return carry_out(role_->promote(mono()));
  inbox_.push_back({nullptr, [this] { carry_out(role_->promote(mono())); }});
}

void Instance::demote() {
  if (!alive) return;
  if (!paused) return carry_out(role_->demote(mono()));
  inbox_.push_back({nullptr, [this] { carry_out(role_->demote(mono())); }});
}

void Instance::stop() {
  if (paused) return kill(true);
  carry_out(role_->stop(mono()));
  // The agent doesn't wait for ever.
  world_.at(1, [this] {
    if (alive) kill(true);
  });
}

void Instance::arrive(const std::shared_ptr<Conn>& from, std::function<void()> deliver) {
  if (paused) {
    inbox_.push_back({from, std::move(deliver)});
    return;
  }
  if (alive && (from == nullptr || from == conn)) deliver();
}

void Instance::drop(const std::string& why) {
  if (!conn) return;
  conn->probe_open = false;
  conn.reset();
  carry_out(role_->disconnected(mono(), why));
}

void Instance::receive(const wire::Message& message) { carry_out(role_->received(mono(), message)); }

}  // namespace nezu::sim
