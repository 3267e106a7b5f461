// The driver over in-memory pipes and a store in memory, with a clock that the test sets.
#include "manager/session/driver.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "common/base/fake_clock.h"
#include "common/log/memory_logger.h"
#include "common/net/pipe.h"
#include "manager/session/metrics.h"
#include "manager/session/name_key.h"
#include "manager/store/memory_store.h"

namespace nezu::session {
namespace {

constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

// Keeps what was written from being told durable until release().
class SlowStore final : public store::Store {
 public:
  Result<store::Loaded> load() override { return memory.load(); }
  void write(store::WriteBatch batch, UniqueFunction<void(nezu::Status)> done) override {
    ++writes;
    if (!slow) return memory.write(std::move(batch), std::move(done));
    waiting.push_back({std::move(batch), std::move(done)});
  }
  void release() {
    for (std::size_t left = waiting.size(); left > 0; --left) {  // not what comes because of it
      auto [batch, done] = std::move(waiting.front());
      waiting.pop_front();
      memory.write(std::move(batch), std::move(done));
    }
  }
  store::Status status() const override { return memory.status(); }
  Result<std::vector<store::Piece>> pieces(store::TargetId t, store::Resolution r, PacketTime from, PacketTime to) override {
    return memory.pieces(t, r, from, to);
  }
  Result<std::vector<store::CoveragePiece>> coverage(store::ServiceId s, store::Resolution r, PacketTime from, PacketTime to) override {
    return memory.coverage(s, r, from, to);
  }
  Result<std::vector<store::DiscoveryEntry>> discovery_entries(std::uint64_t id) override { return memory.discovery_entries(id); }
  store::Retention retention() const override { return memory.retention(); }

  store::MemoryStore memory;
  bool slow = false;
  int writes = 0;
  std::deque<std::pair<store::WriteBatch, UniqueFunction<void(nezu::Status)>>> waiting;
};

// A probe's end of a pipe.
struct Peer {
  std::unique_ptr<net::Pipe> pipe;
  std::unique_ptr<net::Stream> stream;
  wire::FrameReader reader{wire::kMaxFrameBytes};
  std::vector<wire::Message> got;
  bool ended = false;
  wire::InstanceId instance;
  std::uint64_t epoch = 0;

  void read() {
    stream->read([this](Result<std::string_view> bytes) {
      if (!bytes.ok() || bytes->empty()) {
        ended = true;
        return;
      }
      reader.append(*bytes);
      for (auto next = reader.next(); next.ok() && next->ready; next = reader.next()) {
        auto message = wire::decode(next->bytes);
        ASSERT_TRUE(message.ok()) << message.error().message();
        if (const auto* grant = std::get_if<wire::Grant>(&*message)) epoch = grant->epoch;
        got.push_back(*std::move(message));
      }
      read();
    });
  }
  void send(const wire::Message& message) {
    stream->write(wire::frame(wire::encode(message)), [](Status) {});
  }
  template <class M>
  std::vector<M> all() const {
    std::vector<M> found;
    for (const auto& message : got) {
      if (const auto* m = std::get_if<M>(&message)) found.push_back(*m);
    }
    return found;
  }
};

class DriverTest : public ::testing::Test {
 protected:
  void SetUp() override { begin(); }
  void begin(const Options& options = {}) {
    driver.reset();
    auto loaded = store.load();
    ASSERT_TRUE(loaded.ok());
    auto created = Driver::create(loop, clock, random, logger, store, options, *loaded,
                                  {[this](const Error& error) { fatal = error; }, [this] { ++changes; }});
    ASSERT_TRUE(created.ok()) << created.error().message();
    driver = *std::move(created);
    bool ready = false;
    driver->start([&ready] { ready = true; });
    settle();
    ASSERT_TRUE(ready);
  }
  void settle() {
    for (int i = 0; i < 60; ++i) {
      loop.stop();
      loop.run();
    }
  }
  std::unique_ptr<Peer> connect(bool named = false) {
    auto peer = std::make_unique<Peer>();
    peer->pipe = std::make_unique<net::Pipe>(loop);
    peer->stream = peer->pipe->take_first();
    peer->read();
    driver->accept(peer->pipe->take_second(), named);
    return peer;
  }
  wire::Hello hello(std::uint8_t instance) {
    wire::Hello hello;
    hello.logical_probe = "edge";
    hello.node = "node-" + std::to_string(instance);
    hello.instance.bytes[0] = instance;
    hello.window = std::chrono::seconds(1);
    return hello;
  }
  wire::Heartbeat heartbeat(const Peer& peer, bool promoted = true) {
    wire::Heartbeat heartbeat;
    heartbeat.promoted = promoted;
    heartbeat.epoch = peer.epoch;
    heartbeat.held = peer.epoch;
    return heartbeat;
  }
  // Says Hello, claims, is admitted.
  std::unique_ptr<Peer> admitted(std::uint8_t instance) {
    auto peer = connect();
    peer->instance.bytes[0] = instance;
    peer->send(hello(instance));
    peer->send(heartbeat(*peer));
    settle();
    return peer;
  }
  // Time passes, and it says that it is there.
  void talk(Peer& peer, Nanos span) {
    for (; span > Nanos{0}; span -= ms(100)) {
      clock.advance(ms(100));
      peer.send(heartbeat(peer));
      settle();
      driver->due();
      settle();
    }
  }
  window::Record record(const Peer& peer, std::int64_t second) {
    window::Record r;
    r.instance = peer.instance;
    r.epoch = peer.epoch;
    r.span = {packet_time_ns(second * 1'000'000'000), packet_time_ns((second + 1) * 1'000'000'000)};
    r.covered = {r.span};
    r.counters.frames = 10;
    return r;
  }
  const std::int64_t kT = 1'699'999'000;

