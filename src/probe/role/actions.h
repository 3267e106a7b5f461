// What the role wants done. The runner carries it out, in order, and tells the role what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/wire/messages.h"

namespace nezu::probe::role {

// Try to reach the manager; answered by connected() or disconnected().
struct Connect {};
// Drop the connection, or the attempt; not answered.
struct Disconnect {
  std::string why;
};
struct Send {
  wire::Message message;
};
// Measure these services and no others; answered by applied(generation, …) once every worker does.
struct Measure {
  std::uint64_t generation = 0;
  std::vector<wire::ServiceDefinition> services;
  std::optional<wire::NameKey> names;  // of transactions; none: they need no names
  bool at_edge = false;                // a definition changed: take it up at a window's edge …
  Nanos offset{0};                     // … of the logical probe's time: that of the packets, less this
};
// Discover for this job and no other, also where one is running; job 0: for none. Answered by discovering(job) once every worker does.
struct Discover {
  std::uint64_t job = 0;
  std::optional<IpPrefix> source;
  Nanos limit{0};  // 0: none
};
// Hand over what is measured, and measure no more; answered by the last slices, then cut_done().
struct Cut {};
// The end: the program may exit. `undelivered`: windows that nobody stored. `isolated`: nobody asked for it (Options::isolation); the exit
// status is to say that something failed.
struct Finished {
  std::uint64_t undelivered = 0;
  bool isolated = false;
};
// For people.
struct Say {
  enum class Level { info, warning, error } level = Level::info;
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;
};

using Action = std::variant<Connect, Disconnect, Send, Measure, Discover, Cut, Finished, Say>;
using Actions = std::vector<Action>;

}  // namespace nezu::probe::role
