#include <algorithm>

#include "world.h"

namespace nezu::sim {
namespace {

const std::vector<std::string> kAll = {"kill",     "storm",       "pause",         "power",   "freeze",  "link",
                                       "reset",    "lost_answer", "split",         "manager", "planned", "monitoring",
                                       "discover", "stall",       "stop_and_kill", "late",    "hang"};
// No hole in the active alone: that is a gap.
const std::vector<std::string> kSingle = {"kill",  "hang",    "power",   "freeze",   "link",          "reset",     "lost_answer",
                                          "split", "manager", "planned", "discover", "stop_and_kill", "monitoring"};
const std::vector<double> kNear = {0.0, 0.0002, 0.003, -0.003, 0.03, -0.03, 0.045, -0.045};
const std::vector<std::string> kSplit = {"split", "link", "pause", "manager", "reset", "freeze"};

Config named(const std::string& name) {
  Config c;
  c.name = name;
  c.offsets = kNear;
  c.faults = kAll;
  return c;
}

std::vector<Config> make() {
  std::vector<Config> all;
  const auto add = [&](const std::string& name, const std::function<void(Config&)>& change) {
    Config c = named(name);
    change(c);
    all.push_back(c);
  };
  add("single", [](Config& c) { c.single = true, c.length = 60, c.faults = kSingle; });
  add("single2", [](Config& c) { c.single = true, c.probes = 2, c.faults = kSingle; });
  add("start", [](Config& c) {  // the first seconds: little is known yet
    c.single = true, c.length = 21, c.calm = 10, c.first = 1, c.settled = 0.6, c.unordered = 0.3,
    c.faults = {"kill", "hang", "power", "planned"};
  });
  add("warm", [](Config&) {});
  add("warm2", [](Config& c) { c.probes = 2; });
  add("fast", [](Config& c) { c.every = 1; });
  add("fenced", [](Config& c) { c.fencing = true; });
  add("far", [](Config& c) { c.offsets = {2.0, -2.0, 0.5, -0.5, 0.13, -0.13}; });
  add("farsingle", [](Config& c) { c.single = true, c.faults = kSingle, c.offsets = {2.0, -2.0, 0.5, -0.13}; });
  add("late", [](Config& c) { c.faults = {"late", "kill"}, c.every = 6; });
  add("crowd", [](Config& c) { c.edge_rate = 100, c.ledger = 15; });
  add("parts", [](Config& c) { c.part = 40; });
  add("partsingle", [](Config& c) { c.single = true, c.part = 1, c.faults = kSingle; });
  add("disk", [](Config& c) { c.commit = 0.4, c.faults = {"manager", "kill", "link", "monitoring"}; });
  add("quiet", [](Config& c) { c.rate = 1, c.edge_rate = 0; });
  add("split80", [](Config& c) {
    c.faults = {"split", "split", "link", "pause", "manager", "reset"};
    c.slow_heal = 80, c.length = 60, c.calm = 100, c.every = 6;
  });
  add("dirty", [](Config& c) { c.miss = 0.05; });
  add("dirtysplit", [](Config& c) { c.miss = 0.05, c.faults = kSplit, c.slow_heal = 15; });
  add("slow", [](Config& c) { c.miss = 0.03, c.late = 20, c.length = 60; });
  add("slowsplit", [](Config& c) {
    c.miss = 0.03, c.late = 20, c.length = 60, c.faults = kSplit, c.slow_heal = 30, c.calm = 50;
    c.faults.push_back("kill");
  });
  add("cold", [](Config& c) { c.warm = false; });
  add("coldfar", [](Config& c) { c.warm = false, c.offsets = {2.0, -2.0, 0.5, -0.5}; });
  return all;
}

struct NamedBug {
  std::string name;
  bool& (*flag)(Bugs&);
};
const std::vector<NamedBug>& bugs() {
  static const std::vector<NamedBug> all = {
      {"always_admit", [](Bugs& b) -> bool& { return b.monitor.always_admit; }},
      {"waiting_starves", [](Bugs& b) -> bool& { return b.monitor.waiting_starves; }},
      {"wish_lost", [](Bugs& b) -> bool& { return b.monitor.wish_lost; }},
      {"disc_resumed", [](Bugs& b) -> bool& { return b.monitor.disc_resumed; }},
      {"epoch_volatile", [](Bugs& b) -> bool& { return b.monitor.epoch_volatile; }},
      {"notice_again", [](Bugs& b) -> bool& { return b.monitor.notice_again; }},
      {"not_told", [](Bugs& b) -> bool& { return b.monitor.not_told; }},
      {"old_claim_is_fresh", [](Bugs& b) -> bool& { return b.monitor.old_claim_is_fresh; }},
      {"superseded_unheard", [](Bugs& b) -> bool& { return b.monitor.superseded_unheard; }},
      {"superseded_again", [](Bugs& b) -> bool& { return b.monitor.superseded_again; }},
      {"ledger_ignored", [](Bugs& b) -> bool& { return b.role.shadow.ledger_ignored; }},
      {"ledger_short", [](Bugs& b) -> bool& { return b.role.shadow.ledger_short; }},
      {"coverage_full", [](Bugs& b) -> bool& { return b.role.shadow.coverage_full; }},
      {"own_clock", [](Bugs& b) -> bool& { return b.role.shadow.own_clock; }},
      {"known_late", [](Bugs& b) -> bool& { return b.role.shadow.known_late; }},
      {"spool_dropped", [](Bugs& b) -> bool& { return b.role.spool_dropped; }},
      {"last_ledger_only", [](Bugs& b) -> bool& { return b.monitor.last_ledger_only; }},
      {"overlap_counts", [](Bugs& b) -> bool& { return b.overlap_counts; }},
      {"parts_lost", [](Bugs& b) -> bool& { return b.parts_lost; }},
      {"unmeasured_unnamed", [](Bugs& b) -> bool& { return b.unmeasured_unnamed; }},
      {"ack_early", [](Bugs& b) -> bool& { return b.ack_early; }},
  };
  return all;
}

}  // namespace

const std::vector<Config>& configs() {
  static const std::vector<Config> all = make();
  return all;
}

const Config* find_config(const std::string& name) {
  const auto& all = configs();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Config& c) { return c.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const std::vector<std::string>& bug_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const NamedBug& b : bugs()) all.push_back(b.name);
    return all;
  }();
  return names;
}

bool plant(const std::string& name, Bugs& b) {
  for (const NamedBug& bug : bugs()) {
    if (bug.name != name) continue;
    bug.flag(b) = true;
    return true;
  }
  return false;
}

}  // namespace nezu::sim
