#include "manager/ingest/ingest.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/random.h"

namespace nezu::ingest {
namespace {

using Kind = Verdict::Kind;
constexpr std::int64_t kSecond = 1'000'000'000;
const WallTime kNow = wall_time_ns(1'000'000 * kSecond);
window::InstanceId instance(std::uint8_t n) { return window::InstanceId{{n}}; }
window::Record record(std::uint8_t who, std::uint64_t epoch, std::int64_t begin_ms, std::int64_t end_ms) {
  window::Record r;
  r.instance = instance(who);
  r.epoch = epoch;
  r.span = {packet_time_ns(begin_ms * 1'000'000), packet_time_ns(end_ms * 1'000'000)};
  return r;
}
Refused reason(Ingest& ingest, const window::Record& r, std::uint64_t epoch) {
  const Verdict verdict = ingest.decide("edge", r.instance, epoch, r, kNow);
  EXPECT_EQ(verdict.kind, Kind::refuse);
  EXPECT_FALSE(verdict.text.empty());
  return verdict.reason;
}

TEST(Ingest, stores_what_is_new_and_acknowledges_a_repeat) {
  Ingest ingest({});
  const auto r = record(1, 1, 1000, 2000);
  EXPECT_EQ(ingest.decide("edge", r.instance, 1, r, kNow).kind, Kind::store);
  EXPECT_EQ(ingest.stored_until("edge"), PacketTime{}) << "not before it is durable";
  EXPECT_EQ(ingest.decide("edge", r.instance, 1, r, kNow).kind, Kind::repeat) << "also while it is on its way to the disk";
  ingest.durable("edge", r);
  EXPECT_EQ(ingest.stored_until("edge"), r.span.end);
  EXPECT_EQ(ingest.counters("edge").stored, 1u);
  EXPECT_EQ(ingest.counters("edge").repeats, 1u);
}

TEST(Ingest, a_repeat_is_acknowledged_under_an_old_epoch_too) {
  Ingest ingest({});
  const auto r = record(1, 1, 1000, 2000);
  EXPECT_EQ(ingest.decide("edge", r.instance, 1, r, kNow).kind, Kind::store);
  EXPECT_EQ(ingest.decide("edge", r.instance, 2, r, kNow).kind, Kind::repeat);
}

TEST(Ingest, refuses_by_reason) {
  Ingest ingest({});
  const auto first = record(1, 1, 1000, 2000);
  ingest.decide("edge", first.instance, 1, first, kNow);
  EXPECT_EQ(reason(ingest, record(1, 1, 2000, 3000), 2), Refused::old_epoch);
  EXPECT_EQ(reason(ingest, record(1, 2, 1500, 2500), 2), Refused::overlap);
  EXPECT_EQ(reason(ingest, record(2, 2, 1000, 2000), 2), Refused::overlap) << "the same span of another instance is no repeat";
  EXPECT_EQ(reason(ingest, record(1, 2, 3000, 3000), 2), Refused::empty);
  EXPECT_EQ(reason(ingest, record(1, 2, 3000, 4001), 2), Refused::too_long);
  EXPECT_EQ(reason(ingest, record(1, 0, 3000, 4000), 0), Refused::old_epoch) << "nobody is admitted";
  EXPECT_EQ(reason(ingest, record(1, 2, 1'000'000'000 + 300'000, 1'000'000'000 + 300'001), 2), Refused::future);
  EXPECT_EQ(reason(ingest, record(1, 2, -1000, 0), 2), Refused::too_old);
  const auto other = record(2, 2, 5000, 6000);
  EXPECT_EQ(ingest.decide("edge", instance(1), 2, other, kNow).reason, Refused::wrong_instance);
  EXPECT_EQ(ingest.counters("edge").refused_total(), 9u);
  EXPECT_EQ(ingest.counters("edge").refused[static_cast<std::size_t>(Refused::overlap)], 2u);
  // None of them has taken a span.
  const auto free = record(1, 2, 2000, 3000);
  EXPECT_EQ(ingest.decide("edge", free.instance, 2, free, kNow).kind, Kind::store);
}

TEST(Ingest, probes_do_not_mix) {
  Ingest ingest({});
  const auto r = record(1, 1, 1000, 2000);
  EXPECT_EQ(ingest.decide("edge", r.instance, 1, r, kNow).kind, Kind::store);
  EXPECT_EQ(ingest.decide("core", r.instance, 1, r, kNow).kind, Kind::store);
}

TEST(Ingest, after_a_restart_repeats_are_told_by_who_was_admitted_when) {
  Ingest ingest({});
  const auto at = [](std::int64_t ms) { return packet_time_ns(ms * 1'000'000); };
  ingest.restore("edge", {{at(1000), at(9000)}}, at(9000), {{at(0), instance(1)}, {at(5000), instance(2)}});
  const auto decide = [&](const window::Record& r) { return ingest.decide("edge", r.instance, 3, r, kNow).kind; };
  EXPECT_EQ(decide(record(1, 1, 4000, 5000)), Kind::repeat);
  EXPECT_EQ(decide(record(1, 1, 5000, 6000)), Kind::refuse) << "that second is the other one's";
  EXPECT_EQ(decide(record(2, 2, 5000, 6000)), Kind::repeat);
  EXPECT_EQ(decide(record(2, 2, 4000, 5000)), Kind::refuse);
  EXPECT_EQ(decide(record(2, 3, 9000, 10000)), Kind::store);
}

TEST(Ingest, what_is_older_than_it_remembers_is_refused) {
  Limits limits;
  limits.memory = std::chrono::seconds(10);
  Ingest ingest(limits);
  for (std::int64_t s = 1; s <= 60; ++s) {
    if (s == 20) continue;  // a gap
    const auto r = record(1, 1, s * 1000, s * 1000 + 1000);
    ASSERT_EQ(ingest.decide("edge", r.instance, 1, r, kNow).kind, Kind::store);
    ingest.durable("edge", r);
  }
  EXPECT_EQ(reason(ingest, record(1, 1, 20'000, 21'000), 1), Refused::too_old);
}

// Whatever comes in whatever order: what is stored never overlaps, is of the present epoch when it is taken, and every record gets
// exactly one verdict that is counted.
TEST(Ingest, property_stored_spans_never_overlap) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    Ingest ingest({});
    std::vector<window::Record> stored;
    std::uint64_t epoch = 1, sent = 0;
    for (int step = 0; step < 300; ++step) {
      if (random.below(40) == 0) ++epoch;
      const auto begin = static_cast<std::int64_t>(random.below(60) * 250);
      const auto length = static_cast<std::int64_t>(250 * random.below(6));  // sometimes empty, sometimes too long
      const auto r = record(static_cast<std::uint8_t>(1 + random.below(2)), epoch - random.below(2), begin, begin + length);
      const Verdict verdict = ingest.decide("edge", r.instance, epoch, r, kNow);
      ++sent;
      const bool there =
          std::any_of(stored.begin(), stored.end(), [&](const auto& s) { return s.span == r.span && s.instance == r.instance; });
      ASSERT_EQ(verdict.kind == Kind::repeat, there) << "seed " << seed << " step " << step;
      if (verdict.kind != Kind::store) continue;
      ASSERT_EQ(r.epoch, epoch);
      for (const auto& s : stored) ASSERT_FALSE(s.span.overlaps(r.span)) << "seed " << seed << " step " << step;
      stored.push_back(r);
      ingest.durable("edge", r);
    }
    const Counters counters = ingest.counters("edge");
    EXPECT_EQ(counters.stored, stored.size());
    EXPECT_EQ(counters.stored + counters.repeats + counters.refused_total(), sent);
  }
}

}  // namespace
}  // namespace nezu::ingest
