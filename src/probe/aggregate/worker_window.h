// WorkerWindow: what one worker hands over when a window has passed: whole, by pointer, never touched by the worker again until it comes back
// to be used anew (so that its histograms needn't grow again).
#pragma once

#include <cstdint>
#include <vector>

#include "model/window/record.h"

namespace nezu::probe::aggregate {

struct WorkerWindow {
  struct Service {
    window::ServiceId id = 0;
    std::uint64_t version = 0;
    window::Spans covered;
  };
  struct Slot {
    window::ServiceId service = 0;
    std::uint64_t version = 0;
    window::TargetId target = 0;
    window::Figures figures;
  };

  std::uint32_t worker = 0;
  window::Span span;      // between two whole multiples of the window, except where it was cut short
  window::Spans covered;  // of the capture
  std::vector<Service> services;
  std::vector<Slot> slots;  // the first `used` are of this window; a target may occur twice (a plan changed meanwhile)
  std::size_t used = 0;
  window::Counters counters;  // of this span: differences
};

}  // namespace nezu::probe::aggregate
