#include "probe/aggregate/plan.h"

#include "common/base/check.h"

namespace nezu::probe::aggregate {

Plan::Plan(std::uint64_t generation, std::vector<PlannedService> services, PacketTime effective, std::optional<HashKey> names)
    : generation_(generation), effective_(effective) {
  if (names) names_.emplace(*names);
  std::vector<definition::Service> definitions;
  for (PlannedService& s : services) {
    NEZU_CHECK(s.transaction_targets.size() == s.definition.transactions.size());
    ids_.push_back(s.id);
    versions_.push_back(s.version);
    target_ids_.push_back(s.all_target);
    target_ids_.insert(target_ids_.end(), s.transaction_targets.begin(), s.transaction_targets.end());
    std::bitset<100> errors;
    for (const std::uint16_t status : s.definition.errors) {
      if (status >= 400 && status < 500) errors.set(static_cast<std::size_t>(status - 400));
    }
    errors_.push_back(errors);
    for (const auto& w : s.definition.transactions) needs_head_ = needs_head_ || !w.headers.empty() || !w.cookies.empty();
    definitions.push_back(std::move(s.definition));
  }
  matcher_ = std::make_unique<match::Matcher>(std::move(definitions));
}

}  // namespace nezu::probe::aggregate
