// The driver's numbers as metrics, nezu_…
#pragma once

#include "common/metrics/metrics.h"
#include "manager/session/driver.h"

namespace nezu::session {

// Both must outlive the registry.
void register_metrics(metrics::Registry& registry, const Driver& driver, const store::Store& store);

}  // namespace nezu::session
