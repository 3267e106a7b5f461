#include "model/window/record.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "common/base/text.h"

namespace nezu::window {

Spans normalise(Spans spans) {
  spans.erase(std::remove_if(spans.begin(), spans.end(), [](const Span& s) { return s.empty(); }), spans.end());
  std::sort(spans.begin(), spans.end());
  Spans joined;
  for (const Span& s : spans) {
    if (!joined.empty() && s.begin <= joined.back().end)
      joined.back().end = std::max(joined.back().end, s.end);
    else
      joined.push_back(s);
  }
  return joined;
}

Spans intersect(const Spans& a, const Spans& b) {
  Spans both;
  auto i = a.begin(), j = b.begin();
  while (i != a.end() && j != b.end()) {
    const Span common{std::max(i->begin, j->begin), std::min(i->end, j->end)};
    if (!common.empty()) both.push_back(common);
    if (i->end < j->end)
      ++i;
    else
      ++j;
  }
  return both;
}

Spans subtract(const Spans& a, const Spans& b) {
  Spans rest;
  auto cut = b.begin();
  for (Span s : a) {
    while (cut != b.end() && cut->end <= s.begin) ++cut;
    // A cut may reach into the next span too, so it isn't used up here.
    for (auto c = cut; c != b.end() && c->begin < s.end; ++c) {
      if (s.begin < c->begin) rest.push_back({s.begin, c->begin});
      s.begin = std::max(s.begin, c->end);
    }
    if (!s.empty()) rest.push_back(s);
  }
  return rest;
}

Spans unite(const Spans& a, const Spans& b) {
  Spans all = a;
  all.insert(all.end(), b.begin(), b.end());
  return normalise(std::move(all));
}

Nanos total(const Spans& spans) {
  Nanos sum{0};
  for (const Span& s : spans) sum += s.length();
  return sum;
}

std::string to_string(const InstanceId& id) {
  std::string text;
  for (const std::uint8_t b : id.bytes) text += fmt::format("{:02x}", b);
  return text;
}

namespace {

// No probe counts so far within a record; and sums over the life of a store stay within 64 bits.
constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 48;

std::string shown(const Span& s) { return fmt::format("{}–{}", format_rfc3339(to_ns(s.begin)), format_rfc3339(to_ns(s.end))); }

std::string check_covered(const Spans& covered, const Span& within) {
  for (std::size_t i = 0; i < covered.size(); ++i) {
    const Span& s = covered[i];
    if (s.empty()) return fmt::format("covered[{}]: {} is empty", i, shown(s));
    if (s.begin < within.begin || s.end > within.end) return fmt::format("covered[{}]: {} reaches out of {}", i, shown(s), shown(within));
    if (i > 0 && s.begin <= covered[i - 1].end)
      return fmt::format("covered[{}]: {} begins before the one before it ends, or where it ends", i, shown(s));
  }
  return {};
}

std::string check_times(const char* what, std::uint64_t count, Nanos sum, Nanos max) {
  if (sum < Nanos(0) || max < Nanos(0)) return fmt::format("{}: a negative time", what);
  if (count == 0 && (sum != Nanos(0) || max != Nanos(0))) return fmt::format("{}: {} ns of nothing", what, sum.count());
  if (max > sum) return fmt::format("{}: the largest, {} ns, is more than the sum, {} ns", what, max.count(), sum.count());
  // sum > count * max, without the product
  if (count > 0 && max > Nanos(0) && static_cast<std::uint64_t>((sum.count() - 1) / max.count()) >= count) {
    return fmt::format("{}: the sum, {} ns, is more than {} times the largest, {} ns", what, sum.count(), count, max.count());
  }
  return {};
}

std::string check_counts(const Figures& f) {
  for (const std::uint64_t n : {f.transactions, f.errors, f.failed_reset, f.failed_closed, f.failed_timeout, f.unmeasured, f.timing_only,
                                f.timed, f.request_bytes, f.response_bytes, f.handshakes, f.retransmissions, f.zero_windows, f.resets}) {
    if (n > kMaxCount) return fmt::format("a count of {}; wanted at most 2^48", n);
  }
  std::uint64_t by_outcome = f.failed_reset + f.failed_closed + f.failed_timeout;
  const std::uint64_t failed = by_outcome;
  for (const std::uint64_t n : f.status_class) {
    if (n > kMaxCount) return fmt::format("a count of {}; wanted at most 2^48", n);
    by_outcome += n;
  }
  if (by_outcome != f.transactions) return fmt::format("{} transactions, but {} answered or failed", f.transactions, by_outcome);
  if (f.errors > f.transactions || f.errors < failed)
    return fmt::format("{} errors of {} transactions, {} of them failed", f.errors, f.transactions, failed);
  if (f.timed > f.transactions) return fmt::format("{} timed of {} transactions", f.timed, f.transactions);
  if (f.timing_only > f.transactions) return fmt::format("{} timing_only of {} transactions", f.timing_only, f.transactions);
  if (f.response_time.count() != f.timed)
    return fmt::format("{} timed, but {} in the histogram of response times", f.timed, f.response_time.count());
  if (f.ttfb.count() != f.timed) return fmt::format("{} timed, but {} in the histogram of times to first byte", f.timed, f.ttfb.count());
  return {};
}

std::string check_figures(const Figures& f) {
  if (auto why = check_counts(f); !why.empty()) return why;
  if (auto why = check_times("response time", f.timed, f.response_time_sum, f.response_time_max); !why.empty()) return why;
  if (auto why = check_times("time to first byte", f.timed, f.ttfb_sum, f.ttfb_max); !why.empty()) return why;
  if (auto why = check_times("handshake", f.handshakes, f.handshake_rtt_sum, f.handshake_rtt_max); !why.empty()) return why;
  if (f.transfer_sum < Nanos(0) || (f.timed == 0 && f.transfer_sum != Nanos(0)))
    return fmt::format("transfer time: {} ns of {} timed", f.transfer_sum.count(), f.timed);
  return {};
}

// Whether a number was there before. Probes send them in order, for which a look at the last one does.
template <class Id>
class Distinct {
 public:
  bool add(Id id) {
    const bool in_order = !any_ || id > last_;
    if (in_order && others_.empty()) {
      ordered_.push_back(id);
    } else {
      if (others_.empty()) others_.insert(ordered_.begin(), ordered_.end());
      if (!others_.insert(id).second) return false;
    }
    any_ = true;
    last_ = id;
    return true;
  }

