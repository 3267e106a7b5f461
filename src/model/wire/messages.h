// The messages of the link as plain values; proto/link.proto is their contract, codec.cc and record_codec.cc the only places that see protobuf.
// Meaning of each field: link.proto and docs/failover.md. `monitor`, `role`, `spool`, `ingest` speak in these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ip_prefix.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "model/definition/service.h"
#include "model/window/record.h"

namespace nezu::wire {

// Versions of the link's protocol that this program speaks.
inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 1;

// No record is longer, whatever the window is; who knows the window checks against it (window::validate).
inline constexpr Nanos kMaxRecordLength = std::chrono::hours(1);

using window::InstanceId;
using window::ServiceId;
using window::TargetId;

// Steps of the cluster in a heartbeat: so many at most, none older. Who sends them leaves older ones out.
inline constexpr std::size_t kMaxClusterSteps = 8;
inline constexpr Nanos kMaxStepAge = std::chrono::hours(1);

// 128-bit key of the transactions' names.
struct NameKey {
  std::uint64_t k0 = 0, k1 = 0;
  friend bool operator==(const NameKey&, const NameKey&) = default;
};

// ---- probe → manager
struct Hello {
  std::uint32_t protocol_min = kProtocolMin, protocol_max = kProtocolMax;
  std::string logical_probe, node;
  InstanceId instance;
  std::string program_version;
  Nanos window{0};
  std::string interface;
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct ServiceState {
  ServiceId service = 0;
  std::uint64_t definition_version = 0;
  bool monitoring = false;
  PacketTime since{};
  friend bool operator==(const ServiceState&, const ServiceState&) = default;
};
struct CaptureState {
  bool running = false, interface_up = false;
  std::uint64_t frames = 0, kernel_drops = 0;
  PacketTime watermark{};
  std::string fault;
  friend bool operator==(const CaptureState&, const CaptureState&) = default;
};
enum class ClockKnown { none, own, coarse, compared };
// What the cluster did to bring this instance's claim about (link.proto says what each step is). `age`: before the message was sent, from 0
// to kMaxStepAge, sent in whole microseconds.
struct ClusterStep {
  enum class Kind { stopped = 1, start = 2, promote = 3 };
  Kind kind = Kind::start;
  Nanos age{0};
  friend bool operator==(const ClusterStep&, const ClusterStep&) = default;
};
struct Heartbeat {
  bool promoted = false;
  Nanos claim_age{0};
  std::uint64_t epoch = 0, held = 0, was = 0, applied = 0;
  std::vector<ServiceState> services;
  std::uint64_t discovery_job = 0;
  PacketTime packet_clock{}, frame_clock{};
  ClockKnown clock_known = ClockKnown::none;
  PacketTime since{};
  bool whole = false;
  CaptureState capture;
  std::uint64_t kept_windows = 0, overflow_windows = 0;
  std::uint64_t compared = 0, only_here = 0, only_named = 0;
  std::uint64_t handed_over = 0, left_out = 0;
  std::vector<ClusterStep> cluster_steps;  // kMaxClusterSteps at most
  std::uint64_t superseded = 0;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
struct Bye {
  std::string reason;
  friend bool operator==(const Bye&, const Bye&) = default;
};
struct DiscoveryEntry {
  std::string host;
  std::uint16_t port = 0;
  std::string path, method;
  std::uint64_t count = 0;
  Nanos response_time_sum{0};
  std::uint64_t timed = 0;
  friend bool operator==(const DiscoveryEntry&, const DiscoveryEntry&) = default;
};
struct DiscoveryEntries {
  std::uint64_t job = 0;
  std::vector<DiscoveryEntry> entries;
  std::uint64_t number = 0;
  std::uint64_t other_source = 0, no_room = 0, unreadable = 0;
  friend bool operator==(const DiscoveryEntries&, const DiscoveryEntries&) = default;
};

// ---- manager → probe
struct Welcome {
  std::uint32_t protocol = kProtocolMax;
  InstanceId manager_instance;
  std::string program_version;
  NameKey name_key;
  Nanos ledger_reach = std::chrono::seconds(10);
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct Refusal {
  enum class Reason { unspecified, protocol, unknown_probe, bad_request, too_many, window };
  Reason reason = Reason::unspecified;
  std::string text;
  std::uint32_t protocol_min = kProtocolMin, protocol_max = kProtocolMax;
  friend bool operator==(const Refusal&, const Refusal&) = default;
};
struct Beat {
  std::optional<InstanceId> holder;
  PacketTime stored_until{};
  bool standby_ok = false;
  std::optional<Nanos> offset;
  friend bool operator==(const Beat&, const Beat&) = default;
};
struct Grant {
  std::uint64_t epoch = 0;
  PacketTime stored_until{};
  window::Ledger ledger;
  PacketTime ledger_since{};
  std::optional<Nanos> offset;
  friend bool operator==(const Grant&, const Grant&) = default;
};
struct Wait {
  std::string holder_node;
  friend bool operator==(const Wait&, const Wait&) = default;
};
struct Superseded {
  std::uint64_t epoch = 0;
  PacketTime wanted_until{};
  friend bool operator==(const Superseded&, const Superseded&) = default;
};
struct ServiceWish {
  ServiceId service = 0;
  std::uint64_t definition_version = 0;
  friend bool operator==(const ServiceWish&, const ServiceWish&) = default;
};
struct Instruction {
  std::uint64_t number = 0;
  std::vector<ServiceWish> services;
  std::uint64_t discovery_job = 0;
  std::optional<IpPrefix> discovery_source;
  Nanos discovery_limit{0};
  friend bool operator==(const Instruction&, const Instruction&) = default;
};
struct ServiceDefinition {
  ServiceId service = 0;
  std::uint64_t version = 0;
  definition::Service definition;
  TargetId all_target = 0;
  std::vector<TargetId> transaction_targets;  // one for each of definition.transactions
  friend bool operator==(const ServiceDefinition&, const ServiceDefinition&) = default;
};
struct Definitions {
  std::vector<ServiceDefinition> services;
  friend bool operator==(const Definitions&, const Definitions&) = default;
};
struct Ack {
  PacketTime begin{}, end{};
  std::uint64_t epoch = 0;
  friend bool operator==(const Ack&, const Ack&) = default;
};
struct Stored {
  PacketTime stored_until{};
  window::Ledger ledger;
  std::uint64_t epoch = 0;
  std::optional<PacketTime> ledger_since;  // none: the ledger is that of the record that follows what was told before
  friend bool operator==(const Stored&, const Stored&) = default;
};

struct DiscoveryAck {
  std::uint64_t job = 0, number = 0;
  friend bool operator==(const DiscoveryAck&, const DiscoveryAck&) = default;
};

using Message = std::variant<Hello, Heartbeat, window::Record, Bye, DiscoveryEntries, Welcome, Refusal, Beat, Grant, Wait, Superseded,
                             Instruction, Ack, Stored, Definitions, DiscoveryAck>;

// Protobuf bytes of one message, without the frame. decode() checks every field (lengths, ranges, window::validate for records):
// ErrorCode::corrupt names the field; a message of a kind that this version doesn't know is ErrorCode::unsupported.
std::string encode(const Message& message);
Result<Message> decode(std::string_view bytes);

// A record alone, in the same form: what the manager's journal keeps.
std::string encode_record(const window::Record& record);
Result<window::Record> decode_record(std::string_view bytes);

// How many names the record's message has room for beside everything else that the record holds; `wanted` where that many fit.
std::size_t room_for_names(const window::Record& record, std::size_t wanted);
// Whether the record, with its ledger, can be sent: it is no longer than a frame, and has no more pieces than a receiver reads.
bool can_be_sent(const window::Record& record);

}  // namespace nezu::wire
