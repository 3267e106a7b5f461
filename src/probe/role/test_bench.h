// A role, its clock, the other side of the link, and one worker, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "probe/role/role.h"
#include "probe/shadow/test_slices.h"

namespace nezu::probe::role::testing {

using shadow::testing::at;
using shadow::testing::seconds;

inline wire::InstanceId instance(std::uint8_t n) {
  wire::InstanceId id;
  id.bytes.fill(n);
  return id;
}

// A role, its clock, and the other side of the link.
class Bench {
 public:
  explicit Bench(Options o = {}) : random_(1), role_(with_defaults(o), random_) { take(role_.start(now_)); }

  void pass(Nanos d, bool manager_talks = true) {
    for (Nanos step(0); step < d; step += Millis(50)) {
      now_ += Millis(50);
      if (manager_talks && role_.session()) tell(wire::Beat{});
      take(role_.tick(now_, packet_now()));
    }
  }
  void open_session() {
    take(role_.connected(now_));
    tell(wire::Welcome{});
  }
  template <class M>
  void tell(M m) {
    take(role_.received(now_, wire::Message(std::move(m))));
  }
  void grant(std::uint64_t epoch, double stored_until, window::Ledger ledger = {}) {
    wire::Grant g;
    g.epoch = epoch;
    if (stored_until >= 0) {
      g.stored_until = at(stored_until);
      g.ledger_since = g.stored_until - Seconds(10);
      g.ledger = std::move(ledger);
    }
    tell(g);
  }
  void define(window::ServiceId id, std::uint64_t version) {
    wire::ServiceDefinition d;
    d.service = id;
    d.version = version;
    tell(wire::Definitions{{d}});
  }
  void measure_service() {
    define(1, 1);
    instruct(1, {{1, 1}});
    workers_follow(at(0));
  }
  void instruct(std::uint64_t number, std::vector<wire::ServiceWish> wishes) {
    wire::Instruction i;
    i.number = number;
    i.services = std::move(wishes);
    tell(i);
  }
  // Every worker has taken the newest plan up.
  void workers_follow(PacketTime since) {
    const auto* m = last<Measure>();
    ASSERT_NE(m, nullptr);
    std::vector<AppliedService> applied;
    for (const auto& s : m->services) applied.push_back({s.service, since});
    take(role_.applied(now_, m->generation, applied, since));
  }
  // The worker: what it has seen (worker().add), up to now.
  shadow::testing::SliceMaker& worker() { return worker_; }
  void measure(double until, const window::Spans& lost = {}) {
    role_.take(now_, worker_.until(until, lost));
    take(role_.work(now_, packet_now()));
  }
  // It is told to end, and has handed over what there is.
  void end_at(double t) {
    role_.take(now_, worker_.until(t));
    role_.worker_finished(0);
    take(role_.cut_done(now_));
  }
  void monitor_and_admit(std::uint64_t epoch = 5) {
    open_session();
    grant(epoch, -1);
    measure_service();
  }
  void ack(double begin, double end, std::uint64_t epoch = 5) { tell(wire::Ack{at(begin), at(end), epoch}); }
  void take(Actions actions) {
    for (Action& a : actions) log_.push_back(std::move(a));
  }
  void forget() { log_.clear(); }
  template <class A>
  const A* last() const {
    for (auto it = log_.rbegin(); it != log_.rend(); ++it) {
      if (const A* a = std::get_if<A>(&*it)) return a;
    }
    return nullptr;
  }
  template <class M>
  std::vector<M> sent() const {
    std::vector<M> out;
    for (const Action& a : log_) {
      const Send* s = std::get_if<Send>(&a);
      if (s != nullptr && std::holds_alternative<M>(s->message)) out.push_back(std::get<M>(s->message));
    }
    return out;
  }
  template <class A>
  std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(log_.begin(), log_.end(), [](const Action& a) { return std::holds_alternative<A>(a); }));
  }
  wire::Heartbeat heartbeat() const {
    const auto all = sent<wire::Heartbeat>();
    EXPECT_FALSE(all.empty());
    return all.empty() ? wire::Heartbeat{} : all.back();
  }
  PacketTime packet_now() const { return at(0) + (now_ - MonoTime{}) - Seconds(1000); }
  Role& role() { return role_; }
  MonoTime now() const { return now_; }

 private:
  static Options with_defaults(Options o) {
    o.instance = instance(1);
    o.logical_probe = "edge";
    return o;
  }
  MonoTime now_{Seconds(1000)};
  shadow::testing::SliceMaker worker_{0};  // of service 1, from 0 on
  SeededRandom random_;
  Role role_;
  Actions log_;
};

inline std::vector<PacketTime> begins(const std::vector<window::Record>& records) {
  std::vector<PacketTime> out;
  for (const auto& r : records) out.push_back(r.span.begin);
  return out;
}

inline std::vector<window::Span> spans(const std::vector<window::Record>& records) {
  std::vector<window::Span> out;
  for (const auto& r : records) out.push_back(r.span);
  return out;
}
inline std::uint64_t transactions(const std::vector<window::Record>& records) {
  std::uint64_t n = 0;
  for (const auto& r : records) {
    for (const auto& s : r.services) {
      for (const auto& t : s.targets) n += t.figures.transactions;
    }
  }
  return n;
}

}  // namespace nezu::probe::role::testing
