#include "manager/query/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/store/memory_store.h"

namespace nezu::query {
namespace {

using store::Resolution;

constexpr std::int64_t kStart = 1'699'999'200;
PacketTime at(double seconds) { return packet_time_ns(kStart * 1'000'000'000 + static_cast<std::int64_t>(seconds * 1e9)); }

class QueryTest : public ::testing::Test {
 protected:
  // A record of `probe`: covered from begin to end, with so many transactions of `milliseconds` each.
  void put(double begin, double end, std::uint64_t transactions, int milliseconds = 10, const std::string& probe = "edge") {
    window::Record r;
    r.span = {at(begin), at(end)};
    r.covered = {r.span};
    window::ServicePart part;
    part.service = 1;
    part.covered = {r.span};
    if (transactions > 0) {
      window::TargetFigures target;
      target.target = 10;
      auto& f = target.figures;
      f.transactions = f.timed = transactions;
      f.response_time.add_bucket(sketch::Histogram::bucket_of(std::chrono::milliseconds(milliseconds)), transactions);
      f.response_time_sum = std::chrono::milliseconds(milliseconds) * transactions;
      f.response_time_max = std::chrono::milliseconds(milliseconds);
      part.targets.push_back(target);
    }
    r.services.push_back(part);
    store::WriteBatch batch;
    batch.records.push_back({probe, r});
    store_.write(std::move(batch), [](Status status) { ASSERT_TRUE(status.ok()); });
  }
  void watch(double begin, std::optional<double> end, const std::string& probe = "edge") {
    store::MonitoringSpan span{++id_, 1, probe, at(begin), std::nullopt};
    if (end) span.end = at(*end);
    monitoring_.push_back(span);
  }
  Series ask(double from, double to, std::optional<Resolution> step = Resolution::s1, const std::string& probe = {}) {
    Request r;
    r.service = 1;
    r.target = 10;
    r.from = at(from);
    r.to = at(to);
    r.step = step;
    r.probe = probe;
    r.monitoring = monitoring_;
    r.now = at(1000);
    auto series = run(store_, r);
    if (!series) {
      ADD_FAILURE() << series.error().message();
      return {};
    }
    return std::move(*series);
  }

  store::MemoryStore store_;
  std::vector<store::MonitoringSpan> monitoring_;
  std::uint64_t id_ = 0;
};

TEST_F(QueryTest, TellsMeasuredIdleGapAndOffApart) {
  watch(2, 6);
  put(2, 3, 5);
  put(3, 4, 0);
  put(5, 5.5, 3);
  const Series s = ask(0, 8);
  ASSERT_EQ(s.points.size(), 8u);
  const Kind kinds[] = {Kind::off, Kind::off, Kind::measured, Kind::idle, Kind::gap, Kind::gap, Kind::off, Kind::off};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(s.points[i].kind, kinds[i]) << i;
  EXPECT_FALSE(s.points[0].figures);
  EXPECT_EQ(s.points[3].figures->transactions, 0u);
  EXPECT_EQ(s.points[3].covered, 1);
  EXPECT_FALSE(s.points[4].figures) << "a gap isn't zero";
  EXPECT_EQ(s.points[4].covered, 0);
  EXPECT_DOUBLE_EQ(s.points[5].covered, 0.5);
  EXPECT_EQ(s.points[5].figures->transactions, 3u);
  EXPECT_DOUBLE_EQ(s.points[5].throughput(), 6) << "per covered second";
  EXPECT_EQ(s.totals.kind, Kind::gap);
  EXPECT_DOUBLE_EQ(s.totals.covered, 2.5 / 4);
  EXPECT_DOUBLE_EQ(s.totals.throughput(), 8 / 2.5);
  EXPECT_FALSE(s.points[3].error_rate());
}

TEST_F(QueryTest, EachProbeSeesOtherTraffic) {
  watch(0, 10, "edge");
  watch(0, 10, "core");
  for (int i = 0; i < 10; ++i) {
    put(i, i + 1, 2, 10, "edge");
    if (i != 4) put(i, i + 1, 4, 40, "core");
  }
  const Series s = ask(0, 10);
  EXPECT_EQ(s.points[0].kind, Kind::measured);
  EXPECT_DOUBLE_EQ(s.points[0].throughput(), 6) << "two probes, one second";
  EXPECT_EQ(s.points[4].kind, Kind::gap) << "one probe's coverage doesn't stand for the other's";
  EXPECT_DOUBLE_EQ(s.points[4].covered, 0.5);
  EXPECT_DOUBLE_EQ(s.totals.covered, 0.95);
  EXPECT_EQ(s.totals.figures->transactions, 56u);
  const Series one = ask(0, 10, Resolution::s1, "edge");
  EXPECT_EQ(one.totals.kind, Kind::measured);
  EXPECT_EQ(one.totals.figures->transactions, 20u);
  EXPECT_DOUBLE_EQ(one.totals.throughput(), 2);
}

TEST_F(QueryTest, PercentilesComeFromTheMergeAndAveragesFromSums) {
  watch(0, 100);
  for (int i = 0; i < 90; ++i) put(i, i + 1, 1, 10);
  for (int i = 90; i < 100; ++i) put(i, i + 1, 1, 1000);
  const Series s = ask(0, 100, Resolution::s10);
  ASSERT_EQ(s.points.size(), 10u);
  EXPECT_NEAR(to_seconds(s.totals.figures->response_time.quantile(0.9)), 0.010, 0.010 * 0.011);
  EXPECT_NEAR(to_seconds(s.totals.figures->response_time.quantile(0.95)), 1.0, 0.011);
  EXPECT_DOUBLE_EQ(*average_seconds(s.totals.figures->response_time_sum, s.totals.figures->timed), 0.109);
  EXPECT_FALSE(average_seconds(Nanos(0), 0));
}

TEST_F(QueryTest, TheSpanIsWidenedToWholeSteps) {
  watch(0, 100);
  for (int i = 0; i < 100; ++i) put(i, i + 1, 1);
  const Series s = ask(15, 32, Resolution::s10);
  EXPECT_EQ(s.from, at(10));
  EXPECT_EQ(s.to, at(40));
  ASSERT_EQ(s.points.size(), 3u);
  EXPECT_EQ(s.totals.figures->transactions, 30u);
  EXPECT_EQ(s.totals.kind, Kind::measured);
}

// Monitoring that is on: what the newest seconds bring may be on its way, later it is a gap; the future is neither.
TEST_F(QueryTest, TheNewestSecondsAreNoGapYet) {
  watch(990, std::nullopt);
  for (int i = 990; i < 995; ++i) put(i, i + 1, 1);
  const Series s = ask(990, 1010);
  EXPECT_EQ(s.points[4].kind, Kind::measured);
  EXPECT_EQ(s.points[5].kind, Kind::gap);
  EXPECT_EQ(s.points[6].kind, Kind::gap);
  EXPECT_EQ(s.points[7].kind, Kind::off) << "younger than the delivery takes";
  EXPECT_EQ(s.points[19].kind, Kind::off);
}

TEST_F(QueryTest, StepIsChosenByPointsAndRetention) {
  const store::Retention r;
  const auto hours = [](int h) { return std::chrono::hours(h); };
  const PacketTime now = at(0);
  EXPECT_EQ(choose(r, now - Nanos(std::chrono::minutes(10)), now, now), Resolution::s1);
  EXPECT_EQ(choose(r, now - Nanos(hours(1)), now, now), Resolution::s10);
  EXPECT_EQ(choose(r, now - Nanos(hours(72)), now - Nanos(hours(72)) + std::chrono::seconds(60), now), Resolution::s10);
  EXPECT_EQ(choose(r, now - Nanos(hours(10)), now, now), Resolution::m1);
  EXPECT_EQ(choose(r, now - Nanos(hours(24 * 25)), now, now), Resolution::h1);
  EXPECT_EQ(choose(r, now - Nanos(hours(24 * 32)), now, now), Resolution::d1);
  EXPECT_EQ(choose(r, now - Nanos(hours(24 * 365 * 20)), now, now), Resolution::d1);
}

TEST_F(QueryTest, BadSpansAreNamed) {
  Request r;
  r.service = 1;
  r.from = at(10);
  r.to = at(10);
  r.now = at(1000);
  auto same = run(store_, r);
  ASSERT_FALSE(same.ok());
  EXPECT_THAT(same.error().message(), ::testing::StartsWith("to: "));
  r.from = r.now - Nanos(std::chrono::hours(47));
  r.to = r.now;
  r.step = Resolution::s1;
  EXPECT_THAT(run(store_, r).error().message(), ::testing::HasSubstr("169200 points"));
  r.from = r.now - Nanos(std::chrono::hours(49));
  r.to = r.from + std::chrono::seconds(60);
  EXPECT_THAT(run(store_, r).error().message(), ::testing::HasSubstr("kept for 2d"));
}

}  // namespace
}  // namespace nezu::query
