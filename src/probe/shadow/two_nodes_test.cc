#include <gmock/gmock.h>

#include <deque>
#include <string>

#include "common/base/random.h"
#include "probe/shadow/shadow.h"
#include "probe/shadow/test_bench.h"

namespace nezu::probe::shadow {
namespace {

using testing::at;
using testing::done;
using testing::mono;
using testing::named;
using testing::options;
using testing::seconds;
using testing::SliceMaker;
using testing::timed_out;
using testing::transactions;

constexpr Nanos kReach = Seconds(10);

// What the two nodes of a pair see of the same transactions, and a manager that stores what the active one sends. The roles' part of it
// (probe/role) is done here by hand, and as simply as it can be.
class Pair {
 public:
  struct Truth {
    double began = 0, decided = 0;
    bool seen[2] = {true, true};
    bool by_last_byte[2] = {true, true};
  };

  Pair(std::uint64_t seed, double offset, bool PlantedBugs::*bug = nullptr) : random_(seed), offset_{0, offset} {
    for (std::size_t i = 0; i < 2; ++i) {
      nodes_.push_back(std::make_unique<Shadow>(options(true)));
      workers_.emplace_back(offset_[i]);
      if (bug != nullptr) {
        PlantedBugs bugs;
        bugs.*bug = true;
        nodes_[i]->set_bugs(bugs);
      }
    }
    nodes_[1]->clock().coarse(seconds(offset + (random_.next_unit() - 0.5) * 0.01));
    nodes_[0]->clock().keep();
    nodes_[0]->learn({}, PacketTime{}, {});
    nodes_[0]->begin(at(0), false);
  }

  void run(double until) {
    make_traffic(until - 5);  // what is decided by a time-out comes later
    double next_hand_over = 3;
    for (now_ = 0.02; now_ < until; now_ += 0.02) {
      measure();
      cut();
      deliver();
      if (now_ >= next_hand_over) {
        hand_over();
        next_hand_over = now_ + 0.3 + random_.next_unit() * 4;
      }
    }
    for (std::size_t i = 0; i < 2; ++i) nodes_[i]->finished(0);
    cut();
    while (auto r = nodes_[active_]->cut_short()) store(*r);
  }

  // What is wrong; empty: nothing.
  std::string check() const {
    for (std::size_t n = 0; n < truth_.size(); ++n) {
      const Truth& t = truth_[n];
      const auto times = counted_.count(n);
      const std::string who = std::to_string(n) + ", decided at " + std::to_string(t.decided);
      if (times > 1) return who + ", is counted twice";
      // Where names aren't known yet it may be left out: it isn't known who counted what began before.
      const bool sure = (t.by_last_byte[0] && t.by_last_byte[1]) || t.began > 4;
      if (t.seen[0] && t.seen[1] && sure && times == 0) return who + ", is lost";
    }
    if (figures_ != counted_.size()) return "the figures count another number of transactions than the ledgers name";
    for (std::size_t k = 1; k < spans_.size(); ++k) {
      if (spans_[k].begin != spans_[k - 1].end) return "a hole or an overlap in front of record " + std::to_string(k);
    }
    return "";
  }
  int hand_overs() const { return hand_overs_; }
  std::uint64_t put_in() const { return nodes_[0]->counters().put_in + nodes_[1]->counters().put_in; }

 private:
  struct Event {
    double at = 0;
    std::uint64_t n = 0;
    aggregate::Item item;
  };

