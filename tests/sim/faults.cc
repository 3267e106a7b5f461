#include <algorithm>

#include "world.h"

namespace nezu::sim {

const std::map<std::string, Faults::Fault>& Faults::all() {
  static const std::map<std::string, Fault> faults = {
      {"kill", &Faults::kill},
      {"storm", &Faults::storm},
      {"pause", &Faults::pause},
      {"hang", &Faults::hang},
      {"power", &Faults::power},
      {"freeze", &Faults::freeze},
      {"link", &Faults::link},
      {"reset", &Faults::reset},
      {"lost_answer", &Faults::lost_answer},
      {"split", &Faults::split},
      {"manager", &Faults::manager},
      {"planned", &Faults::planned},
      {"monitoring", &Faults::monitoring},
      {"stop_and_kill", &Faults::stop_and_kill},
      {"late", &Faults::late},
      {"discover", &Faults::discover},
      {"stall", &Faults::stall},
  };
  return faults;
}

Faults::Faults(World& world) : world_(world) {
  for (const std::string& kind : world.config.faults) {
    if (world.config.single || world.chance(0.6)) armed_.push_back(kind);
  }
  if (world.config.faults.empty()) return;
  if (armed_.empty()) armed_ = {"kill"};
  for (std::size_t probe = 0; probe < world.config.probes; ++probe)
    world.at(world.uniform(0.3, 2), [this, probe] { world_.manager->wish(probe, true); });
  world.at(world.config.first, [this] { tick(); });
  world.at(world.config.length, [this] { calm(); });
}

void Faults::tick() {
  const Config& c = world_.config;
  if (world_.now() >= c.length - (c.single ? 14 : 0)) return;
  if (world_.now() >= next_ && (!c.single || healthy())) {
    const std::string kind = world_.pick(armed_);
    ++world_.reached["fault " + kind];
    world_.last_fault = world_.now();
    const auto probe = static_cast<std::size_t>(world_.uniform(0, static_cast<double>(c.probes)));
    (this->*all().at(kind))(probe, world_.chance(0.5) ? 'a' : 'b');
    next_ = world_.now() + (c.single ? 2 : world_.exponential(c.every));
  }
  world_.at(world_.uniform(0.05, 0.3), [this] { tick(); });
}

bool Faults::healthy() const {
  Cluster& cluster = *world_.cluster;
  Manager& manager = *world_.manager;
  if (!manager.up() || !cluster.member || cluster.cut) return false;
  for (const auto& [name, n] : world_.nodes) {
    if (!n.up || !n.link || n.frozen) return false;
  }
  for (std::size_t probe = 0; probe < world_.config.probes; ++probe) {
    const double stored = to_double(manager.stored_until(probe));
    if (manager.monitor().service(world_.service(probe)).state != monitor::State::monitoring) return false;
    int promoted = 0;
    bool active = false;
    for (const char n : {'a', 'b'}) {
      Instance* i = cluster.at(probe, n);
      if (!i) {
        if (world_.config.warm) return false;
        continue;
      }
      auto& role = i->role();
      if (!i->alive || i->paused || !role.session() || !manager.has_session(*i) || !i->measures()) return false;
      promoted += role.promoted() ? 1 : 0;
      // Long enough for what had begun before it watched to have ended.
      if (i->watched_since.back() - to_seconds(role.shadow().clock().offset()) > stored - world_.config.settled) return false;
      if (role.epoch() != 0) {
        active = role.epoch() == manager.monitor().epoch(world_.name(probe)) && i->frame_now() - stored < 1.5 && role.spool().empty();
      } else if (role.shadow().clock().known() != probe::shadow::Clock::Known::compared || !role.shadow().whole() ||
                 to_double(role.stored_until()) < stored) {
        return false;
      }
    }
    if (promoted != 1 || !active) return false;
  }
  return true;
}

char Faults::active(std::size_t probe, char otherwise) const {
  for (const char n : {'a', 'b'}) {
    Instance* i = world_.cluster->at(probe, n);
    if (i && i->role().epoch() != 0) return n;
  }
  return otherwise;
}

Instance* Faults::active_instance(std::size_t probe, char otherwise) const {
  Instance* i = world_.cluster->at(probe, active(probe, otherwise));
  return i && i->alive ? i : nullptr;
}

void Faults::calm() {
  world_.log("calm");
  world_.last_fault = world_.now();
  for (auto& [name, n] : world_.nodes) {
    if (!n.up) world_.cluster->boot(name);
    if (n.frozen) world_.cluster->freeze(name, false);
    world_.relink(n);
  }
  if (world_.cluster->cut) world_.cluster->heal();
  for (const auto& i : world_.instances) {
    if (i->alive && i->paused) i->pause(false);
  }
  for (std::size_t probe = 0; probe < world_.config.probes; ++probe) world_.at(1, [this, probe] { world_.manager->wish(probe, true); });
}

void Faults::kill(std::size_t probe, char node) { world_.cluster->kill(probe, world_.chance(0.7) ? active(probe, node) : node); }

void Faults::storm(std::size_t probe, char) {
  for (int n = 0; n < 4; ++n) world_.at(world_.uniform(0, 2.5), [this, probe] { kill(probe, world_.chance(0.5) ? 'a' : 'b'); });
}

void Faults::pause(std::size_t probe, char node) {
  Instance* i = active_instance(probe, node);
  if (!i || i->paused) return;
  i->pause(true);
  world_.log("{} i{} SIGSTOP", world_.name(probe), i->number);
  const double hang = world_.uniform(0.3, 6);
  world_.at(hang, [this, i] {
    if (!i->paused || i->node.frozen || !i->alive) return;
    world_.log("i{} SIGCONT", i->number);
    i->pause(false);
  });
  if (hang <= 3) return;
  world_.at(world_.uniform(1, 4), [this, i, probe] {
    if (i->paused && i->alive) world_.cluster->kill(probe, i->node.name, true, 0);
  });
}

// SIGSTOP until the deep check sees it and the agent kills it.
void Faults::hang(std::size_t probe, char node) {
  Instance* i = active_instance(probe, node);
  if (!i || i->paused) return;
  i->pause(true);
  world_.log("{} i{} hangs", world_.name(probe), i->number);
  world_.at(world_.uniform(0.5, 4), [this, i, probe] {
    if (i->alive) world_.cluster->kill(probe, i->node.name, true, 0);
  });
}

void Faults::power(std::size_t, char node) { world_.cluster->power(node); }

void Faults::freeze(std::size_t, char node) {
  world_.cluster->freeze(node, true);
  world_.at(world_.uniform(world_.config.single ? 4 : 1, 9), [this, node] { world_.cluster->freeze(node, false); });
}

void Faults::link(std::size_t, char name) {
  Node& n = world_.node(name);
  n.link = false;
  world_.log("link of {} to the manager cut", name);
  world_.at(world_.pick(std::vector<double>{0.4, 1.5, 3, 9}), [this, &n] { world_.relink(n); });
}

void Faults::reset(std::size_t probe, char node) {
  Instance* i = active_instance(probe, node);
  if (!i || !i->conn || i->paused) return;
  world_.log("{} i{} connection reset", world_.name(probe), i->number);
  auto conn = i->conn;
  world_.up(conn, [this, conn] { world_.manager->closed(conn); });
  i->drop("reset");
}

void Faults::lost_answer(std::size_t probe, char node) {
  Instance* i = active_instance(probe, node);
  if (i && i->conn) i->conn->lose_answer = true;
}

void Faults::split(std::size_t, char) {
  if (world_.cluster->cut) return;
  world_.cluster->cut_link();
  world_.at(world_.uniform(3, 15), [this] { world_.cluster->heal(); });
}

void Faults::manager(std::size_t, char) { world_.manager->crash(world_.chance(0.5)); }

void Faults::planned(std::size_t probe, char node) {
  const char from = active(probe, node), to = from == 'a' ? 'b' : 'a';
  if (!world_.cluster->member || (world_.config.warm && !world_.cluster->at(probe, to))) return;
  world_.log("{} planned switch to {}", world_.name(probe), to);
  world_.cluster->move(probe, {'a', 'b'}, {from}, to);
  if (!world_.config.single && world_.chance(0.5))
    world_.at(world_.uniform(0, 0.12), [this, probe, to] { world_.cluster->kill(probe, to); });
}

void Faults::monitoring(std::size_t probe, char) {
  world_.manager->wish(probe, false);
  world_.at(world_.uniform(0.02, 3), [this, probe] { world_.manager->wish(probe, true); });
}

void Faults::stop_and_kill(std::size_t probe, char node) {
  world_.manager->wish(probe, false);
  world_.at(world_.uniform(0, 0.4), [this, probe, node] { world_.cluster->kill(probe, active(probe, node)); });
  world_.at(6, [this, probe] { world_.manager->wish(probe, true); });
}

// The active is cut off and then superseded by a standby that has joined since: its late records are wanted, and then the new one dies.
void Faults::late(std::size_t probe, char node) {
  const char from = active(probe, node), to = from == 'a' ? 'b' : 'a';
  link(probe, from);
  world_.at(1, [this, probe, to] { world_.cluster->kill(probe, to); });
  world_.at(9.5, [this, from] { world_.relink(world_.node(from)); });
  world_.at(9.5 + world_.uniform(0, 1.5), [this, probe, to] { world_.cluster->kill(probe, to); });
}

void Faults::discover(std::size_t probe, char) { world_.manager->discover(probe, world_.chance(0.8)); }

void Faults::stall(std::size_t probe, char node) {
  Instance* i = world_.cluster->at(probe, node);
  if (!i || !i->alive) return;
  world_.log("{} i{} a worker stalls", world_.name(probe), i->number);
  i->stall(world_.uniform(0.2, 2.5));
}

}  // namespace nezu::sim
