// What the cluster says to an agent: OCF_RESKEY_* and its own meta attributes, read from the environment.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::agent {

enum class Kind { probe, manager };

// What a clone with notify=true is told of the others' actions.
struct Notice {
  std::string type, operation;  // "pre", "post"; "start", "stop", "promote", "demote"
  std::string nodes;            // where that operation takes place, separated by spaces
};

struct Parameters {
  Kind kind = Kind::probe;
  std::string instance;  // the resource's name, without a clone's number
  std::string config, binary, user, log;
  Nanos isolation_timeout{0}, long_poll{0}, check_timeout{0}, stop_timeout{0};
  int check_level = 0;            // depth of a monitor
  Nanos interval{0}, timeout{0};  // of this operation; timeout 0: none told
  bool in_cluster = false;        // a cluster calls, not a person or a test
  std::string node;               // this one, in the cluster's names; empty: not told
  Notice notice;                  // of the action "notify"
  bool clone_known = false;       // the cluster says how many may be promoted: it is a promotable clone
  std::string wrong;              // what can't be read, by its name; the default stands for it
};

using Environment = std::function<const char*(const char* name)>;  // getenv, or a test's

// Where the daemon's program is, seen from the agent's own path.
std::string program_beside(const std::string& self, Kind kind);

// Of wrong parameters the first is named. Whoever only looks after what runs already goes on all the same: a daemon is well, and can be
// stopped, also where somebody has mistyped a time.
Parameters read_parameters(Kind kind, const Environment& environment, const std::string& self);

// "30s", "500ms", "1min" or a bare number of seconds: what Pacemaker itself takes for a time (crm_get_msec).
Result<Nanos> parse_ocf_duration(const std::string& text);

}  // namespace nezu::agent
