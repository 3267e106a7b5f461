#include "model/wire/record_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "model/wire/proto_reader.h"

namespace nezu::wire {
namespace {

using window::Figures;
using Type = ProtoReader::Type;

Error no_protobuf(const char* what) { return Error(ErrorCode::corrupt, fmt::format("{} that is no protobuf", what)); }

// Numbers of proto/link.proto. A number of another type than it has there is passed over, as protobuf does.
constexpr std::uint32_t kMessageRecord = 3;
enum RecordField : std::uint32_t { instance_field = 1, epoch_field = 2, begin_field = 3, end_field = 4, services_field = 8 };
enum ServiceField : std::uint32_t { service_field = 1, covered_field = 3, targets_field = 4 };

}  // namespace

bool read_span(std::string_view bytes, window::Spans& into) {
  ProtoReader reader(bytes);
  window::Span span;
  while (reader.next()) {
    if (reader.type() != Type::fixed64) continue;
    if (reader.number() == 1) span.begin = packet_time_ns(reader.signed_value());
    if (reader.number() == 2) span.end = packet_time_ns(reader.signed_value());
  }
  into.push_back(span);
  return !reader.broken();
}

bool read_target_id(std::string_view bytes, window::TargetId& id) {
  ProtoReader reader(bytes);
  while (reader.next()) {
    if (reader.number() == 1 && reader.type() == Type::varint) id = static_cast<window::TargetId>(reader.value());
  }
  return !reader.broken();
}

namespace {

bool read_service(std::string_view bytes, RecordOutline& into) {
  RecordOutline::Service& service = into.services.emplace_back();
  ProtoReader reader(bytes);
  bool well = true;
  while (well && reader.next()) {
    if (reader.type() == Type::varint) {
      if (reader.number() == service_field) service.service = static_cast<window::ServiceId>(reader.value());
    } else if (reader.type() == Type::bytes) {
      if (reader.number() == covered_field) well = read_span(reader.bytes(), service.covered);
      if (reader.number() == targets_field) {
        RecordOutline::Target& target = into.targets.emplace_back();
        target.bytes = reader.bytes();
        well = read_target_id(target.bytes, target.target);
      }
    }
  }
  return well && !reader.broken();
}

// What read_figures() does with a field that may not be any number: the name of the field that is wrong.
const char* set_nanos(Nanos& field, std::uint64_t value, const char* name) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return name;
  field = Nanos(static_cast<std::int64_t>(value));
  return nullptr;
}

const char* set_number(Figures& f, std::uint32_t number, std::uint64_t value) {
  switch (number) {
    case 2: f.transactions = value; break;
    case 4: f.errors = value; break;
    case 5: f.failed_reset = value; break;
    case 6: f.failed_closed = value; break;
    case 7: f.failed_timeout = value; break;
    case 8: f.unmeasured = value; break;
    case 9: f.timing_only = value; break;
    case 10: f.timed = value; break;
    case 11: return set_nanos(f.response_time_sum, value, "response_time_sum_ns");
    case 12: return set_nanos(f.response_time_max, value, "response_time_max_ns");
    case 14: return set_nanos(f.ttfb_sum, value, "ttfb_sum_ns");
    case 15: return set_nanos(f.ttfb_max, value, "ttfb_max_ns");
    case 17: return set_nanos(f.transfer_sum, value, "transfer_sum_ns");
    case 18: f.request_bytes = value; break;
    case 19: f.response_bytes = value; break;
    case 20: f.handshakes = value; break;
    case 21: return set_nanos(f.handshake_rtt_sum, value, "handshake_rtt_sum_ns");
    case 22: return set_nanos(f.handshake_rtt_max, value, "handshake_rtt_max_ns");
    case 23: f.retransmissions = value; break;
    case 24: f.zero_windows = value; break;
    case 25: f.resets = value; break;
    default: break;
  }
  return nullptr;
}

// `seen`: how many numbers there were; more than fit are only counted.
void add_class(Figures& f, std::size_t& seen, std::uint64_t value) {
  if (seen < f.status_class.size()) f.status_class[seen] = value;
  ++seen;
}

bool read_classes(std::string_view packed, Figures& f, std::size_t& seen) {
  const char* at = packed.data();
  const char* end = at + packed.size();
  while (at != end) {
    std::uint64_t value = 0;
    if (!take_varint(at, end, value)) return false;
    add_class(f, seen, value);
  }
  return true;
}

void clear(Figures& f) {
  sketch::Histogram response = std::move(f.response_time), ttfb = std::move(f.ttfb);
  f = Figures{};
  response.clear();
  ttfb.clear();
  f.response_time = std::move(response);
  f.ttfb = std::move(ttfb);
}

Status read_histogram(std::string_view bytes, const char* field, sketch::Histogram& into) {
  if (auto status = into.assign(bytes); !status) return Error(ErrorCode::corrupt, fmt::format("{}: {}", field, status.error().message()));
  return {};
}

}  // namespace

Status read_outline(std::string_view record, RecordOutline& into) {
  into.services.clear();
  into.targets.clear();
  into.instance = {};
  into.epoch = 0;
  into.span = {};
  ProtoReader reader(record);
  while (reader.next()) {
    switch (reader.number()) {
      case instance_field:
        if (reader.type() != Type::bytes) break;
        if (reader.bytes().size() != into.instance.bytes.size()) return Error(ErrorCode::corrupt, "record.instance: wanted 16 bytes");
        std::copy(reader.bytes().begin(), reader.bytes().end(), into.instance.bytes.begin());
        break;
      case epoch_field:
        if (reader.type() == Type::varint) into.epoch = reader.value();
        break;
      case begin_field:
        if (reader.type() == Type::fixed64) into.span.begin = packet_time_ns(reader.signed_value());
        break;
      case end_field:
        if (reader.type() == Type::fixed64) into.span.end = packet_time_ns(reader.signed_value());
        break;
      case services_field:
        if (reader.type() == Type::bytes && !read_service(reader.bytes(), into)) return no_protobuf("a record");
        break;
      default: break;
    }
  }
  if (reader.broken()) return no_protobuf("a record");
  return {};
}

Status read_figures(std::string_view target, Figures& into) {
  clear(into);
  std::string_view response_time, ttfb;
  std::size_t classes = 0;
  ProtoReader reader(target);
  while (reader.next()) {
    const std::uint32_t number = reader.number();
    if (reader.type() == Type::bytes) {
      if (number == 3 && !read_classes(reader.bytes(), into, classes)) return no_protobuf("a target");
      if (number == 13) response_time = reader.bytes();
      if (number == 16) ttfb = reader.bytes();
    } else if (reader.type() == Type::varint) {
      if (number == 3) {
        add_class(into, classes, reader.value());
      } else if (const char* field = set_number(into, number, reader.value()); field != nullptr) {
        return Error(ErrorCode::corrupt, fmt::format("{}: {} ns; wanted less than 2^63", field, reader.value()));
      }
    }
  }
  if (reader.broken()) return no_protobuf("a target");
  if (classes != into.status_class.size()) return Error(ErrorCode::corrupt, "status_class: wanted 6 numbers");
  if (auto status = read_histogram(response_time, "response_time", into.response_time); !status) return status;
  if (ttfb.empty()) {
    into.ttfb = into.response_time;
    return {};
  }
  return read_histogram(ttfb, "ttfb", into.ttfb);
}

std::optional<std::string_view> record_in(std::string_view message) {
  ProtoReader reader(message);
  if (!reader.next() || reader.number() != kMessageRecord || reader.type() != Type::bytes || !reader.at_end()) return std::nullopt;
  return reader.bytes();
}

}  // namespace nezu::wire
