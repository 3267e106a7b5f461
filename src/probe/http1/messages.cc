// Messages: from the bytes of one direction to heads and ends of messages. Bodies are passed over without being read.
#include <algorithm>
#include <cstring>

#include "probe/http1/chunk.h"
#include "probe/http1/exchange.h"

namespace nezu::probe::http1 {
namespace {
constexpr std::uint32_t kMaxInterim = 64;  // "HTTP/1.1 100 Continue" with its line ends has 25
constexpr std::size_t kMaxLine = 4096;     // of a chunk's size with its extensions, or of one trailer line

const char* chars(const flow::Piece& piece) { return reinterpret_cast<const char*>(piece.data); }
}  // namespace

void Exchange::touch(Message& m, std::int64_t first, std::int64_t last, bool late) {
  m.begin = std::min(m.begin, first);
  if (last > m.end) {
    m.end = last;
    m.flaws = static_cast<std::uint8_t>(late ? m.flaws | late_end : m.flaws & ~late_end);
  }
}

void Exchange::deliver(Connection& c, int d, flow::Piece piece) {
  Message& m = c.user.message[d];
  if (d == 0 && c.user.request_open && m.mode != Mode::seek) pool_.at(c.user.last).ack_last = piece.ack;
  m.flaws = static_cast<std::uint8_t>(m.flaws & ~first_alone);
  while (piece.length != 0) {
    switch (m.mode) {
      case Mode::length:
      case Mode::chunk_data: {
        if (d == 1 && c.user.shaky && head_in_doubtful_body(c, piece)) {
          lose_place(c, 1);
          break;
        }
        const std::uint32_t n = static_cast<std::uint32_t>(std::min<std::uint64_t>(piece.length, m.left));
        touch(m, piece.first_time, piece.last_time, piece.late);
        m.left -= n;
        m.body += n;
        piece.advance(n);
        if (m.left != 0) break;
        if (m.mode == Mode::length) {
          message_end(c, d, piece.seq);
        } else {
          m.mode = Mode::chunk_end;
          m.left = 2;
        }
        break;
      }
      case Mode::chunk_end:
        touch(m, piece.first_time, piece.last_time, piece.late);
        if (*piece.data != (m.left == 2 ? '\r' : '\n')) return invalid(c, d);
        piece.advance(1);
        if (--m.left == 0) m.mode = Mode::chunk_size;
        break;
      case Mode::until_close:
        touch(m, piece.first_time, piece.last_time, piece.late);
        m.body += piece.length;
        return;
      case Mode::passed_over: return;
      case Mode::head:
        if (!head_bytes(c, d, piece)) return;
        break;
      case Mode::chunk_size:
      case Mode::trailer:
        if (!line_bytes(c, d, piece)) return;
        break;
      case Mode::seek:
        if (!(d == 0 ? seek_request(c, piece) : seek_response(c, piece))) return;
        break;
    }
  }
}

// In the body of a response whose pair is tentative there is what looks like a response: it is one, if that was the answer to a HEAD
// which we didn't see.
bool Exchange::head_in_doubtful_body(Connection& c, const flow::Piece& piece) {
  return c.user.matched && pool_.at(c.user.first).tentative && piece.data != nullptr && looks_like_response(chars(piece), piece.length);
}

void Exchange::begin_message(Connection& c, int d, const flow::Piece& piece) {
  Message& m = c.user.message[d];
  m.begin = piece.first_time;
  m.end = piece.last_time;
  m.seq = piece.seq;
  m.ack = piece.ack;
  m.prior_ack = c.stream[d].payload_ack;
  m.acted = piece.acted;
  m.body = 0;
  m.first_end = piece.seq + piece.length;
  m.flaws = static_cast<std::uint8_t>((piece.late ? late_begin | late_end : 0) | (piece.quiet >= c.user.round_trip ? may_be_copy : 0));
}

bool Exchange::head_bytes(Connection& c, int d, flow::Piece& piece) {
  Message& m = c.user.message[d];
  std::size_t used = 0;
  if (m.buffer == 0) {
    // Empty lines before a message: of requests by RFC 9112, 2.2; servers also send a line's end too many after a body.
    while (piece.length != 0 && (*piece.data == '\r' || *piece.data == '\n')) piece.advance(1);
    if (piece.length == 0) return false;
    begin_message(c, d, piece);
    switch (read_head(c, d, chars(piece), piece.length, piece.ack, used)) {
      case Parsed::complete: piece.advance(static_cast<std::uint32_t>(used)); return true;
      case Parsed::invalid:
        // What was no head once is none when it is asked again: nothing else in this segment can begin a message.
        invalid(c, d);
        m.seek_end = piece.seq + piece.length;
        return false;
      case Parsed::incomplete: break;
    }
    append(c, m, piece);
    return false;
  }
  if (d == 0 && c.user.shaky && flow::after(piece.ack, m.ack) && looks_like_request(chars(piece), piece.length)) {
    // What is in the buffer was no head: its sender has received something since, and begins anew.
    retract(c);
    lose_place(c, 0);
    return true;
  }
  touch(m, piece.first_time, piece.last_time, piece.late);
  const std::size_t had = buffers_[m.buffer].size();
  if (!append(c, m, piece)) return false;
  const std::string& head = buffers_[m.buffer];
  // A start line that can't be one is noticed at once; else nothing is parsed before the head is whole.
  const std::size_t end = head_end(head.data(), head.size(), had);
  if (end == 0) {
    if (!start_is_right(d, head, had)) {
      release(m);
      piece.advance(piece.length);
      invalid(c, d);
    }
    return false;
  }
  const std::string whole = take_buffer_out(m);
  const Parsed parsed = read_head(c, d, whole.data(), end, piece.ack, used);
  piece.advance(static_cast<std::uint32_t>(end - had));
  if (parsed != Parsed::complete) invalid(c, d);
  return true;
}

// Of a head that isn't whole: could it become one? Asked after each part; its start line is read once, when it is complete.
bool Exchange::start_is_right(int d, const std::string& head, std::size_t had) {
  const void* line = std::memchr(head.data(), '\n', head.size());
  if (line != nullptr) {
    const std::size_t at = static_cast<std::size_t>(static_cast<const char*>(line) - head.data());
    if (at < had) return true;
    RequestHead request;
    ResponseHead response;
    return d == 0 ? parse_request_start(head.data(), at + 1, request) : parse_response_start(head.data(), at + 1, response);
  }
  // The method, and how a response begins, are judged by then; of a request's line only what is new remains, and a CR that was the last.
  if (had > 32) return d == 1 || line_may_go_on(head.data() + had - 1, head.size() - had + 1);
  std::size_t used = 0;
  RequestHead request;
  ResponseHead response;
  return (d == 0 ? parse_request(head.data(), head.size(), request, used) : parse_response(head.data(), head.size(), response, used)) !=
         Parsed::invalid;
}

Parsed Exchange::read_head(Connection& c, int d, const char* data, std::size_t size, std::uint32_t ack, std::size_t& used) {
  const Message& m = c.user.message[d];
  if (d == 0) {
    RequestHead head;
    const Parsed parsed = parse_request(data, size, head, used);
    if (parsed == Parsed::complete) {
      request_head(c, head, std::string_view(data, used), m.seq + static_cast<std::uint32_t>(used), ack);
      if (!c.user.dead) body_begins(c, 0, head.framing, m.seq + static_cast<std::uint32_t>(used));
    }
    return parsed;
  }
  ResponseHead head;
  const Parsed parsed = parse_response(data, size, head, used);
  if (parsed == Parsed::complete) response_head(c, head, m.seq + static_cast<std::uint32_t>(used), true);
  return parsed;
}

// Of a request; a response's body depends on its request too (response_head).
void Exchange::body_begins(Connection& c, int d, const Framing& framing, std::uint32_t position) {
  Message& m = c.user.message[d];
  if (framing.chunked) {
    m.mode = Mode::chunk_size;
  } else if (framing.length != 0) {
    m.mode = Mode::length;
    m.left = framing.length;
  } else {
    message_end(c, d, position);
  }
}

bool Exchange::line_bytes(Connection& c, int d, flow::Piece& piece) {
  Message& m = c.user.message[d];
  touch(m, piece.first_time, piece.last_time, piece.late);
  const char* data = chars(piece);
  const void* found = std::memchr(data, '\n', piece.length);
  if (found == nullptr) {
    if (append(c, m, piece) && buffers_[m.buffer].size() > kMaxLine) pass_over(c, Reason::ambiguous_framing);
    return false;
  }
  const std::uint32_t n = static_cast<std::uint32_t>(static_cast<const char*>(found) - data) + 1;
  bool right = false;
  if (m.buffer == 0) {
    piece.advance(n);
    right = take_line(c, d, data, n, piece.seq);
  } else {
    std::string line = take_buffer_out(m);
    line.append(data, n);
    piece.advance(n);
    right = line.size() <= kMaxLine && take_line(c, d, line.data(), line.size(), piece.seq);
  }
  if (!right) invalid(c, d);
  return right;
}

bool Exchange::take_line(Connection& c, int d, const char* line, std::size_t size, std::uint32_t position) {
  Message& m = c.user.message[d];
  if (m.mode == Mode::trailer) {
    if (size == 2 && line[0] == '\r') message_end(c, d, position);
    return size > 1;  // a bare LF: some would take it for the end
  }
  std::uint64_t length = 0;
  if (!parse_chunk_line(line, size, length)) return false;
  m.mode = length == 0 ? Mode::trailer : Mode::chunk_data;
  m.left = length;
  return true;
}

void Exchange::message_end(Connection& c, int d, std::uint32_t position) {
  Message& m = c.user.message[d];
  m.mode = Mode::head;
  if (d == 1) {
    if (c.user.matched) finish_response(c, position);
    return;
  }
  if (!c.user.request_open) return;
  Request& r = pool_.at(c.user.last);
  r.begin = m.begin;
  r.end = m.end;
  r.body = m.body;
  r.flaws |= m.flaws;
  r.after = position;
  r.ended = true;
  c.user.request_open = false;
}

// What stands where a message should begin, or where a chunk should, is none.
void Exchange::invalid(Connection& c, int d) {
  if (c.user.shaky) {
    if (d == 0) retract(c);
    lose_place(c, d);
  } else {
    pass_over(c, Reason::ambiguous_framing);
  }
}

void Exchange::lose_place(Connection& c, int d) {
  Message& m = c.user.message[d];
  release(m);
  c.user.shaky = true;
  if (d == 1) {
    c.user.server_certain = false;
    // More than one response came after it, or the end of this one, which the next request would have to confirm, can't be known.
    if (tentative(c) || (c.user.matched && pool_.at(c.user.first).tentative)) revoke(c);
    if (c.user.matched && !c.user.sought) {
      m.flaws |= body_hole;
      keep_response(c);
      c.user.sought = true;
    }
  } else {
    c.user.client_certain = false;
    if (c.user.request_open && m.mode != Mode::seek) {
      Request& r = pool_.at(c.user.last);
      r.begin = m.begin;
      r.end = m.end;
      r.body = m.body;
      r.flaws |= static_cast<std::uint8_t>(m.flaws | body_hole);
    }
  }
  m.mode = Mode::seek;
  m.seek_end = c.stream[d].next;
  m.chunk_tail = false;
}

// A request is believed in only at a segment's beginning, and only where its sender had received something since its last payload: the
// rest of a body, whatever it looks like, carries the acknowledgement number of what was before it.
bool Exchange::seek_request(Connection& c, flow::Piece& piece) {
  Message& m = c.user.message[0];
  // After a 100 (Continue) it has received something too.
  const bool continued = c.user.has_interim && c.user.interim_end == piece.ack;
  if (!continued && flow::after(piece.ack, c.stream[0].payload_ack) && looks_like_request(chars(piece), piece.length)) {
    c.user.request_open = false;
    m.mode = Mode::head;
    return true;
  }
  if (c.user.request_open) {
    Request& r = pool_.at(c.user.last);
    r.end = std::max(r.end, piece.last_time);
    r.flaws = static_cast<std::uint8_t>(r.flaws & ~first_alone);
  }
  return false;
}

// Bytes of a response whose end is not known, or of one that belongs to nobody. A response begins where an anchored request says so.
bool Exchange::seek_response(Connection& c, flow::Piece& piece) {
  Message& m = c.user.message[1];
  std::uint32_t best = piece.length;
  for (std::uint32_t i = c.user.first; i != 0; i = pool_.at(i).next) {
    const Request& r = pool_.at(i);
    if (!r.anchored || r.answered || (c.user.matched && i == c.user.first)) continue;
    best = std::min({best, r.ack_first - piece.seq, r.ack_last - piece.seq});
  }
  if (best == 0) {
    const std::size_t n = std::min<std::size_t>(7, piece.length);
    if (std::memcmp(piece.data, "HTTP/1.", n) == 0) {
      m.mode = Mode::head;
      return true;
    }
    best = piece.length;
  }
  const bool begins = looks_like_response(chars(piece), piece.length) && flow::after(piece.ack, c.stream[1].payload_ack);
  if (begins && piece.data[9] != '1') {
    begin_message(c, 1, piece);
    unmatched(c, static_cast<std::uint16_t>((piece.data[9] - '0') * 100 + (piece.data[10] - '0') * 10 + (piece.data[11] - '0')));
  }
  static constexpr char tail[] = "\r\n0\r\n\r\n";
  m.chunk_tail = best >= 7 && std::memcmp(piece.data + best - 7, tail, 7) == 0;
  m.seek_end = piece.seq + best;
  if (c.user.sought) {
    Request& r = pool_.at(c.user.first);
    if (piece.last_time > r.response_end) {
      r.response_end = piece.last_time;
      if (piece.late) r.response_flaws |= late_end;
    }
    r.response_body += best;
  }
  piece.advance(best);
  return piece.length != 0;
}

// A hole while a body of known length is read: gives how many of its bytes lie behind it.
std::uint32_t Exchange::hole_in_body(Connection& c, int d, std::uint32_t length, std::uint32_t position, std::int64_t bound) {
  Message& m = c.user.message[d];
  const std::uint32_t n = static_cast<std::uint32_t>(std::min<std::uint64_t>(length, m.left));
  m.left -= n;
  m.body += n;
  m.flaws |= body_hole;
  if (m.left != 0) return 0;
  if (d == 1 && !bounded(c, position + n, m.end, bound)) m.flaws |= end_unknown;
  touch(m, bound, bound, true);
  if (m.mode == Mode::length) {
    m.flaws = static_cast<std::uint8_t>((m.flaws & ~body_hole) | end_lost);
    message_end(c, d, position + n);
  } else {
    m.mode = Mode::chunk_end;
    m.left = 2;
  }
  return length - n;
}

void Exchange::hole(Connection& c, int d, std::uint32_t length, std::int64_t bound) {
  Message& m = c.user.message[d];
  std::uint32_t position = c.stream[d].next - length;
  if (d == 1 && length <= kMaxInterim) {
    c.user.has_interim = true;
    c.user.interim_end = c.stream[1].next;
  }
  if (position == m.first_end && c.stream[d].acked_even != position) m.flaws |= first_alone;
  if (m.mode == Mode::length || m.mode == Mode::chunk_data) {
    const std::uint32_t rest = hole_in_body(c, d, length, position, bound);
    if (rest == 0) return;
    position += length - rest;
  }
  switch (m.mode) {
    case Mode::until_close: m.flaws |= body_hole; return;
    case Mode::passed_over:
    case Mode::seek: return;
    case Mode::head:
      if (m.buffer != 0) head_with_hole(c, d);
      break;
    default: break;
  }
  if (c.user.dead) return;
  if (m.mode != Mode::seek) lose_place(c, d);
  m.seek_end = position;
}

// Bytes of a head are missing: what its first part says is kept.
void Exchange::head_with_hole(Connection& c, int d) {
  Message& m = c.user.message[d];
  const std::string part = take_buffer_out(m);
  m.flaws |= head_hole;
  if (d == 0) {
    RequestHead head;
    if (parse_request_start(part.data(), part.size(), head)) {
      head.framing = Framing();
      const std::uint32_t seen = m.seq + static_cast<std::uint32_t>(part.size());
      request_head(c, head, part, seen, m.ack);
    }
  } else {
    ResponseHead head;
    if (parse_response_start(part.data(), part.size(), head))
      response_head(c, head, m.seq + static_cast<std::uint32_t>(part.size()), false);
  }
  if (!c.user.dead) lose_place(c, d);
}

bool Exchange::append(Connection& c, Message& m, const flow::Piece& piece) {
  if (m.buffer == 0) {
    if (free_buffers_.empty()) {
      buffers_.emplace_back();
      m.buffer = static_cast<std::uint32_t>(buffers_.size() - 1);
    } else {
      m.buffer = free_buffers_.back();
      free_buffers_.pop_back();
    }
  }
  std::string& buffer = buffers_[m.buffer];
  if (buffer.size() + piece.length > limits_.head || memory() + piece.length > limits_.memory) {
    pass_over(c, Reason::evicted);
    return false;
  }
  const std::size_t before = buffer.capacity();
  buffer.append(chars(piece), piece.length);
  buffer_bytes_ += buffer.capacity() - before;
  return true;
}

// The buffer's text, which the message has no longer.
std::string Exchange::take_buffer_out(Message& m) {
  std::string out = std::move(buffers_[m.buffer]);
  buffer_bytes_ -= out.capacity();
  buffers_[m.buffer] = std::string();
  buffer_bytes_ += buffers_[m.buffer].capacity();
  free_buffers_.push_back(m.buffer);
  m.buffer = 0;
  return out;
}

void Exchange::release(Message& m) {
  if (m.buffer != 0) take_buffer_out(m);
}

}  // namespace nezu::probe::http1
