// Outcome: what a transaction adds to the figures of its targets: no text, no addresses; and what counts as a transaction, an error, a time
// (docs/architecture.md, "Figures").
#pragma once

#include "model/window/figures.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::aggregate {

struct Outcome {
  Nanos response_time{0}, ttfb{0}, transfer_time{0};
  std::uint64_t request_bytes = 0, response_bytes = 0;
  Nanos handshake_rtt{0};
  std::uint32_t retransmissions = 0, zero_windows = 0, resets = 0;
  std::uint16_t status = 0;
  Completeness completeness = Completeness::complete;
  Reason reason = Reason::none;
  bool timed = false;     // has times, and none is negative
  bool negative = false;  // a time was negative (a clock that was set): counted, not timed
};

Outcome outcome_of(const Transaction& transaction);

// `is_error`: whether the service counts the transaction's status as an error.
// REQUIRES: not Completeness::no_request
void add_figures(const Outcome& outcome, bool is_error, window::Figures& figures);

}  // namespace nezu::probe::aggregate
