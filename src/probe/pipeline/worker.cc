// The packets' way: groups of frames, and what each kind of segment does.
#include "probe/pipeline/worker.h"

#include <algorithm>

namespace nezu::probe {
namespace {

constexpr std::int64_t kTimersTick = 5'000'000;

window::FrameFate filtered_or(window::FrameFate fate, bool watched) { return watched ? fate : window::FrameFate::filtered; }

}  // namespace

Pipeline::Worker::Worker(const Options& options, const Key& key, TransactionSink& sink)
    : exchange_(sink, counters_), assembler_(exchange_, counters_), table_({key.low, key.high}), hints_(options.connections) {
  set_options(options);
}

void Pipeline::Worker::process(const Frame* frames, std::size_t count) {
  while (count != 0) {
    const std::size_t n = std::min(count, kGroup);
    group(frames, n);
    frames += n;
    count -= n;
  }
}

void Pipeline::Worker::group(const Frame* frames, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) items_[i].decoded = decode(frames[i], items_[i]);
  for (std::size_t i = 0; i < count; ++i) {
    if (items_[i].decoded) table_.prefetch_record(items_[i].hash);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t t = clock_.stamp(frames, count, i);
    exchange_.set_now(clock_.now(), clock_.setting());
    if ((clock_.now() - timers_run_ >= kTimersTick || clock_.now() < timers_run_) && clock_.steady()) run_timers();
    if (items_[i].decoded) handle(items_[i], t);
  }
}

bool Pipeline::Worker::decode(const Frame& frame, Item& item) {
  ++counters_.frames;
  counters_.frame_bytes += frame.captured;
  window::FrameFate fate = decode_frame(frame, item.segment);
  const bool found = fate == window::FrameFate::decoded || fate == window::FrameFate::snapped;
  const bool wanted = found && watched(item.segment);
  if (found) fate = filtered_or(fate, wanted);
  ++counters_.frame_fate[static_cast<std::size_t>(fate)];
  if (!wanted) return false;
  ++(item.segment.length != 0 ? counters_.segments : counters_.bare_segments);
  item.tuple = flow::tuple_of(item.segment);
  item.hash = table_.hash(item.tuple);
  table_.prefetch_index(item.hash);
  if ((item.segment.flags & tcp_syn) != 0) hints_.prefetch(item.hash);
  return true;
}

bool Pipeline::Worker::watched(const Segment& s) const { return ports_.empty() || ports_[s.source_port] || ports_[s.destination_port]; }

void Pipeline::Worker::handle(const Item& item, std::int64_t t) {
  const Segment& s = item.segment;
  Connection* c = table_.find(item.tuple, item.hash);
  if ((s.flags & (tcp_syn | tcp_rst)) != 0) [[unlikely]] {
    const bool early = s.length != 0 && (s.flags & (tcp_ack | tcp_rst)) == 0;
    if (s.length != 0 && !early) count(c == nullptr ? window::SegmentFate::no_connection : window::SegmentFate::passed_over);
    if ((s.flags & tcp_rst) != 0) {
      if (c != nullptr) reset(item, *c, t);
    } else if ((s.flags & tcp_ack) != 0) {
      syn_ack(item, c, t);
    } else {
      syn(item, t);
    }
    return;
  }
  if (c == nullptr) return no_connection(item, t);
  const int d = direction(*c, item.tuple);
  c->last_time = std::max(c->last_time, t);
  if (c->closed) {
    // A new connection may use the same ports, and its handshake be lost.
    if (s.length != 0 && d == 0 && flow::after(s.seq, c->stream[0].next + 1) &&
        http1::looks_like_request(reinterpret_cast<const char*>(s.payload), s.captured)) {
      forget(*c);
      return no_connection(item, t);
    }
    if (s.length != 0) count(window::SegmentFate::after_close);
    return;
  }
  if (!c->user.proven && d == 1 && s.captured != 0 && http1::looks_like_request(reinterpret_cast<const char*>(s.payload), s.captured)) {
    // Both sides seem to send requests: one of them was the content of a response. The later one is believed.
    exchange_.discard(*c);
    assembler_.drop(*c, window::SegmentFate::no_connection);
    forget(*c);
    return no_connection(item, t);
  }
  if (c->user.syn_time != 0) handshake_time(*c, s, d, t);
  if (s.window == 0) {
    if (!c->stream[d].zero_window) ++c->user.zero_windows;
    c->stream[d].zero_window = true;
  } else {
    c->stream[d].zero_window = false;
  }
  if (c->user.dead) {
    if (s.length != 0) count(window::SegmentFate::passed_over);
    if ((s.flags & tcp_fin) != 0) c->stream[d].finished = true;
  } else {
    assembler_.segment(*c, d, s, t);
  }
  after_segment(*c);
}

void Pipeline::Worker::after_segment(Connection& c) {
  if (c.user.dead && c.trouble) assembler_.drop(c, window::SegmentFate::passed_over);
  if (c.stream[0].finished && c.stream[1].finished) return close(c);
  if ((c.trouble && assembler_.waiting(c)) || exchange_.tentative(c)) list(c);
}

