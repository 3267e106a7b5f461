// Transaction: a request and its final response, as the probe saw them. What flow and http1 give, and what everything after takes.
//
// Views (method, host, uri, …) live only during the call that hands the transaction over: who keeps one copies what it needs.
// A transaction is handed over when it is *decided*: its response's last byte was there, or packet time showed that it won't come.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/time.h"

namespace nezu::probe {

// An address, IPv4 as ::ffff:a.b.c.d, in network order, and a port in host order.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
  bool is_v4() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
// "192.0.2.1:80", "[2001:db8::1]:80". `out` has room for 56 characters; gives the length.
std::size_t format(const Endpoint& endpoint, char* out);

enum class Completeness : std::uint8_t {
  complete,     // both messages whole, all times exact
  timing_only,  // paired by proof, but bytes in the middle are missing, or a time is a bound: `reason` says which
  no_response,  // the request has no final response: `reason` says why
  no_request,   // a response whose request was not seen: no transaction, counted apart
};

enum class Reason : std::uint8_t {
  none = 0,
  reset,              // no_response: the connection was reset
  closed,             // no_response: the connection was closed
  timeout,            // no_response: transaction time-out
  capture_end,        // no_response: the capture ended
  evicted,            // no_response: our own limit
  response_lost,      // no_response: the response fell into a hole of the capture
  ambiguous_framing,  // no_response: framing that can be read in two ways; nothing after it is paired
  body_hole,          // timing_only: bytes in the middle of a body are missing
  head_hole,          // timing_only: bytes of a head are missing (fields that lay there are empty)
  late_copy,          // timing_only: an end was seen only in a copy that came after its acknowledgement: the time is a bound; none can be
                      // told (has_times) where the request was seen only after its response
  end_lost,           // timing_only: the last byte is missing; its time is that of the acknowledgement: a bound
  start_lost,      // no_request: its first bytes are missing; no_response: they may be those of a second copy, when it began is not known
  before_capture,  // no_request: the request was sent before we began
  clock_jump,      // timing_only: the capture's clock was set in between: no times can be told
};
const char* name(Completeness completeness);
const char* name(Reason reason);

struct Transaction {
  Endpoint client;
  Endpoint server;

  // Times of bytes, in packet time. Which of them are known: the flags.
  PacketTime request_begin{};   // the request's first byte
  PacketTime request_end{};     // its last byte
  PacketTime response_begin{};  // the final response's first byte
  PacketTime response_end{};    // its last byte
  PacketTime decided{};         // the place in time: which window it belongs to
  bool has_request = false;
  bool has_response = false;  // a final response was paired
  bool has_times = false;     // response time can be told (perhaps as a bound: see completeness)

  std::string_view method;
  std::string_view host;     // from Host, the absolute form, or the server's address; without port
  std::string_view uri;      // the request target as sent (absolute form: without scheme and authority)
  std::string_view version;  // "1.1", "1.0"
  std::uint16_t status = 0;  // 0: none
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
  std::string_view request_head;  // the whole head where it is at hand (for conditions on headers and cookies), else empty

  Completeness completeness = Completeness::complete;
  Reason reason = Reason::none;

  // Network, of the connection since its previous transaction.
  Nanos handshake_rtt{0};  // 0: not known (or told before)
  std::uint32_t retransmissions = 0;
  std::uint32_t zero_windows = 0;
  std::uint32_t resets = 0;

  // Names (docs/failover.md): sequence numbers of the first bytes; aggregate makes the keyed hashes.
  std::uint32_t request_seq = 0;
  std::uint32_t response_seq = 0;

  Nanos response_time() const { return response_end - request_begin; }
  // 0 where the answer began before the request had ended.
  Nanos ttfb() const { return response_begin > request_end ? response_begin - request_end : Nanos(0); }
  Nanos transfer_time() const { return response_end - response_begin; }
};

}  // namespace nezu::probe