  net::EventLoop loop;
  FakeClock clock;
  SeededRandom random{1};
  log::MemoryLogger logger;
  SlowStore store;
  std::unique_ptr<Driver> driver;
  std::optional<Error> fatal;
  int changes = 0;
};

TEST_F(DriverTest, a_probe_is_welcomed_admitted_and_its_record_acknowledged) {
  auto peer = admitted(1);
  ASSERT_EQ(peer->all<wire::Welcome>().size(), 1u);
  const wire::NameKey key = peer->all<wire::Welcome>()[0].name_key;
  EXPECT_EQ(store.load()->state.at(kNameKey), encode_name_key(key)) << "the key is kept";
  EXPECT_EQ(peer->epoch, 1u);
  EXPECT_EQ(peer->all<wire::Definitions>().size(), 1u);
  EXPECT_FALSE(peer->all<wire::Beat>().empty());

  std::vector<std::int64_t> watched;
  auto handle = driver->watch([&](const std::string& probe, const window::Record& r) {
    EXPECT_EQ(probe, "edge");
    watched.push_back(to_ns(r.span.begin));
  });
  peer->send(record(*peer, kT));
  settle();
  ASSERT_EQ(peer->all<wire::Ack>().size(), 1u);
  EXPECT_EQ(peer->all<wire::Ack>()[0].begin, packet_time_ns(kT * 1'000'000'000));
  EXPECT_EQ(store.memory.records().size(), 1u);
  EXPECT_EQ(watched.size(), 1u);
  EXPECT_EQ(driver->probe_counters("edge").frames, 10u);
  handle.reset();
  peer->send(record(*peer, kT + 1));
  settle();
  EXPECT_EQ(watched.size(), 1u) << "the subscription has ended";
  EXPECT_EQ(driver->ingest().counters("edge").stored, 2u);
}

TEST_F(DriverTest, a_repeat_is_acknowledged_and_not_counted) {
  auto peer = admitted(1);
  for (int i = 0; i < 3; ++i) peer->send(record(*peer, kT));
  settle();
  EXPECT_EQ(peer->all<wire::Ack>().size(), 3u);
  EXPECT_EQ(store.memory.records().size(), 1u);
  EXPECT_EQ(driver->ingest().counters("edge").repeats, 2u);
}

TEST_F(DriverTest, nothing_is_promised_before_it_is_durable) {
  store.slow = true;
  auto peer = admitted(1);
  EXPECT_EQ(peer->epoch, 0u) << "an epoch is stored before it is handed out";
  EXPECT_FALSE(peer->all<wire::Beat>().empty()) << "but heartbeats are answered";
  store.release();
  settle();
  EXPECT_EQ(peer->epoch, 0u) << "the probe's own entry went first, the admission waited behind it";
  store.release();
  settle();
  EXPECT_EQ(peer->epoch, 1u);
  peer->send(record(*peer, kT));
  peer->send(record(*peer, kT));
  settle();
  EXPECT_TRUE(peer->all<wire::Ack>().empty());
  store.release();
  settle();
  store.release();
  settle();
  EXPECT_EQ(peer->all<wire::Ack>().size(), 2u);
}

TEST_F(DriverTest, what_comes_together_is_written_together) {
  auto peer = admitted(1);
  store.slow = true;
  const int before = store.writes;
  for (int i = 0; i < 20; ++i) peer->send(record(*peer, kT + i));
  settle();
  store.release();
  settle();
  EXPECT_EQ(store.writes - before, 2);
  store.release();
  settle();
  EXPECT_EQ(peer->all<wire::Ack>().size(), 20u);
}

TEST_F(DriverTest, refusals_say_why) {
  auto old = connect();
  auto h = hello(1);
  h.protocol_min = h.protocol_max = wire::kProtocolMax + 1;
  old->send(h);
  auto named = connect(true);
  named->send(hello(2));
  auto other = connect();
  h = hello(3);
  h.window = std::chrono::seconds(10);
  other->send(h);
  auto rude = connect();
  rude->send(wire::Heartbeat{});
  auto stranger = connect();
  stranger->stream->write("GET / HTTP/1.1\r\n\r\n", [](Status) {});
  auto named_wrongly = connect();
  h = hello(4);
  h.logical_probe = "a/b";
  named_wrongly->send(h);
  settle();
  const auto reason = [](const Peer& peer) {
    const auto all = peer.all<wire::Refusal>();
    EXPECT_EQ(all.size(), 1u);
    EXPECT_TRUE(peer.ended);
    return all.empty() ? wire::Refusal{} : all[0];
  };
  EXPECT_EQ(reason(*old).reason, wire::Refusal::Reason::protocol);
  EXPECT_EQ(reason(*old).protocol_max, wire::kProtocolMax);
  EXPECT_EQ(reason(*named).reason, wire::Refusal::Reason::unknown_probe);
  EXPECT_EQ(reason(*other).reason, wire::Refusal::Reason::window);
  EXPECT_EQ(reason(*rude).reason, wire::Refusal::Reason::bad_request);
  EXPECT_EQ(reason(*stranger).reason, wire::Refusal::Reason::bad_request);
  EXPECT_EQ(reason(*named_wrongly).reason, wire::Refusal::Reason::bad_request);
  EXPECT_EQ(driver->counters().links_refused, 6u);
  EXPECT_EQ(driver->counters().broken, 2u) << "the stranger, and the name that no probe may have";
}

TEST_F(DriverTest, who_says_nothing_is_sent_away) {
  auto peer = connect();
  settle();
  clock.advance(ms(5100));
  driver->due();
  settle();
  EXPECT_EQ(peer->all<wire::Refusal>().size(), 1u);
}

TEST_F(DriverTest, a_full_disk_pauses_and_goes_on_by_itself) {
  auto peer = admitted(1);
  store.memory.fail_with(Error(ErrorCode::no_space, "manager.db: No space left on device"));
  peer->send(record(*peer, kT));
  peer->send(record(*peer, kT + 1));
  settle();
  EXPECT_TRUE(driver->committer().paused());
  EXPECT_TRUE(peer->all<wire::Ack>().empty());
  EXPECT_FALSE(peer->ended) << "sessions stay";
  const std::size_t beats = peer->all<wire::Beat>().size();
  peer->send(heartbeat(*peer));
  settle();
  EXPECT_EQ(peer->all<wire::Beat>().size(), beats + 1);
  EXPECT_TRUE(driver->monitor().events().is_open("store.no_space", "manager"));
  bool told = false;
  driver->wish(1, true, [&](Status status) { told = !status.ok() && status.error().code() == ErrorCode::unavailable; });
  EXPECT_TRUE(told);

  driver->due();
  clock.advance(ms(500));
  const int before = store.writes;
  driver->due();
  EXPECT_EQ(store.writes, before) << "tried again each second, not faster";
  clock.advance(ms(600));
  driver->due();
  EXPECT_EQ(store.writes, before + 1);
  store.memory.fail_with(std::nullopt);
  clock.advance(ms(1100));
  peer->send(heartbeat(*peer));
  settle();
  driver->due();
  settle();
  EXPECT_FALSE(driver->committer().paused());
  EXPECT_EQ(peer->all<wire::Ack>().size(), 2u);
  EXPECT_EQ(store.memory.records().size(), 2u);
  EXPECT_FALSE(driver->monitor().events().is_open("store.no_space", "manager"));
  const auto loaded = store.load();
  EXPECT_EQ(
      std::count_if(loaded->events.begin(), loaded->events.end(), [](const auto& e) { return e.code == "store.no_space" && e.closed; }), 1);
}

TEST_F(DriverTest, what_can_not_be_held_in_a_pause_is_sent_again) {
  Options options;
  options.committer.held_bytes = 100;
  begin(options);
  auto peer = admitted(1);
  store.memory.fail_with(Error(ErrorCode::no_space, "full"));
  for (int i = 0; i < 10; ++i) peer->send(record(*peer, kT + i));
  settle();
  EXPECT_GT(driver->counters().held_back, 0u);
  EXPECT_FALSE(peer->ended);
  store.memory.fail_with(std::nullopt);
  clock.advance(ms(1100));
  peer->send(heartbeat(*peer));
  settle();
  driver->due();
  settle();
  EXPECT_TRUE(peer->ended) << "asked for by a new connection";
  auto again = admitted(1);
  again->epoch = peer->epoch;
  for (int i = 0; i < 10; ++i) {
    again->send(record(*again, kT + i));
    settle();
  }
  EXPECT_EQ(again->all<wire::Ack>().size(), 10u);
  EXPECT_EQ(store.memory.records().size(), 10u);
}

TEST_F(DriverTest, a_failing_disk_is_the_end) {
  auto peer = admitted(1);
  store.memory.fail_with(Error(ErrorCode::io, "manager.db: Input/output error"));
  peer->send(record(*peer, kT));
  settle();
  ASSERT_TRUE(fatal.has_value());
  EXPECT_EQ(fatal->code(), ErrorCode::io);
  EXPECT_TRUE(peer->all<wire::Ack>().empty());
  store.memory.fail_with(std::nullopt);
  clock.advance(ms(5000));
  driver->due();
  settle();
  EXPECT_TRUE(store.memory.records().empty()) << "nothing is written any more";
}

TEST_F(DriverTest, a_record_of_an_old_epoch_is_refused_and_its_sender_told) {
  auto first = admitted(1);
  first->send(heartbeat(*first, false));  // demoted
  settle();
  auto second = admitted(2);
  EXPECT_EQ(second->epoch, 2u);
  first->send(record(*first, kT));
  settle();
  EXPECT_TRUE(first->all<wire::Ack>().empty());
  ASSERT_FALSE(first->all<wire::Superseded>().empty());
  EXPECT_EQ(first->all<wire::Superseded>().back().epoch, 1u);
  EXPECT_EQ(driver->ingest().counters("edge").refused[static_cast<std::size_t>(ingest::Refused::old_epoch)], 1u);
}

TEST_F(DriverTest, an_overlap_opens_an_event_that_closes_after_quiet) {
  auto peer = admitted(1);
  peer->send(record(*peer, kT));
  auto wrong = record(*peer, kT);
  wrong.span.begin += ms(500);
  wrong.covered = {wrong.span};
  peer->send(wrong);
  settle();
  EXPECT_TRUE(driver->monitor().events().is_open("record.refused.overlap", "edge"));
  clock.advance(std::chrono::seconds(61));
  driver->due();
  EXPECT_FALSE(driver->monitor().events().is_open("record.refused.overlap", "edge"));
}

// The manager's machine has started with its clock an hour behind.
TEST_F(DriverTest, what_lies_in_the_future_is_asked_for_again_until_the_clock_is_right) {
  const std::int64_t first = kT + 4600;
  const std::string code = "record.refused.future";
  auto peer = admitted(1);
  peer->send(record(*peer, first));
  settle();
  EXPECT_TRUE(peer->all<wire::Ack>().empty());
  talk(*peer, ms(4900));
  EXPECT_FALSE(peer->ended) << "some seconds later, not at once";
  for (int session = 0; session < 20; ++session) {
    talk(*peer, ms(200));
    ASSERT_TRUE(peer->ended) << session;
    auto again = admitted(1);
    again->epoch = 1;
    again->send(record(*again, first));
    settle();
    talk(*again, ms(4800));
    EXPECT_FALSE(again->ended);
    peer = std::move(again);
    ASSERT_TRUE(driver->monitor().events().is_open(code, "edge")) << "kept open by the refusals, for longer than a minute";
  }
  clock.set_wall(wall_time_ns((first + 1) * 1'000'000'000));
  peer->send(record(*peer, first + 1));
  settle();
  EXPECT_TRUE(peer->all<wire::Ack>().empty()) << "held back: the end of what is stored must not pass the one before by";
  talk(*peer, ms(200));
  EXPECT_TRUE(peer->ended);
  peer = admitted(1);
  peer->epoch = 1;
  for (int i = 0; i < 2; ++i) peer->send(record(*peer, first + i));
  settle();
  EXPECT_EQ(peer->all<wire::Ack>().size(), 2u);
  EXPECT_EQ(store.memory.records().size(), 2u);
  talk(*peer, ms(61'000));
  EXPECT_FALSE(peer->ended);
  EXPECT_FALSE(driver->monitor().events().is_open(code, "edge"));
  EXPECT_EQ(driver->ingest().counters("edge").stored, 2u);
  EXPECT_TRUE(driver->monitor().failovers().newest_first().empty());
  EXPECT_EQ(driver->monitor().epoch("edge"), 1u) << "the same instance was back each time";
}

TEST_F(DriverTest, what_is_never_good_is_not_asked_for_again) {
  auto peer = admitted(1);
  peer->send(record(*peer, kT));
  auto overlaps = record(*peer, kT);
  overlaps.span.begin += ms(500);
  auto too_long = record(*peer, kT + 10);
  too_long.span.end += ms(500);
  auto anothers = record(*peer, kT + 20);
  anothers.instance.bytes[0] = 9;
  overlaps.covered = {overlaps.span};
  for (const auto& never_good : {overlaps, too_long, anothers}) peer->send(never_good);
  settle();
  EXPECT_EQ(driver->ingest().counters("edge").refused_total(), 3u);
  talk(*peer, ms(15'000));
  EXPECT_FALSE(peer->ended);
  peer->send(record(*peer, kT + 1));
  settle();
  EXPECT_EQ(peer->all<wire::Ack>().size(), 2u);
}

TEST_F(DriverTest, the_managers_restart_keeps_epoch_key_and_what_is_stored) {
  auto peer = admitted(1);
  const auto key = peer->all<wire::Welcome>()[0].name_key;
  peer->send(record(*peer, kT));
  settle();
  begin();
  settle();
  EXPECT_TRUE(peer->ended);
  auto again = admitted(1);
  EXPECT_EQ(again->all<wire::Welcome>()[0].name_key, key);
  EXPECT_NE(again->all<wire::Welcome>()[0].manager_instance, peer->all<wire::Welcome>()[0].manager_instance);
  EXPECT_EQ(again->epoch, 1u) << "the grant stands: it was told epoch 0, so it is given again";
  again->send(record(*again, kT));
  again->send(record(*again, kT + 1));
  settle();
  EXPECT_EQ(again->all<wire::Ack>().size(), 2u);
  EXPECT_EQ(driver->ingest().counters("edge").repeats, 1u);
  EXPECT_EQ(store.memory.records().size(), 2u);
  again->send(heartbeat(*again, false));
  settle();
  auto other = admitted(2);
  EXPECT_EQ(other->epoch, 2u);
}

TEST_F(DriverTest, a_goodbye_is_a_planned_end) {
  auto peer = admitted(1);
  peer->send(wire::Bye{"SIGTERM"});
  settle();
  EXPECT_TRUE(peer->ended);
  clock.advance(ms(10));
  auto other = admitted(2);
  ASSERT_EQ(driver->monitor().failovers().newest_first().size(), 1u);
  EXPECT_EQ(driver->monitor().failovers().newest_first()[0].reason, "planned");
}

TEST_F(DriverTest, the_last_failovers_phases_are_metrics) {
  metrics::Registry registry;
  register_metrics(registry, *driver, store);
  auto peer = admitted(1);
  EXPECT_EQ(registry.text().find("nezu_failover_phase_seconds{"), std::string::npos) << "none yet";
  peer->send(wire::Bye{"SIGTERM"});
  settle();
  clock.advance(ms(10));
  auto other = connect();
  other->send(hello(2));
  wire::Heartbeat claim = heartbeat(*other);
  claim.cluster_steps = {{wire::ClusterStep::Kind::start, ms(4)}};
  other->send(claim);
  settle();
  const std::string text = registry.text();
  for (const char* line : {"phase=\"noticed\"} 0\n", "phase=\"start\"} 0.006\n", "phase=\"admitted\"} 0.01\n"}) {
    EXPECT_NE(text.find(std::string("nezu_failover_phase_seconds{probe=\"edge\",") + line), std::string::npos) << line << text;
  }
  EXPECT_EQ(text.find("phase=\"promote\""), std::string::npos);
  EXPECT_EQ(text.find("phase=\"first_window\""), std::string::npos) << "not stored yet";
}

TEST_F(DriverTest, stop_waits_for_what_is_in_flight) {
  auto peer = admitted(1);
  store.slow = true;
  peer->send(record(*peer, kT));
  settle();
  bool stopped = false;
  driver->stop([&] { stopped = true; });
  driver->due();
  settle();
  EXPECT_FALSE(stopped);
  peer->send(record(*peer, kT + 1));  // too late
  settle();
  store.release();
  settle();
  driver->due();
  settle();
  driver->due();
  settle();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(peer->all<wire::Ack>().size(), 1u);
  EXPECT_TRUE(peer->ended);
  EXPECT_EQ(store.memory.records().size(), 1u);
}

TEST_F(DriverTest, who_does_not_read_is_sent_away) {
  Options options;
  options.queue_bytes = 300;
  begin(options);
  auto peer = admitted(1);
  peer->pipe->hold();
  settle();
  for (int i = 0; i < 3; ++i) driver->wish(1, true, [](Status) {});
  EXPECT_EQ(driver->counters().slow, 0u);
  peer->pipe->release();
  store::ServiceRow row;  // definitions that don't fit into its queue
  row.id = 1;
  row.version = 1;
  row.definition.name = "checkout";
  for (int i = 0; i < 50; ++i) row.definition.paths.push_back("/path/" + std::to_string(i));
  row.all_target = 1;
  driver->put_services({row}, [] {});
  settle();
  EXPECT_EQ(driver->counters().slow, 1u);
  EXPECT_TRUE(peer->ended);
}

TEST_F(DriverTest, a_message_that_no_frame_holds_is_told_from_a_peer_that_does_not_read) {
  auto peer = admitted(1);
  store::ServiceRow row;
  row.id = 1;
  row.version = 1;
  row.definition.name = "checkout";
  row.definition.paths.push_back(std::string(wire::kMaxFrameBytes, 'p'));
  row.all_target = 1;
  driver->put_services({row}, [] {});
  settle();
  EXPECT_EQ(driver->counters().too_long, 1u);
  EXPECT_EQ(driver->counters().slow, 0u);
  EXPECT_TRUE(peer->ended);
  EXPECT_TRUE(logger.contains("wanted at most 16777216"));
}

// 1.1 million names in the ledgers' reach: more than one frame holds.
TEST_F(DriverTest, who_is_announced_or_admitted_gets_all_ledgers_however_many_names_they_have) {
  Options options;
  options.queue_bytes = 8 << 20;
  begin(options);
  auto active = admitted(1);
  std::uint64_t name = 0;
  for (std::int64_t s = 0; s < 11; ++s) {
    window::Record r = record(*active, kT + s);
    for (int i = 0; i < 100'000; ++i) {
      ++name;
      r.ledger.entries.push_back({name * 0x9e37'79b9'7f4a'7c15, name, r.span.begin + std::chrono::microseconds(i)});
    }
    active->send(r);
    settle();
  }
  ASSERT_EQ(active->all<wire::Ack>().size(), 11u);

  auto standby = connect();
  standby->instance.bytes[0] = 2;
  standby->send(hello(2));
  standby->send(heartbeat(*standby, false));
  for (int i = 0; i < 50; ++i) settle();
  std::set<std::uint64_t> named;
  for (const wire::Stored& stored : standby->all<wire::Stored>()) {
    for (const window::LedgerEntry& entry : stored.ledger.entries) named.insert(entry.response);
  }
  EXPECT_EQ(named.size(), name);

  active->stream.reset();
  settle();
  clock.advance(std::chrono::milliseconds(10));  // its claim is younger than the loss
  standby->got.clear();
  standby->send(heartbeat(*standby));
  for (int i = 0; i < 50; ++i) settle();
  const auto grants = standby->all<wire::Grant>();
  ASSERT_EQ(grants.size(), 1u);
  named.clear();
  for (const wire::Stored& stored : standby->all<wire::Stored>()) {
    for (const window::LedgerEntry& entry : stored.ledger.entries) named.insert(entry.response);
  }
  for (const window::LedgerEntry& entry : grants[0].ledger.entries) named.insert(entry.response);
  EXPECT_EQ(named.size(), name);
  EXPECT_FALSE(standby->ended);
  EXPECT_EQ(driver->counters().slow + driver->counters().too_long, 0u);
}

TEST_F(DriverTest, a_wish_is_told_when_it_is_durable_and_instructs_the_probe) {
  store::ServiceRow row;
  row.id = 1;
  row.version = 1;
  row.definition.name = "checkout";
  row.all_target = 1;
  driver->put_services({row}, [] {});
  auto peer = admitted(1);
  store.slow = true;
  bool told = false;
  driver->wish(1, true, [&](Status status) { told = status.ok(); });
  EXPECT_FALSE(told);
  store.release();
  settle();
  EXPECT_TRUE(told);
  ASSERT_FALSE(peer->all<wire::Instruction>().empty());
  const auto instruction = peer->all<wire::Instruction>().back();
  ASSERT_EQ(instruction.services.size(), 1u);
  EXPECT_EQ(instruction.services[0], (wire::ServiceWish{1, 1}));
  auto h = heartbeat(*peer);
  h.applied = instruction.number;
  h.services.push_back({1, 1, true, packet_time_ns(kT * 1'000'000'000)});
  peer->send(h);
  settle();
  EXPECT_EQ(driver->monitor().service(1).state, monitor::State::monitoring);
  EXPECT_GT(changes, 0);
}

// ---- discovery

class DiscoveryTest : public DriverTest {
 protected:
  std::uint64_t start() {
    std::uint64_t number = 0;
    driver->start_discovery({"edge", {}, {}, "hana"}, [&](Result<std::uint64_t> started) {
      ASSERT_TRUE(started.ok()) << started.error().message();
      number = *started;
    });
    settle();
    EXPECT_NE(number, 0u);
    return number;
  }
  static wire::DiscoveryEntries found(std::uint64_t job, std::uint64_t number, const std::string& path = "/a") {
    return {job, {{"shop.example", 80, path, "GET", 2, ms(6), 2}}, number, 1, 0, 0};
  }
  std::uint64_t requests(std::uint64_t job) {
    std::uint64_t sum = 0;
    const auto entries = store.discovery_entries(job);
    for (const auto& entry : *entries) sum += entry.count;
    return sum;
  }
};

TEST_F(DiscoveryTest, what_is_found_is_acknowledged_when_it_is_durable) {
  auto peer = admitted(1);
  const std::uint64_t job = start();
  EXPECT_EQ(peer->all<wire::Instruction>().back().discovery_job, job);
  store.slow = true;
  peer->send(found(job, 1));
  settle();
  EXPECT_TRUE(peer->all<wire::DiscoveryAck>().empty());
  store.release();
  settle();
  EXPECT_EQ(peer->all<wire::DiscoveryAck>(), (std::vector<wire::DiscoveryAck>{{job, 1}}));
  EXPECT_EQ(requests(job), 2u);
}

TEST_F(DiscoveryTest, a_message_that_comes_again_is_acknowledged_after_the_first_is_durable_and_counts_once) {
  auto peer = admitted(1);
  const std::uint64_t job = start();
  store.slow = true;
  peer->send(found(job, 1));
  peer->send(found(job, 1));
  settle();
  EXPECT_TRUE(peer->all<wire::DiscoveryAck>().empty());
  while (!store.waiting.empty()) {
    store.release();
    settle();
  }
  EXPECT_EQ(peer->all<wire::DiscoveryAck>().size(), 2u);
  EXPECT_EQ(requests(job), 2u);
}

TEST_F(DiscoveryTest, the_managers_restart_keeps_what_was_found_and_stops_it) {
  auto peer = admitted(1);
  const std::uint64_t job = start();
  peer->send(found(job, 1));
  settle();
  begin();
  settle();
  const auto row = driver->monitor().discoveries().newest_first().at(0);
  EXPECT_EQ(row.reason, "manager_restarted");
  EXPECT_TRUE(row.stopped.has_value());
  EXPECT_EQ(store.load()->discoveries.at(0).reason, "manager_restarted");
  EXPECT_EQ(requests(job), 2u);
  auto again = admitted(1);
  again->send(found(job, 1));  // its acknowledgement was lost
  again->send(found(job, 2));
  settle();
  EXPECT_EQ(again->all<wire::DiscoveryAck>().size(), 2u) << "neither needs to come again";
  EXPECT_EQ(requests(job), 2u);
  EXPECT_EQ(again->all<wire::Instruction>().empty() ? 0u : again->all<wire::Instruction>().back().discovery_job, 0u);
  EXPECT_EQ(start(), job + 1);
}

TEST_F(DiscoveryTest, a_full_disk_refuses_a_start_and_loses_nothing_that_was_found) {
  auto peer = admitted(1);
  const std::uint64_t job = start();
  store.memory.fail_with(Error(ErrorCode::no_space, "manager.db: no space left on device"));
  peer->send(found(job, 1));
  settle();
  std::optional<Error> refused;
  driver->start_discovery({"edge", {}, {}, {}}, [&](Result<std::uint64_t> started) { refused = started.error(); });
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code(), ErrorCode::unavailable);
  peer->send(found(job, 1));  // the probe's patience is over
  peer->send(found(job, 2));
  settle();
  EXPECT_EQ(driver->monitor().discoveries().find(job)->last_number, 1u) << "what comes in a pause isn't taken: it comes again";
  EXPECT_TRUE(peer->all<wire::DiscoveryAck>().empty());
  store.memory.fail_with(std::nullopt);
  clock.advance(ms(1100));
  driver->due();
  settle();
  EXPECT_EQ(requests(job), 2u);
  EXPECT_FALSE(peer->all<wire::DiscoveryAck>().empty());
}

}  // namespace
}  // namespace nezu::session
