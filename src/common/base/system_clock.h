// SystemClock: the only reader of the system's clocks. Programs make one and hand it in.
#pragma once

#include "common/base/time.h"

namespace nezu {

class SystemClock final : public Clock {
 public:
  WallTime wall() const override;  // CLOCK_REALTIME
  MonoTime mono() const override;  // CLOCK_MONOTONIC
};

// The calling thread does nothing for so long; zero and less: it goes on at once. For small programs that have nothing else to do.
void pause_for(Nanos span);

}  // namespace nezu
