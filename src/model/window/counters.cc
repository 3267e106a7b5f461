#include "model/window/counters.h"

#include <fmt/core.h>

#include <numeric>

namespace nezu::window {
namespace {

// One place that lists the members: adding, subtracting.
template <class Combine>
void combine(Counters& a, const Counters& b, Combine with) {
  with(a.frames, b.frames);
  with(a.frame_bytes, b.frame_bytes);
  with(a.kernel_drops, b.kernel_drops);
  with(a.interface_drops, b.interface_drops);
  for (std::size_t i = 0; i < a.frame_fate.size(); ++i) with(a.frame_fate[i], b.frame_fate[i]);
  with(a.segments, b.segments);
  with(a.bare_segments, b.bare_segments);
  for (std::size_t i = 0; i < a.segment_fate.size(); ++i) with(a.segment_fate[i], b.segment_fate[i]);
  with(a.requests, b.requests);
  for (std::size_t i = 0; i < a.request_fate.size(); ++i) with(a.request_fate[i], b.request_fate[i]);
  with(a.responses_without_request, b.responses_without_request);
  with(a.holes, b.holes);
  with(a.hole_bytes, b.hole_bytes);
  with(a.conflicts, b.conflicts);
  with(a.late, b.late);
  with(a.connections, b.connections);
  with(a.connections_evicted, b.connections_evicted);
}

template <std::size_t N>
std::uint64_t sum(const std::array<std::uint64_t, N>& fates) {
  return std::accumulate(fates.begin(), fates.end(), std::uint64_t{0});
}

}  // namespace

const char* name(FrameFate fate) {
  switch (fate) {
    case FrameFate::decoded: return "decoded";
    case FrameFate::truncated: return "truncated";
    case FrameFate::link_unknown: return "link_unknown";
    case FrameFate::not_ip: return "not_ip";
    case FrameFate::not_tcp: return "not_tcp";
    case FrameFate::fragment: return "fragment";
    case FrameFate::bad_ip: return "bad_ip";
    case FrameFate::bad_tcp: return "bad_tcp";
    case FrameFate::filtered: return "filtered";
    case FrameFate::snapped: return "snapped";
    case FrameFate::count: break;
  }
  return "unknown";
}

const char* name(SegmentFate fate) {
  switch (fate) {
    case SegmentFate::delivered: return "delivered";
    case SegmentFate::duplicate: return "duplicate";
    case SegmentFate::no_connection: return "no_connection";
    case SegmentFate::passed_over: return "passed_over";
    case SegmentFate::table_full: return "table_full";
    case SegmentFate::buffer_full: return "buffer_full";
    case SegmentFate::after_close: return "after_close";
    case SegmentFate::out_of_window: return "out_of_window";
    case SegmentFate::held_at_end: return "held_at_end";
    case SegmentFate::count: break;
  }
  return "unknown";
}

const char* name(RequestFate fate) {
  switch (fate) {
    case RequestFate::answered: return "answered";
    case RequestFate::timing_only: return "timing_only";
    case RequestFate::reset: return "reset";
    case RequestFate::closed: return "closed";
    case RequestFate::timeout: return "timeout";
    case RequestFate::hole: return "hole";
    case RequestFate::ambiguous: return "ambiguous";
    case RequestFate::evicted: return "evicted";
    case RequestFate::capture_end: return "capture_end";
    case RequestFate::count: break;
  }
  return "unknown";
}

Counters& Counters::operator+=(const Counters& other) {
  combine(*this, other, [](std::uint64_t& a, std::uint64_t b) { a += b; });
  return *this;
}

Counters& Counters::operator-=(const Counters& other) {
  combine(*this, other, [](std::uint64_t& a, std::uint64_t b) { a -= b; });
  return *this;
}

std::string reconcile(const Counters& c, const Open& open) {
  if (const std::uint64_t fates = sum(c.frame_fate); c.frames != fates) {
    return fmt::format("frames: {} handed over, but {} have a fate", c.frames, fates);
  }
  // A frame that was cut by the snap length has its headers decoded too.
  const std::uint64_t decoded =
      c.frame_fate[static_cast<std::size_t>(FrameFate::decoded)] + c.frame_fate[static_cast<std::size_t>(FrameFate::snapped)];
  if (decoded != c.segments + c.bare_segments) {
    return fmt::format("segments: {} frames decoded, but {} segments with payload and {} without", decoded, c.segments, c.bare_segments);
  }
  if (const std::uint64_t fates = sum(c.segment_fate); c.segments != fates + open.held_segments) {
    return fmt::format("segments: {} with payload, but {} have a fate and {} are held", c.segments, fates, open.held_segments);
  }
  if (const std::uint64_t fates = sum(c.request_fate); c.requests != fates + open.requests) {
    return fmt::format("requests: {} begun, but {} have a fate and {} are open", c.requests, fates, open.requests);
  }
  return {};
}

}  // namespace nezu::window
