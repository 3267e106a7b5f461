#include "manager/session/catalogue.h"

#include <fmt/core.h>

#include <set>

#include "common/json/json.h"

namespace nezu::session {
namespace {

std::vector<std::string> what_differs(const definition::Service& from, const definition::Service& to) {
  const auto old = json::parse(definition::to_json(from)), now = json::parse(definition::to_json(to));
  std::vector<std::string> found;
  if (!old.ok() || !now.ok()) return found;
  std::set<std::string> keys;
  for (const json::Member& member : old->members()) keys.insert(member.key);
  for (const json::Member& member : now->members()) keys.insert(member.key);
  for (const std::string& key : keys) {
    if ((*old)[key] == (*now)[key]) continue;
    const auto text = [&](const json::Value& value) { return value.is_null() ? std::string("(left out)") : json::to_string(value); };
    found.push_back(fmt::format("{}: {} → {}", key, text((*old)[key]), text((*now)[key])));
  }
  return found;
}

void number_targets(store::ServiceRow& row, store::TargetId& next) {
  if (row.all_target == 0) row.all_target = next++;
  for (const auto& transaction : row.definition.transactions) {
    if (row.targets.try_emplace(transaction.name, next).second) ++next;
  }
}

Result<CatalogueChange> mark_deleted(store::ServiceRow row, const Idle& idle, WallTime now, CataloguePlan& plan) {
  const std::string name = row.definition.full_name();
  if (!idle(row.id)) return Error(ErrorCode::conflict, fmt::format("service {} is monitored: stop that first", name));
  row.deleted = true;
  ++row.version;
  row.changed = now;
  CatalogueChange change{name, CatalogueChange::Action::deleted, row.version, {}};
  plan.rows.push_back(std::move(row));
  return change;
}

}  // namespace

const store::ServiceRow* find_service(const Rows& rows, const std::string& full_name) {
  for (const auto& [id, row] : rows) {
    if (!row.deleted && row.definition.full_name() == full_name) return &row;
  }
  return nullptr;
}

Result<CataloguePlan> plan_apply(const Rows& current, const std::vector<definition::Service>& wanted, bool prune, const Idle& idle,
                                 store::ServiceId next_service, store::TargetId next_target, WallTime now) {
  CataloguePlan plan{{}, {}, next_service, next_target};
  std::map<std::string, const store::ServiceRow*> by_name;
  for (const auto& [id, row] : current) {
    if (!row.deleted) by_name[row.definition.full_name()] = &row;
  }
  std::set<std::string> named;
  for (const definition::Service& service : wanted) {
    if (const Status status = definition::validate(service); !status.ok()) return status.error();
    const std::string name = service.full_name();
    if (!named.insert(name).second) return Error(ErrorCode::invalid_argument, fmt::format("service {} is named twice", name));
    const auto old = by_name.find(name);
    if (old != by_name.end() && old->second->definition == service) {
      plan.changes.push_back({name, CatalogueChange::Action::unchanged, old->second->version, {}});
      continue;
    }
    store::ServiceRow row;
    CatalogueChange change{name, CatalogueChange::Action::created, 1, {}};
    if (old != by_name.end()) {
      row = *old->second;
      change.action = CatalogueChange::Action::updated;
      change.differences = what_differs(row.definition, service);
    } else {
      row.id = plan.next_service++;
      if (by_name.size() + plan.rows.size() >= kMaxServices) {
        return Error(ErrorCode::no_space, fmt::format("there may be {} services", kMaxServices));
      }
    }
    row.definition = service;
    change.version = ++row.version;
    row.changed = now;
    number_targets(row, plan.next_target);
    plan.rows.push_back(std::move(row));
    plan.changes.push_back(std::move(change));
  }
  if (!prune) return plan;
  for (const auto& [name, row] : by_name) {
    if (named.count(name) != 0) continue;
    auto change = mark_deleted(*row, idle, now, plan);
    if (!change.ok()) return change.error();
    plan.changes.push_back(*std::move(change));
  }
  return plan;
}

Result<CataloguePlan> plan_removal(const Rows& current, const std::string& full_name, const Idle& idle, store::ServiceId next_service,
                                   store::TargetId next_target, WallTime now) {
  CataloguePlan plan{{}, {}, next_service, next_target};
  const store::ServiceRow* row = find_service(current, full_name);
  if (!row) return Error(ErrorCode::not_found, fmt::format("there is no service {}", full_name));
  auto change = mark_deleted(*row, idle, now, plan);
  if (!change.ok()) return change.error();
  plan.changes.push_back(*std::move(change));
  return plan;
}

}  // namespace nezu::session
