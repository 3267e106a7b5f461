// Outbox: what was found and the manager doesn't hold yet. The main thread's: it merges what the workers hand over, and gives out messages,
// one on its way at a time, each sent again until it is acknowledged; the manager counts each number once. So a connection that blinks
// neither loses nor doubles a request, as long as there is room for what waits. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <tuple>

#include "common/base/time.h"
#include "probe/discovery/table.h"

namespace nezu::probe::discovery {

class Outbox {
 public:
  struct Options {
    Limits limits{};                                    // of what waits, for each job
    std::size_t jobs = 4;                               // that wait; beyond it the oldest goes (their manager has forgotten them)
    Limits message{.entries = 4000, .bytes = 2 << 20};  // of one message: what waits beyond it comes with the next
    Nanos interval = std::chrono::milliseconds(250);    // between two messages
    Nanos patience = std::chrono::seconds(5);           // for an acknowledgement; then the message is sent once more
  };
  explicit Outbox(const Options& options) : options_(options) {}

  void add(std::uint64_t job, Found found);
  // What is to be sent now, if anything: the one on its way where the connection is new, else the next one. Call it while a session is open.
  std::optional<wire::DiscoveryEntries> next(MonoTime now);
  void acknowledged(const wire::DiscoveryAck& ack);
  void connection_lost() { sent_ = false; }

  std::size_t waiting() const;                            // entries
  std::uint64_t delivered() const { return delivered_; }  // requests, acknowledged
  std::uint64_t no_room() const { return no_room_; }      // requests that found no room here
  std::uint64_t jobs_dropped() const { return jobs_dropped_; }

 private:
  using Key = std::tuple<std::string, std::uint16_t, std::string, std::string>;  // host, port, path, method
  struct Waiting {
    std::uint64_t job = 0;
    std::map<Key, wire::DiscoveryEntry> entries;
    std::size_t bytes = 0;
    Found rest;  // its numbers
  };
  Waiting& of(std::uint64_t job);
  const Options options_;
  std::deque<Waiting> waiting_;
  std::optional<wire::DiscoveryEntries> on_its_way_;
  bool sent_ = false;  // in this connection
  std::uint64_t number_ = 0, delivered_ = 0, no_room_ = 0, jobs_dropped_ = 0;
  std::optional<MonoTime> last_;
};

}  // namespace nezu::probe::discovery
