// Figures: what a target's window says. Counts, exact sums and sketches; every field merges by addition or maximum, so that windows,
// probes and hours can be added up and any figure of product.md be read from the sum.
//
// Definitions: response time, time to first byte, transfer time, error rate as in docs/architecture.md, "Figures".
// Units: nanoseconds (in Nanos), bytes, counts.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/time.h"
#include "model/sketch/histogram.h"

namespace nezu::window {

struct Figures {
  // Transactions decided in the window: answered, or failed. A request whose answer the *capture* missed is in `unmeasured`, not here.
  std::uint64_t transactions = 0;
  std::array<std::uint64_t, 6> status_class{};  // [1]…[5]: final responses 1xx…5xx (101 is final); [0]: answered, class not known
  std::uint64_t errors = 0;                     // what the service calls an error: 5xx, the chosen 4xx, and `failed_*`
  std::uint64_t failed_reset = 0;               // no final response: connection reset
  std::uint64_t failed_closed = 0;              // no final response: connection closed
  std::uint64_t failed_timeout = 0;             // no final response within the transaction time-out
  std::uint64_t unmeasured = 0;                 // seen, but not decidable: packets missing in the capture, evicted, ambiguous framing
  std::uint64_t timing_only = 0;                // of `transactions`: bytes are missing or times are bounds; reasons in the counters

  // Of transactions with a response time (`timed` of them).
  std::uint64_t timed = 0;
  Nanos response_time_sum{0};
  Nanos response_time_max{0};
  sketch::Histogram response_time;
  Nanos ttfb_sum{0};
  Nanos ttfb_max{0};
  sketch::Histogram ttfb;
  Nanos transfer_sum{0};

  // Bodies, without chunk framing, not decompressed.
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;

  // Network, of the connections that carried these transactions.
  std::uint64_t handshakes = 0;
  Nanos handshake_rtt_sum{0};
  Nanos handshake_rtt_max{0};
  std::uint64_t retransmissions = 0;
  std::uint64_t zero_windows = 0;
  std::uint64_t resets = 0;

  void merge(const Figures& other);
  bool empty() const { return transactions == 0 && unmeasured == 0 && handshakes == 0 && retransmissions == 0 && resets == 0; }

  friend bool operator==(const Figures&, const Figures&) = default;
};

}  // namespace nezu::window
