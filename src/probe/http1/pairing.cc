// Pairing: which response belongs to which request, and what becomes of requests without one. docs/pairing.md has the rules.
#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "probe/http1/exchange.h"

namespace nezu::probe::http1 {
namespace {

constexpr std::uint32_t kMaxOpen = 1024;          // pipelined requests of a connection
constexpr std::int64_t kTightBound = 50'000'000;  // acknowledgements are delayed by up to 40 ms
constexpr std::int64_t kLossMemory =
    60'000'000'000;  // a capture that lacked something so recently, or showed a second copy, may do so again
constexpr std::int64_t kConfirmationPatience = 1'000'000'000;  // a tentative pair that nobody has spoken against for so long

window::RequestFate fate_of(Reason reason) {
  switch (reason) {
    case Reason::reset: return window::RequestFate::reset;
    case Reason::closed: return window::RequestFate::closed;
    case Reason::timeout: return window::RequestFate::timeout;
    case Reason::evicted: return window::RequestFate::evicted;
    case Reason::ambiguous_framing: return window::RequestFate::ambiguous;
    case Reason::capture_end: return window::RequestFate::capture_end;
    default: return window::RequestFate::hole;
  }
}

Reason reason_of_flaws(unsigned flaws) {
  if ((flaws & head_hole) != 0) return Reason::head_hole;
  if ((flaws & body_hole) != 0) return Reason::body_hole;
  if ((flaws & end_lost) != 0) return Reason::end_lost;
  return (flaws & (late_begin | late_end)) != 0 ? Reason::late_copy : Reason::none;
}

std::uint64_t server_address(const Connection& c) { return c.flipped ? c.low_high ^ c.low_low : c.high_high ^ c.high_low; }

std::string_view version_name(char minor) {
  static constexpr char names[] = "1.01.11.21.31.41.51.61.71.81.9";
  const std::size_t i = minor >= '0' && minor <= '9' ? static_cast<std::size_t>(minor - '0') : 1;
  return {names + 3 * i, 3};
}

void put_endpoint(Endpoint& out, std::uint64_t high, std::uint64_t low, std::uint16_t port) {
  std::memcpy(out.address.data(), &high, 8);
  std::memcpy(out.address.data() + 8, &low, 8);
  out.port = port;
}
void put_endpoints(const Connection& c, Transaction& out) {
  put_endpoint(c.flipped ? out.server : out.client, c.low_high, c.low_low, c.low_port);
  put_endpoint(c.flipped ? out.client : out.server, c.high_high, c.high_low, c.high_port);
}

}  // namespace

void Exchange::begin(Connection& c, bool whole, bool tentative) {
  State& s = c.user;
  s.client_certain = s.server_certain = whole;
  s.shaky = !whole;
  s.joined = tentative;
  s.proven = whole;
  if (!whole) s.message[1].mode = Mode::seek;
}

// ---- requests

void Exchange::request_head(Connection& c, const RequestHead& head, std::string_view bytes, std::uint32_t after, std::uint32_t ack) {
  State& s = c.user;
  const Message& m = s.message[0];
  const std::uint32_t number = pool_.take();
  Request& r = pool_.at(number);
  const std::size_t before = r.text.capacity();
  r.keep(head, bytes, limits_.keep_request_head);
  pool_.text_changed(before, r.text.capacity());
  r.seq = m.seq;
  r.head_end = after;
  r.ack_first = m.ack;
  r.ack_last = ack;
  r.contiguous = s.client_certain;
  const bool after_found = s.first != 0 && pool_.at(s.last).found && pool_.at(s.last).ack_last == m.ack;
  r.found = !s.client_certain || after_found;
  if (r.found) {
    ++uncounted_;
  } else {
    ++counters_.requests;
  }
  r.is_head = head.method == "HEAD";
  r.is_connect = head.method == "CONNECT";
  r.flaws = m.flaws;
  r.clock = clock_;
  r.begin = m.begin;
  r.end = m.end;
  confirm(c, r.ack_first);
  note_pipelining(c, r);
  anchor(c, r);
  if (s.first == 0) {
    s.first = number;
  } else {
    pool_.at(s.last).next = number;
  }
  s.last = number;
  ++s.open;
  s.request_open = true;
  s.client_certain = true;
  s.joined = false;
  admit(c, r);
  if (head.framing.ambiguous) pass_over(c, Reason::ambiguous_framing);
}

// What follows from a request that was put into the queue.
void Exchange::admit(Connection& c, Request& r) {
  State& s = c.user;
  if (s.open > kMaxOpen || memory() > limits_.memory) return pass_over(c, Reason::evicted);
  if (s.server_closed) {
    while (s.first != 0) fail_first(c, Reason::closed);
    return;
  }
  Message& response = s.message[1];
  if (r.anchored && s.open == 1 && response.mode == Mode::seek && c.stream[1].next == r.ack_first) {
    // Nothing else is open and the server's stream stands exactly where the response will begin: order holds again.
    s.server_certain = true;
    r.contiguous = true;
    response.mode = Mode::head;
    return;
  }
  if (r.anchored && s.open == 2 && s.matched && response.mode == Mode::seek && response.chunk_tail && c.stream[1].next == r.ack_first &&
      response.seek_end == r.ack_first) {
    // The response in progress ended here: its last bytes say so, and the client, who has them all, goes on.
    finish_sought(c, r.ack_first, now_);
    s.server_certain = true;
    r.contiguous = true;
    response.mode = Mode::head;
  }
}

// Does the response to r begin exactly at r.ack_first (or ack_last)? It does if nothing else is open when r is sent.
void Exchange::anchor(const Connection& c, Request& r) const {
  if (c.user.pipelined) return;
  // The server sent something before r.ack_first when it had everything before r: it has acted upon that.
  r.anchored = c.user.message[0].acted;
  // Nothing is missing since the request before, and the client has received something in between.
  if (!r.anchored) r.anchored = r.contiguous && flow::after(r.ack_first, c.user.message[0].prior_ack);
  // Both streams have lost their place: it is like joining the connection here.
  const bool lost = !r.contiguous && !c.user.server_certain;
  if (!r.anchored && (c.user.joined || lost)) r.anchored = r.tentative = true;
}

// The client doesn't wait for responses: positions prove nothing any more on this connection, only order does.
void Exchange::note_pipelining(Connection& c, Request& r) {
  State& s = c.user;
  if (s.first == 0 || s.pipelined) return;
  const bool same = r.ack_first == pool_.at(s.last).ack_last;
  if (!same && !(s.server_certain && pool_.at(s.first).contiguous)) return;
  s.pipelined = r.told_pipelining = true;
  const bool doubtful = s.matched && pool_.at(s.first).tentative;
  for (std::uint32_t i = s.first; i != 0; i = pool_.at(i).next) {
    Request& other = pool_.at(i);
    if (!other.tentative) continue;
    other.anchored = other.tentative = other.contiguous = false;
    if (i == s.first && s.server_certain && !s.matched) lose_place(c, 1);
  }
  if (doubtful) {
    // The response in progress may be that of a request before it, which we didn't see.
    fail_first(c, Reason::response_lost);
    lose_place(c, 1);
  }
}

// The client sends its next request with `ack`: that speaks for or against a tentative pair.
void Exchange::confirm(Connection& c, std::uint32_t ack) {
  if (c.user.first == 0 || !pool_.at(c.user.first).answered) return;
  if (ack == pool_.at(c.user.first).response_after) {
    answer_first(c);
  } else {
    if (ack == pool_.at(c.user.first).ack_last) c.user.pipelined = true;
    revoke(c);
  }
}

void Exchange::revoke(Connection& c) { fail_first(c, Reason::response_lost); }

// ---- responses

// Makes the request to which a response at `seq`, sent with acknowledgement `ack`, belongs the first of the queue.
bool Exchange::match(Connection& c, std::uint32_t seq, std::uint32_t ack) {
  State& s = c.user;
  if (s.first == 0) return false;
  {
    const Request& first = pool_.at(s.first);
    if (first.answered) {
      revoke(c);
      return false;
    }
    if (s.server_certain && first.contiguous && !s.matched) {
      return flow::after(ack, first.seq) && (!first.found || whole_at(c, first, ack));
    }
  }
  std::uint32_t found = s.matched ? pool_.at(s.first).next : s.first;
  for (; found != 0; found = pool_.at(found).next) {
    const Request& r = pool_.at(found);
    if (r.anchored && (seq == r.ack_first || seq == r.ack_last) && whole_at(c, r, ack)) break;
  }
  if (found == 0) return false;
  if (s.matched) finish_sought(c, seq, pool_.at(found).begin);
  while (s.first != found) fail_first(c, Reason::response_lost);
  pool_.at(found).contiguous = true;
  s.server_certain = true;
  return true;
}

// Had the server, when it answered with `ack`, received exactly r? More would be another request, or r is none but part of one.
bool Exchange::whole_at(const Connection& c, const Request& r, std::uint32_t ack) {
  // One that isn't proven, and whose end isn't known, could be part of anything.
  if (!r.ended) return flow::at_or_after(ack, r.head_end) && !(r.tentative && (r.flaws & (head_hole | body_hole)) != 0);
  return ack == r.after || (c.stream[0].has_fin && ack == r.after + 1 && c.stream[0].fin == r.after);
}

// Was r, whose response begins, acknowledged before? If the response was held back, later acknowledgements have taken the place of what
// would tell.
void Exchange::acknowledged_alone(const Connection& c, Request& r) {
  const std::uint32_t bare = c.stream[0].bare_acked;
  const bool told = !flow::after(bare, c.user.message[1].ack);
  const bool alone = told && flow::after(bare, r.seq);
  r.unacknowledged = !alone && habits_.acknowledges(server_address(c));
  if (told) habits_.answered(server_address(c), alone);
}

void Exchange::response_head(Connection& c, const ResponseHead& head, std::uint32_t after, bool whole) {
  State& s = c.user;
  Message& m = s.message[1];
  if (!match(c, m.seq, m.ack)) {
    if (head.status >= 200 || head.status == 101) {
      unmatched(c, head.status);
    } else {
      s.has_interim = true;
      s.interim_end = after;
    }
    return lose_place(c, 1);
  }
  if (head.status < 200 && head.status != 101) {
    s.has_interim = true;
    s.interim_end = after;
    if (!whole) lose_place(c, 1);
    return;
  }
  Request& r = pool_.at(s.first);
  s.matched = s.proven = true;
  s.sought = false;
  r.status = head.status;
  acknowledged_alone(c, r);
  if (head.status == 101 || (r.is_connect && head.status < 300)) {
    finish_response(c, after);
    return pass_over(c, Reason::closed);
  }
  s.chunked = head.framing.chunked;
  if (!whole) return lose_place(c, 1);
  if (r.is_head || head.status == 204 || head.status == 304) return message_end(c, 1, after);
  if (head.framing.ambiguous) return pass_over(c, Reason::ambiguous_framing);
  if (head.framing.chunked) {
    m.mode = Mode::chunk_size;
  } else if (head.framing.has_length && !head.framing.other_coding) {
    m.mode = Mode::length;
    m.left = head.framing.length;
    if (m.left == 0) message_end(c, 1, after);
  } else {
    m.mode = Mode::until_close;
  }
}

// A response that belongs to no request that we know of.
void Exchange::unmatched(Connection& c, std::uint16_t status) {
  State& s = c.user;
  const Message& m = s.message[1];
  ++counters_.responses_without_request;
  if (s.sought) finish_sought(c, m.seq, now_);  // the one before has ended here
  if (s.last != 0) {
    // Found after a hole, and the server had received more than it when it answered at the place of its answer: it is no request, but
    // part of one.
    const Request& r = pool_.at(s.last);
    if (r.found && r.ended && (m.seq == r.ack_first || m.seq == r.ack_last) && !whole_at(c, r, m.ack)) take_back(c, r.ack_last);
  }
  for (std::uint32_t i = s.first; i != 0; i = pool_.at(i).next) {
    // A request that could be its own, but that isn't proven to be the only one open: the client may be pipelining.
    const Request& r = pool_.at(i);
    if (!r.anchored && (m.seq == r.ack_first || m.seq == r.ack_last)) s.pipelined = true;
  }
  Transaction t;
  put_endpoints(c, t);
  t.completeness = Completeness::no_request;
  t.reason = s.joined ? Reason::before_capture : Reason::start_lost;
  t.decided = packet_time_ns(now_);
  t.response_begin = t.response_end = packet_time_ns(m.begin);
  t.has_response = true;
  t.status = status;
  t.response_seq = m.seq;
  sink_.transaction(t);
}

void Exchange::keep_response(Connection& c) {
  const Message& m = c.user.message[1];
  Request& r = pool_.at(c.user.first);
  r.response_seq = m.seq;
  r.response_begin = m.begin;
  r.response_end = m.end;
  r.response_body = m.body;
  r.response_flaws = m.flaws;
}

// The response in progress ends before `position`.
void Exchange::finish_response(Connection& c, std::uint32_t position) {
  keep_response(c);
  Request& r = pool_.at(c.user.first);
  r.response_after = position;
  c.user.matched = false;
  if (r.tentative) {
    r.answered = true;
  } else {
    answer_first(c);
  }
}

// Does an acknowledgement, seen at `bound`, tell when a response ended before `position`, of which the last byte seen came at `last_seen`?
// It does if it came for its own sake. The client's next request may come at any time after.
bool Exchange::bounded(const Connection& c, std::uint32_t position, std::int64_t last_seen, std::int64_t bound) {
  return flow::at_or_after(c.stream[1].bare_acked, position) || bound - last_seen <= kTightBound;
}

// Likewise for one in whose midst bytes are missing. Where its last bytes are missing too, it ended by `bound`.
void Exchange::finish_sought(Connection& c, std::uint32_t position, std::int64_t bound) {
  Request& r = pool_.at(c.user.first);
  if (c.user.message[1].seek_end != position) {
    r.response_flaws |= end_lost;
    const flow::Stream& server = c.stream[1];
    if (server.acked == position) bound = std::min(bound, server.acked_time);
    if (!bounded(c, position, r.response_end, bound)) r.response_flaws |= end_unknown;
    r.response_end = std::max(r.response_end, bound);
  }
  c.user.matched = c.user.sought = false;
  answer_first(c);
}

// ---- decisions

void Exchange::believe(const Request& r) {
  if (!r.found) return;
  --uncounted_;
  ++counters_.requests;
}

// All that is known of its time is that it came before its response, then.
bool Exchange::seen_after_its_response(const Request& r, unsigned flaws) {
  return (flaws & late_begin) != 0 && r.begin >= r.response_begin;
}

bool Exchange::lacks_something() const { return now_ - loss_seen_ <= kLossMemory; }

// May the request have begun well before the bytes that we have of it? Not where the capture lacks nothing, or no client sends anything
// again.
bool Exchange::start_in_doubt(const Request& r, unsigned flaws) const {
  if (!lacks_something()) return false;
  if (seen_after_its_response(r, flaws)) return true;
  if (now_ - copy_seen_ > kLossMemory || (flaws & may_be_copy) == 0) return false;
  return r.unacknowledged || (flaws & first_alone) != 0;
}

void Exchange::answer_first(Connection& c) {
  const Request& r = pool_.at(c.user.first);
  unsigned flaws = r.flaws;
  if (c.user.request_open && c.user.first == c.user.last) flaws |= c.user.message[0].flaws;
  if ((r.response_flaws & end_unknown) != 0) return fail_first(c, Reason::response_lost);
  if (start_in_doubt(r, flaws)) return fail_first(c, Reason::start_lost);
  flaws |= r.response_flaws;
  const Reason reason = r.clock != clock_ ? Reason::clock_jump : reason_of_flaws(flaws);
  const bool timed = reason != Reason::clock_jump && !seen_after_its_response(r, flaws);
  const bool whole = reason == Reason::none;
  believe(r);
  ++counters_.request_fate[static_cast<std::size_t>(whole ? window::RequestFate::answered : window::RequestFate::timing_only)];
  hand_over(c, r, whole ? Completeness::complete : Completeness::timing_only, reason, timed);
  pop(c);
}

void Exchange::fail_first(Connection& c, Reason reason) {
  const Request& r = pool_.at(c.user.first);
  believe(r);
  ++counters_.request_fate[static_cast<std::size_t>(fate_of(reason))];
  hand_over(c, r, Completeness::no_response, reason, false);
  c.user.matched = c.user.sought = false;
  pop(c);
}

// What was found to be a request was part of something else: bytes behind it, sent with the same acknowledgement, are no request.
bool Exchange::retract(Connection& c) {
  State& s = c.user;
  if (s.first == 0 || !pool_.at(s.last).found || pool_.at(s.last).ack_last != s.message[0].ack) return false;
  return take_back(c, s.message[0].ack);
}

// The requests at the queue's end that were found and sent with `ack`.
bool Exchange::take_back(Connection& c, std::uint32_t ack) {
  State& s = c.user;
  std::uint32_t kept = 0, number = s.first;
  while (number != 0 && !(pool_.at(number).found && pool_.at(number).ack_last == ack)) {
    kept = number;
    number = pool_.at(number).next;
  }
  if (number == 0 || (s.matched && number == s.first)) return false;
  s.last = kept;
  (kept != 0 ? pool_.at(kept).next : s.first) = 0;
  while (number != 0) {
    const Request& r = pool_.at(number);
    const std::uint32_t next = r.next;
    if (r.told_pipelining) s.pipelined = false;
    --s.open;
    --uncounted_;
    pool_.put_back(number);
    number = next;
  }
  s.request_open = false;
  if (kept == 0) s.server_certain = false;
  if (kept == 0 && s.message[1].mode == Mode::head && s.message[1].buffer == 0) lose_place(c, 1);
  return true;
}

void Exchange::pop(Connection& c) {
  State& s = c.user;
  const std::uint32_t number = s.first;
  s.first = pool_.at(number).next;
  if (s.first == 0) {
    s.last = 0;
    s.request_open = false;
  }
  --s.open;
  pool_.put_back(number);
}

void Exchange::hand_over(Connection& c, const Request& r, Completeness completeness, Reason reason, bool timed) {
  State& s = c.user;
  Transaction t;
  put_endpoints(c, t);
  const bool last = s.request_open && s.first == s.last;
  const Message& m = s.message[0];
  t.has_request = true;
  t.request_begin = packet_time_ns(last && m.mode != Mode::seek ? std::min(r.begin, m.begin) : r.begin);
  t.request_end = packet_time_ns(last && m.mode != Mode::seek ? std::max(r.end, m.end) : r.end);
  t.request_bytes = last && m.mode != Mode::seek ? m.body : r.body;
  t.decided = packet_time_ns(now_);
  t.method = r.method();
  t.uri = r.uri();
  t.version = version_name(r.minor);
  t.host = r.host();
  char address[56];
  if (t.host.empty()) {
    std::string_view text(address, format(t.server, address));
    text = text.substr(0, text.rfind(':'));
    t.host = text.size() > 2 && text.front() == '[' ? text.substr(1, text.size() - 2) : text;
  }
  t.request_head = r.head();
  t.request_seq = r.seq;
  t.completeness = completeness;
  t.reason = reason;
  if (completeness == Completeness::complete || completeness == Completeness::timing_only) {
    t.has_response = true;
    t.has_times = timed;
    t.status = r.status;
    t.response_bytes = r.response_body;
    t.response_seq = r.response_seq;
    t.response_begin = packet_time_ns(std::max(r.response_begin, to_ns(t.request_begin)));
    t.response_end = packet_time_ns(std::max(r.response_end, to_ns(t.response_begin)));
    if (last) t.request_end = std::max(t.request_end, t.response_begin);  // answered before it had ended
  } else if (reason == Reason::start_lost) {
    t.response_seq = r.response_seq;  // it was answered; another instance may know its time
  }
  t.handshake_rtt = Nanos(s.handshake_rtt);
  t.retransmissions = s.retransmissions;
  t.zero_windows = s.zero_windows;
  t.resets = s.resets;
  s.handshake_rtt = 0;
  s.retransmissions = s.zero_windows = s.resets = 0;
  sink_.transaction(t);
}

// ---- ends

// Where a response may have been lost in the capture, nothing else is said of its request.
Reason Exchange::reason_of(const Connection& c, const Request& r, Reason reason) const {
  if (reason == Reason::ambiguous_framing || reason == Reason::evicted) return reason;
  return c.user.server_certain && r.contiguous ? reason : Reason::response_lost;
}

void Exchange::end(Connection& c, Reason reason) {
  State& s = c.user;
  if (s.message[0].buffer != 0 && reason != Reason::timeout) retract(c);
  while (s.first != 0) {
    const Request& r = pool_.at(s.first);
    if (r.answered) {
      answer_first(c);
      continue;
    }
    if (s.matched && !s.sought && s.message[1].mode == Mode::until_close && c.stream[0].finished && reason != Reason::timeout) {
      s.message[1].flaws |= end_lost;  // the client has closed too: it is the server's FIN that is missing
      message_end(c, 1, c.stream[1].next);
      continue;
    }
    if (s.sought && s.open == 1 && (reason == Reason::closed || s.message[1].chunk_tail)) {
      // Bytes in its midst are missing, but not at its end.
      finish_sought(c, s.message[1].seek_end, now_);
      continue;
    }
    fail_first(c, reason_of(c, r, reason));
  }
  release(s.message[0]);
  release(s.message[1]);
}

void Exchange::discard(Connection& c) {
  while (c.user.first != 0) {
    if (pool_.at(c.user.first).found) {
      --uncounted_;
      pop(c);
    } else {
      fail_first(c, Reason::response_lost);
    }
  }
  end(c, Reason::closed);
}

void Exchange::reset(Connection& c, int) {
  ++c.user.resets;
  end(c, Reason::reset);
}

void Exchange::finished(Connection& c, int d, std::int64_t) {
  State& s = c.user;
  if (d == 0) return;
  s.server_closed = true;
  if (s.message[1].mode == Mode::until_close) message_end(c, 1, c.stream[1].fin);
  if (s.message[0].buffer != 0) retract(c);
  const std::uint32_t buffer = s.message[0].buffer;  // the client may be in the midst of a head
  s.message[0].buffer = 0;
  end(c, Reason::closed);
  s.message[0].buffer = buffer;
}

void Exchange::expire(Connection& c, std::int64_t timeout) {
  State& s = c.user;
  while (s.first != 0) {
    const Request& r = pool_.at(s.first);
    if (r.answered) {
      if (now_ - r.response_end < kConfirmationPatience) return;
      answer_first(c);
      continue;
    }
    const bool last = s.request_open && s.first == s.last;
    const std::int64_t since = s.matched || last ? std::max(c.last_time, r.end) : r.end;
    if (now_ - since < timeout) return;
    const Reason reason = reason_of(c, r, Reason::timeout);
    s.matched = s.sought = false;
    fail_first(c, reason);
    lose_place(c, 1);  // its response may still come, and is nobody's then
  }
}

void Exchange::pass_over(Connection& c, Reason reason) {
  State& s = c.user;
  end(c, reason);
  s.dead = true;
  s.message[0].mode = s.message[1].mode = Mode::passed_over;
}

}  // namespace nezu::probe::http1