// The time from the SYN (or the SYN/ACK, where the SYN was not seen) to the client's first answer.
void Pipeline::Worker::handshake_time(Connection& c, const Segment& s, int d, std::int64_t t) {
  if (d != 0 || (s.flags & tcp_ack) == 0 || !flow::at_or_after(s.ack, c.stream[1].acked)) return;
  // One that carries payload may come at any time after the answer itself, if that is missing in the capture.
  if (t > c.user.syn_time && s.length == 0) {
    c.user.handshake_rtt = t - c.user.syn_time;
    c.user.round_trip = flow::ticks(c.user.handshake_rtt);
  }
  c.user.syn_time = 0;
}

void Pipeline::Worker::syn(const Item& item, std::int64_t t) {
  // No state that grows. One for a connection that we follow changes nothing: only the server's answer would.
  const Segment& s = item.segment;
  hints_.syn(item.hash, item.tuple.source_is_high, s.seq, t);
  if (s.length == 0) return;
  if (!http1::looks_like_request(reinterpret_cast<const char*>(s.payload), s.captured)) return count(window::SegmentFate::no_connection);
  switch (early_.keep(item.hash, s, t)) {
    case EarlyData::Kept::kept: break;
    case EarlyData::Kept::again: count(window::SegmentFate::duplicate); break;
    case EarlyData::Kept::instead_of_another:
    case EarlyData::Kept::refused: count(window::SegmentFate::no_connection); break;
  }
}

void Pipeline::Worker::syn_ack(const Item& item, Connection* c, std::int64_t t) {
  const Segment& s = item.segment;
  if (c != nullptr) {
    // Sent again? Then it stands just before the streams' beginnings, which lie within what we have seen.
    const int d = direction(*c, item.tuple);
    const bool same = !c->closed && d == 1 && c->user.syn_time != 0 && c->stream[1].next == s.seq + 1 && c->stream[0].next == s.ack;
    if (same) return;
    if (!c->closed) {
      const std::int32_t back = flow::distance(c->stream[1].next, s.seq + 1);
      if (d == 1 && back >= 0 && back < (1 << 20) && flow::distance(c->stream[0].next, s.ack) >= 0 &&
          flow::distance(c->stream[0].next, s.ack) < (1 << 20)) {
        return;
      }
      end(*c, Reason::closed);
    }
    forget(*c);
  }
  if (const flow::SynHint* syn = hints_.find_syn(item.hash); syn != nullptr) {
    if (auto early = early_.take(item.hash, syn->isn)) {
      if (early->segment.seq + 1 + early->segment.length == s.ack) return established_early(item, *std::move(early), t);
      count(window::SegmentFate::no_connection);  // not taken: the client sends it again
    }
  }
  hints_.syn_ack(item.hash, item.tuple.source_is_high, s.ack - 1, s.seq, t);
}

// The server has taken what came with the SYN: it may answer before anything else is said.
void Pipeline::Worker::established_early(const Item& item, EarlyData::Entry early, std::int64_t t) {
  Connection* c = create(item, false, t);
  if (c == nullptr) return count(window::SegmentFate::table_full);
  early.segment.seq += 1;
  early.segment.ack = item.segment.seq + 1;
  early.segment.flags = tcp_ack;
  early.segment.payload = reinterpret_cast<const std::uint8_t*>(early.bytes.data());
  begin_whole(*c, early.segment.seq, early.segment.ack);
  c->user.syn_time = early.time;
  exchange_.begin(*c, true, false);
  assembler_.segment(*c, 0, early.segment, early.time);
  after_segment(*c);
}

// Both streams begin after their SYNs.
void Pipeline::Worker::begin_whole(Connection& c, std::uint32_t client, std::uint32_t server) {
  c.stream[0].next = c.stream[0].acked = c.stream[0].prev_acked = c.stream[0].bare_acked = c.stream[1].payload_ack = client;
  c.stream[1].next = c.stream[1].acked = c.stream[1].prev_acked = c.stream[1].bare_acked = c.stream[0].payload_ack = server;
  c.stream[0].acked_from = c.stream[0].prev_acked_from = server - 1;
  c.stream[1].acked_from = c.stream[1].prev_acked_from = client - 1;
  c.stream[1].seen = true;
}

// The client's answer to a SYN/ACK, with or without payload: now there is a connection.
void Pipeline::Worker::established(const Item& item, const flow::SynHint& hint, std::int64_t t) {
  const Segment& s = item.segment;
  Connection* c = create(item, true, t);
  if (c == nullptr) {
    if (s.length != 0) count(window::SegmentFate::table_full);
    return;
  }
  begin_whole(*c, s.seq, s.ack);
  c->user.syn_time = hint.time;
  take_hint(*c, hint);
  exchange_.begin(*c, true, false);
  handshake_time(*c, s, 0, t);
  assembler_.segment(*c, 0, s, t);
  after_segment(*c);
}

