// What the daemons say of themselves, asked in the way that each of them has: the probe's control socket, the manager's /readyz.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "agent/parameters.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/json/json.h"

namespace nezu::agent {

struct Health {
  // Both
  bool healthy = true;    // does what it is there for
  std::string reason;     // why not
  bool starting = false;  // not yet: it isn't ready
  pid_t process = 0;      // who answers; 0: it doesn't say
  // The probe
  bool warm = false;
  std::string role;  // standby, claiming, waiting, active
  bool session = false;
  Nanos session_for{0}, without_session{0};
  std::uint64_t kernel_drops = 0;
};

// Where the daemon is asked; from its configuration.
struct Place {
  std::string socket;  // the probe's
  std::string host;    // the manager's API
  std::uint16_t port = 0;
  friend bool operator==(const Place&, const Place&) = default;
};
Result<Place> place_of(const Parameters& p);

// unavailable: no answer within `patience`.
Result<Health> ask_health(Kind kind, const Place& place, Nanos patience);
// A command to the probe, `request` with what else there is to say; its role afterwards.
Result<std::string> tell_probe(const Place& place, const std::string& command, Nanos patience, json::Value request = {});

}  // namespace nezu::agent
