// Counters: what became of every frame, segment and request. They reconcile, and tests check it:
//   frames received  = sum over FrameFate
//   decoded frames   = segments with payload + bare segments      (decoded and snapped ones; a snapped one's payload is what its header says)
//   segments         = sum over SegmentFate (+ those held at the moment)
//   requests         = sum over RequestFate (+ those open at the moment)
// Each fate has a stable number (it is on the wire and on disk: never renumber, only append) and a name (metrics, status, JSON).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace nezu::window {

// Of each frame that the capture handed over.
enum class FrameFate : std::uint8_t {
  decoded = 0,       // a TCP segment was found
  truncated = 1,     // the captured length ends inside the headers
  link_unknown = 2,  // an EtherType or link header that we don't read
  not_ip = 3,        // ARP, LLDP, …
  not_tcp = 4,       // UDP, ICMP, …
  fragment = 5,      // an IP fragment (not reassembled)
  bad_ip = 6,        // header lengths that can't be
  bad_tcp = 7,       // likewise
  filtered = 8,      // not on a port that is watched
  snapped = 9,       // decoded headers, but payload cut by the snap length: payload is treated as a hole
  count
};

// Of each decoded segment that carries payload.
enum class SegmentFate : std::uint8_t {
  delivered = 0,      // in order, or held and delivered later, or beyond a hole that was declared
  duplicate = 1,      // all its bytes were there before
  no_connection = 2,  // of no connection that we follow, and no message begins in it
  passed_over = 3,    // of a connection that is no HTTP/1 (TLS, CONNECT, upgrade, ambiguous framing)
  table_full = 4,     // no room for one more connection
  buffer_full = 5,    // the limit for held bytes was reached
  after_close = 6,    // after both sides had ended
  out_of_window = 7,  // a sequence number that can't be
  held_at_end = 8,    // still waiting for a hole to fill when the capture or connection ended
  count
};

// Of each request whose first byte was seen.
enum class RequestFate : std::uint8_t {
  answered = 0,     // final response, complete
  timing_only = 1,  // final response; bytes in the middle are missing, or a time is a bound
  reset = 2,        // no response: reset
  closed = 3,       // no response: closed
  timeout = 4,      // no response within the transaction time-out
  hole = 5,         // the capture lacks its response, or its own first bytes
  ambiguous = 6,    // framing that server and client may read differently: passed over
  evicted = 7,      // our own limits
  capture_end = 8,  // still open when the capture ended
  count
};

const char* name(FrameFate fate);
const char* name(SegmentFate fate);
const char* name(RequestFate fate);

// What one worker counted since it began; values only grow. Subtract two to have a window's.
struct Counters {
  std::uint64_t frames = 0;           // handed over by the capture
  std::uint64_t frame_bytes = 0;      // their captured bytes
  std::uint64_t kernel_drops = 0;     // the capture's own loss: received by the interface, not handed over
  std::uint64_t interface_drops = 0;  // as the interface counts them
  std::array<std::uint64_t, static_cast<std::size_t>(FrameFate::count)> frame_fate{};
  std::uint64_t segments = 0;       // with payload
  std::uint64_t bare_segments = 0;  // without
  std::array<std::uint64_t, static_cast<std::size_t>(SegmentFate::count)> segment_fate{};
  std::uint64_t requests = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(RequestFate::count)> request_fate{};
  std::uint64_t responses_without_request = 0;  // no transactions, counted apart
  std::uint64_t holes = 0;                      // holes declared in streams
  std::uint64_t hole_bytes = 0;
  std::uint64_t conflicts = 0;    // overlapping bytes that differ (first wins)
  std::uint64_t late = 0;         // transactions decided for a window that was closed; counted in the next
  std::uint64_t connections = 0;  // followed, since the start
  std::uint64_t connections_evicted = 0;

  Counters& operator+=(const Counters& other);
  Counters& operator-=(const Counters& other);
  friend bool operator==(const Counters&, const Counters&) = default;
};

// The equations above, with `open_requests` requests still undecided and `held_segments` still waiting. Empty string where they hold,
// else the one that doesn't, with its numbers.
struct Open {
  std::uint64_t requests = 0;
  std::uint64_t held_segments = 0;
};
std::string reconcile(const Counters& counters, const Open& open = {});
}  // namespace nezu::window
