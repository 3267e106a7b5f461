// Exchange: makes messages of a connection's two streams, and transactions of the messages. It is the handler of flow::Assembler.
//
// The rules by which a response is given to a request, and what becomes of them when bytes are missing, are in docs/pairing.md. In
// short: where both streams are whole, by order; after a hole only by proof; no pair is better than a wrong pair.
//
// A response that is cut (its connection is reset or closed before its last byte, and these bytes aren't merely missing in the
// capture) is no final response: its request ends as no_response, reset or closed, because that is what its user got.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "model/window/counters.h"
#include "probe/flow/assembler.h"
#include "probe/flow/connection.h"
#include "probe/http1/habits.h"
#include "probe/http1/head.h"
#include "probe/http1/request.h"
#include "probe/transaction/sink.h"

namespace nezu::probe::http1 {

enum class Mode : std::uint8_t {
  head,         // a message begins here, or has begun: its head's first part is in the buffer
  length,       // body of known length: `left` bytes of it are to come
  chunk_size,   // chunked body: the line in front of a chunk (or its first part is in the buffer)
  chunk_data,   // `left` bytes of a chunk are to come
  chunk_end,    // the CRLF behind a chunk's data
  trailer,      // lines behind the last chunk
  until_close,  // the body ends with the connection
  seek,         // bytes are missing: nobody knows what these are
  passed_over,  // no HTTP/1, or framing that can be read in two ways
};

// One direction's message in progress.
struct Message {
  std::uint64_t left = 0;
  std::uint64_t body = 0;  // bytes of the body, so far
  std::int64_t begin = 0, end = 0;
  std::uint32_t seq = 0;        // its first byte
  std::uint32_t ack = 0;        // the acknowledgement number in the segment that held it
  std::uint32_t prior_ack = 0;  // the one in the payload before that
  std::uint32_t seek_end = 0;   // seek: where the last bytes that were seen end
  std::uint32_t first_end = 0;  // where the piece with its first byte ends
  std::uint32_t buffer = 0;     // the part of a head or line that is there; 0: none
  Mode mode = Mode::head;
  std::uint8_t flaws = 0;
  bool acted = false;       // see flow::Piece, of the segment with the first byte
  bool chunk_tail = false;  // seek: the last bytes that were seen could be the end of a chunked body
};

struct State {
  Message message[2];
  std::uint32_t first = 0, last = 0;  // open requests, in order
  std::uint32_t open = 0;
  std::uint32_t interim_end = 0;  // where a 1xx response ended, or a hole in which one may have been …
  bool has_interim = false;       // … and whether there was one
  std::uint32_t retransmissions = 0, zero_windows = 0, resets = 0;
  std::int64_t syn_time = 0;       // handshake: the SYN, or where that is not known the SYN/ACK; 0 once its answer was seen
  std::int64_t handshake_rtt = 0;  // not told yet
  std::uint32_t round_trip = 0;    // ticks: the handshake's; 0: not known
  bool client_certain = false;     // no message boundary can be hidden between the last request and here
  bool server_certain = false;     // the next response belongs to the first open request
  bool matched = false;            // the response in progress belongs to the first open request
  bool sought = false;             // … and its end is not known: what we have of it is in the request
  bool chunked = false;            // … and its body is chunked
  bool pipelined = false;          // requests were sent before the responses to earlier ones: no anchors
  bool joined = false;             // we began in the middle, and have seen no request yet
  bool request_open = false;       // the last request's body is still coming
  bool server_closed = false;
  bool proven = false;  // who is the client: we saw the handshake, or a pair
  bool shaky = false;   // a message boundary was uncertain at least once
  bool dead = false;    // passed over
};

using Connection = flow::Connection<State>;

class Exchange {
 public:
  struct Limits {
    std::uint32_t head = 64 * 1024;
    std::uint64_t memory = std::uint64_t{64} << 20;  // bytes for open requests and parts of heads
    bool keep_request_head = false;
  };

  Exchange(TransactionSink& sink, window::Counters& counters) : sink_(sink), counters_(counters), buffers_(1) {}

  void set_limits(const Limits& limits) { limits_ = limits; }
  // The time of what happens from here on, and which setting of the capture's clock it is under.
  void set_now(std::int64_t now, std::uint8_t clock) {
    now_ = now;
    clock_ = clock;
  }

  // Handler of flow::Assembler.
  std::uint64_t opaque(const Connection& c, int d) const {
    const Message& m = c.user.message[d];
    if (m.mode == Mode::length || m.mode == Mode::chunk_data) return m.left;
    return m.mode == Mode::until_close || m.mode == Mode::passed_over ? ~std::uint64_t{0} : 0;
  }
  void deliver(Connection& c, int d, flow::Piece piece);
  void hole(Connection& c, int d, std::uint32_t length, std::int64_t bound);
  void finished(Connection& c, int d, std::int64_t time);
  void conflict(Connection& c) { pass_over(c, Reason::ambiguous_framing); }
  void retransmitted(Connection& c, int d) {
    ++c.user.retransmissions;
    if (d == 0) copy_seen_ = now_;
  }
  void capture_lost() { loss_seen_ = now_; }
  void left_over(Connection& c, int d) {
    if (d == 1 && tentative(c)) revoke(c);  // more than one response came after it
  }

