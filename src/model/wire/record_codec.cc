// Records and ledgers to protobuf and back.
#include <google/protobuf/arena.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <optional>

#include "model/wire/fields.h"
#include "model/wire/frame.h"
#include "model/wire/proto_reader.h"
#include "model/wire/record_view.h"
#include "model/wire/scan.h"

namespace nezu::wire {
namespace {

using window::Counters;
using window::Figures;

template <class Repeated>
void put_spans(const window::Spans& spans, Repeated* to) {
  for (const window::Span& s : spans) {
    pb::Span* span = to->Add();
    span->set_begin_ns(to_ns(s.begin));
    span->set_end_ns(to_ns(s.end));
  }
}

// Fates are only ever appended: an older peer sends fewer. More than we know would be lost from the sums, so they are refused.
template <std::size_t N, class Repeated>
void take_fates(const Repeated& from, std::array<std::uint64_t, N>& to, const char* field, Check& check) {
  if (static_cast<std::size_t>(from.size()) > N) {
    check.fail(fmt::format("{}: {} numbers; wanted at most {}", field, from.size(), N));
    return;
  }
  std::copy(from.begin(), from.end(), to.begin());
}

void put(const Figures& f, pb::TargetFigures& to) {
  to.set_transactions(f.transactions);
  to.mutable_status_class()->Assign(f.status_class.begin(), f.status_class.end());
  to.set_errors(f.errors);
  to.set_failed_reset(f.failed_reset);
  to.set_failed_closed(f.failed_closed);
  to.set_failed_timeout(f.failed_timeout);
  to.set_unmeasured(f.unmeasured);
  to.set_timing_only(f.timing_only);
  to.set_timed(f.timed);
  to.set_response_time_sum_ns(unsigned_ns(f.response_time_sum));
  to.set_response_time_max_ns(unsigned_ns(f.response_time_max));
  f.response_time.encode(*to.mutable_response_time());
  to.set_ttfb_sum_ns(unsigned_ns(f.ttfb_sum));
  to.set_ttfb_max_ns(unsigned_ns(f.ttfb_max));
  if (f.ttfb != f.response_time) f.ttfb.encode(*to.mutable_ttfb());  // the usual case of answers in one packet
  to.set_transfer_sum_ns(unsigned_ns(f.transfer_sum));
  to.set_request_bytes(f.request_bytes);
  to.set_response_bytes(f.response_bytes);
  to.set_handshakes(f.handshakes);
  to.set_handshake_rtt_sum_ns(unsigned_ns(f.handshake_rtt_sum));
  to.set_handshake_rtt_max_ns(unsigned_ns(f.handshake_rtt_max));
  to.set_retransmissions(f.retransmissions);
  to.set_zero_windows(f.zero_windows);
  to.set_resets(f.resets);
}

void put(const Counters& c, pb::Counters& to) {
  to.set_frames(c.frames);
  to.set_frame_bytes(c.frame_bytes);
  to.set_kernel_drops(c.kernel_drops);
  to.set_interface_drops(c.interface_drops);
  to.mutable_frame_fate()->Assign(c.frame_fate.begin(), c.frame_fate.end());
  to.set_segments(c.segments);
  to.set_bare_segments(c.bare_segments);
  to.mutable_segment_fate()->Assign(c.segment_fate.begin(), c.segment_fate.end());
  to.set_requests(c.requests);
  to.mutable_request_fate()->Assign(c.request_fate.begin(), c.request_fate.end());
  to.set_responses_without_request(c.responses_without_request);
  to.set_holes(c.holes);
  to.set_hole_bytes(c.hole_bytes);
  to.set_conflicts(c.conflicts);
  to.set_late(c.late);
  to.set_connections(c.connections);
  to.set_connections_evicted(c.connections_evicted);
}

Counters take(const pb::Counters& from, Check& check) {
  Counters c;
  c.frames = from.frames();
  c.frame_bytes = from.frame_bytes();
  c.kernel_drops = from.kernel_drops();
  c.interface_drops = from.interface_drops();
  take_fates(from.frame_fate(), c.frame_fate, "counters.frame_fate", check);
  c.segments = from.segments();
  c.bare_segments = from.bare_segments();
  take_fates(from.segment_fate(), c.segment_fate, "counters.segment_fate", check);
  c.requests = from.requests();
  take_fates(from.request_fate(), c.request_fate, "counters.request_fate", check);
  c.responses_without_request = from.responses_without_request();
  c.holes = from.holes();
  c.hole_bytes = from.hole_bytes();
  c.conflicts = from.conflicts();
  c.late = from.late();
  c.connections = from.connections();
  c.connections_evicted = from.connections_evicted();
  return c;
}

// Differences of times, which may be any: they go around instead of overflowing, and so come back the same.
std::int64_t difference(PacketTime a, PacketTime b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(to_ns(a)) - static_cast<std::uint64_t>(to_ns(b)));
}
PacketTime sum(PacketTime a, std::int64_t delta) {
  return packet_time_ns(static_cast<std::int64_t>(static_cast<std::uint64_t>(to_ns(a)) + static_cast<std::uint64_t>(delta)));
}

}  // namespace

