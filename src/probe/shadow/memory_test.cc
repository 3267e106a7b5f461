#include <gmock/gmock.h>

#include "probe/shadow/shadow.h"
#include "probe/shadow/test_bench.h"

namespace nezu::probe::shadow {
namespace {

using testing::at;
using testing::Bench;
using testing::done;
using testing::ledger;
using testing::options;
using testing::Records;
using testing::request_name;
using testing::response_name;
using testing::transactions;
using testing::Warm;

TEST(Memory, WhatIsStoredIsReleased) {
  Warm b;
  b.shadow.begin(at(0), false);
  for (std::uint64_t n = 0; n < 1000; ++n) b.workers[0].add(done(static_cast<double>(n) * 0.001, n));
  b.come_to(1);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 1u);
  EXPECT_EQ(b.shadow.kept(), 1000u);
  const std::uint64_t full = b.shadow.bytes();
  EXPECT_GT(full, 1000 * sizeof(aggregate::Item));
  b.shadow.stored(r[0].span);
  EXPECT_EQ(b.shadow.kept(), 0u);
  EXPECT_EQ(b.shadow.bytes(), 0u);
}

TEST(Memory, AStandbyThatSeesTheSameKeepsAboutNothing) {
  Warm b;
  std::uint64_t n = 0;
  for (int second = 1; second <= 60; ++second) {
    window::Ledger l;
    for (int i = 0; i < 100; ++i, ++n) {
      const double t = second - 1 + i * 0.01;
      b.workers[0].add(done(t, n));
      l.entries.push_back({request_name(n), response_name(n), at(t)});
    }
    b.come_to(second);
    b.learn(second, l, second == 1 ? std::optional(-9.0) : std::nullopt);
    ASSERT_EQ(b.shadow.kept(), 0u);
    ASSERT_EQ(b.shadow.bytes(), 0u);
  }
  EXPECT_EQ(b.shadow.counters().left_out, 6000u);
}

Options small(std::uint64_t memory) {
  Options o = options(true);
  o.memory = memory;
  return o;
}
// `per_second` transactions a second, of which 10 a slice; gives the number of the next one.
std::uint64_t traffic(Bench& b, double from, double to, std::uint64_t first, int per_second = 100) {
  const double step = 10.0 / per_second;
  for (int k = 1; from + k * step <= to + 1e-9; ++k) {
    for (int i = 0; i < 10; ++i) b.workers[0].add(done(from + (k - 1) * step + i * step / 10 + 1e-4, first++));
    b.come_to(from + k * step);
  }
  return first;
}

TEST(Memory, RecordsThatWaitForTheirAcknowledgementGiveTheirTransactionsUpFirst_TheOldestFirst) {
  Warm b(small(60'000));
  b.shadow.begin(at(0), false);
  Records r;
  std::uint64_t n = 0;
  for (int i = 0; i < 10; ++i) {
    n = traffic(b, i, i + 1, n);
    for (auto& record : b.cut()) r.push_back(std::move(record));
  }
  ASSERT_EQ(r.size(), 10u);
  for (const auto& record : r) {
    EXPECT_EQ(transactions(record), 100u);
    EXPECT_EQ(record.covered, (window::Spans{record.span}));
  }
  EXPECT_LE(b.shadow.bytes(), 60'000u);
  EXPECT_FALSE(b.shadow.take_back(r[0].span)) << "it can still be sent, but not be taken apart";
  EXPECT_TRUE(b.shadow.take_back(r[8].span));
  EXPECT_TRUE(b.shadow.take_back(r[9].span));
}

TEST(Memory, WhereAWorkerIsStuckTheOldestThatWaitsForItGoes_AndIsNotCovered) {
  Options o = options(true, 2);
  o.memory = 60'000;
  for (const bool names : {false, true}) {
    o.names = names;
    Bench b(o);
    b.shadow.begin(at(0), false);
    b.come_to(1, 0.5, 0.5);
    std::uint64_t n = 0;
    for (int i = 0; i < 600; ++i) {
      b.workers[0].add(done(i * 0.1 + 0.05, n++));
      for (int k = 0; k < 9; ++k) b.workers[0].add(done(i * 0.1 + 0.06, n++));
      b.come_to(0, (i + 1) * 0.1, (i + 1) * 0.1);
      b.cut((i + 1) * 0.1);
      ASSERT_LE(b.shadow.bytes(), 60'000u) << i;
    }
    EXPECT_GT(b.shadow.counters().thrown_away, 5000u);
  }
}

TEST(Memory, OfAStandbyWhoseWorkerNeverBegan) {
  Options o = options(true, 2);
  o.memory = 60'000;
  Bench b(o);
  for (int i = 0; i < 600; ++i) {
    for (int k = 0; k < 10; ++k) b.workers[0].add(done(i * 0.1 + 0.05, static_cast<std::uint64_t>(i * 10 + k)));
    b.come_to(0, (i + 1) * 0.1, (i + 1) * 0.1);
    while (b.shadow.add_up()) {}
    ASSERT_LE(b.shadow.bytes(), 60'000u);
  }
}

TEST(AddUp, WhatIsOlderThanTheReachBecomesWindowsWhereTheShadowIsTooLarge) {
  Warm b(small(400'000));
  b.learn(0, ledger({}), -10);
  std::uint64_t n = 0;
  Records added_up;
  for (int second = 0; second < 60; ++second) {
    n = traffic(b, second, second + 1, n);
    while (auto r = b.shadow.add_up()) {
      EXPECT_EQ(window::validate(*r, Seconds(1)), "");
      added_up.push_back(std::move(*r));
    }
    ASSERT_LE(b.shadow.bytes(), 400'000u);
  }
  ASSERT_GT(added_up.size(), 30u);
  for (std::size_t k = 0; k < added_up.size(); ++k) {
    EXPECT_EQ(added_up[k].span, (window::Span{at(static_cast<double>(k)), at(static_cast<double>(k + 1))})) << "in order, none left out";
    EXPECT_EQ(transactions(added_up[k]), 100u);
    EXPECT_TRUE(added_up[k].seam_doubtful);
    EXPECT_FALSE(b.shadow.take_back(added_up[k].span));
  }
  EXPECT_LE(added_up.back().span.end, at(50)) << "the last 10 s stay transactions";
  // The rest follows one by one.
  EXPECT_EQ(b.shadow.since(), added_up.back().span.end);
  b.shadow.begin(added_up.back().span.end, false);
  std::uint64_t rest = 0;
  for (const auto& r : b.cut()) {
    rest += transactions(r);
    EXPECT_FALSE(r.seam_doubtful);
  }
  EXPECT_EQ(rest + 100 * added_up.size(), n);
}

TEST(AddUp, AnInstanceThatIsAdmittedAddsNothingUp) {
  Warm b(small(1'000));
  b.shadow.begin(at(0), false);
  traffic(b, 0, 0.5, 0);
  EXPECT_FALSE(b.shadow.add_up());
}

TEST(AddUp, NotEvenOneThatWasAStandbyWhoseShadowIsTooLarge) {
  Warm b(small(60'000));
  b.learn(0, ledger({}), -10);
  const std::uint64_t n = traffic(b, 0, 20, 0);
  ASSERT_GT(b.shadow.bytes(), 60'000u);
  b.shadow.begin(at(0), false);
  EXPECT_FALSE(b.shadow.add_up()) << "its records are cut";
  EXPECT_EQ(b.shadow.since(), at(0));
  EXPECT_EQ(b.shadow.kept(), n);
}

TEST(AddUp, WhatIsTooYoungForItGoes_AndIsNotCovered) {
  Warm b(small(60'000));
  b.learn(0, ledger({}), -10);
  std::uint64_t n = 0;
  for (int second = 0; second < 9; ++second) {
    n = traffic(b, second, second + 1, n);
    EXPECT_FALSE(b.shadow.add_up());
    ASSERT_LE(b.shadow.bytes(), 60'000u) << second;
  }
  ASSERT_TRUE(b.shadow.since());
  EXPECT_GE(*b.shadow.since(), at(4));
  EXPECT_FALSE(b.shadow.whole());
  EXPECT_EQ(b.shadow.kept() + b.shadow.counters().thrown_away, n);
  b.shadow.begin(at(0), false);
  for (const auto& r : b.cut()) EXPECT_EQ(transactions(r), 100u) << "a record has all of what it covers";
}

TEST(GivenUp, ARecordThatIsDroppedIsCoveredByNothing) {
  Warm b;
  b.learn(0, ledger({}), -10);
  b.shadow.begin(at(0), false);
  traffic(b, 0, 2, 0);
  const Records r = b.cut();
  ASSERT_EQ(r.size(), 2u);
  b.shadow.given_up(r[0].span);
  EXPECT_FALSE(b.shadow.take_back(r[0].span));
  EXPECT_EQ(b.shadow.since(), at(1));
  EXPECT_EQ(b.shadow.kept(), 100u);
}

}  // namespace
}  // namespace nezu::probe::shadow
