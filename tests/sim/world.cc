#include "world.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nezu::sim {

World::World(std::uint64_t seed, const Config& c, const Bugs& b, bool v) : config(c), bugs(b), verbose(v), random_(seed) {
  for (const char ch : c.name) random_ = SeededRandom(random_.next_u64() ^ static_cast<std::uint64_t>(ch));
  nodes['a'] = {.name = 'a'};
  nodes['b'] = {.name = 'b', .offset = pick(config.offsets), .drift = uniform(-1e-4, 1e-4)};
  counted.resize(config.probes);
  frames.resize(config.probes);
  for (std::size_t probe = 0; probe < config.probes; ++probe) make_traffic(probe);
  manager = std::make_unique<Manager>(*this);
  cluster = std::make_unique<Cluster>(*this);
  faults_ = std::make_unique<Faults>(*this);
}

World::~World() {
  // What a cut link holds back holds its connection.
  for (const auto& connection : connections) {
    if (const auto conn = connection.lock()) std::exchange(conn->held, {}).clear();
  }
}

double World::exponential(double mean) { return -std::log(1 - random_.next_unit()) * mean; }

// Transactions crowd at the windows' edges; each node sees its own stamp, seldom decides otherwise, without the request, or not at all.
void World::make_traffic(std::size_t probe) {
  const double end = config.length + config.calm;
  std::vector<double> times;
  for (int i = 0; i < static_cast<int>(end * config.rate); ++i) times.push_back(uniform(0, end));
  for (int k = 1; k < static_cast<int>(end); ++k) {
    for (int i = 0; i < static_cast<int>(config.edge_rate); ++i) times.push_back(k + uniform(-0.13, 0.13));
  }
  std::sort(times.begin(), times.end());
  truth.emplace_back();
  for (std::size_t tx = 0; tx < times.size(); ++tx) {
    Truth t{times[tx], times[tx] - exponential(0.1), {}};
    for (const auto& [name, n] : nodes) {
      const double luck = random_.next_unit();
      double stamp = n.clock(t.decided) + uniform(0, 2e-4);
      if (luck < config.miss) continue;
      const bool regular = luck >= 2 * config.miss, request = luck < 2 * config.miss || luck >= 3 * config.miss;
      const bool unordered = regular && request && chance(config.unordered);
      const bool start_lost = unordered && chance(config.start_lost);
      if (!regular) stamp += uniform(-std::min(0.3, t.decided - t.began), config.late) * 0.99;
      if (unordered) stamp += uniform(0, 0.01);
      seen[{probe, name}].push_back({stamp, std::min(n.clock(t.began), stamp), tx, regular, request, unordered, start_lost});
      if (regular && request) t.nodes.insert(name);
    }
    truth.back().push_back(std::move(t));
  }
  for (const auto& [name, n] : nodes) {
    auto& list = seen[{probe, name}];
    std::sort(list.begin(), list.end(), [](const Seen& x, const Seen& y) { return x.decided < y.decided; });
  }
}

void World::at(double delay, std::function<void()> task) { tasks_.push({now_ + delay, order_++, std::move(task)}); }

void World::run_until(double end) {
  while (!tasks_.empty() && tasks_.top().at <= end) {
    Task task = tasks_.top();
    tasks_.pop();
    now_ = task.at;
    task.run();
  }
  now_ = end;
}

void World::run_to_the_end() {
  run_until(config.length + config.calm - 0.5);
  check_end(*this);
}

void World::violation(int number, const std::string& text) {
  violations.push_back(fmt::format("({}) at {:.3f}: {}", number, now_, text));
  log("*** VIOLATION ({}) {}", number, text);
}

void World::transmit(const std::shared_ptr<Conn>& conn, double Conn::*last, std::function<void()> arrive) {
  const auto hold = [this, conn, last, arrive] { conn->held.push_back([this, conn, last, arrive] { transmit(conn, last, arrive); }); };
  if (!conn->instance->node.link) return hold();
  (*conn).*last = std::max((*conn).*last + 1e-6, now_ + uniform(3e-4, 4e-3));
  at((*conn).*last - now_, [conn, hold, arrive] {
    if (conn->instance->node.link)
      arrive();
    else
      hold();
  });
}

void World::up(const std::shared_ptr<Conn>& conn, std::function<void()> deliver) {
  transmit(conn, &Conn::last_up, [this, conn, deliver = std::move(deliver)] {
    if (conn->manager_open && manager->up()) deliver();
  });
}

void World::down(const std::shared_ptr<Conn>& conn, std::function<void()> deliver) {
  transmit(conn, &Conn::last_down, [conn, deliver = std::move(deliver)] {
    if (conn->probe_open) conn->instance->arrive(conn, deliver);
  });
}

void World::relink(Node& n) {
  if (n.link) return;
  n.link = true;
  n.trouble = last_fault = now_;
  log("link of {} healed", n.name);
  std::set<std::shared_ptr<Conn>> mine;
  for (const auto& i : instances) {
    if (&i->node == &n && i->conn) mine.insert(i->conn);
  }
  for (const auto& [id, conn] : manager->conns) {
    if (&conn->instance->node == &n) mine.insert(conn);
  }
  std::vector<std::shared_ptr<Conn>> ordered(mine.begin(), mine.end());
  std::sort(ordered.begin(), ordered.end(), [](const auto& x, const auto& y) { return x->id < y->id; });
  for (const auto& conn : ordered) {
    std::deque<std::function<void()>> held;
    std::swap(held, conn->held);
    for (const auto& send : held) send();
  }
}

}  // namespace nezu::sim
