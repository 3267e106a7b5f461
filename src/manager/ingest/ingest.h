// Which records count (docs/failover.md, principles 3 and 4): pure decisions over epochs and spans.
//
//   a span that is taken by the same record            acknowledged, not counted: a repeat (its acknowledgement was lost)
//   an epoch that isn't the present one                 refused; the sender is told that it has been superseded
//   a span that overlaps another record's               refused
//   a span that is empty, too long, in the future,
//   older than what is remembered, of another instance  refused; an event says so
//
// A span is taken at the decision, so that what is on its way to the disk counts in the next decision. The end of what is stored
// (stored_until, "E") moves only with durable(). Per logical probe one table; probes never mix.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "manager/ingest/span_table.h"
#include "model/window/record.h"

namespace nezu::ingest {

struct Limits {
  Nanos window = std::chrono::seconds(1);  // a record's span is at most this long
  Nanos future = std::chrono::minutes(5);  // how far a span may end after the manager's clock
  Nanos memory = std::chrono::hours(24);   // how far back spans are remembered, before stored_until
  std::size_t max_runs = 100'000;          // per logical probe
};

enum class Refused : std::uint8_t { old_epoch, overlap, wrong_instance, empty, too_long, future, too_old, count };
const char* name(Refused reason);  // "old_epoch", … for metrics and events

struct Verdict {
  enum class Kind { store, repeat, refuse };
  Kind kind = Kind::store;
  Refused reason = Refused::count;  // of a refusal
  std::string text;                 // of a refusal, for people
};

struct Counters {
  std::uint64_t stored = 0, repeats = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Refused::count)> refused{};
  std::uint64_t refused_total() const;
};

class Ingest {
 public:
  explicit Ingest(const Limits& limits) : limits_(limits) {}

  // What is stored already: all spans of the last limits.memory before `stored_until` (spans that touch may be one), and who was admitted
  // from when on, oldest first: a span belongs to the last admission that isn't after its begin.
  struct Owner {
    PacketTime from{};
    window::InstanceId instance;
  };
  void restore(const std::string& logical_probe, const std::vector<window::Span>& spans, PacketTime stored_until,
               const std::vector<Owner>& owners);

  // `sender`: the session's instance. `epoch`: the present one of the logical probe. Counts the verdict, but for `store`: durable() does.
  Verdict decide(const std::string& logical_probe, const window::InstanceId& sender, std::uint64_t epoch, const window::Record& record,
                 WallTime now);
  // A record for which decide() said `store` is on disk.
  void durable(const std::string& logical_probe, const window::Record& record);

  PacketTime stored_until(const std::string& logical_probe) const;  // zero: nothing is stored
  Counters counters(const std::string& logical_probe) const;

 private:
  struct Probe {
    explicit Probe(std::size_t max_runs) : spans(max_runs) {}
    SpanTable spans;
    PacketTime stored_until{};
    Counters counters;
  };
  Probe& probe(const std::string& name);
  const Probe* find(const std::string& name) const;
  Verdict refuse(Probe& at, Refused reason, std::string text);
  Limits limits_;
  std::map<std::string, Probe> probes_;
};

}  // namespace nezu::ingest
