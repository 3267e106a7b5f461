#include "probe/aggregate/outcome.h"

#include <algorithm>

#include "common/base/check.h"

namespace nezu::probe::aggregate {
namespace {

void add_times(const Outcome& o, window::Figures& f) {
  ++f.timed;
  f.response_time_sum += o.response_time;
  f.response_time_max = std::max(f.response_time_max, o.response_time);
  f.response_time.add(o.response_time);
  f.ttfb_sum += o.ttfb;
  f.ttfb_max = std::max(f.ttfb_max, o.ttfb);
  f.ttfb.add(o.ttfb);
  f.transfer_sum += o.transfer_time;
}

// Whether it was the service that didn't answer; else the capture missed it.
bool add_failure(Reason reason, window::Figures& f) {
  switch (reason) {
    case Reason::reset: ++f.failed_reset; return true;
    case Reason::closed: ++f.failed_closed; return true;
    case Reason::timeout: ++f.failed_timeout; return true;
    default: return false;
  }
}

}  // namespace

Outcome outcome_of(const Transaction& t) {
  Outcome o;
  o.request_bytes = t.request_bytes;
  o.response_bytes = t.response_bytes;
  o.handshake_rtt = t.handshake_rtt;
  o.retransmissions = t.retransmissions;
  o.zero_windows = t.zero_windows;
  o.resets = t.resets;
  o.status = t.status;
  o.completeness = t.completeness;
  o.reason = t.reason;
  if (!t.has_times || t.completeness == Completeness::no_response) return o;
  o.response_time = t.response_time();
  o.ttfb = t.ttfb();
  o.transfer_time = t.transfer_time();
  o.negative = o.response_time < Nanos(0) || o.transfer_time < Nanos(0);
  o.timed = !o.negative;
  return o;
}

void add_figures(const Outcome& o, bool is_error, window::Figures& f) {
  NEZU_CHECK(o.completeness != Completeness::no_request);
  f.request_bytes += o.request_bytes;
  f.response_bytes += o.response_bytes;
  if (o.handshake_rtt > Nanos(0)) {
    ++f.handshakes;
    f.handshake_rtt_sum += o.handshake_rtt;
    f.handshake_rtt_max = std::max(f.handshake_rtt_max, o.handshake_rtt);
  }
  f.retransmissions += o.retransmissions;
  f.zero_windows += o.zero_windows;
  f.resets += o.resets;

  if (o.completeness == Completeness::no_response) {
    if (add_failure(o.reason, f)) {
      ++f.transactions;
      ++f.errors;
    } else {
      ++f.unmeasured;
    }
    return;
  }
  ++f.transactions;
  ++f.status_class[o.status >= 100 && o.status < 600 ? o.status / 100 : 0];
  if (is_error) ++f.errors;
  if (o.completeness == Completeness::timing_only) ++f.timing_only;
  if (o.timed) add_times(o, f);
}

}  // namespace nezu::probe::aggregate