 private:
  bool any_ = false;
  Id last_ = 0;
  std::vector<Id> ordered_;
  std::set<Id> others_;  // all of them, once one came out of order
};

}  // namespace

std::string validate(const Record& record, Nanos max_length) {
  const Span& span = record.span;
  if (span.empty()) return fmt::format("span: {} is empty", shown(span));
  // Without the difference, which may not fit: begin is far before 1970 in a hostile record.
  if (to_ns(span.begin) < 0 || span.length() > max_length) {
    return fmt::format("span: {} is longer than {}, or before 1970", shown(span), format_duration(max_length));
  }
  if (auto why = check_covered(record.covered, span); !why.empty()) return why;

  Distinct<ServiceId> services;
  Distinct<TargetId> targets;
  for (std::size_t i = 0; i < record.services.size(); ++i) {
    const ServicePart& part = record.services[i];
    if (!services.add(part.service)) return fmt::format("services[{}]: service {} is there twice", i, part.service);
    if (auto why = check_covered(part.covered, span); !why.empty()) return fmt::format("services[{}].{}", i, why);
    for (std::size_t k = 0; k < part.targets.size(); ++k) {
      const TargetFigures& t = part.targets[k];
      if (!targets.add(t.target)) return fmt::format("services[{}].targets[{}]: target {} is there twice", i, k, t.target);
      if (auto why = check_figures(t.figures); !why.empty()) return fmt::format("services[{}].targets[{}]: {}", i, k, why);
    }
  }
  for (std::size_t i = 0; i < record.ledger.entries.size(); ++i) {
    const LedgerEntry& e = record.ledger.entries[i];
    if (e.request == 0 && e.response == 0) return fmt::format("ledger.entries[{}]: a transaction without a name", i);
  }
  return {};
}

}  // namespace nezu::window
