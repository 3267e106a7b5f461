#include "manager/monitor/durable.h"

#include <fmt/core.h>

#include "common/base/text.h"
#include "common/json/json.h"

namespace nezu::monitor {
namespace {

constexpr State kStates[] = {State::stopped, State::starting, State::monitoring, State::stopping};

// Reads members of one object; the first that is wrong or missing is kept as the error.
class Reader {
 public:
  explicit Reader(const json::Value& object) : object_(object) {
    if (!object.is_object()) fail("an object");
  }
  std::uint64_t number(const char* key) {
    const json::Value* value = object_.find(key);
    if (!value || !value->is_integer() || value->int_or(0) < 0) fail(fmt::format("{}: a whole number that isn't negative", key));
    return value ? value->uint_or(0) : 0;
  }
  std::int64_t signed_number(const char* key) {
    const json::Value* value = object_.find(key);
    if (!value || !value->is_integer()) fail(fmt::format("{}: a whole number", key));
    return value ? value->int_or(0) : 0;
  }
  bool truth(const char* key) {
    const json::Value* value = object_.find(key);
    if (!value || !value->is_bool()) fail(fmt::format("{}: true or false", key));
    return value && value->bool_or(false);
  }
  std::string text(const char* key) {
    const json::Value* value = object_.find(key);
    if (!value || !value->is_string()) fail(fmt::format("{}: a string", key));
    return value ? value->string_or("") : "";
  }
  InstanceId instance(const char* key) {
    auto id = parse_instance(text(key));
    if (!id.ok()) fail(fmt::format("{}: 32 hexadecimal digits", key));
    return id.ok() ? *id : InstanceId{};
  }
  bool has(const char* key) const {
    const json::Value* value = object_.find(key);
    return value && !value->is_null();
  }
  const json::Value& operator[](const char* key) const { return object_[key]; }
  void fail(const std::string& wanted) {
    if (wanted_.empty()) wanted_ = wanted;
  }
  Status status() const {
    if (wanted_.empty()) return {};
    return Error(ErrorCode::corrupt, "wanted " + wanted_);
  }

 private:
  const json::Value& object_;
  std::string wanted_;
};

json::Value value_of(const AtProbe& at, ServiceId id) {
  json::Value value;
  value.set("service", id).set("state", to_string(at.state)).set("wished", at.wished).set("number", at.number);
  if (at.span) value.set("span", *at.span);
  if (at.retired) value.set("retired", true);
  return value;
}

Status read_service(const json::Value& value, ProbeState& state) {
  Reader reader(value);
  AtProbe at;
  const auto id = static_cast<ServiceId>(reader.number("service"));
  const std::string word = reader.text("state");
  bool known = false;
  for (const State candidate : kStates) {
    if (word != to_string(candidate)) continue;
    at.state = candidate;
    known = true;
  }
  if (!known) reader.fail("state: stopped, starting, monitoring or stopping");
  at.wished = reader.truth("wished");
  at.number = reader.number("number");
  if (reader.has("span")) at.span = reader.number("span");
  at.retired = reader.has("retired");
  state.services[id] = at;
  return reader.status();
}

Status read_admission(const json::Value& value, ProbeState& state) {
  Reader reader(value);
  Admission admission;
  admission.epoch = reader.number("epoch");
  admission.instance = reader.instance("instance");
  admission.node = reader.text("node");
  admission.from = packet_time_ns(reader.signed_number("from"));
  if (reader.has("superseded")) admission.superseded = reader.truth("superseded");
  state.admissions.push_back(std::move(admission));
  return reader.status();
}

}  // namespace

const char* to_string(State state) {
  switch (state) {
    case State::stopped: return "stopped";
    case State::starting: return "starting";
    case State::monitoring: return "monitoring";
    case State::stopping: return "stopping";
  }
  return "stopped";
}

Result<InstanceId> parse_instance(std::string_view hex) {
  const Error wrong(ErrorCode::corrupt, fmt::format("instance '{}': wanted 32 hexadecimal digits", hex));
  InstanceId id;
  if (hex.size() != 2 * id.bytes.size()) return wrong;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return wrong;
    id.bytes[i / 2] = static_cast<std::uint8_t>(id.bytes[i / 2] << 4 | digit);
  }
  return id;
}

std::string encode(const ProbeState& state) {
  json::Value value;
  value.set("epoch", state.epoch).set("number", state.number);
  if (state.holder) value.set("holder", to_string(*state.holder));
  if (state.offset) value.set("offset", state.offset->count());
  value.set("discovery_job", state.discovery_job).set("discovery_reason", state.discovery_reason);
  json::Value admissions(json::Array{}), services(json::Array{});
  for (const Admission& admission : state.admissions) {
    json::Value one;
    one.set("epoch", admission.epoch).set("instance", to_string(admission.instance)).set("node", admission.node);
    one.set("from", to_ns(admission.from));
    if (admission.superseded) one.set("superseded", true);
    admissions.push(std::move(one));
  }
  for (const auto& [id, at] : state.services) services.push(value_of(at, id));
  value.set("admissions", std::move(admissions)).set("services", std::move(services));
  return json::to_string(value);
}

Result<ProbeState> decode_probe(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed.ok()) return Error(ErrorCode::corrupt, parsed.error().message());
  Reader reader(*parsed);
  ProbeState state;
  state.epoch = reader.number("epoch");
  state.number = reader.number("number");
  if (reader.has("holder")) state.holder = reader.instance("holder");
  if (reader.has("offset")) state.offset = Nanos(reader.signed_number("offset"));
  state.discovery_job = reader.number("discovery_job");
  state.discovery_reason = reader.text("discovery_reason");
  if (!reader["admissions"].is_array() || !reader["services"].is_array()) reader.fail("admissions and services: lists");
  if (const Status status = reader.status(); !status.ok()) return status.error();
  for (const json::Value& value : reader["admissions"].array()) {
    if (const Status status = read_admission(value, state); !status.ok()) return status.error().in("admissions");
  }
  for (const json::Value& value : reader["services"].array()) {
    if (const Status status = read_service(value, state); !status.ok()) return status.error().in("services");
  }
  return state;
}

std::string encode(const ServiceState& state) {
  json::Value value;
  value.set("wished", state.wished);
  return json::to_string(value);
}

Result<ServiceState> decode_service(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed.ok()) return Error(ErrorCode::corrupt, parsed.error().message());
  Reader reader(*parsed);
  ServiceState state{reader.truth("wished")};
  if (const Status status = reader.status(); !status.ok()) return status.error();
  return state;
}

}  // namespace nezu::monitor
