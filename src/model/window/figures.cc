#include "model/window/figures.h"

#include <algorithm>

namespace nezu::window {
namespace {
// A sum of a day of 100,000 requests that each take a second comes near the end of 64 bits: it stays there instead of turning negative.
void add(Nanos& sum, Nanos more) {
  Nanos::rep total = 0;
  sum = __builtin_add_overflow(sum.count(), more.count(), &total) ? Nanos::max() : Nanos(total);
}
}  // namespace

void Figures::merge(const Figures& o) {
  transactions += o.transactions;
  for (std::size_t i = 0; i < status_class.size(); ++i) status_class[i] += o.status_class[i];
  errors += o.errors;
  failed_reset += o.failed_reset;
  failed_closed += o.failed_closed;
  failed_timeout += o.failed_timeout;
  unmeasured += o.unmeasured;
  timing_only += o.timing_only;

  timed += o.timed;
  add(response_time_sum, o.response_time_sum);
  response_time_max = std::max(response_time_max, o.response_time_max);
  response_time.merge(o.response_time);
  add(ttfb_sum, o.ttfb_sum);
  ttfb_max = std::max(ttfb_max, o.ttfb_max);
  ttfb.merge(o.ttfb);
  add(transfer_sum, o.transfer_sum);

  request_bytes += o.request_bytes;
  response_bytes += o.response_bytes;

  handshakes += o.handshakes;
  add(handshake_rtt_sum, o.handshake_rtt_sum);
  handshake_rtt_max = std::max(handshake_rtt_max, o.handshake_rtt_max);
  retransmissions += o.retransmissions;
  zero_windows += o.zero_windows;
  resets += o.resets;
}

}  // namespace nezu::window