void put(const window::Ledger& ledger, PacketTime base, pb::Ledger& to) {
  const auto n = static_cast<int>(ledger.entries.size());
  to.mutable_request()->Reserve(n);
  to.mutable_response()->Reserve(n);
  to.mutable_decided_delta_ns()->Reserve(n);
  PacketTime before = base;
  for (const window::LedgerEntry& e : ledger.entries) {
    to.add_request(e.request);
    to.add_response(e.response);
    to.add_decided_delta_ns(difference(e.decided, before));
    before = e.decided;
  }
  to.set_left_out_until_ns(to_ns(ledger.left_out_until));
}

window::Ledger take(const pb::Ledger& from, PacketTime base, const char* field, Check& check) {
  window::Ledger ledger;
  const int n = from.request_size();
  if (from.response_size() != n || from.decided_delta_ns_size() != n) {
    check.fail(fmt::format("{}: {} request names, {} response names, {} times; wanted as many of each", field, n, from.response_size(),
                           from.decided_delta_ns_size()));
    return ledger;
  }
  ledger.entries.reserve(static_cast<std::size_t>(n));
  PacketTime before = base;
  for (int i = 0; i < n; ++i) {
    before = sum(before, from.decided_delta_ns(i));
    ledger.entries.push_back({from.request(i), from.response(i), before});
  }
  ledger.left_out_until = packet_time_ns(from.left_out_until_ns());
  return ledger;
}

namespace {
void put_all_but_names(const window::Record& r, pb::Record& to) {
  to.set_instance(bytes_of(r.instance));
  to.set_epoch(r.epoch);
  to.set_begin_ns(to_ns(r.span.begin));
  to.set_end_ns(to_ns(r.span.end));
  put_spans(r.covered, to.mutable_covered());
  to.set_partly(r.partly);
  to.set_seam_doubtful(r.seam_doubtful);
  for (const window::ServicePart& part : r.services) {
    pb::ServicePart* p = to.add_services();
    p->set_service(part.service);
    p->set_definition_version(part.definition_version);
    put_spans(part.covered, p->mutable_covered());
    for (const window::TargetFigures& t : part.targets) {
      pb::TargetFigures* figures = p->add_targets();
      figures->set_target(t.target);
      put(t.figures, *figures);
    }
  }
  put(r.counters, *to.mutable_counters());
}
}  // namespace

void put(const window::Record& r, pb::Record& to) {
  put_all_but_names(r, to);
  put(r.ledger, r.span.begin, *to.mutable_ledger());
}

namespace {

// Of a record in a message, around its names: tags and lengths, and what tells up to when names are left out.
constexpr std::size_t kAroundNames = 64;

// What a record takes at most without its names. Numbers have 10 bytes at most, and a tag of 2.
std::size_t rest_at_most(const window::Record& r) {
  std::size_t n = 4096 + 24 * r.covered.size();
  for (const window::ServicePart& part : r.services) {
    n += 64 + 24 * part.covered.size();
    for (const window::TargetFigures& t : part.targets) {
      n += 512 + 24 * (t.figures.response_time.counts().size() + t.figures.ttfb.counts().size());
    }
  }
  return n;
}

std::size_t rest_of(const window::Record& r) {
  google::protobuf::Arena arena;
  auto* message = google::protobuf::Arena::CreateMessage<pb::Record>(&arena);
  put_all_but_names(r, *message);
  return message->ByteSizeLong();
}

// As a receiver counts them, at most.
std::size_t pieces_of(const window::Record& r) {
  std::size_t n = 8 + r.covered.size();
  for (const window::ServicePart& part : r.services) n += 1 + part.covered.size() + 4 * part.targets.size();
  return n;
}

}  // namespace

std::size_t room_for_names(const window::Record& record, std::size_t wanted) {
  const std::size_t names = kAroundNames + wanted * kMaxNameBytes;
  if (rest_at_most(record) + names <= kMaxFrameBytes) return wanted;
  const std::size_t rest = rest_of(record) + kAroundNames;
  return rest >= kMaxFrameBytes ? 0 : std::min(wanted, (kMaxFrameBytes - rest) / kMaxNameBytes);
}

bool can_be_sent(const window::Record& record) {
  if (pieces_of(record) > kMaxPieces) return false;
  const std::size_t names = kAroundNames + record.ledger.entries.size() * kMaxNameBytes;
  return rest_at_most(record) + names <= kMaxFrameBytes || encode_record(record).size() + kAroundNames <= kMaxFrameBytes;
}

