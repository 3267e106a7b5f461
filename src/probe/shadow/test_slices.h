// Slices as workers hand them over, for tests. Times are seconds from kBase on, in the instance's own packet time.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "probe/aggregate/slice.h"

namespace nezu::probe::shadow::testing {

inline constexpr std::int64_t kBase = 1'700'000'000;
inline Nanos seconds(double s) { return Nanos(std::llround(s * 1e9)); }
inline PacketTime at(double s) { return PacketTime(Seconds(kBase)) + seconds(s); }
inline MonoTime mono(double s) { return MonoTime(seconds(s)); }
inline window::Spans span(double begin, double end) { return {{at(begin), at(end)}}; }

// The target of a service's all web access is 10 × its id.
inline std::shared_ptr<const aggregate::Plan> plan(std::vector<std::pair<window::ServiceId, std::uint64_t>> services) {
  std::vector<aggregate::PlannedService> list;
  for (const auto& [id, version] : services) {
    aggregate::PlannedService s;
    s.id = id;
    s.version = version;
    s.all_target = id * 10;
    s.definition.name = "s" + std::to_string(id);
    list.push_back(s);
  }
  return std::make_shared<aggregate::Plan>(1, std::move(list));
}

inline std::uint64_t request_name(std::uint64_t transaction) { return transaction * 2 + 1; }
inline std::uint64_t response_name(std::uint64_t transaction) { return transaction * 2 + 2; }

// A transaction that was decided by its last byte, and took 10 ms.
inline aggregate::Item done(double decided, std::uint64_t transaction) {
  aggregate::Item i;
  i.decided = at(decided);
  i.began = at(decided - 0.01);
  i.request_name = request_name(transaction);
  i.response_name = response_name(transaction);
  i.by_last_byte = true;
  i.outcome.status = 200;
  i.outcome.timed = true;
  i.outcome.response_time = seconds(0.01);
  return i;
}

// One that was decided otherwise: no answer came.
inline aggregate::Item timed_out(double began, double decided, std::uint64_t transaction) {
  aggregate::Item i = done(decided, transaction);
  i.began = at(began);
  i.response_name = 0;
  i.by_last_byte = false;
  i.outcome = {};
  i.outcome.completeness = Completeness::no_response;
  i.outcome.reason = Reason::timeout;
  return i;
}

// One worker.
class SliceMaker {
 public:
  explicit SliceMaker(double from = 0, std::uint32_t worker = 0, std::shared_ptr<const aggregate::Plan> p = plan({{1, 1}}))
      : plan_(std::move(p)), end_(at(from)), since_(at(from)) {
    slice_.worker = worker;
  }

  void add(aggregate::Item item, window::ServiceId service = 1, std::uint64_t version = 1) {
    item.first_hit = static_cast<std::uint32_t>(slice_.hits.size());
    item.hits = 1;
    slice_.hits.push_back({service * 10, service, version, false});
    slice_.items.push_back(item);
  }
  void frames(std::uint64_t n) { slice_.counters.frames += n; }
  void set_plan(std::shared_ptr<const aggregate::Plan> p, double now) {
    end_tenure(at(now));
    plan_ = std::move(p);
  }
  // What has come up to now; of it only `lost` wasn't watched.
  std::unique_ptr<aggregate::Slice> until(double t, const window::Spans& lost = {}) {
    end_tenure(at(t));
    const std::uint32_t worker = slice_.worker;
    slice_.span = {end_, at(t)};
    slice_.covered = window::subtract({slice_.span}, lost);
    end_ = at(t);
    auto out = std::make_unique<aggregate::Slice>(std::move(slice_));
    slice_ = {};
    slice_.worker = worker;
    return out;
  }

 private:
  void end_tenure(PacketTime t) {
    if (plan_->service_count() > 0 && since_ < t) slice_.tenures.push_back({{since_, t}, plan_});
    since_ = t;
  }
  std::shared_ptr<const aggregate::Plan> plan_;
  PacketTime end_, since_;
  aggregate::Slice slice_;
};

}  // namespace nezu::probe::shadow::testing