  // A new connection. whole: from its first byte on. Else the first request may be tentative, or needs proof like one after a hole.
  void begin(Connection& c, bool whole, bool tentative);
  // The connection has ended, or we let it go: everything that is open is decided, with `reason` where nothing better is known.
  void end(Connection& c, Reason reason);
  // It was none: what looked like a request was part of the other side's response. Nothing is said of it.
  void discard(Connection& c);
  // A RST of direction d, after everything before it.
  void reset(Connection& c, int d);
  // Decides what has been waiting since before now - timeout, and what only waited for somebody to speak against it.
  void expire(Connection& c, std::int64_t timeout);
  // No messages any more.
  void pass_over(Connection& c, Reason reason);

  // Is this request, the first of an unknown connection, or one after a hole, waiting for confirmation?
  bool tentative(const Connection& c) { return c.user.first != 0 && pool_.at(c.user.first).answered; }
  std::uint64_t open_requests() const { return pool_.open() - uncounted_; }
  std::uint64_t memory() const { return pool_.bytes() + buffer_bytes_; }

 private:
  // Messages (messages.cc). True: the piece has bytes left for the next mode.
  bool head_bytes(Connection& c, int d, flow::Piece& piece);
  bool line_bytes(Connection& c, int d, flow::Piece& piece);
  bool seek_bytes(Connection& c, int d, flow::Piece& piece);
  bool seek_request(Connection& c, flow::Piece& piece);
  bool seek_response(Connection& c, flow::Piece& piece);
  bool head_in_doubtful_body(Connection& c, const flow::Piece& piece);
  void begin_message(Connection& c, int d, const flow::Piece& piece);
  Parsed read_head(Connection& c, int d, const char* data, std::size_t size, std::uint32_t ack, std::size_t& used);
  bool take_line(Connection& c, int d, const char* line, std::size_t size, std::uint32_t position);
  void invalid(Connection& c, int d);
  void body_begins(Connection& c, int d, const Framing& framing, std::uint32_t position);
  void message_end(Connection& c, int d, std::uint32_t position);
  static void touch(Message& m, std::int64_t first, std::int64_t last, bool late);
  std::uint32_t hole_in_body(Connection& c, int d, std::uint32_t length, std::uint32_t position, std::int64_t bound);
  void lose_place(Connection& c, int d);
  void head_with_hole(Connection& c, int d);

  // Pairing (pairing.cc).
  void request_head(Connection& c, const RequestHead& head, std::string_view bytes, std::uint32_t after, std::uint32_t ack);
  void admit(Connection& c, Request& r);
  void response_head(Connection& c, const ResponseHead& head, std::uint32_t after, bool whole);
  void anchor(const Connection& c, Request& r) const;
  void note_pipelining(Connection& c, Request& r);
  bool match(Connection& c, std::uint32_t seq, std::uint32_t ack);
  void acknowledged_alone(const Connection& c, Request& r);
  void unmatched(Connection& c, std::uint16_t status);
  void confirm(Connection& c, std::uint32_t ack);
  void revoke(Connection& c);
  void keep_response(Connection& c);
  void finish_response(Connection& c, std::uint32_t position);
  static bool bounded(const Connection& c, std::uint32_t position, std::int64_t last_seen, std::int64_t bound);
  static bool seen_after_its_response(const Request& r, unsigned flaws);
  bool lacks_something() const;
  bool start_in_doubt(const Request& r, unsigned flaws) const;
  void finish_sought(Connection& c, std::uint32_t position, std::int64_t bound);
  void answer_first(Connection& c);
  void fail_first(Connection& c, Reason reason);
  Reason reason_of(const Connection& c, const Request& r, Reason reason) const;
  void hand_over(Connection& c, const Request& r, Completeness completeness, Reason reason, bool timed);
  void pop(Connection& c);
  bool retract(Connection& c);
  bool take_back(Connection& c, std::uint32_t ack);
  void believe(const Request& r);
  static bool whole_at(const Connection& c, const Request& r, std::uint32_t ack);

  static bool start_is_right(int d, const std::string& head, std::size_t had);
  bool append(Connection& c, Message& m, const flow::Piece& piece);
  std::string take_buffer_out(Message& m);
  void release(Message& m);

  TransactionSink& sink_;
  window::Counters& counters_;
  Limits limits_;
  RequestPool pool_;
  std::vector<std::string> buffers_;
  std::vector<std::uint32_t> free_buffers_;
  std::uint64_t buffer_bytes_ = 0;
  std::uint64_t uncounted_ = 0;  // open requests that are believed in only when they are decided
  std::int64_t now_ = 0;
  std::int64_t loss_seen_ = std::numeric_limits<std::int64_t>::min() / 2;  // when the capture was last seen to lack something
  std::int64_t copy_seen_ = std::numeric_limits<std::int64_t>::min() / 2;  // when a client was last seen to send something again
  Habits habits_;
  std::uint8_t clock_ = 0;
};

}  // namespace nezu::probe::http1
