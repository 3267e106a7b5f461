// What the agent remembers from one call to the next, in the run-time folder: lost with the machine's start, as everything that it is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/health.h"
#include "common/base/time.h"

namespace nezu::agent {

struct Memory {
  std::optional<Place> place;          // where the daemon that was started is asked
  std::optional<int> score;            // what the cluster was told last
  std::optional<std::uint64_t> drops;  // of the kernel, at the last deep check
  std::optional<MonoTime> stopped;     // when the cluster said that another instance's stop or demotion was done
  std::optional<MonoTime> returned;    // when the last long poll of `interval` came back
  Nanos interval{0};
  bool dead = false;  // it died while it was promoted, and the cluster has taken the role from it
  friend bool operator==(const Memory&, const Memory&) = default;
};

// A file that isn't there or isn't ours is an empty memory: it only costs a check that returns at once.
Memory recall(const std::string& folder, const std::string& name);
void remember(const std::string& folder, const std::string& name, const Memory& memory);

}  // namespace nezu::agent