void Pipeline::Worker::reset(const Item& item, Connection& c, std::int64_t t) {
  const int d = direction(c, item.tuple);
  const std::int32_t off = flow::distance(item.segment.seq, c.stream[d].next);
  if (c.closed || off > (1 << 24) || off < -(1 << 24)) return;  // a receiver would not believe it either
  if ((item.segment.flags & tcp_ack) != 0 && flow::after(item.segment.ack, c.stream[1 - d].acked) &&
      flow::distance(item.segment.ack, c.stream[1 - d].next) <= flow::kMaxDistance) {
    c.stream[1 - d].acked = item.segment.ack;
    c.stream[1 - d].acked_time = t;
  }
  for (int k = 0; k < 2; ++k) {
    flow::Stream& stream = c.stream[k];
    if (stream.deadline == 0 && flow::after(stream.acked, stream.next)) {
      stream.proof = stream.acked;
      stream.deadline = t;
      c.trouble = true;
    }
  }
  if (!c.user.dead) assembler_.flush(c, t);
  exchange_.reset(c, d);
  close(c);
}

// What the server acknowledged before we knew of the connection: its bytes come late, if they come.
void Pipeline::Worker::take_hint(Connection& c, const flow::SynHint& hint) {
  if (!hint.has_acked) return;
  c.stream[0].acked = c.stream[0].bare_acked = hint.acked;
  c.stream[0].acked_time = hint.acked_time;
}

// A segment of a connection that isn't in the table.
void Pipeline::Worker::no_connection(const Item& item, std::int64_t t) {
  const Segment& s = item.segment;
  const flow::SynHint* syn = hints_.find_syn(item.hash);
  if (syn != nullptr && syn->answered && syn->isn + 1 == s.seq && syn->server_isn + 1 == s.ack && (s.flags & tcp_ack) != 0) {
    return established(item, *syn, t);
  }
  if (s.length == 0) {
    if (syn != nullptr && (s.flags & tcp_ack) != 0) hints_.acknowledged(item.hash, item.tuple.source_is_high, s.ack, t);
    return;
  }
  const char* data = reinterpret_cast<const char*>(s.payload);
  const bool request = s.captured != 0 && http1::looks_like_request(data, s.captured);
  const bool response = !request && s.captured != 0 && http1::looks_like_response(data, s.captured);
  if ((!request && !response) || (s.flags & tcp_ack) == 0) {
    hints_.payload(item.hash, item.tuple.source_is_high, s.seq + s.length, s.ack);
    return count(window::SegmentFate::no_connection);
  }
  const flow::PayloadHint* hint = hints_.find_payload(item.hash, item.tuple.source_is_high);
  if (hint != nullptr && hint->end == s.seq && hint->ack == s.ack) {
    // The rest of a body that looks like a head: its sender has received nothing since the bytes before it.
    hints_.payload(item.hash, item.tuple.source_is_high, s.seq + s.length, s.ack);
    return count(window::SegmentFate::no_connection);
  }
  Connection* c = create(item, request, t);
  if (c == nullptr) return count(window::SegmentFate::table_full);
  const int d = request ? 0 : 1;
  const bool whole = request && syn != nullptr && syn->isn + 1 == s.seq;
  const bool later = request && syn != nullptr && !whole && s.seq - syn->isn < (1u << 20);  // its beginning was lost
  flow::Stream& me = c->stream[d];
  flow::Stream& other = c->stream[1 - d];
  me.next = me.acked = me.prev_acked = me.bare_acked = s.seq;
  other.payload_ack = s.seq;
  other.next = other.acked = other.prev_acked = other.bare_acked = me.payload_ack = s.ack;
  me.acked_from = me.prev_acked_from = whole ? s.ack - 1 : s.ack;
  other.acked_from = other.prev_acked_from = s.seq;
  if (whole) {
    c->user.syn_time = syn->time;
    take_hint(*c, *syn);
  }
  exchange_.begin(*c, whole, request && !later);
  if (!request) me.payload_ack = s.ack - 1;
  c->last_time = t;
  if (whole) handshake_time(*c, s, d, t);
  assembler_.segment(*c, d, s, t);
  after_segment(*c);
}

Pipeline::Worker::Connection* Pipeline::Worker::create(const Item& item, bool source_is_client, std::int64_t t) {
  if ((table_.size() >= options_.connections || memory() > options_.memory) && !make_room()) return nullptr;
  Connection& c = table_.insert(item.tuple, item.hash);
  c.flipped = item.tuple.source_is_high == source_is_client;
  c.last_time = t;
  ++counters_.connections;
  arm(c);
  return &c;
}

// Ended ones are forgotten first, then one among the next few that has been idle for longest and has nothing open.
bool Pipeline::Worker::make_room() {
  if (!closed_.empty()) {
    forget_oldest();
    return true;
  }
  Connection* best = nullptr;
  for (int i = 0; i < 16 && table_.slots() != 0; ++i) {
    hand_ = hand_ % table_.slots() + 1;
    Connection& c = table_.slot(hand_);
    if (c.used && !c.closed && (c.user.first == 0 || !c.user.proven) && (best == nullptr || c.last_time < best->last_time)) best = &c;
  }
  if (best == nullptr || clock_.now() - best->last_time < 1'000'000'000) return false;
  ++counters_.connections_evicted;
  end(*best, Reason::evicted);
  forget(*best);
  return true;
}

}  // namespace nezu::probe
