// Discoveries: jobs of finding out what is on the wire, one at a logical probe at a time; who started them, what they have found, why they
// stopped. Pure. What is found goes to the store as differences, with the number of the probe's last message in the same batch: so each
// message counts once, also over a restart of the manager.
//
// Limits: a job holds `entries` entries and `bytes` bytes of hosts, paths and methods; the first that doesn't fit ends it. `kept` stopped
// jobs are kept, for `retention`; then they go with their entries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ip_prefix.h"
#include "manager/monitor/durable.h"
#include "manager/monitor/options.h"
#include "manager/store/store.h"
#include "model/wire/messages.h"

namespace nezu::monitor {

// Why a discovery stopped: stable words, in the API and in the database.
namespace discovery_reason {
inline constexpr std::string_view kPerson = "person";
inline constexpr std::string_view kFailover =
    "failover";                                          // another instance took over, or the connection was lost for longer than the grace
inline constexpr std::string_view kDemoted = "demoted";  // the cluster moved the role, as planned
inline constexpr std::string_view kManagerRestarted = "manager_restarted";
inline constexpr std::string_view kTimeLimit = "time_limit";
inline constexpr std::string_view kLimitsReached = "limits_reached";
}  // namespace discovery_reason

struct DiscoveryWish {
  std::string logical_probe;
  std::optional<IpPrefix> source;  // empty: everybody's requests
  Nanos limit{0};                  // 0: none
  std::string by;                  // a person, as it was told
};

// What became of a message's entries.
enum class DiscoveryFate : std::uint8_t {
  stored,
  over_limit,      // the job is full
  repeated,        // counted already
  stopped,         // the job had been over for some time, or since before the manager's start
  unknown_job,     // never known, or deleted
  other_instance,  // not the one that was told to discover
};
inline constexpr std::size_t kDiscoveryFates = 6;
const char* name(DiscoveryFate fate);

class DiscoveryBook {
 public:
  static constexpr Nanos kLate = std::chrono::seconds(10);  // so long a stopped job still takes what was on its way

  DiscoveryBook() = default;
  DiscoveryBook(const DiscoveryLimits& limits, std::vector<store::DiscoveryRow> loaded);

  // REQUIRES: id is new, and no job of this logical probe is discovering.
  void start(std::uint64_t id, const DiscoveryWish& wish, const InstanceId& instance, const std::string& node, MonoTime awake, Now now);
  // A job that has stopped stays as it is.
  void stop(std::uint64_t id, std::string_view reason, const std::string& text, const std::string& by, MonoTime awake, Now now);

  struct Received {
    bool acknowledge = false;  // the probe needn't send it again
    bool full = false;         // something didn't fit: the job is to be stopped
  };
  Received receive(const wire::DiscoveryEntries& message, const std::string& logical_probe, const InstanceId& from, MonoTime awake);

  // Jobs whose time limit has come.
  std::vector<std::uint64_t> over(MonoTime awake) const;
  // Deletes what isn't to be kept any longer.
  void expire(Now now);

  const store::DiscoveryRow* find(std::uint64_t id) const;
  std::vector<store::DiscoveryRow> newest_first() const;
  std::size_t discovering() const { return running_.size(); }
  std::uint64_t fate_count(DiscoveryFate fate) const { return fates_[static_cast<std::size_t>(fate)]; }  // entries
  // What has changed since the last call, to be stored.
  void take_changes(store::WriteBatch& batch);

 private:
  // What a job that takes entries needs beside its row.
  struct Running {
    std::set<std::string> keys;    // of its entries
    std::optional<MonoTime> ends;  // by its time limit; once it is stopped: when it takes no more
  };
  bool fits(store::DiscoveryRow& row, Running& running, const wire::DiscoveryEntry& entry) const;

  DiscoveryLimits limits_;
  std::map<std::uint64_t, store::DiscoveryRow> rows_;
  std::map<std::uint64_t, Running> running_, stopping_;  // stopping_: stopped a moment ago
  std::set<std::uint64_t> changed_;
  std::vector<store::DiscoveryEntry> found_;
  std::vector<std::uint64_t> deleted_;
  std::uint64_t fates_[kDiscoveryFates] = {};
};

}  // namespace nezu::monitor
