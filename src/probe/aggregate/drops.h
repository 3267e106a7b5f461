// DropEstimator: from the kernel's count of packets that it dropped to the part of packet time that was not watched. Pure.
//
// The kernel only says how many were dropped between two looks, not when. Two looks at t1 and t2 that tell d drops, while n frames of that
// interval were handed over, mean that d/(d+n) of the traffic wasn't seen: so much of the interval counts as not covered, at its end (a
// ring that overflows loses what comes last). A look tells of packets that lie behind what is still in the ring, so an interval is
// settled only when everything before its end has been processed.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/time.h"
#include "model/window/record.h"

namespace nezu::probe::aggregate {

class DropEstimator {
 public:
  // A look at the kernel's counter (it only grows): `now` is the present in packet time, `frames` what was handed over so far.
  void look(PacketTime now, std::uint64_t kernel_drops, std::uint64_t frames);

  // Everything before `watermark` has been processed. Gives a span that is now known not to have been watched; call until it gives none.
  std::optional<window::Span> settle(PacketTime watermark, std::uint64_t frames);

  // Where an interval begins that isn't settled yet: windows that end after it must wait.
  std::optional<PacketTime> unsettled_from() const { return open_ ? std::optional(open_->from) : std::nullopt; }

 private:
  struct Open {
    PacketTime from{}, to{};
    std::uint64_t drops = 0;
    std::uint64_t frames_at_start = 0;
  };
  std::optional<PacketTime> last_look_;
  std::uint64_t last_drops_ = 0;
  std::uint64_t frames_at_last_look_ = 0;
  std::optional<Open> open_;
};

}  // namespace nezu::probe::aggregate
