#include "common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nezu::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ReadsAtScrapeTime) {
  Registry registry;
  double frames = 1;
  registry.counter_value("nezuban_frames_total", "frames handed over", [&] { return frames; });
  EXPECT_THAT(registry.text(), HasSubstr("nezuban_frames_total 1\n"));
  frames = 41;
  EXPECT_EQ(registry.text(),
            "# HELP nezuban_frames_total frames handed over\n"
            "# TYPE nezuban_frames_total counter\n"
            "nezuban_frames_total 41\n");
}

TEST(Metrics, LabelsAreEscaped) {
  Registry registry;
  registry.gauge("nezuban_kept_windows", "windows kept", [] {
    return std::vector<Sample>{{{{"probe", "ed\"ge\\\n"}, {"node", "寝"}}, 3}, {{{"probe", "b"}}, 0.5}};
  });
  EXPECT_THAT(registry.text(), HasSubstr("nezuban_kept_windows{probe=\"ed\\\"ge\\\\\\n\",node=\"寝\"} 3\n"));
  EXPECT_THAT(registry.text(), HasSubstr("nezuban_kept_windows{probe=\"b\"} 0.5\n"));
}

TEST(Metrics, HistogramsEndAtInfinity) {
  Registry registry;
  registry.histogram("nezuban_commit_seconds", "time of a commit", [] {
    return std::vector<HistogramSample>{{{{"store", "sqlite"}}, {{0.1, 2}, {1, 5}}, 7, 9.5}};
  });
  const std::string text = registry.text();
  EXPECT_THAT(text, HasSubstr("# TYPE nezuban_commit_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("nezuban_commit_seconds_count{store=\"sqlite\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("nezuban_commit_seconds_sum{store=\"sqlite\"} 9.5\n"));
  EXPECT_THAT(text, HasSubstr("le=\"1\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("le=\"+Inf\"} 7\n"));
}

TEST(Metrics, RemovedOnesAreGoneAndTheirNamesFree) {
  Registry registry;
  registry.gauge_value("a", "x", [] { return 1.0; });
  registry.gauge_value("b", "y", [] { return 2.0; });
  registry.remove("a");
  EXPECT_THAT(registry.text(), Not(HasSubstr("# HELP a")));
  EXPECT_THAT(registry.text(), HasSubstr("b 2\n"));
  registry.gauge_value("a", "x", [] { return 3.0; });
  EXPECT_THAT(registry.text(), HasSubstr("a 3\n"));
}

TEST(Metrics, WrongNamesAreBugs) {
  Registry registry;
  registry.gauge_value("a", "x", [] { return 1.0; });
  EXPECT_DEATH(registry.gauge_value("a", "x", [] { return 1.0; }), "BUG");
  EXPECT_DEATH(registry.gauge_value("a-b", "x", [] { return 1.0; }), "BUG");
  EXPECT_DEATH(registry.gauge_value("1a", "x", [] { return 1.0; }), "BUG");
  EXPECT_DEATH(registry.counter_value("frames", "x", [] { return 1.0; }), "BUG");
}

}  // namespace
}  // namespace nezu::metrics
