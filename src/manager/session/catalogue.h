// The catalogue of services: what an apply or a removal changes. Pure: plans, which the driver carries out.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "manager/store/store.h"
#include "model/definition/service.h"

namespace nezu::session {

inline constexpr std::size_t kMaxServices = 10'000;

struct CatalogueChange {
  enum class Action { created, updated, unchanged, deleted };
  std::string service;  // full name
  Action action = Action::unchanged;
  std::uint64_t version = 0;
  std::vector<std::string> differences;  // of an update: "ports: [80] → [80,8080]"
};

using Rows = std::map<store::ServiceId, store::ServiceRow>;

struct CataloguePlan {
  std::vector<CatalogueChange> changes;  // in the order of `wanted`, then what is pruned
  std::vector<store::ServiceRow> rows;   // to be stored
  store::ServiceId next_service = 1;     // ids that are free after it
  store::TargetId next_target = 1;
};

// Whether nobody monitors it, or wishes to.
using Idle = std::function<bool(store::ServiceId)>;

// All or nothing. Ids are never used again, also not those of deleted services; a web transaction that comes back under its old name in
// the same service gets its old id. Errors: invalid_argument (not valid, named twice), conflict (prune would delete what is monitored),
// no_space (more than kMaxServices).
Result<CataloguePlan> plan_apply(const Rows& current, const std::vector<definition::Service>& wanted, bool prune, const Idle& idle,
                                 store::ServiceId next_service, store::TargetId next_target, WallTime now);
// Errors: not_found, conflict.
Result<CataloguePlan> plan_removal(const Rows& current, const std::string& full_name, const Idle& idle, store::ServiceId next_service,
                                   store::TargetId next_target, WallTime now);

// The service of that name that isn't deleted; nullptr: there is none.
const store::ServiceRow* find_service(const Rows& rows, const std::string& full_name);

}  // namespace nezu::session
