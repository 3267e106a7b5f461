// Queries: series and totals of a target, each with its coverage. Pure over a Store; any thread.
//
// Three kinds of time, and a fourth. Of the time for which monitoring was wished (the monitoring spans), each step is
//   measured  all of it was covered, and there were requests
//   idle      all of it was covered, and there were none
//   gap       some of it wasn't covered; `covered` says what share was. Figures are those of the covered part; none where nothing was covered
// and `off` where nobody wished monitoring. A gap never looks like zero.
//
// Several logical probes see different traffic: their figures add up, and a step is covered only as far as each of them covered it:
// covered = covered time of all probes / time that they should have watched.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "manager/store/resolution.h"
#include "manager/store/store.h"

namespace nezu::query {

enum class Kind { measured, idle, gap, off };
const char* to_string(Kind kind);

struct Request {
  store::ServiceId service = 0;
  store::TargetId target = 0;
  PacketTime from{}, to{};                         // widened to whole steps
  std::optional<store::Resolution> step;           // none: chosen
  std::string probe;                               // only this logical probe; empty: all
  std::vector<store::MonitoringSpan> monitoring;   // of the service
  PacketTime now{};                                // the manager's
  std::map<std::string, PacketTime> stored_until;  // by logical probe: the end of what is stored
};

struct Point {
  PacketTime time{};
  Kind kind = Kind::off;
  double covered = 0;                      // 0…1; 0 where off
  double seconds = 0;                      // covered time, as for one probe: what a rate is divided by
  std::optional<window::Figures> figures;  // none: nothing was covered

  // Per covered second; 0 where there is none.
  double throughput() const;
  // errors / transactions; none where there were no transactions.
  std::optional<double> error_rate() const;
};

struct Series {
  store::Resolution step{};
  PacketTime from{}, to{};  // whole steps
  Point totals;
  std::vector<Point> points;
};

// A month of hours, two hours of 10 s.
inline constexpr std::int64_t kAutoPoints = 744;
inline constexpr std::int64_t kMaxPoints = 20'000;
// What is younger may still be on its way, and is no gap yet.
inline constexpr Nanos kDelivery = std::chrono::seconds(3);

// The finest resolution that still holds `from` and makes at most kAutoPoints points; the coarsest where none does.
store::Resolution choose(const store::Retention& retention, PacketTime from, PacketTime to, PacketTime now);

// Errors: invalid_argument ("to: …", "step: …": names the parameter), and the store's.
Result<Series> run(store::Store& store, const Request& request);

// Average out of an exact sum; none where count is 0.
std::optional<double> average_seconds(Nanos sum, std::uint64_t count);

}  // namespace nezu::query
