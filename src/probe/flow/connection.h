// Connection and Stream: what flow keeps of a TCP connection and of each of its directions.
//
// Sequence numbers are compared as RFC 793 says, modulo 2^32. Times are nanoseconds of packet time. All positions are those of the
// stream itself: Stream::acked is how far the *receiver* has acknowledged this stream's bytes.
#pragma once

#include <cstdint>

namespace nezu::probe::flow {

// < 0: a before b; > 0: after.
inline std::int32_t distance(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }
inline bool after(std::uint32_t a, std::uint32_t b) { return distance(a, b) > 0; }
inline bool at_or_after(std::uint32_t a, std::uint32_t b) { return distance(a, b) >= 0; }

// Spans of packet time in 32 bits: units of 1024 ns, modulo 73 minutes.
inline std::uint32_t ticks(std::int64_t nanoseconds) { return static_cast<std::uint32_t>(nanoseconds >> 10); }

struct Stream {
  std::uint32_t next = 0;        // the next byte to be handed over
  std::uint32_t acked = 0;       // the receiver's latest acknowledgement …
  std::uint32_t acked_from = 0;  // … was first seen in a segment of the receiver that stood at this position of *its* stream
  std::uint32_t prev_acked = 0;  // the one before
  std::uint32_t prev_acked_from = 0;
  std::uint32_t payload_ack = 0;  // the acknowledgement number in the last payload that was handed over
  std::uint32_t fin = 0;          // position of the FIN, where has_fin
  std::uint32_t proof = 0;        // where a hole is waited for: the receiver has the bytes before this position
  std::uint32_t bare_acked = 0;   // how far the receiver has acknowledged by segments that say nothing else
  std::uint32_t acked_even = 0;   // the latest acknowledgement that came when exactly the bytes before it had been handed over
  std::uint32_t moved = 0;        // ticks: when the sender was last seen at the front of its stream
  std::int64_t acked_time = 0;    // when `acked` was first seen
  std::int64_t deadline = 0;      // a hole before `proof` is declared at this time; 0: none is waited for
  std::uint32_t held = 0;         // list of held segments; 0: none
  bool seen = false;              // a segment of this direction was seen
  bool has_fin = false;
  bool finished = false;     // the FIN has been handed over
  bool zero_window = false;  // the sender's last word was: no room
};

// Both streams of a connection; 0 goes from client to server, 1 from server to client.
template <class User>
struct Connection {
  // Addresses in the order of their numbers, so that both directions find the same entry; flipped: the higher one is the client.
  std::uint64_t low_high = 0, low_low = 0, high_high = 0, high_low = 0;
  std::uint16_t low_port = 0, high_port = 0;
  bool used = false;
  bool flipped = false;
  bool trouble = false;  // something is held or waited for
  bool closed = false;   // ended; kept for a while so that late copies are known as such
  Stream stream[2];
  std::int64_t last_time = 0;
  std::uint32_t slot = 0;
  bool timer_armed = false;
  bool listed = false;  // in the list of those with deadlines
  User user;
};

}  // namespace nezu::probe::flow
