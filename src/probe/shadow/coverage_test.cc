#include "probe/shadow/coverage.h"

#include <gmock/gmock.h>

#include "probe/shadow/test_slices.h"

namespace nezu::probe::shadow {
namespace {

using testing::at;
using testing::mono;
using testing::plan;
using testing::SliceMaker;
using testing::span;

class TwoWorkers {
 public:
  void come_to(std::size_t worker, double t, const window::Spans& lost = {}, double now = 0) {
    coverage.take(*workers[worker].until(t, lost), mono(now));
  }
  Coverage coverage{2};
  std::array<SliceMaker, 2> workers{SliceMaker(0, 0), SliceMaker(0, 1)};
};

TEST(Coverage, TheWatermarkIsThatOfTheSlowest) {
  TwoWorkers w;
  EXPECT_EQ(w.coverage.watermark(), PacketTime{});
  w.come_to(0, 2);
  EXPECT_EQ(w.coverage.watermark(), PacketTime{}) << "the other one hasn't handed over anything";
  w.come_to(1, 1);
  EXPECT_EQ(w.coverage.watermark(), at(1));
}

TEST(Coverage, WhoHasEndedIsNotWaitedFor) {
  TwoWorkers w;
  w.come_to(0, 0.4);
  w.come_to(1, 1);
  w.coverage.finished(0);
  EXPECT_EQ(w.coverage.watermark(), at(1));
  w.come_to(1, 1.5);
  w.coverage.finished(1);
  EXPECT_EQ(w.coverage.watermark(), at(1.5)) << "where all have ended, that of the last";
  EXPECT_EQ(w.coverage.captured({at(0), at(2)}), span(0, 0.4)) << "but from 0.4 on a share wasn't watched";
}

TEST(Coverage, IsWhatAllWorkersWatched) {
  TwoWorkers w;
  w.come_to(0, 2, span(0.5, 0.7));
  w.come_to(1, 1.8, span(0.6, 0.8));
  EXPECT_EQ(w.coverage.captured({at(0.2), at(2)}), (window::Spans{{at(0.2), at(0.5)}, {at(0.8), at(1.8)}}));
}

TEST(Coverage, SlicesThatFollowOneAnotherAreOnePiece) {
  TwoWorkers w;
  for (int i = 1; i <= 50; ++i) {
    w.come_to(0, i * 0.02);
    w.come_to(1, i * 0.02);
  }
  EXPECT_EQ(w.coverage.captured({at(0), at(1)}), span(0, 1));
  EXPECT_EQ(w.coverage.services({at(0), at(1)}).at(1).covered, span(0, 1));
}

TEST(Coverage, StuckIsWhoHasNotComeThereAndMakesNoProgress) {
  TwoWorkers w;
  w.come_to(0, 1, {}, 10);
  w.come_to(1, 0.5, {}, 10);
  EXPECT_FALSE(w.coverage.stuck(at(1), mono(9.9))) << "it has just come on";
  EXPECT_TRUE(w.coverage.stuck(at(1), mono(10)));
  w.coverage.alive(1, at(0.6), mono(11));
  EXPECT_FALSE(w.coverage.stuck(at(1), mono(10))) << "it is alive, though it has nothing to hand over";
  w.coverage.alive(1, at(0.6), mono(12));
  EXPECT_TRUE(w.coverage.stuck(at(1), mono(11))) << "saying the same again is no progress";
}

TEST(Coverage, AServiceIsCoveredWhereAllWorkersMeasureIt) {
  TwoWorkers w;
  w.workers[0].set_plan(plan({{1, 1}, {2, 1}}), 0.25);
  w.workers[1].set_plan(plan({{1, 1}, {2, 1}}), 0.5);
  w.come_to(0, 1);
  w.come_to(1, 1);
  const auto s = w.coverage.services({at(0), at(1)});
  EXPECT_EQ(s.at(1).covered, span(0, 1));
  EXPECT_EQ(s.at(2).covered, span(0.5, 1));
}

TEST(Coverage, AServiceThatOneWorkerDoesNotMeasureYetIsNotCovered) {
  TwoWorkers w;
  w.workers[0].set_plan(plan({{1, 1}, {2, 1}}), 0.25);
  w.come_to(0, 1);
  w.come_to(1, 1);
  EXPECT_TRUE(w.coverage.services({at(0), at(1)}).at(2).covered.empty());
}

TEST(Coverage, AServiceThatStopsAndStartsAgainHasAGap) {
  TwoWorkers w;
  for (auto& worker : w.workers) {
    worker.set_plan(plan({}), 0.4);
    worker.set_plan(plan({{1, 1}}), 0.6);
  }
  w.come_to(0, 1);
  w.come_to(1, 1);
  EXPECT_EQ(w.coverage.services({at(0), at(1)}).at(1).covered, (window::Spans{{at(0), at(0.4)}, {at(0.6), at(1)}}));
  EXPECT_EQ(w.coverage.measured({at(0), at(1)}), (window::Spans{{at(0), at(0.4)}, {at(0.6), at(1)}}));
  EXPECT_EQ(w.coverage.captured({at(0), at(1)}), span(0, 1));
}

TEST(Coverage, OfTwoVersionsTheNewerStandsAndTheRestIsAGap) {
  TwoWorkers w;
  w.workers[0].set_plan(plan({{1, 2}}), 0.4);
  w.workers[1].set_plan(plan({{1, 2}}), 0.5);
  w.come_to(0, 1);
  w.come_to(1, 1);
  const auto s = w.coverage.services({at(0), at(1)});
  EXPECT_EQ(s.at(1).version, 2u);
  EXPECT_EQ(s.at(1).covered, span(0.5, 1));
}

TEST(Coverage, AVersionThatOnlyOneWorkerHasIsNotCovered_WhicheverItIs) {
  for (const std::size_t newer : {0u, 1u}) {
    TwoWorkers w;
    w.workers[newer].set_plan(plan({{1, 2}}), 0.4);
    w.come_to(0, 1);
    w.come_to(1, 1);
    const auto s = w.coverage.services({at(0), at(1)});
    EXPECT_EQ(s.at(1).version, 2u);
    EXPECT_TRUE(s.at(1).covered.empty());
  }
}

TEST(Coverage, IsWholeWhereAllThatIsMeasuredNowWasMeasuredThroughout) {
  TwoWorkers w;
  w.come_to(0, 2);
  w.come_to(1, 2);
  EXPECT_TRUE(w.coverage.whole({at(0), at(2)}));
  EXPECT_FALSE(w.coverage.whole({at(-1), at(2)}));
  EXPECT_FALSE(w.coverage.whole({at(2), at(2)}));
  for (auto& worker : w.workers) worker.set_plan(plan({{1, 1}, {2, 1}}), 2);
  w.come_to(0, 3);
  w.come_to(1, 3);
  EXPECT_FALSE(w.coverage.whole({at(1), at(3)})) << "the second service only since 2";
  EXPECT_TRUE(w.coverage.whole({at(2), at(3)}));
  for (auto& worker : w.workers) worker.set_plan(plan({{1, 1}}), 3);
  w.come_to(0, 4, span(3.5, 3.6));
  w.come_to(1, 4);
  EXPECT_FALSE(w.coverage.whole({at(1), at(4)})) << "a hole";
  w.come_to(0, 5);
  w.come_to(1, 5);
  EXPECT_TRUE(w.coverage.whole({at(3.6), at(5)}));
}

TEST(Coverage, IsNotWholeWhereNothingIsMeasured) {
  TwoWorkers w;
  for (auto& worker : w.workers) worker.set_plan(plan({}), 1);
  w.come_to(0, 2);
  w.come_to(1, 2);
  EXPECT_FALSE(w.coverage.whole({at(0), at(2)}));
}

TEST(Coverage, WhatIsForgottenIsNotCovered) {
  TwoWorkers w;
  w.workers[0].set_plan(plan({{1, 2}}), 1);
  w.workers[1].set_plan(plan({{1, 2}}), 1);
  w.come_to(0, 2);
  w.come_to(1, 2);
  w.coverage.forget(at(1.5));
  EXPECT_EQ(w.coverage.captured({at(0), at(2)}), span(1.5, 2));
  EXPECT_EQ(w.coverage.services({at(0), at(1.2)}).count(1), 0u);
  EXPECT_EQ(w.coverage.services({at(0), at(2)}).at(1).covered, span(1.5, 2));
}

}  // namespace
}  // namespace nezu::probe::shadow
