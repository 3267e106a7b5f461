#include "probe/aggregate/add_figures.h"

#include <algorithm>

#include "common/base/check.h"

namespace nezu::probe::aggregate {
namespace {

bool add_times(const Transaction& t, window::Figures& f) {
  const Nanos response = t.response_time(), ttfb = t.ttfb(), transfer = t.transfer_time();
  if (response < Nanos(0) || transfer < Nanos(0)) return false;
  ++f.timed;
  f.response_time_sum += response;
  f.response_time_max = std::max(f.response_time_max, response);
  f.response_time.add(response);
  f.ttfb_sum += ttfb;
  f.ttfb_max = std::max(f.ttfb_max, ttfb);
  f.ttfb.add(ttfb);
  f.transfer_sum += transfer;
  return true;
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

bool add_figures(const Transaction& t, bool is_error, window::Figures& f) {
  NEZU_CHECK(t.completeness != Completeness::no_request);
  f.request_bytes += t.request_bytes;
  f.response_bytes += t.response_bytes;
  if (t.handshake_rtt > Nanos(0)) {
    ++f.handshakes;
    f.handshake_rtt_sum += t.handshake_rtt;
    f.handshake_rtt_max = std::max(f.handshake_rtt_max, t.handshake_rtt);
  }
  f.retransmissions += t.retransmissions;
  f.zero_windows += t.zero_windows;
  f.resets += t.resets;

  if (t.completeness == Completeness::no_response) {
    if (add_failure(t.reason, f)) {
      ++f.transactions;
      ++f.errors;
    } else {
      ++f.unmeasured;
    }
    return true;
  }
  ++f.transactions;
  ++f.status_class[t.status >= 100 && t.status < 600 ? t.status / 100 : 0];
  if (is_error) ++f.errors;
  if (t.completeness == Completeness::timing_only) ++f.timing_only;
  return !t.has_times || add_times(t, f);
}

void clear_figures(window::Figures& f) {
  sketch::Histogram response = std::move(f.response_time), ttfb = std::move(f.ttfb);
  response.clear();
  ttfb.clear();
  f = window::Figures{};
  f.response_time = std::move(response);
  f.ttfb = std::move(ttfb);
}

}  // namespace nezu::probe::aggregate
