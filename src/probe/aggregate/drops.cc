#include "probe/aggregate/drops.h"

#include <algorithm>

namespace nezu::probe::aggregate {

void DropEstimator::look(PacketTime now, std::uint64_t kernel_drops, std::uint64_t frames) {
  const std::uint64_t drops = kernel_drops > last_drops_ ? kernel_drops - last_drops_ : 0;
  if (last_look_ && now < *last_look_) last_look_ = now;
  if (drops > 0) {
    if (open_) {
      open_->to = std::max(open_->to, now);
      open_->drops += drops;
    } else {
      open_ = Open{last_look_.value_or(now), now, drops, frames_at_last_look_};
    }
  }
  last_look_ = now;
  last_drops_ = kernel_drops;
  frames_at_last_look_ = frames;
}

std::optional<window::Span> DropEstimator::settle(PacketTime watermark, std::uint64_t frames) {
  if (!open_ || watermark < open_->to) return std::nullopt;
  const Open open = *open_;
  open_.reset();
  const double seen = frames > open.frames_at_start ? static_cast<double>(frames - open.frames_at_start) : 0.0;
  const double share = static_cast<double>(open.drops) / (static_cast<double>(open.drops) + seen);
  const Nanos length = open.to - open.from;
  const Nanos lost =
      std::clamp(Nanos(static_cast<std::int64_t>(static_cast<double>(length.count()) * share)), Nanos(1), std::max(length, Nanos(1)));
  return window::Span{open.to - lost, open.to};
}

}  // namespace nezu::probe::aggregate
