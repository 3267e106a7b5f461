#include <algorithm>

#include "world.h"

namespace nezu::sim {
namespace {
constexpr double kIsolation = 6;
const std::vector<char> kBoth = {'a', 'b'};
}  // namespace

Cluster::Cluster(World& world) : world_(world) {
  for (std::size_t probe = 0; probe < world.config.probes; ++probe) {
    start(probe, 'a', !world.config.warm);
    if (world.config.warm) world.at(world.uniform(0, 1.9), [this, probe] { start(probe, 'b', false); });
  }
  world.at(0.2, [this] { tick(); });
}

Instance* Cluster::at(std::size_t probe, char node) const {
  const auto found = instances_.find({probe, node});
  return found == instances_.end() ? nullptr : found->second;
}

void Cluster::start(std::size_t probe, char name, bool promoted) {
  Node& n = world_.node(name);
  if (!n.up || n.frozen || at(probe, name)) return;
  world_.instances.push_back(std::make_unique<Instance>(world_, probe, n, promoted));
  instances_[{probe, name}] = world_.instances.back().get();
  world_.log("{} i{} starts on {}", world_.name(probe), world_.instances.back()->number, name);
}

void Cluster::kill(std::size_t probe, char node, bool fin, std::optional<double> noticed) {
  Instance* i = at(probe, node);
  if (!i || !i->alive) return;
  world_.last_fault = world_.now();
  i->kill(fin);
  world_.log("{} i{} on {} dies", world_.name(probe), i->number, node);
  // Told at once, or by the next check.
  noticed_[{probe, node}] = world_.now() + (noticed ? *noticed : world_.chance(0.5) ? 0.003 : world_.uniform(0, 1));
}

double Cluster::score(Instance& i) const {
  const bool active = i.role().epoch() != 0;
  if (i.role().session()) return active ? 100 : i.role().name() == probe::role::Name::waiting ? 50 : 10;
  return active && world_.now() - i.alone < kIsolation ? 100 : 1;
}

void Cluster::tick() {
  world_.at(0.1, [this] { tick(); });
  for (std::size_t probe = 0; probe < world_.config.probes; ++probe) {
    if (member) {
      act(probe, kBoth);
    } else {
      act(probe, {'a'});
      act(probe, {'b'});
    }
  }
}

void Cluster::act(std::size_t probe, const std::vector<char>& side) {
  const double now = world_.now();
  std::vector<char> live;
  for (const char n : side) {
    if (world_.node(n).up && !world_.node(n).frozen) live.push_back(n);
  }
  if (now < busy_[{probe, {side.begin(), side.end()}}] || live.size() < side.size()) return;  // busy, or nobody has noticed yet
  for (const char n : live) {
    Instance* i = at(probe, n);
    if (i && !i->alive) {
      if (now < noticed_[{probe, n}]) return;
      instances_.erase({probe, n});
      failed_[probe] = n;
    }
    const auto again = start_at_.find({probe, n});
    if (world_.config.warm && !at(probe, n) && now >= (again == start_at_.end() ? 2 : again->second)) {
      start_at_[{probe, n}] = now + 1;
      world_.at(world_.uniform(0.1, 0.6), [this, probe, n] { start(probe, n, false); });
    }
  }
  std::vector<char> run, promoted;
  for (const char n : live) {
    if (!at(probe, n)) continue;
    run.push_back(n);
    if (at(probe, n)->role().promoted()) promoted.push_back(n);
  }
  std::optional<char> best;
  for (const char n : run) {
    if (!best || score(*at(probe, n)) > score(*at(probe, *best))) best = n;
  }
  if (promoted.size() > 1) {
    std::erase(promoted, *best);
    move(probe, side, promoted, {});
  } else if (promoted.empty() && best) {
    move(probe, side, {}, best);
  } else if (run.empty() && !world_.config.warm) {
    char where = live.front();
    for (const char n : live) {
      if (failed_.count(probe) == 0 || n != failed_.at(probe)) {
        where = n;
        break;
      }
    }
    move(probe, side, {}, where);
  } else if (!promoted.empty() && *best != promoted.front() && score(*at(probe, *best)) > score(*at(probe, promoted.front()))) {
    move(probe, side, promoted, best);
  }
}

void Cluster::move(std::size_t probe, const std::vector<char>& side, const std::vector<char>& down, std::optional<char> up) {
  world_.last_fault = world_.now();
  const double d = world_.uniform(0.02, 0.06);
  for (const char n : down) world_.at(d, [this, probe, n] { this->down(probe, n); });
  if (up) world_.at(d + world_.uniform(0.02, 0.06), [this, probe, n = *up] { this->up(probe, n); });
  busy_[{probe, {side.begin(), side.end()}}] = world_.now() + 0.3;
}

void Cluster::down(std::size_t probe, char node) {
  Instance* i = at(probe, node);
  if (!i || !i->alive || i->node.frozen) return;
  world_.log("{} i{} on {} is {}", world_.name(probe), i->number, node, world_.config.warm ? "demoted" : "stopped");
  if (world_.config.warm) return i->demote();
  i->stop();
  noticed_[{probe, node}] = world_.now();
  failed_[probe] = node;
}

void Cluster::up(std::size_t probe, char node) {
  Instance* i = at(probe, node);
  world_.last_fault = world_.now();
  if (!world_.config.warm) return start(probe, node, true);
  if (!i || !i->alive || i->node.frozen) return;
  world_.log("{} i{} on {} is promoted", world_.name(probe), i->number, node);
  i->promote();
}

bool Cluster::well(const Instance& i) const {
  const double since = std::max({i.trouble, world_.manager->trouble, i.node.trouble});
  return i.alive && const_cast<Instance&>(i).role().promoted() && !i.paused && i.node.link && world_.now() - since > 2.5;
}

// ---- membership

void Cluster::apart(std::optional<char> lost) {
  const bool missing = std::any_of(world_.nodes.begin(), world_.nodes.end(), [](const auto& n) { return !n.second.up || n.second.frozen; });
  if (!cut && !missing) return;
  world_.log("cluster: the nodes lose each other");
  if (world_.config.fencing) {
    const char victim = lost ? *lost : world_.chance(0.5) ? 'a' : 'b';
    if (world_.node(victim).up) power(victim);
  }
  member = false;
}

void Cluster::together() {
  const bool missing = std::any_of(world_.nodes.begin(), world_.nodes.end(), [](const auto& n) { return !n.second.up || n.second.frozen; });
  if (cut || missing) return;
  member = true;
  world_.last_fault = world_.now();
  world_.log("cluster: the nodes see each other");
}

void Cluster::cut_link() {
  if (cut) return;
  cut = true;
  world_.log("cluster link cut");
  world_.at(world_.uniform(1, 2.2), [this] { apart({}); });
}

void Cluster::heal() {
  cut = false;
  world_.at(world_.chance(0.67) ? world_.uniform(1.3, 2.5) : world_.config.slow_heal, [this] { together(); });
}

void Cluster::power(char name) {
  Node& n = world_.node(name);
  if (!n.up) return;
  n.up = false;
  world_.log("node {} loses power", name);
  for (std::size_t probe = 0; probe < world_.config.probes; ++probe) kill(probe, name, false, 0);
  world_.at(world_.uniform(1, 2.2), [this, name] { apart(name); });
  world_.at(world_.uniform(4, 8), [this, name] { boot(name); });
}

void Cluster::boot(char name) {
  Node& n = world_.node(name);
  if (n.up) return;
  n.up = n.link = true;
  n.frozen = false;
  world_.log("node {} is back", name);
  for (std::size_t probe = 0; probe < world_.config.probes; ++probe) instances_.erase({probe, name});
  member = false;
  world_.at(1.5, [this] { together(); });
}

void Cluster::freeze(char name, bool on) {
  Node& n = world_.node(name);
  if (!n.up || n.frozen == on) return;
  n.frozen = on;
  world_.last_fault = world_.now();
  world_.log("node {} {}", name, on ? "freezes" : "thaws");
  for (std::size_t probe = 0; probe < world_.config.probes; ++probe) {
    if (Instance* i = at(probe, name)) i->pause(on);
  }
  if (on)
    world_.at(world_.uniform(1, 2.2), [this, name] { apart(name); });
  else
    world_.at(member ? world_.uniform(1.3, 2.5) : world_.config.slow_heal / 2, [this] { together(); });
}

}  // namespace nezu::sim
