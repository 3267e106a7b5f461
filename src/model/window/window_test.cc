#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "common/base/random.h"
#include "model/window/counters.h"
#include "model/window/figures.h"
#include "model/window/record.h"

namespace nezu::window {
namespace {

using testing::HasSubstr;

Span span(std::int64_t begin, std::int64_t end) { return {packet_time_ns(begin), packet_time_ns(end)}; }

// A set of whole nanoseconds, as slow and as plain as can be: what the span functions are held against.
std::set<int> points(const Spans& spans) {
  std::set<int> all;
  for (const Span& s : spans) {
    for (std::int64_t t = to_ns(s.begin); t < to_ns(s.end); ++t) all.insert(static_cast<int>(t));
  }
  return all;
}

Spans any_spans(Random& random) {
  Spans spans;
  for (std::uint64_t n = random.below(6); n > 0; --n) {
    const auto begin = static_cast<std::int64_t>(random.below(40));
    spans.push_back(span(begin, begin + static_cast<std::int64_t>(random.below(12)) - 2));
  }
  return spans;
}

void expect_normal(const Spans& spans) {
  for (std::size_t i = 0; i < spans.size(); ++i) {
    ASSERT_FALSE(spans[i].empty());
    if (i > 0) { ASSERT_GT(spans[i].begin, spans[i - 1].end); }
  }
}

TEST(Spans, FunctionsAgreeWithSetsOfInstants) {
  SeededRandom random(1);
  for (int round = 0; round < 20'000; ++round) {
    const Spans raw_a = any_spans(random), raw_b = any_spans(random);
    const Spans a = normalise(raw_a), b = normalise(raw_b);
    ASSERT_EQ(points(a), points(raw_a));
    const std::set<int> in_a = points(a), in_b = points(b);
    std::set<int> both, only_a, either = in_a;
    for (const int t : in_a) (in_b.count(t) > 0 ? both : only_a).insert(t);
    either.insert(in_b.begin(), in_b.end());
    ASSERT_EQ(points(intersect(a, b)), both);
    ASSERT_EQ(points(subtract(a, b)), only_a);
    ASSERT_EQ(points(unite(a, b)), either);
    ASSERT_EQ(total(a).count(), static_cast<std::int64_t>(in_a.size()));
    for (const Spans& s : {a, intersect(a, b), subtract(a, b), unite(a, b)}) expect_normal(s);
  }
}

Figures any_figures(Random& random) {
  Figures f;
  for (std::uint64_t n = random.below(20); n > 0; --n) {
    ++f.transactions;
    const std::uint64_t outcome = random.below(9);
    if (outcome == 6) ++f.failed_reset, ++f.errors;
    if (outcome == 7) ++f.failed_closed, ++f.errors;
    if (outcome == 8) ++f.failed_timeout, ++f.errors;
    if (outcome > 5) continue;
    ++f.status_class[outcome];
    if (outcome == 5) ++f.errors;
    ++f.timed;
    const Nanos rt(static_cast<std::int64_t>(1 + random.below(5'000'000'000)));
    const Nanos ttfb(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(rt.count()))));
    f.response_time_sum += rt;
    f.response_time_max = std::max(f.response_time_max, rt);
    f.response_time.add(rt);
    f.ttfb_sum += ttfb;
    f.ttfb_max = std::max(f.ttfb_max, ttfb);
    f.ttfb.add(ttfb);
    f.transfer_sum += rt - ttfb;
    f.response_bytes += random.below(100'000);
  }
  if (random.below(2) == 0) {
    ++f.handshakes;
    f.handshake_rtt_sum += Millis(1);
    f.handshake_rtt_max = std::max(f.handshake_rtt_max, Nanos(Millis(1)));
  }
  f.retransmissions += random.below(3);
  f.unmeasured += random.below(3);
  return f;
}

TEST(Figures, MergeCommutesAssociatesAndStaysValid) {
  SeededRandom random(2);
  for (int round = 0; round < 500; ++round) {
    const Figures a = any_figures(random), b = any_figures(random), c = any_figures(random);
    Figures ab = a, ba = b, bc = b, ab_c = a, a_bc = a, nothing;
    ab.merge(b);
    ba.merge(a);
    ASSERT_EQ(ab, ba);
    ab_c.merge(b), ab_c.merge(c), bc.merge(c), a_bc.merge(bc);
    ASSERT_EQ(ab_c, a_bc);
    nothing.merge(a);
    ASSERT_EQ(nothing, a);

    Record r;
    r.span = span(0, 1'000'000'000);
    r.services = {{1, 1, {r.span}, {{1, ab_c}}}};
    ASSERT_EQ(validate(r, Seconds(1)), "");
  }
}

TEST(Figures, SumsStayAtTheirEnd) {
  Figures f;
  f.response_time_sum = Nanos::max() - Nanos(1);
  Figures g = f;
  f.merge(g);
  EXPECT_EQ(f.response_time_sum, Nanos::max());
}

TEST(Counters, EveryMemberIsAddedAndTakenAway) {
  // All members are 64-bit numbers in a row: what the list in counters.cc leaves out shows here.
  Counters a;
  constexpr std::size_t n = sizeof(Counters) / sizeof(std::uint64_t);
  std::array<std::uint64_t, n> numbers{};
  for (std::size_t i = 0; i < n; ++i) numbers[i] = i + 1;
  std::memcpy(static_cast<void*>(&a), numbers.data(), sizeof a);
  Counters sum = a;
  sum += a;
  std::array<std::uint64_t, n> doubled{};
  std::memcpy(doubled.data(), &sum, sizeof sum);
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(doubled[i], 2 * (i + 1)) << "member " << i;
  sum -= a;
  EXPECT_EQ(sum, a);
}

TEST(Counters, ReconcileSaysWhatDoesntAddUp) {
  Counters c;
  c.frames = 10;
  c.frame_fate[static_cast<std::size_t>(FrameFate::decoded)] = 6;
  c.frame_fate[static_cast<std::size_t>(FrameFate::snapped)] = 1;
  c.frame_fate[static_cast<std::size_t>(FrameFate::not_ip)] = 3;
  c.segments = 5;
  c.bare_segments = 2;
  c.segment_fate[static_cast<std::size_t>(SegmentFate::delivered)] = 4;
  c.requests = 3;
  c.request_fate[static_cast<std::size_t>(RequestFate::answered)] = 2;
  EXPECT_EQ(reconcile(c, {1, 1}), "");
  EXPECT_THAT(reconcile(c, {1, 0}), HasSubstr("segments: 5 with payload, but 4"));
  EXPECT_THAT(reconcile(c, {0, 1}), HasSubstr("requests: 3 begun, but 2"));
  ++c.frames;
  EXPECT_THAT(reconcile(c, {1, 1}), HasSubstr("frames: 11 handed over, but 10"));
  --c.frames;
  ++c.bare_segments;
  EXPECT_THAT(reconcile(c, {1, 1}), HasSubstr("7 frames decoded, but 5 segments with payload and 3 without"));
}

template <class Fate>
void expect_names() {
  std::set<std::string> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Fate::count); ++i) names.insert(name(static_cast<Fate>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Fate::count));
  EXPECT_EQ(names.count("unknown"), 0U);
}

TEST(Counters, EachFateHasANameOfItsOwn) {
  expect_names<FrameFate>();
  expect_names<SegmentFate>();
  expect_names<RequestFate>();
}

Record good_record() {
  SeededRandom random(3);
  Record r;
  r.instance.bytes = random.next_id();
  r.epoch = 7;
  r.span = span(1'000'000'000, 2'000'000'000);
  r.covered = {span(1'000'000'000, 1'300'000'000), span(1'400'000'000, 2'000'000'000)};
  Figures f;
  while (f.timed < 2 || f.handshakes == 0) f.merge(any_figures(random));
  r.services = {{1, 3, r.covered, {{1, f}, {2, f}}}, {2, 1, {}, {}}};
  r.ledger.entries = {{1, 2, r.span.begin}, {0, 3, r.span.begin}};
  return r;
}

TEST(Validate, AGoodRecordIsWell) { EXPECT_EQ(validate(good_record(), Seconds(1)), ""); }

struct Broken {
  const char* name;
  void (*breaks)(Record&);
  const char* says;
};

class ValidateRefuses : public testing::TestWithParam<Broken> {};

TEST_P(ValidateRefuses, WhatCantBe) {
  Record r = good_record();
  GetParam().breaks(r);
  EXPECT_THAT(validate(r, Seconds(1)), HasSubstr(GetParam().says));
}

Figures& figures(Record& r) { return r.services[0].targets[0].figures; }

INSTANTIATE_TEST_SUITE_P(
    Rules, ValidateRefuses,
    testing::Values(
        Broken{"EmptySpan", [](Record& r) { r.span.end = r.span.begin; }, "span: "},
        Broken{"LongSpan", [](Record& r) { r.span.end += Nanos(1); }, "longer than 1s"},
        Broken{"EndlessSpan", [](Record& r) { r.span = span(INT64_MIN, INT64_MAX); }, "before 1970"},
        Broken{"CoveredOutside", [](Record& r) { r.covered[1].end += Nanos(1); }, "covered[1]: "},
        Broken{"CoveredBefore", [](Record& r) { r.covered[0].begin -= Nanos(1); }, "reaches out"},
        Broken{"CoveredEmpty", [](Record& r) { r.covered[0].end = r.covered[0].begin; }, "is empty"},
        Broken{"CoveredTouches", [](Record& r) { r.covered[1].begin = r.covered[0].end; }, "covered[1]"},
        Broken{"CoveredOutOfOrder", [](Record& r) { std::swap(r.covered[0], r.covered[1]); }, "covered[1]"},
        Broken{"ServiceCoveredOutside", [](Record& r) { r.services[0].covered[1].end += Nanos(1); }, "services[0].covered[1]"},
        Broken{"ServiceTwice", [](Record& r) { r.services[1].service = 1; }, "service 1 is there twice"},
        Broken{"TargetTwice", [](Record& r) { r.services[1].targets.push_back(r.services[0].targets[1]); }, "target 2 is there twice"},
        Broken{"OutcomesDontAddUp", [](Record& r) { ++figures(r).transactions; }, "answered or failed"},
        Broken{"MoreTimed", [](Record& r) { ++figures(r).timed; }, "in the histogram"},
        Broken{"TtfbMissing", [](Record& r) { figures(r).ttfb.clear(); }, "times to first byte"},
        Broken{"MoreErrors", [](Record& r) { figures(r).errors = figures(r).transactions + 1; }, "errors of"},
        Broken{"TimingOnly", [](Record& r) { figures(r).timing_only = figures(r).transactions + 1; }, "timing_only"},
        Broken{"NegativeSum", [](Record& r) { figures(r).response_time_sum = Nanos(-1); }, "negative"},
        Broken{"NegativeTransfer", [](Record& r) { figures(r).transfer_sum = Nanos(-1); }, "transfer"},
        Broken{"MaxAboveSum", [](Record& r) { figures(r).response_time_max = figures(r).response_time_sum + Nanos(1); },
               "more than the sum"},
        Broken{"SumAboveMax", [](Record& r) { figures(r).ttfb_sum = figures(r).ttfb_max * static_cast<int>(figures(r).timed) + Nanos(1); },
               "times the largest"},
        Broken{"HandshakeOfNothing", [](Record& r) { figures(r).handshakes = 0; }, "of nothing"},
        Broken{"HugeCount", [](Record& r) { figures(r).response_bytes = std::uint64_t{1} << 49; }, "2^48"},
        Broken{"HugeClass", [](Record& r) { figures(r).status_class[2] = ~std::uint64_t{0}; }, "2^48"},
        Broken{"NamelessTransaction", [](Record& r) { r.ledger.entries[1].response = 0; }, "ledger.entries[1]"}),
    [](const auto& broken) { return broken.param.name; });

TEST(Validate, ErrorsAreAtLeastWhatFailed) {
  Record r = good_record();
  Figures& f = figures(r);
  f.failed_reset += 1;
  f.transactions += 1;
  f.errors = 0;
  EXPECT_THAT(validate(r, Seconds(1)), HasSubstr("errors of"));
}

TEST(InstanceId, IsHex) {
  InstanceId id;
  id.bytes[0] = 0xab;
  id.bytes[15] = 0x01;
  EXPECT_EQ(to_string(id), "ab000000000000000000000000000001");
}

}  // namespace
}  // namespace nezu::window