namespace {

Error no_protobuf() { return Error(ErrorCode::corrupt, "a record that is no protobuf"); }

// A record out of its bytes. Figures, of which there may be thousands, are read in place (record_view.h); counters and ledger, one of each,
// through protobuf's classes.
class RecordParser {
 public:
  explicit RecordParser(window::Record& record) : record_(record) {}

  Status parse(std::string_view bytes) {
    ProtoReader reader(bytes);
    while (reader.next()) {
      const bool well = reader.type() == ProtoReader::Type::bytes ? take_bytes(reader.number(), reader.bytes()) : take_number(reader);
      if (!well || too_many()) break;
    }
    if (too_many()) return Error(ErrorCode::corrupt, fmt::format("a record of more than {} pieces", kMaxPieces));
    if (failed_ != std::nullopt) return *failed_;
    if (reader.broken()) return no_protobuf();
    return finish();
  }

 private:
  bool too_many() const { return pieces_ > kMaxPieces; }
  bool fail(Error error) {
    failed_ = std::move(error);
    return false;
  }

  bool take_number(const ProtoReader& reader) {
    const bool varint = reader.type() == ProtoReader::Type::varint;
    const bool fixed = reader.type() == ProtoReader::Type::fixed64;
    if (reader.number() == 2 && varint) record_.epoch = reader.value();
    if (reader.number() == 3 && fixed) record_.span.begin = packet_time_ns(reader.signed_value());
    if (reader.number() == 4 && fixed) record_.span.end = packet_time_ns(reader.signed_value());
    if (reader.number() == 6 && varint) record_.partly = reader.value() != 0;
    if (reader.number() == 7 && varint) record_.seam_doubtful = reader.value() != 0;
    return true;
  }

  bool take_bytes(std::uint32_t number, std::string_view bytes) {
    ++pieces_;
    switch (number) {
      case 1: instance_ = bytes; return true;
      case 5: return take_span(bytes, record_.covered);
      case 8: return take_service(bytes);
      case 9: counters_.append(bytes); return true;  // pieces of a message that is told in several are merged like this
      case 10: ledger_.append(bytes); return true;
      default: return true;
    }
  }

  bool take_span(std::string_view bytes, window::Spans& into) { return read_span(bytes, into) || fail(no_protobuf()); }

  bool take_service(std::string_view bytes) {
    window::ServicePart& part = record_.services.emplace_back();
    ProtoReader reader(bytes);
    while (reader.next()) {
      if (reader.type() == ProtoReader::Type::varint) {
        if (reader.number() == 1) part.service = static_cast<window::ServiceId>(reader.value());
        if (reader.number() == 2) part.definition_version = reader.value();
      } else if (reader.type() == ProtoReader::Type::bytes) {
        ++pieces_;
        if (too_many()) return false;
        if (reader.number() == 3 && !take_span(reader.bytes(), part.covered)) return false;
        if (reader.number() == 4 && !take_target(reader.bytes(), part.targets)) return false;
      }
    }
    return !reader.broken() || fail(no_protobuf());
  }

  bool take_target(std::string_view bytes, std::vector<window::TargetFigures>& into) {
    pieces_ += 3;  // its classes and histograms
    window::TargetFigures& target = into.emplace_back();
    if (!read_target_id(bytes, target.target)) return fail(no_protobuf());
    auto status = read_figures(bytes, target.figures);
    return status.ok() || fail(status.error());
  }

  Status finish() {
    const google::protobuf::LogSilencer quiet;
    google::protobuf::Arena arena;
    auto* counters = google::protobuf::Arena::CreateMessage<pb::Counters>(&arena);
    auto* ledger = google::protobuf::Arena::CreateMessage<pb::Ledger>(&arena);
    if (!counters->ParseFromString(counters_) || !ledger->ParseFromString(ledger_)) return no_protobuf();
    Check check;
    record_.instance = check.instance(instance_, "record.instance");
    record_.counters = take(*counters, check);
    record_.ledger = wire::take(*ledger, record_.span.begin, "record.ledger", check);
    if (!check.well()) return check.error();
    if (std::string why = window::validate(record_, kMaxRecordLength); !why.empty()) return Error(ErrorCode::corrupt, "record." + why);
    return {};
  }

  window::Record& record_;
  std::string instance_, counters_, ledger_;
  std::size_t pieces_ = 0;
  std::optional<Error> failed_;
};

}  // namespace

std::string encode_record(const window::Record& record) {
  google::protobuf::Arena arena;
  auto* message = google::protobuf::Arena::CreateMessage<pb::Record>(&arena);
  put(record, *message);
  return message->SerializeAsString();
}

Result<window::Record> decode_record(std::string_view bytes) {
  if (bytes.size() > kMaxFrameBytes)
    return Error(ErrorCode::corrupt, fmt::format("a record of {} bytes; wanted at most {}", bytes.size(), kMaxFrameBytes));
  window::Record record;
  RecordParser parser(record);
  if (auto status = parser.parse(bytes); !status) return status.error();
  return record;
}

}  // namespace nezu::wire
