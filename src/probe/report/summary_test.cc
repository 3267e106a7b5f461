#include "probe/report/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "probe/report/summary_text.h"

namespace nezu::probe::report {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;

Transaction answered(std::string_view host, int ms, std::uint16_t status = 200) {
  Transaction t;
  t.host = host;
  t.request_begin = t.request_end = packet_time_ns(1'700'000'000'000'000'000);
  t.response_begin = t.response_end = t.decided = t.request_begin + Millis(ms);
  t.has_request = t.has_response = t.has_times = true;
  t.status = status;
  t.request_bytes = 10;
  t.response_bytes = 1014;
  return t;
}
Transaction unanswered(std::string_view host, Reason reason) {
  Transaction t = answered(host, 5000);
  t.has_response = t.has_times = false;
  t.status = 0;
  t.completeness = Completeness::no_response;
  t.reason = reason;
  return t;
}

TEST(Summary, CountsAnsweredAndFailedApartFromWhatTheCaptureMissed) {
  Summary s(100, {1, 2});
  s.add(answered("a", 10));
  s.add(answered("a", 30, 503));
  s.add(answered("a", 20, 404));
  for (const Reason r : {Reason::reset, Reason::closed, Reason::timeout}) s.add(unanswered("a", r));
  for (const Reason r : {Reason::response_lost, Reason::capture_end, Reason::evicted, Reason::ambiguous_framing}) s.add(unanswered("a", r));
  Transaction stray = answered("b", 1);
  stray.completeness = Completeness::no_request;
  s.add(stray);
  ASSERT_EQ(s.hosts().size(), 1u);
  const HostFigures& a = *s.hosts()[0];
  EXPECT_EQ(a.transactions, 6u);
  EXPECT_EQ(a.errors, 4u);
  EXPECT_EQ(a.unmeasured, 4u);
  EXPECT_EQ(a.timed, 3u);
  EXPECT_EQ(a.average(), Millis(20));
  EXPECT_EQ(a.response_time_max, Millis(30));
  EXPECT_DOUBLE_EQ(s.seconds(), 5.0);
}

TEST(Summary, HostsBeyondTheLimitAreAddedUpAsOther) {
  Summary s(2, {1, 2});
  for (int i = 0; i < 3; ++i) s.add(answered("a", 1));
  for (int i = 0; i < 4; ++i) s.add(answered("b", 1));
  for (int i = 0; i < 50; ++i) s.add(answered("host" + std::to_string(i), 1));
  ASSERT_EQ(s.hosts().size(), 3u);
  EXPECT_EQ(s.hosts()[0]->host, "b");
  EXPECT_EQ(s.hosts()[1]->host, "a");
  EXPECT_EQ(s.hosts()[2]->host, "(other)");
  EXPECT_EQ(s.hosts()[2]->transactions, 50u);
  EXPECT_EQ(s.total().transactions, 57u);
}

TEST(Summary, MergingWorkersEqualsOneThatSawEverything) {
  Summary all(100, {1, 2}), one(100, {3, 4}), two(100, {5, 6});
  for (int i = 0; i < 200; ++i) {
    const std::string host = "h" + std::to_string(i % 7);
    all.add(answered(host, i));
    (i % 2 ? one : two).add(answered(host, i));
  }
  one.merge(two);
  EXPECT_EQ(summary_json(one, {}), summary_json(all, {}));
}

TEST(SummaryTable, IsAlignedSortedAndSafe) {
  Summary s(100, {1, 2});
  for (int i = 0; i < 2'000; ++i) s.add(answered("big.example", 12));
  s.add(answered("日本.example", 3, 500));
  s.add(answered("evil\x1b[31m\x80\xc2\x9b", 3));
  const std::string table = summary_table(s, {}, {.columns = 120, .rows = 0});
  EXPECT_THAT(table, HasSubstr("big.example"));
  EXPECT_THAT(table, HasSubstr("2 000"));
  EXPECT_THAT(table, HasSubstr("1 (100.0 %)"));
  EXPECT_THAT(table, HasSubstr("evil?[31m"));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_LT(table.find("big.example"), table.find("evil"));
  EXPECT_THAT(table, Not(HasSubstr("Not measured")));  // nothing was lost
}

TEST(SummaryTable, TellsWhatWasLostAndWhy) {
  Losses losses;
  losses.counters.kernel_drops = 1'234;
  losses.own_copies = 7;
  const std::string table = summary_table(Summary(10, {}), losses, {});
  EXPECT_THAT(table, HasSubstr("No HTTP transactions were seen."));
  EXPECT_THAT(table, HasSubstr("1 234  frames lost by the capture"));
  EXPECT_THAT(table, HasSubstr("7 second copies on the loopback left out"));
}

TEST(SummaryTable, ShowsAsManyRowsAsThereIsRoomFor) {
  Summary s(100, {1, 2});
  for (int i = 0; i < 20; ++i) s.add(answered("h" + std::to_string(i), 1));
  const std::string table = summary_table(s, {}, {.columns = 80, .rows = 5});
  EXPECT_THAT(table, HasSubstr("total (15 more)"));
}

TEST(SummaryJson, IsValidAndHoldsTheFigures) {
  Summary s(100, {1, 2});
  s.add(answered("a\xff", 10));
  s.add(unanswered("a\xff", Reason::capture_end));
  const boost::json::value v = boost::json::parse(summary_json(s, {}));
  EXPECT_EQ(v.at("hosts").as_array().at(0).at("host").as_string(), "aÿ");
  EXPECT_EQ(v.at("total").at("transactions").as_int64(), 1);
  EXPECT_EQ(v.at("total").at("unmeasured").as_int64(), 1);
  EXPECT_DOUBLE_EQ(v.at("total").at("response_time").at("max").as_double(), 0.01);
  EXPECT_EQ(v.at("counters").at("frame_fate").as_object().size(), static_cast<std::size_t>(window::FrameFate::count));
  EXPECT_TRUE(boost::json::parse(summary_json(Summary(1, {}), {})).at("begin").is_null());
}

TEST(SummaryCsv, HasALineAHostAndTheTotal) {
  Summary s(100, {1, 2});
  s.add(answered("a,b", 10));
  EXPECT_THAT(summary_csv(s), HasSubstr("\"a,b\",1,100.000000,0,0,0.010000000,"));
  EXPECT_THAT(summary_csv(s), HasSubstr("(total),1,"));
}

TEST(Human, ThreeFigures) {
  EXPECT_EQ(human_time(Nanos(850)), "850 ns");
  EXPECT_EQ(human_time(Nanos(12'345)), "12.3 µs");
  EXPECT_EQ(human_time(Nanos(999'600)), "1.00 ms");
  EXPECT_EQ(human_time(Millis(1'254)), "1.25 s");
  EXPECT_EQ(human_time(Seconds(123)), "2 min 3 s");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_count(1'234'567), "1 234 567");
  EXPECT_EQ(human_count(123), "123");
}

}  // namespace
}  // namespace nezu::probe::report
