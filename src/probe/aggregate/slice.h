// Slice: what one worker hands over, some tens of times a second: the transactions that were decided, what was watched, and the
// counters. Everything before `span.end` has been processed. Times are the instance's own packet time.
//
// Transactions travel one by one, because what of them counts is decided later and elsewhere (probe/shadow): whether another instance
// has counted them already, and into which window of the logical probe's time they fall.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/window/record.h"
#include "probe/aggregate/outcome.h"
#include "probe/aggregate/plan.h"

namespace nezu::probe::aggregate {

// A target that a transaction belongs to.
struct Hit {
  window::TargetId target = 0;
  window::ServiceId service = 0;
  std::uint64_t version = 0;  // of the service's definition
  bool is_error = false;      // the service counts the transaction's status as an error
};

struct Item {
  PacketTime decided{};
  PacketTime began{};               // its first byte that was seen: another instance may have decided it at any time since
  std::uint64_t request_name = 0;   // docs/failover.md, "Names"; 0: not known, or names aren't asked for
  std::uint64_t response_name = 0;  // likewise
  Outcome outcome;
  std::uint32_t first_hit = 0, hits = 0;  // in Slice::hits
  bool by_last_byte = false;              // decided by its response's last byte: by every instance at the same instant, but for its clock
};

// What was to be measured in a span: all services of the plan. What of it was watched says the capture's coverage.
struct Tenure {
  window::Span span;
  std::shared_ptr<const Plan> plan;
};

struct Slice {
  std::uint32_t worker = 0;
  window::Span span;            // from the end of the slice before
  window::Spans covered;        // of the capture
  std::vector<Tenure> tenures;  // in order; none: nothing was to be measured
  std::vector<Item> items;
  std::vector<Hit> hits;
  window::Counters counters;  // differences
};
using Slices = std::vector<std::unique_ptr<Slice>>;

}  // namespace nezu::probe::aggregate
