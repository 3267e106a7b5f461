#include "manager/session/catalogue.h"

#include <gtest/gtest.h>

namespace nezu::session {
namespace {

using Action = CatalogueChange::Action;
const WallTime kNow = wall_time_ns(1'700'000'000'000'000'000);
const Idle kIdle = [](store::ServiceId) { return true; };
definition::Service service(const std::string& name, std::vector<std::string> transactions = {}) {
  definition::Service s;
  s.group = "shop";
  s.name = name;
  for (const auto& t : transactions) {
    definition::WebTransaction transaction;
    transaction.name = t;
    s.transactions.push_back(transaction);
  }
  return s;
}
Rows rows_of(const std::vector<store::ServiceRow>& rows, Rows into = {}) {
  for (const auto& row : rows) into[row.id] = row;
  return into;
}

TEST(Catalogue, new_services_get_ids_and_targets) {
  auto plan = plan_apply({}, {service("a", {"pay"}), service("b")}, false, kIdle, 5, 9, kNow);
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->rows.size(), 2u);
  EXPECT_EQ(plan->rows[0].id, 5u);
  EXPECT_EQ(plan->rows[0].all_target, 9u);
  EXPECT_EQ(plan->rows[0].targets.at("pay"), 10u);
  EXPECT_EQ(plan->rows[1].id, 6u);
  EXPECT_EQ(plan->rows[1].all_target, 11u);
  EXPECT_EQ(plan->next_service, 7u);
  EXPECT_EQ(plan->next_target, 12u);
  EXPECT_EQ(plan->changes[0].action, Action::created);
  EXPECT_EQ(plan->changes[0].service, "shop/a");
}

TEST(Catalogue, what_is_the_same_stays_and_what_differs_is_told) {
  const Rows current = rows_of(plan_apply({}, {service("a"), service("b")}, false, kIdle, 1, 1, kNow)->rows);
  auto changed = service("b");
  changed.ports = {80, 8080};
  auto plan = plan_apply(current, {service("a"), changed}, false, kIdle, 3, 3, kNow);
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->rows.size(), 1u);
  EXPECT_EQ(plan->rows[0].version, 2u);
  EXPECT_EQ(plan->changes[0].action, Action::unchanged);
  EXPECT_EQ(plan->changes[1].action, Action::updated);
  ASSERT_EQ(plan->changes[1].differences.size(), 1u);
  EXPECT_EQ(plan->changes[1].differences[0].rfind("ports: ", 0), 0u) << plan->changes[1].differences[0];
  EXPECT_NE(plan->changes[1].differences[0].find("[80,8080]"), std::string::npos);
}

TEST(Catalogue, a_transaction_that_comes_back_has_its_old_id) {
  Rows current = rows_of(plan_apply({}, {service("a", {"pay", "look"})}, false, kIdle, 1, 1, kNow)->rows);
  const store::TargetId pay = current.at(1).targets.at("pay");
  current = rows_of(plan_apply(current, {service("a", {"look"})}, false, kIdle, 2, 4, kNow)->rows);
  auto plan = plan_apply(current, {service("a", {"look", "pay", "new"})}, false, kIdle, 2, 4, kNow);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->rows[0].targets.at("pay"), pay);
  EXPECT_EQ(plan->rows[0].targets.at("new"), 4u);
}

TEST(Catalogue, prune_deletes_and_a_deleted_name_gets_a_new_id) {
  Rows current = rows_of(plan_apply({}, {service("a"), service("b")}, false, kIdle, 1, 1, kNow)->rows);
  auto pruned = plan_apply(current, {service("a")}, true, kIdle, 3, 3, kNow);
  ASSERT_TRUE(pruned.ok());
  EXPECT_EQ(pruned->changes.back().action, Action::deleted);
  EXPECT_TRUE(pruned->rows.back().deleted);
  current = rows_of(pruned->rows, current);
  EXPECT_EQ(find_service(current, "shop/b"), nullptr);
  auto again = plan_apply(current, {service("b")}, false, kIdle, 3, 3, kNow);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->rows[0].id, 3u);
}

TEST(Catalogue, refuses_all_or_nothing) {
  const Rows current = rows_of(plan_apply({}, {service("a"), service("b")}, false, kIdle, 1, 1, kNow)->rows);
  const Idle busy = [](store::ServiceId) { return false; };
  auto pruned = plan_apply(current, {service("new")}, true, busy, 3, 3, kNow);
  ASSERT_FALSE(pruned.ok());
  EXPECT_EQ(pruned.error().code(), ErrorCode::conflict);
  auto twice = plan_apply(current, {service("c"), service("c")}, false, kIdle, 3, 3, kNow);
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().code(), ErrorCode::invalid_argument);
  auto invalid = service("d");
  invalid.errors = {500};
  EXPECT_FALSE(plan_apply(current, {service("c"), invalid}, false, kIdle, 3, 3, kNow).ok());
}

TEST(Catalogue, removal) {
  const Rows current = rows_of(plan_apply({}, {service("a")}, false, kIdle, 1, 1, kNow)->rows);
  EXPECT_TRUE(plan_removal(current, "shop/a", kIdle, 2, 2, kNow).ok());
  EXPECT_EQ(plan_removal(current, "shop/x", kIdle, 2, 2, kNow).error().code(), ErrorCode::not_found);
  EXPECT_EQ(plan_removal(
                current, "shop/a", [](store::ServiceId) { return false; }, 2, 2, kNow)
                .error()
                .code(),
            ErrorCode::conflict);
}

}  // namespace
}  // namespace nezu::session
