// What a check's result means to the cluster: an exit code, and how much this node should have the role. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/health.h"
#include "agent/ocf.h"

namespace nezu::agent {

struct Verdict {
  Exit exit = kOk;
  std::string reason;  // empty where all is well
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// `drops_before`: packets that the kernel had dropped at the last deep check.
Verdict judge(Kind kind, const Health& health, int depth, std::optional<std::uint64_t> drops_before);

// Promotion scores. The admitted one stays before the waiting one, that before a standby. A standby that can't reach the manager falls back
// at once, and is trusted again only after a while: after an outage of the manager both come back at about the same time, and the role must
// not move because one of them was first. An active one without a session keeps the role for `isolation_timeout`. Where all have kNone
// nothing moves.
inline constexpr int kAdmitted = 100, kClaiming = 50, kStandby = 10, kNone = 1;
inline constexpr Nanos kTrustedAfter = std::chrono::seconds(3);
int promotion_score(const Health& health, Nanos isolation_timeout);

}  // namespace nezu::agent
