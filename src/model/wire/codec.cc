// Messages to protobuf and back.
#include <google/protobuf/arena.h>
#include <google/protobuf/stubs/logging.h>

#include "model/wire/fields.h"
#include "model/wire/frame.h"
#include "model/wire/record_view.h"
#include "model/wire/scan.h"

namespace nezu::wire {
namespace {

// ---- out

void put(const Hello& m, pb::Hello& to) {
  to.set_protocol_min(m.protocol_min);
  to.set_protocol_max(m.protocol_max);
  to.set_logical_probe(m.logical_probe);
  to.set_node(text_of(m.node, 256));
  to.set_instance(bytes_of(m.instance));
  to.set_program_version(text_of(m.program_version, 256));
  to.set_window_ns(unsigned_ns(m.window));
  to.set_interface(text_of(m.interface, 256));
}

void put(const CaptureState& c, pb::CaptureState& to) {
  to.set_running(c.running);
  to.set_interface_up(c.interface_up);
  to.set_frames(c.frames);
  to.set_kernel_drops(c.kernel_drops);
  to.set_watermark_ns(to_ns(c.watermark));
  to.set_fault(text_of(c.fault));
}

void put(const Heartbeat& m, pb::Heartbeat& to) {
  to.set_promoted(m.promoted);
  to.set_claim_age_ns(unsigned_ns(m.claim_age));
  to.set_epoch(m.epoch);
  to.set_held(m.held);
  to.set_was(m.was);
  to.set_applied(m.applied);
  for (const ServiceState& s : m.services) {
    pb::ServiceState* state = to.add_services();
    state->set_service(s.service);
    state->set_definition_version(s.definition_version);
    state->set_monitoring(s.monitoring);
    state->set_since_ns(to_ns(s.since));
  }
  to.set_discovery_job(m.discovery_job);
  to.set_packet_clock_ns(to_ns(m.packet_clock));
  to.set_frame_clock_ns(to_ns(m.frame_clock));
  to.set_clock_known(static_cast<pb::Heartbeat::ClockKnown>(m.clock_known));
  to.set_since_ns(to_ns(m.since));
  to.set_whole(m.whole);
  put(m.capture, *to.mutable_capture());
  to.set_kept_windows(m.kept_windows);
  to.set_overflow_windows(m.overflow_windows);
  to.set_compared(m.compared);
  to.set_only_here(m.only_here);
  to.set_only_named(m.only_named);
  to.set_handed_over(m.handed_over);
  to.set_left_out(m.left_out);
  for (const ClusterStep& s : m.cluster_steps) {
    pb::ClusterStep* step = to.add_cluster_steps();
    step->set_step(static_cast<pb::ClusterStep::Step>(s.kind));
    step->set_age_us(unsigned_us(s.age));
  }
  to.set_superseded(m.superseded);
}

void put(const Bye& m, pb::Bye& to) { to.set_reason(text_of(m.reason)); }

void put(const DiscoveryEntries& m, pb::DiscoveryEntries& to) {
  to.set_job(m.job);
  for (const DiscoveryEntry& e : m.entries) {
    pb::DiscoveryEntry* entry = to.add_entries();
    entry->set_host(text_of(e.host));
    entry->set_port(e.port);
    entry->set_path(text_of(e.path));
    entry->set_method(text_of(e.method, 256));
    entry->set_count(e.count);
    entry->set_response_time_sum_ns(unsigned_ns(e.response_time_sum));
    entry->set_timed(e.timed);
  }
  to.set_number(m.number);
  to.set_other_source(m.other_source);
  to.set_no_room(m.no_room);
  to.set_unreadable(m.unreadable);
}

void put(const Welcome& m, pb::Welcome& to) {
  to.set_protocol(m.protocol);
  to.set_manager_instance(bytes_of(m.manager_instance));
  to.set_program_version(text_of(m.program_version, 256));
  to.set_name_key_0(m.name_key.k0);
  to.set_name_key_1(m.name_key.k1);
  to.set_ledger_reach_ns(unsigned_ns(m.ledger_reach));
}

void put(const Refusal& m, pb::Refusal& to) {
  to.set_reason(static_cast<pb::Refusal::Reason>(m.reason));
  to.set_text(text_of(m.text));
  to.set_protocol_min(m.protocol_min);
  to.set_protocol_max(m.protocol_max);
}

void put(const Beat& m, pb::Beat& to) {
  if (m.holder) to.set_holder(bytes_of(*m.holder));
  to.set_stored_until_ns(to_ns(m.stored_until));
  to.set_standby_ok(m.standby_ok);
  to.set_offset_known(m.offset.has_value());
  to.set_offset_ns(m.offset.value_or(Nanos(0)).count());
}

void put(const Grant& m, pb::Grant& to) {
  to.set_epoch(m.epoch);
  to.set_stored_until_ns(to_ns(m.stored_until));
  wire::put(m.ledger, PacketTime{}, *to.mutable_ledger());
  to.set_ledger_since_ns(to_ns(m.ledger_since));
  to.set_offset_known(m.offset.has_value());
  to.set_offset_ns(m.offset.value_or(Nanos(0)).count());
}

void put(const Wait& m, pb::Wait& to) { to.set_holder_node(text_of(m.holder_node, 256)); }

void put(const Superseded& m, pb::Superseded& to) {
  to.set_epoch(m.epoch);
  to.set_wanted_until_ns(to_ns(m.wanted_until));
}

void put(const Instruction& m, pb::Instruction& to) {
  to.set_number(m.number);
  for (const ServiceWish& w : m.services) {
    pb::ServiceWish* wish = to.add_services();
    wish->set_service(w.service);
    wish->set_definition_version(w.definition_version);
  }
  to.set_discovery_job(m.discovery_job);
  if (m.discovery_source) to.set_discovery_source(to_string(*m.discovery_source));
  to.set_discovery_limit_ns(unsigned_ns(m.discovery_limit));
}

void put(const Definitions& m, pb::Definitions& to) {
  for (const ServiceDefinition& d : m.services) {
    pb::ServiceDefinition* definition = to.add_services();
    definition->set_service(d.service);
    definition->set_version(d.version);
    definition->set_definition_json(definition::to_json(d.definition));
    definition->set_all_target(d.all_target);
    definition->mutable_transaction_targets()->Assign(d.transaction_targets.begin(), d.transaction_targets.end());
  }
}

void put(const Ack& m, pb::Ack& to) {
  to.set_begin_ns(to_ns(m.begin));
  to.set_end_ns(to_ns(m.end));
  to.set_epoch(m.epoch);
}

void put(const Stored& m, pb::Stored& to) {
  to.set_stored_until_ns(to_ns(m.stored_until));
  wire::put(m.ledger, PacketTime{}, *to.mutable_ledger());
  to.set_epoch(m.epoch);
  to.set_ledger_since_known(m.ledger_since.has_value());
  if (m.ledger_since) to.set_ledger_since_ns(to_ns(*m.ledger_since));
}

void put(const DiscoveryAck& m, pb::DiscoveryAck& to) {
  to.set_job(m.job);
  to.set_number(m.number);
}

struct Encoder {
  pb::Message& to;
  void operator()(const Hello& m) const { put(m, *to.mutable_hello()); }
  void operator()(const Heartbeat& m) const { put(m, *to.mutable_heartbeat()); }
  void operator()(const window::Record& m) const { wire::put(m, *to.mutable_record()); }
  void operator()(const Bye& m) const { put(m, *to.mutable_bye()); }
  void operator()(const DiscoveryEntries& m) const { put(m, *to.mutable_discovery_entries()); }
  void operator()(const Welcome& m) const { put(m, *to.mutable_welcome()); }
  void operator()(const Refusal& m) const { put(m, *to.mutable_refusal()); }
  void operator()(const Beat& m) const { put(m, *to.mutable_beat()); }
  void operator()(const Grant& m) const { put(m, *to.mutable_grant()); }
  void operator()(const Wait& m) const { put(m, *to.mutable_wait()); }
  void operator()(const Superseded& m) const { put(m, *to.mutable_superseded()); }
  void operator()(const Instruction& m) const { put(m, *to.mutable_instruction()); }
  void operator()(const Ack& m) const { put(m, *to.mutable_ack()); }
  void operator()(const Stored& m) const { put(m, *to.mutable_stored()); }
  void operator()(const Definitions& m) const { put(m, *to.mutable_definitions()); }
  void operator()(const DiscoveryAck& m) const { put(m, *to.mutable_discovery_ack()); }
};

// ---- in

Hello take(const pb::Hello& from, Check& check) {
  Hello m;
  m.protocol_min = from.protocol_min();
  m.protocol_max = from.protocol_max();
  check.want(m.protocol_min >= 1 && m.protocol_min <= m.protocol_max, "hello.protocol_min", "a version from 1 to protocol_max");
  // A later version's Hello may be anything else: the answer is a Refusal that names the versions, and for that it must be read.
  m.logical_probe = check.name(from.logical_probe(), "hello.logical_probe");
  m.node = check.text(from.node(), "hello.node", 256);
  m.instance = check.instance(from.instance(), "hello.instance");
  m.program_version = check.text(from.program_version(), "hello.program_version", 256);
  m.window = check.nanos(from.window_ns(), "hello.window_ns");
  check.want(m.window > Nanos(0) && m.window <= kMaxRecordLength, "hello.window_ns", "more than 0 ns, at most an hour");
  m.interface = check.text(from.interface(), "hello.interface", 256);
  return m;
}

CaptureState take(const pb::CaptureState& from, Check& check) {
  CaptureState c;
  c.running = from.running();
  c.interface_up = from.interface_up();
  c.frames = from.frames();
  c.kernel_drops = from.kernel_drops();
  c.watermark = packet_time_ns(from.watermark_ns());
  c.fault = check.text(from.fault(), "heartbeat.capture.fault");
  return c;
}

std::vector<ClusterStep> take_steps(const pb::Heartbeat& from, Check& check) {
  std::vector<ClusterStep> steps;
  if (from.cluster_steps_size() > static_cast<int>(kMaxClusterSteps)) {
    check.fail(fmt::format("heartbeat.cluster_steps: {}; wanted at most {}", from.cluster_steps_size(), kMaxClusterSteps));
    return steps;
  }
  for (const pb::ClusterStep& s : from.cluster_steps()) {
    const bool well = s.age_us() <= static_cast<std::uint64_t>(kMaxStepAge / std::chrono::microseconds(1));
    check.want(well, "heartbeat.cluster_steps.age_us", "at most an hour");
    // A step that a later version invented is passed over.
    if (!well || s.step() == pb::ClusterStep::UNSPECIFIED || !pb::ClusterStep::Step_IsValid(s.step())) continue;
    steps.push_back({static_cast<ClusterStep::Kind>(s.step()), std::chrono::microseconds(static_cast<std::int64_t>(s.age_us()))});
  }
  return steps;
}

Heartbeat take(const pb::Heartbeat& from, Check& check) {
  Heartbeat m;
  m.promoted = from.promoted();
  m.claim_age = check.nanos(from.claim_age_ns(), "heartbeat.claim_age_ns");
  m.epoch = from.epoch();
  m.held = from.held();
  m.was = from.was();
  m.applied = from.applied();
  for (const pb::ServiceState& s : from.services()) {
    m.services.push_back({s.service(), s.definition_version(), s.monitoring(), packet_time_ns(s.since_ns())});
  }
  m.discovery_job = from.discovery_job();
  m.packet_clock = packet_time_ns(from.packet_clock_ns());
  m.frame_clock = packet_time_ns(from.frame_clock_ns());
  check.want(pb::Heartbeat::ClockKnown_IsValid(from.clock_known()), "heartbeat.clock_known", "0–3");
  m.clock_known = static_cast<ClockKnown>(from.clock_known());
  m.since = packet_time_ns(from.since_ns());
  m.whole = from.whole();
  m.capture = take(from.capture(), check);
  m.kept_windows = from.kept_windows();
  m.overflow_windows = from.overflow_windows();
  m.compared = from.compared();
  m.only_here = from.only_here();
  m.only_named = from.only_named();
  m.handed_over = from.handed_over();
  m.left_out = from.left_out();
  m.cluster_steps = take_steps(from, check);
  m.superseded = from.superseded();
  check.want(m.superseded <= m.held, "heartbeat.superseded", "no later epoch than held");
  return m;
}

Bye take(const pb::Bye& from, Check& check) { return {check.text(from.reason(), "bye.reason")}; }

DiscoveryEntries take(const pb::DiscoveryEntries& from, Check& check) {
  DiscoveryEntries m;
  m.job = from.job();
  for (const pb::DiscoveryEntry& e : from.entries()) {
    DiscoveryEntry& entry = m.entries.emplace_back();
    entry.host = check.text(e.host(), "discovery_entries.host");
    check.want(e.port() >= 1 && e.port() <= 65'535, "discovery_entries.port", "1–65535");
    entry.port = static_cast<std::uint16_t>(e.port());
    entry.path = check.text(e.path(), "discovery_entries.path");
    entry.method = check.text(e.method(), "discovery_entries.method", 256);
    entry.count = e.count();
    entry.response_time_sum = check.nanos(e.response_time_sum_ns(), "discovery_entries.response_time_sum_ns");
    entry.timed = e.timed();
    check.want(entry.timed <= entry.count, "discovery_entries.timed", "no more than count");
  }
  m.number = from.number();
  m.other_source = from.other_source();
  m.no_room = from.no_room();
  m.unreadable = from.unreadable();
  return m;
}

Welcome take(const pb::Welcome& from, Check& check) {
  Welcome m;
  m.protocol = from.protocol();
  check.want(m.protocol >= kProtocolMin && m.protocol <= kProtocolMax, "welcome.protocol", "a version that was offered");
  m.manager_instance = check.instance(from.manager_instance(), "welcome.manager_instance");
  m.program_version = check.text(from.program_version(), "welcome.program_version", 256);
  m.name_key = {from.name_key_0(), from.name_key_1()};
  if (from.ledger_reach_ns() != 0) m.ledger_reach = check.nanos(from.ledger_reach_ns(), "welcome.ledger_reach_ns");
  return m;
}

Refusal take(const pb::Refusal& from, Check& check) {
  Refusal m;
  // A reason that a later version invented is still a refusal.
  if (pb::Refusal::Reason_IsValid(from.reason())) m.reason = static_cast<Refusal::Reason>(from.reason());
  m.text = check.text(from.text(), "refusal.text");
  m.protocol_min = from.protocol_min();
  m.protocol_max = from.protocol_max();
  return m;
}

template <class From>
std::optional<Nanos> take_offset(const From& from) {
  if (!from.offset_known()) return std::nullopt;
  return Nanos(from.offset_ns());
}

Beat take(const pb::Beat& from, Check& check) {
  Beat m;
  if (!from.holder().empty()) m.holder = check.instance(from.holder(), "beat.holder");
  m.stored_until = packet_time_ns(from.stored_until_ns());
  m.standby_ok = from.standby_ok();
  m.offset = take_offset(from);
  return m;
}

Grant take(const pb::Grant& from, Check& check) {
  Grant m;
  m.epoch = from.epoch();
  check.want(m.epoch > 0, "grant.epoch", "more than 0");
  m.stored_until = packet_time_ns(from.stored_until_ns());
  m.ledger = wire::take(from.ledger(), PacketTime{}, "grant.ledger", check);
  m.ledger_since = packet_time_ns(from.ledger_since_ns());
  m.offset = take_offset(from);
  return m;
}

Wait take(const pb::Wait& from, Check& check) { return {check.text(from.holder_node(), "wait.holder_node", 256)}; }

Superseded take(const pb::Superseded& from, Check&) { return {from.epoch(), packet_time_ns(from.wanted_until_ns())}; }

Instruction take(const pb::Instruction& from, Check& check) {
  Instruction m;
  m.number = from.number();
  for (const pb::ServiceWish& w : from.services()) m.services.push_back({w.service(), w.definition_version()});
  m.discovery_job = from.discovery_job();
  if (!from.discovery_source().empty()) {
    auto source = parse_ip_prefix(from.discovery_source());
    if (source.ok())
      m.discovery_source = *source;
    else
      check.fail("instruction.discovery_source: " + source.error().message());
  }
  m.discovery_limit = check.nanos(from.discovery_limit_ns(), "instruction.discovery_limit_ns");
  return m;
}

Definitions take(const pb::Definitions& from, Check& check) {
  Definitions m;
  for (int i = 0; i < from.services_size() && check.well(); ++i) {
    const pb::ServiceDefinition& d = from.services(i);
    ServiceDefinition& to = m.services.emplace_back();
    to.service = d.service();
    to.version = d.version();
    auto definition = definition::parse_json(d.definition_json());
    if (!definition) {
      check.fail(fmt::format("definitions.services[{}].definition_json: {}", i, definition.error().message()));
      break;
    }
    to.definition = std::move(*definition);
    to.all_target = d.all_target();
    to.transaction_targets.assign(d.transaction_targets().begin(), d.transaction_targets().end());
    if (to.transaction_targets.size() != to.definition.transactions.size()) {
      check.fail(fmt::format("definitions.services[{}].transaction_targets: {} of {} web transactions", i, to.transaction_targets.size(),
                             to.definition.transactions.size()));
    }
  }
  return m;
}

Ack take(const pb::Ack& from, Check& check) {
  check.want(from.begin_ns() < from.end_ns(), "ack.begin_ns", "a time before end_ns");
  return {packet_time_ns(from.begin_ns()), packet_time_ns(from.end_ns()), from.epoch()};
}

Stored take(const pb::Stored& from, Check& check) {
  Stored m{packet_time_ns(from.stored_until_ns()), wire::take(from.ledger(), PacketTime{}, "stored.ledger", check), from.epoch(), {}};
  if (from.ledger_since_known()) m.ledger_since = packet_time_ns(from.ledger_since_ns());
  return m;
}

// Reached only where a record isn't the whole of its message, in one piece: no probe of ours writes so.
Result<Message> record_of(const pb::Record& from) {
  auto record = decode_record(from.SerializeAsString());
  if (!record) return record.error();
  return Message(std::move(*record));
}

Result<Message> take(const pb::Message& from, Check& check) {
  switch (from.kind_case()) {
    case pb::Message::kHello: return Message(take(from.hello(), check));
    case pb::Message::kHeartbeat: return Message(take(from.heartbeat(), check));
    case pb::Message::kRecord: return record_of(from.record());
    case pb::Message::kBye: return Message(take(from.bye(), check));
    case pb::Message::kDiscoveryEntries: return Message(take(from.discovery_entries(), check));
    case pb::Message::kWelcome: return Message(take(from.welcome(), check));
    case pb::Message::kRefusal: return Message(take(from.refusal(), check));
    case pb::Message::kBeat: return Message(take(from.beat(), check));
    case pb::Message::kGrant: return Message(take(from.grant(), check));
    case pb::Message::kWait: return Message(take(from.wait(), check));
    case pb::Message::kSuperseded: return Message(take(from.superseded(), check));
    case pb::Message::kInstruction: return Message(take(from.instruction(), check));
    case pb::Message::kAck: return Message(take(from.ack(), check));
    case pb::Message::kStored: return Message(take(from.stored(), check));
    case pb::Message::kDefinitions: return Message(take(from.definitions(), check));
    case pb::Message::kDiscoveryAck: return Message(DiscoveryAck{from.discovery_ack().job(), from.discovery_ack().number()});
    case pb::Message::KIND_NOT_SET: break;
  }
  return Error(ErrorCode::unsupported, "a message of a kind that this version doesn't know");
}

}  // namespace

std::string encode(const Message& message) {
  google::protobuf::Arena arena;
  auto* out = google::protobuf::Arena::CreateMessage<pb::Message>(&arena);
  std::visit(Encoder{*out}, message);
  return out->SerializeAsString();
}

Result<Message> decode(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kMaxFrameBytes) {
    return Error(ErrorCode::corrupt, fmt::format("a message of {} bytes; wanted 1–{}", bytes.size(), kMaxFrameBytes));
  }
  if (const auto record = record_in(bytes)) {
    auto decoded = decode_record(*record);
    if (!decoded) return decoded.error();
    return Message(std::move(*decoded));
  }
  if (too_many_pieces(bytes, 4)) return Error(ErrorCode::corrupt, fmt::format("a message of more than {} pieces", kMaxPieces));
  const google::protobuf::LogSilencer quiet;  // the error is told by our own answer, and a stranger can't fill the log
  google::protobuf::Arena arena;
  auto* in = google::protobuf::Arena::CreateMessage<pb::Message>(&arena);
  if (!in->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Error(ErrorCode::corrupt, "a message that is no protobuf");
  Check check;
  auto message = take(*in, check);
  if (!check.well()) return check.error();
  return message;
}

}  // namespace nezu::wire
