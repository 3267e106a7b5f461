#include "agent/verdict.h"

namespace nezu::agent {

Verdict judge(Kind kind, const Health& health, int depth, std::optional<std::uint64_t> drops_before) {
  const bool deep = depth >= 10;
  if (kind == Kind::manager) {
    // What the manager waits for (room on the volume) is no better on another node, which would get the same volume.
    if (deep && !health.healthy) return {kDegraded, health.reason};
    return {kOk, {}};
  }
  const bool promoted = health.warm && health.role != "standby";
  if (deep && !health.healthy) {
    if (promoted) return {kFailedPromoted, health.reason};
    // A standby that can't see the traffic would not by a restart, either; its score keeps the role away from it.
    if (health.warm) return {kDegraded, health.reason};
    return {kGeneric, health.reason};
  }
  const Exit degraded = promoted ? kDegradedPromoted : kDegraded;
  if (health.role == "waiting") return {degraded, "another instance is at work; this one's claim waits"};
  if (deep && drops_before && health.kernel_drops > *drops_before) {
    return {degraded, "the kernel dropped " + std::to_string(health.kernel_drops - *drops_before) + " packets since the last check"};
  }
  return {promoted ? kPromoted : kOk, {}};
}

int promotion_score(const Health& health, Nanos isolation_timeout) {
  if (!health.healthy) return kNone;
  if (health.role == "active") return health.session || health.without_session < isolation_timeout ? kAdmitted : kNone;
  if (!health.session) return kNone;
  if (health.role == "standby") return health.session_for >= kTrustedAfter ? kStandby : kNone;
  return kClaiming;
}

}  // namespace nezu::agent
