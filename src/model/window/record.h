// Record: what a probe hands to the manager: one span of the logical probe's time, who measured it, what part of it was really
// covered, the figures of each target, the counters, and the ledger of names.
//
// The format is complete from the first day (docs/failover.md): cold pairs leave the ledger empty.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "model/window/counters.h"
#include "model/window/figures.h"

namespace nezu::window {

// [begin, end) of packet time, in the logical probe's time.
struct Span {
  PacketTime begin{};
  PacketTime end{};
  Nanos length() const { return end - begin; }
  bool empty() const { return end <= begin; }
  bool overlaps(const Span& o) const { return begin < o.end && o.begin < end; }
  friend auto operator<=>(const Span&, const Span&) = default;
};

// Spans in order, which neither overlap nor touch. normalise() makes any list so.
using Spans = std::vector<Span>;
Spans normalise(Spans spans);
Spans intersect(const Spans& a, const Spans& b);
Spans subtract(const Spans& a, const Spans& b);
Spans unite(const Spans& a, const Spans& b);
Nanos total(const Spans& spans);

// One run of the probe program: 128 random bits.
struct InstanceId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const InstanceId&, const InstanceId&) = default;
};
std::string to_string(const InstanceId& id);  // 32 hex digits

using ServiceId = std::uint32_t;  // given by the manager's catalogue, never used again after a deletion
using TargetId = std::uint32_t;   // likewise: a service's all web access, or one of its web transactions

struct TargetFigures {
  TargetId target = 0;
  Figures figures;
  friend bool operator==(const TargetFigures&, const TargetFigures&) = default;
};

struct ServicePart {
  ServiceId service = 0;
  std::uint64_t definition_version = 0;  // of the definition that it was measured with
  Spans covered;                         // where this service was measured: within Record::span. Covered and no target: idle.
  std::vector<TargetFigures> targets;    // only those that are not empty
  friend bool operator==(const ServicePart&, const ServicePart&) = default;
};

// The names of a transaction (docs/failover.md, "Names"): keyed hashes; 0 = not known.
struct LedgerEntry {
  std::uint64_t request = 0;
  std::uint64_t response = 0;
  PacketTime decided{};
  friend bool operator==(const LedgerEntry&, const LedgerEntry&) = default;
};
struct Ledger {
  std::vector<LedgerEntry> entries;
  PacketTime left_out_until{};  // names decided before this may be missing; zero: none is
  friend bool operator==(const Ledger&, const Ledger&) = default;
};

struct Record {
  InstanceId instance;
  std::uint64_t epoch = 0;  // the grant under which it was cut
  Span span;                // at most one window long; ends on a whole multiple of `window`, except where it was cut short
  Spans covered;            // of the capture: what was really watched. The rest of the span is a gap.
  bool partly = false;      // a stuck worker was left out
  bool seam_doubtful = false;
  std::vector<ServicePart> services;
  Counters counters;  // of this span (differences)
  Ledger ledger;
  friend bool operator==(const Record&, const Record&) = default;
};

// What must be true of a record whoever made it: a span that isn't empty or longer than `max_length`, coverage in order within the span,
// services' coverage likewise, sums that add up (histograms' counts = timed, …), no service or target twice.
// Empty where it is well, else what isn't.
std::string validate(const Record& record, Nanos max_length);

}  // namespace nezu::window
