#include "manager/ingest/span_table.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/random.h"

namespace nezu::ingest {
namespace {

using Answer = SpanTable::Answer;
window::InstanceId instance(std::uint8_t n) { return window::InstanceId{{n}}; }
window::Span span(std::int64_t begin, std::int64_t end) { return {packet_time_ns(begin), packet_time_ns(end)}; }

TEST(SpanTable, a_day_of_seconds_is_one_run) {
  SpanTable table(10);
  for (std::int64_t s = 0; s < 86'400; ++s) table.add(span(s * 1000, s * 1000 + 1000), instance(1));
  EXPECT_EQ(table.runs(), 1u);
  EXPECT_EQ(table.look_up(span(5000, 6000), instance(1)), Answer::same);
  EXPECT_EQ(table.look_up(span(5000, 6000), instance(2)), Answer::taken);
  EXPECT_EQ(table.look_up(span(5500, 6500), instance(1)), Answer::taken);
  EXPECT_EQ(table.look_up(span(5000, 7000), instance(1)), Answer::taken);
}

TEST(SpanTable, what_was_restored_matches_any_cut_of_its_instance) {
  SpanTable table(10);
  table.restore(span(1000, 5000), instance(1));
  table.restore(span(5000, 6000), std::nullopt);
  EXPECT_EQ(table.look_up(span(2000, 2500), instance(1)), Answer::same);
  EXPECT_EQ(table.look_up(span(2000, 2500), instance(2)), Answer::taken);
  EXPECT_EQ(table.look_up(span(5000, 6000), instance(9)), Answer::same);
  EXPECT_EQ(table.look_up(span(4500, 5500), instance(1)), Answer::taken);
}

TEST(SpanTable, forgets_the_oldest_beyond_its_limit_and_knows_that) {
  SpanTable table(2);
  for (std::int64_t i = 0; i < 4; ++i) table.add(span(i * 100, i * 100 + 10), instance(1));
  EXPECT_EQ(table.runs(), 2u);
  EXPECT_EQ(table.horizon(), packet_time_ns(110));
  EXPECT_EQ(table.look_up(span(0, 10), instance(1)), Answer::too_old);
  EXPECT_EQ(table.look_up(span(120, 130), instance(1)), Answer::free);
}

// Against the plainest thing that can answer: a list of all spans.
TEST(SpanTable, agrees_with_a_plain_list) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    SpanTable table(1000);
    struct Plain {
      window::Span span;
      std::uint8_t instance;
    };
    std::vector<Plain> plain;
    for (int step = 0; step < 200; ++step) {
      const auto begin = static_cast<std::int64_t>(random.below(60)), length = static_cast<std::int64_t>(1 + random.below(4));
      const window::Span s = span(begin, begin + length);
      const auto who = static_cast<std::uint8_t>(1 + random.below(2));
      Answer wanted = Answer::free;
      for (const Plain& p : plain) {
        if (!p.span.overlaps(s)) continue;
        wanted = p.span == s && p.instance == who ? Answer::same : Answer::taken;
        if (wanted == Answer::taken) break;
      }
      const Answer got = table.look_up(s, instance(who));
      // Two equal spans of one instance that touch look the same however they were cut, as long as the steps fit.
      ASSERT_EQ(got, wanted) << "seed " << seed << " step " << step;
      if (got != Answer::free) continue;
      table.add(s, instance(who));
      plain.push_back({s, who});
    }
  }
}

}  // namespace
}  // namespace nezu::ingest
