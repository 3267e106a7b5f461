// SystemClock: the only reader of the system's clocks. Programs make one and hand it in.
#pragma once

#include "common/base/time.h"

namespace nezu {

class SystemClock final : public Clock {
 public:
  WallTime wall() const override;  // CLOCK_REALTIME
  MonoTime mono() const override;  // CLOCK_MONOTONIC
};

}  // namespace nezu