  void make_traffic(double until) {
    // They crowd at the windows' edges, where a seam is most often.
    for (double t = 0.1; t < until; t += 0.002 + random_.next_unit() * 0.02) decided_at(t);
    for (int edge = 1; edge < until; ++edge) {
      for (int i = 0; i < 40; ++i) decided_at(edge + (random_.next_unit() - 0.5) * 0.02);
    }
    for (auto& e : events_) std::stable_sort(e.begin(), e.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  }
  void decided_at(double t) {
    Truth truth;
    truth.decided = t;
    truth.began = std::max(0.0, t - 0.001 - random_.next_unit() * 0.2);
    const std::uint64_t n = truth_.size(), luck[] = {random_.below(100), random_.below(100)};
    for (std::size_t i = 0; i < 2; ++i) {
      truth.seen[i] = luck[i] >= 2;
      truth.by_last_byte[i] = luck[i] >= 5;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      if (!truth.seen[i]) continue;
      double stamp = t + random_.next_unit() * 0.0002;
      if (!truth.by_last_byte[i]) stamp += random_.next_unit() * 4;  // a time-out
      Event e{stamp, n, truth.by_last_byte[i] ? done(stamp, n) : timed_out(truth.began, stamp, n)};
      e.item.decided += seconds(offset_[i]);
      e.item.began = at(truth.began + offset_[i]);
      // It didn't see the request's beginning. Where the other one saw the request only, nothing would tell that both saw the same.
      if (luck[i] < 8 && truth.by_last_byte[0] && truth.by_last_byte[1]) e.item.request_name = 0;
      events_[i].push_back(e);
    }
    truth_.push_back(truth);
  }

  void measure() {
    for (std::size_t i = 0; i < 2; ++i) {
      const double mark = now_ - 0.001 - random_.next_unit() * 0.015;
      auto& e = events_[i];
      while (next_[i] < e.size() && e[next_[i]].at < mark) workers_[i].add(e[next_[i]++].item);
      nodes_[i]->take(workers_[i].until(std::max(mark, mark_[i]) + offset_[i]), mono(now_));
      mark_[i] = std::max(mark, mark_[i]);
    }
  }
  void cut() {
    while (auto r = nodes_[active_]->cut(mono(now_), at(now_ + offset_[active_])))
      on_their_way_.push_back({now_ + random_.next_unit() * 0.3, *r});
  }
  void deliver() {
    while (!on_their_way_.empty() && on_their_way_.front().first <= now_) {
      store(on_their_way_.front().second);
      nodes_[active_]->stored(on_their_way_.front().second.span);
      on_their_way_.pop_front();
    }
  }
  void store(const window::Record& r) {
    EXPECT_EQ(window::validate(r, Seconds(1)), "");
    stored_until_ = r.span.end;
    spans_.push_back(r.span);
    figures_ += transactions(r);
    for (const std::uint64_t n : named(r.ledger)) counted_.insert(n);
    ledgers_.push_back({r.span.end, r.ledger});
    Shadow& standby = *nodes_[1 - active_];
    standby.clock().compare(standby.differences(r.ledger));
    standby.learn(r.ledger, r.span.end, told_ ? std::nullopt : std::optional(at(-10)));
    told_ = true;
    standby.sweep();
  }
  void hand_over() {
    ++hand_overs_;
    // Some of what is on its way gets through, the rest becomes shadow again.
    Shadow& old = *nodes_[active_];
    while (!on_their_way_.empty() && random_.below(2) == 0) {
      store(on_their_way_.front().second);
      old.stored(on_their_way_.front().second.span);
      on_their_way_.pop_front();
    }
    old.end();
    for (const auto& [when, r] : on_their_way_) EXPECT_TRUE(old.take_back(r.span));
    on_their_way_.clear();
    old.clock().anew();
    active_ = 1 - active_;
    Shadow& next = *nodes_[active_];
    window::Ledger all;
    for (const auto& [end, l] : ledgers_) {
      if (end >= stored_until_ - kReach) all.entries.insert(all.entries.end(), l.entries.begin(), l.entries.end());
    }
    next.clock().compare(next.differences(all));
    next.learn(all, stored_until_, stored_until_ == PacketTime{} ? std::nullopt : std::optional(stored_until_ - kReach));
    next.sweep();
    ASSERT_TRUE(next.since());
    next.begin(std::max(stored_until_, floor_to(*next.since(), Seconds(1))), false);
  }

  SeededRandom random_;
  const double offset_[2];
  double now_ = 0;
  std::vector<std::unique_ptr<Shadow>> nodes_;
  std::vector<SliceMaker> workers_;
  std::vector<Event> events_[2];
  std::size_t next_[2] = {0, 0};
  double mark_[2] = {0, 0};
  std::vector<Truth> truth_;
  std::size_t active_ = 0;
  bool told_ = false;
  int hand_overs_ = 0;
  std::deque<std::pair<double, window::Record>> on_their_way_;
  // The manager.
  PacketTime stored_until_{};
  std::vector<std::pair<PacketTime, window::Ledger>> ledgers_;
  std::multiset<std::uint64_t> counted_;
  std::uint64_t figures_ = 0;
  window::Spans spans_;
};

constexpr double kOffsets[] = {0, 0.005, -0.040, 2};

TEST(TwoNodes, WhateverInstantAHandOverHas_NothingIsCountedTwice_AndNothingIsLostThatBothHaveSeen) {
  int hand_overs = 0;
  std::uint64_t put_in = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Pair pair(seed, kOffsets[seed % 4]);
    pair.run(35);
    ASSERT_EQ(pair.check(), "") << "seed " << seed;
    hand_overs += pair.hand_overs();
    put_in += pair.put_in();
  }
  EXPECT_GT(hand_overs, 300);
  EXPECT_GT(put_in, 100u) << "the seam was tried";
}

TEST(TwoNodes, WithoutTheLedgersItGoesWrong) {
  for (bool PlantedBugs::*bug : {&PlantedBugs::ledger_ignored, &PlantedBugs::ledger_short}) {
    int wrong = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      Pair pair(seed, kOffsets[seed % 4], bug);
      pair.run(35);
      wrong += pair.check().empty() ? 0 : 1;
    }
    EXPECT_GT(wrong, 5);
  }
}

}  // namespace
}  // namespace nezu::probe::shadow
