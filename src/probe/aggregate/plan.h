// Plan: what should be measured, compiled, for all workers alike. Never changed after it was made: a change is a new plan with the next
// generation.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/keyed_hash.h"
#include "model/window/record.h"
#include "probe/match/matcher.h"

namespace nezu::probe::aggregate {

struct PlannedService {
  window::ServiceId id = 0;
  std::uint64_t version = 0;
  window::TargetId all_target = 0;
  std::vector<window::TargetId> transaction_targets;  // one for each web transaction of the definition
  definition::Service definition;
};

class Plan {
 public:
  // `effective`: a worker takes the plan up when its packet time has come there (a window's edge, for changed definitions: a record's
  // service has one version); zero: at once. `names`: the key of the transactions' names; none: they get no names.
  // REQUIRES: transaction_targets has as many entries as the definition has web transactions
  Plan(std::uint64_t generation, std::vector<PlannedService> services, PacketTime effective = {}, std::optional<HashKey> names = {});

  std::uint64_t generation() const { return generation_; }
  PacketTime effective() const { return effective_; }
  const KeyedHash* names() const { return names_ ? &*names_ : nullptr; }
  const match::Matcher& matcher() const { return *matcher_; }
  std::size_t service_count() const { return ids_.size(); }
  window::ServiceId id(std::size_t service) const { return ids_[service]; }
  std::uint64_t version(std::size_t service) const { return versions_[service]; }
  window::TargetId target_id(match::Target dense) const { return target_ids_[dense]; }
  // Whether the service counts this status as an error: 5xx, and the chosen 4xx.
  bool is_error(std::size_t service, std::uint16_t status) const {
    return status >= 500 || (status >= 400 && errors_[service][static_cast<std::size_t>(status - 400)]);
  }
  // Whether any definition has a condition on headers or cookies: then the pipeline must keep the requests' heads.
  bool needs_head() const { return needs_head_; }

 private:
  std::uint64_t generation_;
  PacketTime effective_;
  std::optional<KeyedHash> names_;
  std::unique_ptr<match::Matcher> matcher_;
  std::vector<window::ServiceId> ids_;
  std::vector<std::uint64_t> versions_;
  std::vector<window::TargetId> target_ids_;
  std::vector<std::bitset<100>> errors_;
  bool needs_head_ = false;
};

}  // namespace nezu::probe::aggregate
