// Driver: what makes monitor and ingest run: probes' connections, the store, the clock. All on one loop's thread.
//
// A record's way: link → ingest decides → monitor notes it → committer → durable → acknowledged, told to the others and to watchers. Nothing
// is acknowledged, and no epoch is handed out, before it is on disk. Where the store is full, sessions stay, nothing is acknowledged, and
// what can't be held any more is sent again later: the probe is asked for it by a new connection. So is what lies in the future by our clock:
// that may be the one that is wrong, and be set right (before NTP is at work). What is refused for another reason is never good: it isn't
// asked for, or that would have no end.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/result.h"
#include "common/log/log.h"
#include "common/net/net.h"
#include "manager/ingest/ingest.h"
#include "manager/monitor/monitor.h"
#include "manager/session/committer.h"
#include "manager/session/link.h"
#include "manager/store/store.h"

namespace nezu::session {

struct Options {
  monitor::Options monitor;
  ingest::Limits ingest;  // its window is the product's
  CommitterOptions committer;
  std::size_t queue_bytes = 32 << 20;  // of messages to one probe that doesn't read, whole ledgers apart; beyond it the session ends
  Nanos hello_timeout = std::chrono::seconds(5);
  Nanos quiet = std::chrono::seconds(60);        // an event about refused records is closed after so long without one
  Nanos future_retry = std::chrono::seconds(5);  // after so long what lay in the future is asked for again; well below `quiet`
  std::string version;
};

struct Counters {
  std::uint64_t links = 0;          // accepted
  std::uint64_t links_refused = 0;  // answered with a Refusal
  std::uint64_t links_too_many = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t broken = 0;        // streams that held no messages of ours
  std::uint64_t ended = 0;         // by the monitor: silent, or replaced by a newer one of the same instance
  std::uint64_t slow = 0;          // ended because the peer didn't read
  std::uint64_t too_long = 0;      // ended because a message to the peer was longer than a frame
  std::uint64_t held_back = 0;     // records thrown away during a pause, or behind one of the future: to be sent again
  std::uint64_t transactions = 0;  // in stored records
  std::uint64_t pauses = 0;
};

class Driver {
 public:
  using Watcher = std::function<void(const std::string& logical_probe, const window::Record& record)>;
  struct Hooks {
    std::function<void(const Error&)> fatal;  // the store can't go on: end the process
    std::function<void()> changed;            // states, probes or events may look different
  };

  // `loaded`: what the store read at its start. Everything handed in must outlive it. Errors: corrupt state.
  static Result<std::unique_ptr<Driver>> create(net::EventLoop& loop, const Clock& clock, Random& random, log::Logger& logger,
                                                store::Store& store, const Options& options, const store::Loaded& loaded, Hooks hooks);
  ~Driver();

  // Makes the key of the names durable where there is none yet; then connections may be accepted. Begins to tick.
  void start(UniqueFunction<void()> ready);
  // A connection. `named`: the certificate's common name must be the logical probe's name (TLS); else it is plain, of the loopback.
  void accept(std::unique_ptr<net::Stream> stream, bool named);
  // Takes no more records; `done` when what was in flight is durable (or can't be), and all sessions are closed.
  void stop(UniqueFunction<void()> done);

  // What is due now: silence, patience, retries. It calls itself every 100 ms after start().
  void due();

  // ---- people
  void wish(store::ServiceId service, bool on, UniqueFunction<void(Status)> done);
  // The discovery's number.
  void start_discovery(const monitor::DiscoveryWish& wish, UniqueFunction<void(Result<std::uint64_t>)> done);
  void end_discovery(std::uint64_t discovery, const std::string& by, UniqueFunction<void(Status)> done);
  // Rows that are new or changed; the whole catalogue is services().
  void put_services(std::vector<store::ServiceRow> rows, UniqueFunction<void()> done);

  const std::map<store::ServiceId, store::ServiceRow>& services() const { return services_; }
  const monitor::Monitor& monitor() const { return *monitor_; }
  const ingest::Ingest& ingest() const { return *ingest_; }
  const Committer& committer() const { return *committer_; }
  const Counters& counters() const { return counters_; }
  window::Counters probe_counters(const std::string& logical_probe) const;
  const wire::InstanceId& instance() const { return instance_; }
  std::size_t open_links() const { return links_.size(); }

  std::shared_ptr<void> watch(Watcher watcher);

 private:
  Driver(net::EventLoop& loop, const Clock& clock, Random& random, log::Logger& logger, store::Store& store, const Options& options,
         Hooks hooks);
  Status load(const store::Loaded& loaded);
  monitor::Now now() const { return {clock_.mono(), clock_.wall()}; }
  void tick();
  void tick_links();
  void tick_refusals();

  // driver_link.cc
  void on_message(Link& link, wire::Message message, std::string_view bytes);
  void on_hello(Link& link, const wire::Hello& hello);
  void refuse(Link& link, wire::Refusal::Reason reason, const std::string& text);
  void on_record(Link& link, window::Record record, std::string_view bytes);
  void on_stored(std::uint64_t link, const std::string& logical_probe, const window::Record& record);
  void on_refused(Link& link, const window::Record& record, const ingest::Verdict& verdict);
  void on_broken(Link& link, const Error& error);
  void on_ended(Link& link, bool cleanly);
  void ack(std::uint64_t link, const window::Record& record);
  void send(std::uint64_t link, const wire::Message& message);
  void end(Link& link, const std::string& why);
  void forget(std::uint64_t link);
  // Sends what the monitor has to say, when it is durable; `then` follows.
  void flush(UniqueFunction<void()> then = {});
  void log_events(const std::vector<store::Event>& events);
  void send_again(const std::function<bool(const Link&)>& which);
  void on_paused(const Error& error);
  void on_resumed();

  net::EventLoop& loop_;
  const Clock& clock_;
  Random& random_;
  log::Logger& logger_;
  Options options_;
  Hooks hooks_;
  net::Timer timer_;
  std::unique_ptr<monitor::Monitor> monitor_;
  std::unique_ptr<ingest::Ingest> ingest_;
  std::unique_ptr<Committer> committer_;
  std::map<store::ServiceId, store::ServiceRow> services_;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::set<std::uint64_t> named_;  // links whose certificate's name must fit
  std::uint64_t next_link_ = 1;
  wire::InstanceId instance_;
  std::optional<wire::NameKey> key_;
  std::map<std::pair<std::string, std::string>, MonoTime> refusals_;  // open events about refused records: code, subject → the last one
  std::map<std::string, window::Counters> probe_counters_;
  std::map<std::uint64_t, Watcher> watchers_;
  std::uint64_t next_watcher_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Counters counters_;
  bool stopping_ = false;
  MonoTime stopping_since_{};
  UniqueFunction<void()> stopped_;
};

}  // namespace nezu::session
