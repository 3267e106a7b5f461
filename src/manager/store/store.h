// Store: what the manager keeps. An interface without SQL, so that other engines can stand behind it; store/sqlite is the one for a moved volume.
//
// Writing: batches, each all or nothing, in order, by one thread of the store's own; `done` runs on the caller's loop after the batch is
// durable (or with the reason why it isn't: ErrorCode::no_space pauses ingest, nothing of the batch is there). Batches that wait are
// committed together. Reading: any thread, sees what was durable when it began.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_function.h"
#include "model/definition/service.h"
#include "model/window/record.h"

namespace nezu::store {

using window::ServiceId;
using window::TargetId;

// A service of the catalogue. Ids are never used again; a deleted one stays, marked, so that history keeps its name.
struct ServiceRow {
  ServiceId id = 0;
  std::uint64_t version = 0;  // grows with each change of the definition
  definition::Service definition;
  TargetId all_target = 0;
  std::map<std::string, TargetId> targets;  // of web transactions by name, also of removed ones
  bool deleted = false;
  WallTime changed{};
};

// A span of time for which somebody wished monitoring: outside of it nothing is a gap. `end` empty: still on.
struct MonitoringSpan {
  std::uint64_t id = 0;
  ServiceId service = 0;
  std::string logical_probe;
  PacketTime begin{};
  std::optional<PacketTime> end;
};

// What people see of a failover (docs/failover.md, "What is measured, and shown").
struct FailoverRecord {
  std::uint64_t id = 0;  // grows
  std::string logical_probe;
  std::uint64_t epoch = 0;  // of the new admission
  std::string reason;       // "connection closed", "silent for 1 s", "another claim", "planned", …
  std::string from_node, to_node;
  std::string from_instance, to_instance;
  std::string mode;  // "cold", "warm"
  WallTime lost{};   // session of the old instance ended
  WallTime noticed{};
  // The cluster's steps, as far as the new instance's agent told of them and they lie after `lost`.
  std::optional<WallTime> stopped;  // the cluster told the new instance's node that the old one's stop or demotion was done
  std::optional<WallTime> start;    // the action "start" of the new instance began
  std::optional<WallTime> promote;  // the action "promote" of the new instance began (warm)
  WallTime announced{};             // the new instance's first word
  WallTime admitted{};
  std::optional<WallTime> first_window;     // stored
  PacketTime last_covered{};                // end of what the old one delivered
  std::optional<PacketTime> first_covered;  // begin of what the new one covers
  struct ServiceGap {
    ServiceId service = 0;
    PacketTime begin{}, end{};  // begin == end: none
  };
  std::vector<ServiceGap> gaps;
  std::uint64_t handed_over = 0;  // transactions out of the shadow
  std::uint64_t left_out = 0;     // named by the ledger
  std::optional<Nanos> clock_offset;
  bool seam_doubtful = false;
  bool open = true;  // until the first window is stored
};

enum class Severity { information, warning, error };
const char* to_string(Severity severity);
struct Event {
  std::uint64_t id = 0;  // grows
  std::string code;      // stable, "failover", "store.no_space", "transition.timeout", …
  Severity severity = Severity::information;
  std::string subject;  // logical probe, service, "manager"
  std::string text;
  WallTime opened{};
  std::optional<WallTime> closed;
};

// A discovery: one job of finding out what is on the wire at a logical probe. Its entries are rows of their own.
struct DiscoveryRow {
  std::uint64_t id = 0;  // grows
  std::string logical_probe;
  std::string source;  // only of this client address or prefix; empty: of all
  Nanos limit{0};      // 0: none
  std::string started_by;
  WallTime started{};
  std::string instance, node;       // that discovers
  std::optional<WallTime> stopped;  // empty: discovering
  std::string stopped_by;           // empty: nobody did, it ended by itself
  std::string reason;               // stable: "person", "failover", … (monitor/discovery_book.h); empty: discovering
  std::string text;                 // the same for people
  std::uint64_t last_number = 0;    // of the probe's messages that are counted
  std::uint64_t entries = 0, bytes = 0;
  std::uint64_t requests = 0;  // in the entries; those in none, by reason:
  std::uint64_t other_source = 0, no_room = 0, unreadable = 0, over_limit = 0;
  friend bool operator==(const DiscoveryRow&, const DiscoveryRow&) = default;
};
// What was found, added up over the job.
struct DiscoveryEntry {
  std::uint64_t discovery = 0;
  std::string host;
  std::uint16_t port = 0;
  std::string path, method;
  std::uint64_t count = 0, timed = 0;  // requests; those whose response time is known
  Nanos response_time_sum{0};
  friend bool operator==(const DiscoveryEntry&, const DiscoveryEntry&) = default;
};

// `encoded`: the same record as wire::encode_record() or a probe writes it, and wire::decode_record() takes it; the store then keeps these
// bytes. Null: it makes them itself.
struct JournalRecord {
  JournalRecord(std::string probe, window::Record r)
      : JournalRecord(std::move(probe), std::make_shared<const window::Record>(std::move(r))) {}
  JournalRecord(std::string probe, std::shared_ptr<const window::Record> r, std::shared_ptr<const std::string> bytes = nullptr)
      : logical_probe(std::move(probe)), record(std::move(r)), encoded(std::move(bytes)) {}
  std::string logical_probe;
  std::shared_ptr<const window::Record> record;  // never null
  std::shared_ptr<const std::string> encoded;
};

struct WriteBatch {
  std::vector<JournalRecord> records;
  std::map<std::string, std::optional<std::string>> state;  // the monitor's durable state: key → JSON; nullopt deletes
  std::vector<ServiceRow> services;                         // by id: inserted or replaced
  std::vector<MonitoringSpan> monitoring;                   // likewise
  std::vector<FailoverRecord> failovers;                    // likewise
  std::vector<Event> events;                                // likewise
  std::vector<DiscoveryRow> discoveries;                    // likewise
  std::vector<DiscoveryEntry> discovery_entries;            // added to what is there
  std::vector<std::uint64_t> discoveries_deleted;           // with their entries, after all of the above
  bool empty() const {
    return records.empty() && state.empty() && services.empty() && monitoring.empty() && failovers.empty() && events.empty() &&
           discoveries.empty() && discovery_entries.empty() && discoveries_deleted.empty();
  }
};

// What start-up reads.
struct Loaded {
  std::map<std::string, std::string> state;
  std::vector<ServiceRow> services;
  std::vector<MonitoringSpan> monitoring;
  std::vector<FailoverRecord> failovers;  // the newest 1000
  std::vector<Event> events;              // open ones and the newest 1000
  std::vector<DiscoveryRow> discoveries;  // all that are kept, by id
  // By logical probe: spans of the records stored in the last `recent` (default 24 h of packet time), so that ingest can tell repeats,
  // and the end of all that is stored.
  struct Covered {
    std::string logical_probe;
    std::vector<window::Span> recent_spans;
    window::InstanceId last_instance;
    std::uint64_t last_epoch = 0;
    PacketTime stored_until{};
  };
  std::vector<Covered> covered;
  std::uint64_t next_service_id = 1, next_target_id = 1, next_failover_id = 1, next_event_id = 1, next_monitoring_id = 1,
                next_discovery_id = 1;
  bool clean_stop = true;  // the last run ended by close()
};

// Resolutions that are kept: 1 s, 10 s, 1 min, 1 h, 1 d.
enum class Resolution { s1, s10, m1, h1, d1 };
Nanos length(Resolution resolution);

// One stored piece: a target at one logical probe in one step of a resolution.
struct Piece {
  std::string logical_probe;
  PacketTime start{};
  window::Figures figures;
};
// Coverage of a service at one logical probe in one step.
struct CoveragePiece {
  std::string logical_probe;
  PacketTime start{};
  window::Spans covered;    // at 1 s: exact; at coarser ones possibly folded to one span of the covered length from `start` …
  Nanos covered_length{0};  // … this is always exact
};

struct Retention {
  Nanos s1 = std::chrono::hours(48), s10 = std::chrono::hours(24 * 14), m1 = std::chrono::hours(24 * 62), h1 = std::chrono::hours(24 * 400),
        d1 = std::chrono::hours(24 * 365 * 10);
};

struct Status {
  std::uint64_t journal_rows = 0, chunks = 0, database_bytes = 0, wal_bytes = 0;
  std::uint64_t batches = 0, commits = 0, records = 0, failed_commits = 0;
  std::string fault;            // why writing doesn't work at present; empty: it does
  std::uint64_t refused = 0;    // batches that found the queue full
  std::uint64_t waiting = 0;    // batches in the queue
  std::uint64_t set_aside = 0;  // damaged pieces that were found since the start; their spans are gaps
  std::string damage;           // the last of them: file, place, span, reason
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Result<Loaded> load() = 0;  // once, first
  virtual void write(WriteBatch batch, UniqueFunction<void(nezu::Status)> done) = 0;
  virtual Status status() const = 0;

  // Reading. Pieces in order of start; from <= start < to. Includes what is only in the journal yet, at every resolution.
  virtual Result<std::vector<Piece>> pieces(TargetId target, Resolution resolution, PacketTime from, PacketTime to) = 0;
  virtual Result<std::vector<CoveragePiece>> coverage(ServiceId service, Resolution resolution, PacketTime from, PacketTime to) = 0;
  // What a discovery has found, those with the most requests first; empty: nothing, or there is no such discovery.
  virtual Result<std::vector<DiscoveryEntry>> discovery_entries(std::uint64_t discovery) = 0;
  // The resolutions whose retention still holds `from`.
  virtual Retention retention() const = 0;
};

}  // namespace nezu::store
