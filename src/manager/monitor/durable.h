// What the monitor keeps durably, and its JSON. Keys in the store: "probe/NAME", "service/ID", "discovery" (the number of the last job)
// and "ledger/NAME/END" (ingest/ledgers.h), END = the record's end in nanoseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "model/window/record.h"

namespace nezu::monitor {

using window::InstanceId;
using window::ServiceId;

enum class State { stopped, starting, monitoring, stopping };
const char* to_string(State state);

// A service at a logical probe.
struct AtProbe {
  State state = State::stopped;
  bool wished = false;
  std::uint64_t number = 0;           // of the Instruction that carries the last wish
  std::optional<std::uint64_t> span;  // id of the MonitoringSpan that is open
  bool retired = false;               // its definition doesn't name this probe any more: forgotten once it is stopped
  friend bool operator==(const AtProbe&, const AtProbe&) = default;
};

struct Admission {
  std::uint64_t epoch = 0;
  InstanceId instance;
  std::string node;
  PacketTime from{};        // the end of what was stored when it was admitted: older epochs' records count up to there
  bool superseded = false;  // it has learnt that another one was admitted in its place, and the event of that was raised
  friend bool operator==(const Admission&, const Admission&) = default;
};

struct ProbeState {
  static constexpr std::size_t kAdmissions = 32;  // the newest that are remembered

  std::uint64_t epoch = 0;
  std::optional<InstanceId> holder;   // who is admitted; a demotion empties it
  std::vector<Admission> admissions;  // oldest first
  std::uint64_t number = 0;           // of the last Instruction
  std::uint64_t discovery_job = 0;    // 0: stopped
  std::string discovery_reason;       // why it stopped
  std::optional<Nanos> offset;        // the logical probe's time less the manager's wall clock
  std::map<ServiceId, AtProbe> services;
  friend bool operator==(const ProbeState&, const ProbeState&) = default;
};

struct ServiceState {
  bool wished = false;  // over all of its logical probes
  friend bool operator==(const ServiceState&, const ServiceState&) = default;
};

std::string encode(const ProbeState& state);
Result<ProbeState> decode_probe(std::string_view json);
std::string encode(const ServiceState& state);
Result<ServiceState> decode_service(std::string_view json);

// 32 hexadecimal digits ↔ InstanceId.
Result<InstanceId> parse_instance(std::string_view hex);

}  // namespace nezu::monitor
