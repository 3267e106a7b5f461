// Records of failovers: opened with the admission of another instance, completed by what it stores, closed once. Pure.
//
// A record is open until every service that was monitored at the admission is covered again (or isn't monitored any more); the first
// stored window fills first_window and first_covered. Where nothing was monitored there is nothing to wait for: it is closed at once.
// An instance that is demoted and admitted again, under a later epoch, completes the record that its first admission has opened.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "manager/store/store.h"

namespace nezu::monitor {

class FailoverBook {
 public:
  static constexpr std::size_t kKept = 1000;

  FailoverBook() = default;
  FailoverBook(std::vector<store::FailoverRecord> loaded, std::uint64_t next_id);

  // `record` without id and gaps. `monitored`: services and the end of their coverage. An open record of the same logical probe is
  // closed: its instance is gone before it was complete. Returns whether the new one is open.
  bool open(store::FailoverRecord record, const std::map<window::ServiceId, PacketTime>& monitored);
  // A stored record; whether it closed the failover's record.
  bool stored(const std::string& logical_probe, const window::Record& record, WallTime now);
  // What the instance that was admitted under `epoch` says of its hand-over: transactions.
  void handed_over(const std::string& logical_probe, std::uint64_t epoch, std::uint64_t handed_over, std::uint64_t left_out);
  // A service that isn't monitored any more; whether that closed the failover's record.
  bool left(const std::string& logical_probe, window::ServiceId service);

  bool is_open(const std::string& logical_probe) const { return open_.count(logical_probe) != 0; }
  std::vector<store::FailoverRecord> newest_first() const;
  // The newest of each logical probe; valid until the next change.
  std::map<std::string, const store::FailoverRecord*> latest() const;
  std::vector<store::FailoverRecord> take_changes();
  std::uint64_t next_id() const { return next_id_; }

 private:
  struct Waiting {
    std::uint64_t id = 0;
    std::set<window::ServiceId> services;  // not covered yet
  };
  bool close_if_complete(const std::string& logical_probe);
  std::map<std::uint64_t, store::FailoverRecord> records_;
  std::map<std::string, Waiting> open_;  // by logical probe
  std::set<std::uint64_t> changed_;
  std::uint64_t next_id_ = 1;
};

}  // namespace nezu::monitor
