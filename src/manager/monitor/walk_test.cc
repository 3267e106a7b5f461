// Random walks against the invariants of testing/world.h, and planted bugs that they must find. Seeded: a failure names its seed.
#include <gtest/gtest.h>

#include "manager/monitor/testing/world.h"

namespace nezu::monitor {
namespace {

using testing::Config;
using testing::World;
constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

void one_fault(World& world) {
  const char node = world.chance(0.7) ? world.active_node() : world.chance(0.5) ? 'a' : 'b';
  switch (static_cast<int>(world.random(Nanos(0), Nanos(12)).count())) {
    case 0: world.kill(node, world.random(ms(3), ms(1000))); break;
    case 1: world.pause(node, world.random(ms(300), ms(6000))); break;
    case 2: world.cut_link(node, world.random(ms(400), ms(9000))); break;
    case 3: world.reset(node); break;
    case 4: world.lose_answer(node); break;
    case 5: world.crash_manager(world.random(ms(300), ms(6000))); break;
    case 6: world.planned(); break;
    case 7: world.split(world.random(ms(3000), ms(15000))); break;
    case 8: world.discover(world.chance(0.8)); break;
    case 9:
      world.wish(false);
      world.at(world.random(ms(20), ms(3000)), [&world] { world.wish(true); });
      break;
    case 10:  // the cluster is split, and then the active's connection blinks
      world.split(ms(9000));
      world.at(world.random(ms(3500), ms(6000)), [&world] { world.reset(world.active_node()); });
      break;
    case 11:  // a wish that nobody has confirmed yet when the manager dies
      world.wish(!world.wished());
      world.at(ms(20), [&world] { world.crash_manager(world.random(ms(300), ms(2000))); });
      break;
    case 12:
      world.reset('a');
      world.reset('b');
      break;
  }
}

std::vector<std::string> walk(std::uint64_t seed, bool warm, const PlantedBugs& bugs, std::map<std::string, int>* reached = nullptr) {
  Config config;
  config.warm = warm;
  config.options.transition_timeout = ms(12000);
  config.options.bugs = bugs;
  World world(seed, config);
  world.run(world.random(ms(300), ms(2000)));
  world.wish(true);
  world.run(ms(3000));
  while (world.now() < mono_time_ns(1'045'000'000'000)) {
    world.run(world.random(ms(200), ms(5000)));
    one_fault(world);
  }
  world.run(ms(16000));
  world.calm();
  world.run(ms(14000));
  world.check_end();
  if (reached) {
    for (const auto& [what, times] : world.reached) (*reached)[what] += times;
  }
  return world.violations;
}

void expect_all_well(bool warm, std::uint64_t first, std::uint64_t last) {
  std::map<std::string, int> reached;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const auto violations = walk(seed, warm, {}, &reached);
    ASSERT_TRUE(violations.empty()) << "seed " << seed << ": " << violations.front() << " and " << violations.size() - 1 << " more";
  }
  // A walk that reaches nothing proves nothing.
  EXPECT_GT(reached["admissions"], static_cast<int>(last - first) * 2);
  EXPECT_GT(reached["repeats"], 0);
  EXPECT_GT(reached["event failover"], 0);
  EXPECT_GT(reached["event gap"], 0);
  EXPECT_GT(reached["event discovery.stopped"], 0);
  if (warm) {
    EXPECT_GT(reached["refused old_epoch"], 0);
    EXPECT_GT(reached["discovery on"], 0);
    EXPECT_GT(reached["event superseded"], 0);
  }
}

TEST(Walk, a_warm_pair_holds_the_invariants) { expect_all_well(true, 1, 500); }
TEST(Walk, a_cold_pair_holds_the_invariants) { expect_all_well(false, 1, 300); }

void expect_found(PlantedBugs bugs) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    if (!walk(seed, true, bugs).empty() || !walk(seed, false, bugs).empty()) {
      SUCCEED();
      return;
    }
  }
  ADD_FAILURE() << "the bug was not found in 6000 walks";
}

TEST(PlantedBug, always_admit) { expect_found({.always_admit = true}); }
TEST(PlantedBug, waiting_starves) { expect_found({.waiting_starves = true}); }
TEST(PlantedBug, wish_lost) { expect_found({.wish_lost = true}); }
TEST(PlantedBug, disc_resumed) { expect_found({.disc_resumed = true}); }
TEST(PlantedBug, epoch_volatile) { expect_found({.epoch_volatile = true}); }
TEST(PlantedBug, notice_again) { expect_found({.notice_again = true}); }
TEST(PlantedBug, not_told) { expect_found({.not_told = true}); }
TEST(PlantedBug, old_claim_is_fresh) { expect_found({.old_claim_is_fresh = true}); }

}  // namespace
}  // namespace nezu::monitor
