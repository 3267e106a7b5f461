#include "manager/store/sqlite/sqlite_store.h"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include "manager/store/memory_store.h"
#include "manager/store/sqlite/chunk.h"
#include "manager/store/sqlite/connection.h"
#include "manager/store/sqlite/levels.h"
#include "manager/store/sqlite/store_test_support.h"
#include "manager/store/sqlite/synthetic_windows.h"

namespace nezu::store::sqlite {
namespace {

using namespace test;

class SqliteStoreTest : public ::testing::Test {
 protected:
  Options options() const {
    Options o;
    o.path = directory_.file();
    return o;
  }
  // One record a second, one transaction each.
  static void fill(Store& store, int from, int to) {
    for (int s = from; s < to; ++s) ASSERT_TRUE(write(store, batch_of(record(s, s + 1, 1))).ok());
  }
  // The same, many records a batch.
  static void fill_fast(Store& store, int from, int to) {
    for (int s = from; s < to; s += 300) {
      WriteBatch batch;
      for (int i = s; i < std::min(s + 300, to); ++i) batch.records.push_back({"edge", record(i, i + 1, 1)});
      ASSERT_TRUE(write(store, std::move(batch)).ok());
    }
  }

  TempDirectory directory_;
  FakeClock clock_;
};

TEST_F(SqliteStoreTest, KeepsWhatWasWrittenOverARestart) {
  {
    Loaded loaded;
    auto store = opened(options(), clock_, &loaded);
    EXPECT_TRUE(loaded.clean_stop);
    EXPECT_TRUE(loaded.covered.empty());
    fill(*store, 0, 5);
    WriteBatch batch;
    batch.state["monitor"] = "{\"a\":1}";
    ServiceRow row;
    row.id = 1;
    row.version = 3;
    row.definition.group = "shop";
    row.definition.name = "checkout";
    row.all_target = 10;
    row.targets["pay"] = 12;
    row.changed = wall_time_ns(77);
    batch.services.push_back(row);
    batch.monitoring.push_back({4, 1, "edge", at(0), std::nullopt});
    FailoverRecord failover;
    failover.id = 2;
    failover.logical_probe = "edge";
    failover.gaps.push_back({1, at(1), at(3)});
    failover.clock_offset = Nanos(-5);
    failover.stopped = wall_time_ns(501);
    failover.promote = wall_time_ns(502);
    batch.failovers.push_back(failover);
    Event event;
    event.id = 9;
    event.code = "failover";
    event.severity = Severity::warning;
    event.text = "edge went over";
    batch.events.push_back(event);
    ASSERT_TRUE(write(*store, std::move(batch)).ok());
  }
  Loaded loaded;
  auto store = opened(options(), clock_, &loaded);
  EXPECT_TRUE(loaded.clean_stop);
  EXPECT_EQ(loaded.state.at("monitor"), "{\"a\":1}");
  ASSERT_EQ(loaded.services.size(), 1u);
  EXPECT_EQ(loaded.services[0].definition.full_name(), "shop/checkout");
  EXPECT_EQ(loaded.services[0].targets.at("pay"), 12u);
  ASSERT_EQ(loaded.monitoring.size(), 1u);
  EXPECT_FALSE(loaded.monitoring[0].end);
  ASSERT_EQ(loaded.failovers.size(), 1u);
  EXPECT_EQ(loaded.failovers[0].gaps[0].end, at(3));
  EXPECT_EQ(loaded.failovers[0].clock_offset, Nanos(-5));
  EXPECT_FALSE(loaded.failovers[0].first_window);
  EXPECT_EQ(loaded.failovers[0].stopped, wall_time_ns(501));
  EXPECT_FALSE(loaded.failovers[0].start) << "as in a record of an older database";
  EXPECT_EQ(loaded.failovers[0].promote, wall_time_ns(502));
  ASSERT_EQ(loaded.events.size(), 1u);
  EXPECT_EQ(loaded.events[0].severity, Severity::warning);
  EXPECT_EQ(loaded.next_target_id, 13u);
  EXPECT_EQ(loaded.next_failover_id, 3u);
  EXPECT_EQ(loaded.next_event_id, 10u);
  EXPECT_EQ(loaded.next_monitoring_id, 5u);
  ASSERT_EQ(loaded.covered.size(), 1u);
  EXPECT_EQ(loaded.covered[0].recent_spans, (window::Spans{{at(0), at(5)}}));
  EXPECT_EQ(loaded.covered[0].stored_until, at(5));
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 60), 5u);
}

DiscoveryRow discovery(std::uint64_t id) {
  DiscoveryRow row;
  row.id = id;
  row.logical_probe = "edge";
  row.source = "192.0.2.0/24";
  row.limit = std::chrono::minutes(10);
  row.started_by = "hana";
  row.started = wall_time_ns(5);
  row.instance = "00ff";
  row.node = "a";
  row.stopped = wall_time_ns(9);
  row.stopped_by = "jiro";
  row.reason = "person";
  row.text = "stopped by jiro";
  row.last_number = 4;
  row.entries = 2, row.bytes = 40, row.requests = 7, row.other_source = 1, row.no_room = 2, row.unreadable = 3, row.over_limit = 4;
  return row;
}

TEST_F(SqliteStoreTest, AddsUpWhatADiscoveryFindsAndKeepsItOverARestart) {
  {
    auto store = opened(options(), clock_);
    for (int i = 0; i < 3; ++i) {
      WriteBatch batch;
      batch.discoveries.push_back(discovery(4));
      batch.discovery_entries.push_back({4, "shop.example", 80, "/a", "GET", 2, 1, Nanos(10)});
      batch.discovery_entries.push_back({4, "shop.example", 80, "/b", "GET", 1, 1, Nanos(1)});
      batch.discovery_entries.push_back({4, "shop.example", 80, "/b", "GET", 0, 0, Nanos(1)});
      batch.discovery_entries.push_back({4, "shop.example", 80, "/a", "POST", 5, 0, Nanos(0)});
      batch.discovery_entries.push_back({6, "shop.example", 80, "/a", "GET", 1, 1, Nanos(3)});
      ASSERT_TRUE(write(*store, std::move(batch)).ok());
    }
  }
  Loaded loaded;
  auto store = opened(options(), clock_, &loaded);
  EXPECT_EQ(loaded.discoveries, (std::vector<DiscoveryRow>{discovery(4)}));
  EXPECT_EQ(loaded.next_discovery_id, 5u);
  const auto entries = store->discovery_entries(4);
  ASSERT_TRUE(entries.ok()) << entries.error().message();
  EXPECT_EQ(*entries, (std::vector<DiscoveryEntry>{{4, "shop.example", 80, "/a", "POST", 15, 0, Nanos(0)},
                                                   {4, "shop.example", 80, "/a", "GET", 6, 3, Nanos(30)},
                                                   {4, "shop.example", 80, "/b", "GET", 3, 3, Nanos(6)}}));
  EXPECT_EQ(store->discovery_entries(6)->size(), 1u);
  EXPECT_TRUE(store->discovery_entries(99)->empty());

  WriteBatch gone;
  gone.discoveries_deleted.push_back(4);
  ASSERT_TRUE(write(*store, std::move(gone)).ok());
  EXPECT_TRUE(store->discovery_entries(4)->empty());
  EXPECT_EQ(store->discovery_entries(6)->size(), 1u);
  store.reset();
  store = opened(options(), clock_, &loaded);
  EXPECT_TRUE(loaded.discoveries.empty());
}

TEST_F(SqliteStoreTest, SumsOfADiscoveryStayAtTheLargestNumber) {
  auto store = opened(options(), clock_);
  for (int i = 0; i < 3; ++i) {
    WriteBatch batch;
    batch.discovery_entries.push_back({4, "h", 80, "/", "GET", std::uint64_t{1} << 62, 1, Nanos(std::int64_t{1} << 62)});
    ASSERT_TRUE(write(*store, std::move(batch)).ok());
  }
  const auto entries = store->discovery_entries(4);
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(entries->at(0).count, 9'200'000'000'000'000'000U);
  EXPECT_EQ(entries->at(0).response_time_sum, Nanos(9'200'000'000'000'000'000));
}

TEST_F(SqliteStoreTest, DiscoveriesAnswerLikeTheStoreInMemory) {
  MemoryStore memory;
  auto store = opened(options(), clock_);
  std::mt19937 random(3);
  for (int i = 0; i < 40; ++i) {
    WriteBatch batch;
    for (int k = 0; k < 20; ++k) {
      batch.discovery_entries.push_back({1 + random() % 3, random() % 2 ? "a" : "b", static_cast<std::uint16_t>(80 + random() % 2),
                                         "/" + std::to_string(random() % 9), random() % 2 ? "GET" : "POST", 1 + random() % 9, random() % 2,
                                         Nanos(static_cast<std::int64_t>(random() % 1000))});
    }
    if (i == 20) batch.discoveries_deleted.push_back(2);
    ASSERT_TRUE(write(memory, batch).ok());
    ASSERT_TRUE(write(*store, std::move(batch)).ok());
  }
  for (const std::uint64_t id : {1u, 2u, 3u}) {
    EXPECT_GT(store->discovery_entries(id)->size(), 30u);
    EXPECT_EQ(*memory.discovery_entries(id), *store->discovery_entries(id)) << id;
  }
}

TEST_F(SqliteStoreTest, FoldsTheJournalAndKeepsEveryWindowOnce) {
  auto store = opened(options(), clock_);
  fill(*store, 0, 200);
  // Folding goes on after the answer; the next write waits for it.
  ASSERT_TRUE(write(*store, batch_of(record(200, 201, 1))).ok());
  EXPECT_GE(store->status().chunks, 6u);
  EXPECT_LE(store->status().journal_rows, 62u);
  for (const Resolution r : kResolutions) {
    EXPECT_EQ(transactions(*store, 10, r, -86'400, 86'400), 201u) << to_string(r);
    EXPECT_EQ(covered(*store, 1, r, -86'400, 86'400), Nanos(std::chrono::seconds(201))) << to_string(r);
  }
  store.reset();
  store = opened(options(), clock_);
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 86'400), 201u);
  auto pieces = store->pieces(10, Resolution::s1, at(58), at(62));
  ASSERT_EQ(pieces->size(), 4u);
  EXPECT_EQ(pieces->front().figures, record(58, 59, 1).services[0].targets[0].figures);
}

// The same records in both stores give the same answers, at every resolution, with late ones, two probes, cut seconds.
TEST_F(SqliteStoreTest, AnswersLikeTheStoreInMemory) {
  MemoryStore memory;
  auto store = opened(options(), clock_);
  const auto both = [&](window::Record r, const std::string& probe) {
    ASSERT_TRUE(write(memory, batch_of(r, probe)).ok());
    ASSERT_TRUE(write(*store, batch_of(std::move(r), probe)).ok());
  };
  SyntheticWindows windows(25, 5, true);
  for (int s = 0; s < 7600; ++s) {
    if (s % 1000 > 900) continue;
    if (s % 7 == 0) both(windows.next(kStart + s), "edge");
    if (s % 50 == 3) both(record(s, s + 0.25, 2), "core");
    if (s % 50 == 3) both(record(s + 0.5, s + 1, 3), "core");
  }
  for (int s = 905; s < 990; s += 3) both(record(s, s + 1, 7, 2), "edge");  // late: folded and rolled up long ago
  for (const Resolution r : kResolutions) {
    for (const TargetId target : {1u, 10u, 20u, 25u}) {
      auto a = memory.pieces(target, r, at(-10), at(90'000));
      auto b = store->pieces(target, r, at(-10), at(90'000));
      ASSERT_TRUE(b.ok()) << b.error().message();
      ASSERT_EQ(a->size(), b->size()) << to_string(r) << " target " << target;
      for (std::size_t i = 0; i < a->size(); ++i) {
        ASSERT_EQ((*a)[i].start, (*b)[i].start);
        ASSERT_EQ((*a)[i].logical_probe, (*b)[i].logical_probe);
        ASSERT_EQ((*a)[i].figures, (*b)[i].figures) << to_string(r) << " " << i;
      }
    }
    for (const ServiceId service : {1u, 2u}) {
      auto a = memory.coverage(service, r, at(0), at(90'000));
      auto b = store->coverage(service, r, at(0), at(90'000));
      ASSERT_EQ(a->size(), b->size()) << to_string(r);
      for (std::size_t i = 0; i < a->size(); ++i) {
        ASSERT_EQ((*a)[i].covered_length, (*b)[i].covered_length) << to_string(r) << " " << i;
        ASSERT_EQ((*a)[i].covered, (*b)[i].covered) << to_string(r) << " " << i;
      }
    }
  }
  EXPECT_EQ(store->status().set_aside, 0u);
}

TEST_F(SqliteStoreTest, WindowsBeforeTheFoldStayReadableWhileItGoesOn) {
  auto store = opened(options(), clock_);
  std::atomic<bool> stop{false};
  std::atomic<int> stored{0};
  std::atomic<int> wrong{0}, reads{0};
  std::thread reader([&] {
    while (!stop) {
      const int before = stored;
      auto pieces = store->pieces(10, reads % 2 == 0 ? Resolution::s1 : Resolution::m1, at(0), at(86'400));
      const int after = stored + 1;  // one may be durable and not yet counted
      std::uint64_t sum = 0;
      if (pieces.ok()) {
        for (const auto& p : *pieces) sum += p.figures.transactions;
      }
      if (!pieces.ok() || sum < static_cast<std::uint64_t>(before) || sum > static_cast<std::uint64_t>(after)) ++wrong;
      ++reads;
    }
  });
  for (int s = 0; s < 900; ++s) {
    ASSERT_TRUE(write(*store, batch_of(record(s, s + 1, 1))).ok());
    ++stored;
  }
  stop = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reads, 10);
}

// A fold of many series: what is written meanwhile waits for one step of it at most, and is read right at each of them.
TEST_F(SqliteStoreTest, AFoldGoesInStepsAndCommitsGoBetweenThem) {
  Options o = options();
  o.max_fold_slots = 20;  // less than a series has: one series a step
  auto store = opened(o, clock_);
  constexpr ServiceId kServices = 30;
  const auto second = [&](int s) {
    window::Record r = record(s, s + 1, 1);
    for (ServiceId service = 2; service <= kServices; ++service) r.services.push_back(record(s, s + 1, 1, service).services[0]);
    return batch_of(std::move(r));
  };
  for (int s = 0; s < 61; ++s) ASSERT_TRUE(write(*store, second(s)).ok());
  ASSERT_EQ(store->status().chunks, 0u);
  // Each batch is sent when the one before it is durable: there is always one that waits. `done` runs on the writer's thread.
  std::vector<std::uint64_t> chunks;
  std::vector<std::uint64_t> sums;
  std::promise<bool> end;
  int next = 61;
  std::function<void(nezu::Status)> done = [&](const nezu::Status& status) {
    chunks.push_back(store->status().chunks);
    sums.push_back(transactions(*store, 10, Resolution::s1, 0, 3600) + transactions(*store, kServices * 10, Resolution::m1, 0, 3600));
    if (!status.ok() || ++next == 123) return end.set_value(status.ok());
    store->write(second(next), [&](nezu::Status s) { done(s); });
  };
  store->write(second(next), [&](nezu::Status s) { done(s); });
  ASSERT_TRUE(end.get_future().get());
  constexpr std::uint64_t kAll = 2 * 2 * kServices;  // figures and coverage, 1 s and 10 s
  EXPECT_EQ(chunks.back(), kAll);
  for (std::size_t i = 1; i < chunks.size(); ++i) EXPECT_LE(chunks[i] - chunks[i - 1], 2u) << "after commit " << i;
  for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(sums[i], 2 * (62 + i)) << "after commit " << i;
}

TEST_F(SqliteStoreTest, ClosedEventsAndFailoversAreKeptUpToANumberAndOpenEventsForEver) {
  Options o = options();
  o.kept_events = 10;
  {
    auto store = opened(o, clock_);
    WriteBatch batch;
    for (std::uint64_t id = 1; id <= 50; ++id) {
      Event event;
      event.id = id;
      event.code = "test";
      event.opened = wall_time_ns(static_cast<std::int64_t>(id));
      if (id % 10 != 3) event.closed = wall_time_ns(static_cast<std::int64_t>(id) + 1);
      batch.events.push_back(event);
      FailoverRecord failover;
      failover.id = id;
      failover.logical_probe = "edge";
      batch.failovers.push_back(failover);
    }
    ASSERT_TRUE(write(*store, std::move(batch)).ok());
    clock_.advance(std::chrono::minutes(2));  // it is tidied once a minute, after a commit
    ASSERT_TRUE(write(*store, batch_of(record(0, 1, 1))).ok());
    ASSERT_TRUE(write(*store, batch_of(record(1, 2, 1))).ok());
  }
  Loaded loaded;
  auto store = opened(o, clock_, &loaded);
  std::vector<std::uint64_t> events, failovers;
  for (const Event& event : loaded.events) events.push_back(event.id);
  for (const FailoverRecord& failover : loaded.failovers) failovers.push_back(failover.id);
  EXPECT_THAT(events, ::testing::ElementsAre(3, 13, 23, 33, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50));
  EXPECT_THAT(failovers, ::testing::ElementsAre(41, 42, 43, 44, 45, 46, 47, 48, 49, 50));
  EXPECT_EQ(loaded.next_event_id, 51u);
  EXPECT_EQ(loaded.next_failover_id, 51u);
}

// Chunks that a longer fold wrote begin far before what they hold: they are found, also where only their end is asked for.
TEST_F(SqliteStoreTest, ChunksOfAnotherFoldEveryAreRead) {
  Options o = options();
  o.fold_every = std::chrono::seconds(600);
  {
    auto store = opened(o, clock_);
    fill_fast(*store, 0, 1300);
    ASSERT_TRUE(write(*store, batch_of(record(1300, 1301, 1))).ok());
  }
  o.fold_every = std::chrono::seconds(60);
  auto store = opened(o, clock_);
  fill(*store, 1301, 1400);
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 1190, 1195), 5u);
  EXPECT_EQ(transactions(*store, 10, Resolution::s10, 1190, 1200), 10u);
  for (const Resolution r : kResolutions) EXPECT_EQ(transactions(*store, 10, r, -86'400, 86'400), 1400u) << to_string(r);
  EXPECT_EQ(covered(*store, 1, Resolution::s1, 0, 1400), Nanos(std::chrono::seconds(1400)));
}

TEST_F(SqliteStoreTest, RetentionDropsOldChunksAndKeepsTheRollUps) {
  Options o = options();
  o.retention.s1 = std::chrono::hours(2);
  auto store = opened(o, clock_);
  // The wall clock stands at the begin: what is later isn't believed, and nothing is old.
  fill_fast(*store, 0, 4 * 3600);
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 600), 600u);
  clock_.advance(std::chrono::hours(4));
  // Maintenance runs between commits, in bounded steps.
  for (int s = 4 * 3600; s < 4 * 3600 + 190; ++s) ASSERT_TRUE(write(*store, batch_of(record(s, s + 1, 1))).ok());
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 600), 0u);
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 3 * 3600, 4 * 3600), 3600u);
  EXPECT_EQ(transactions(*store, 10, Resolution::s10, 0, 4 * 3600), 4u * 3600u);
  EXPECT_EQ(transactions(*store, 10, Resolution::m1, 0, 4 * 3600), 4u * 3600u);
}

TEST_F(SqliteStoreTest, ADamagedChunkIsSetAsideAndItsSpanIsAGap) {
  {
    auto store = opened(options(), clock_);
    WriteBatch batch;
    ServiceRow row;
    row.id = 1;
    row.all_target = 10;
    row.definition.name = "s";
    batch.services.push_back(row);
    ASSERT_TRUE(write(*store, std::move(batch)).ok());
    fill(*store, 0, 190);
  }
  {
    auto connection = Connection::open(directory_.file(), Mode::writer);
    ASSERT_TRUE(connection.ok());
    auto statement = (*connection)->prepare("UPDATE chunk_1s SET body=zeroblob(length(body)) WHERE id=?1");
    ASSERT_TRUE(statement.ok());
    auto series = (*connection)->query_integer("SELECT id FROM series WHERE kind=0");
    ASSERT_TRUE(statement->bind(1, chunk_key(kStart + 60, *series)).run().ok());
  }
  auto store = opened(options(), clock_);
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 190), 130u);
  EXPECT_EQ(covered(*store, 1, Resolution::s1, 0, 190), Nanos(std::chrono::seconds(130)));
  // The fold wrote 10 s at the same time, and a minute that isn't rolled up yet is made of these.
  EXPECT_EQ(covered(*store, 1, Resolution::m1, 60, 120), Nanos(std::chrono::seconds(60)));
  EXPECT_EQ(transactions(*store, 10, Resolution::m1, 60, 120), 60u);
  EXPECT_EQ(store->status().set_aside, 1u);
  EXPECT_THAT(store->status().damage, ::testing::HasSubstr("chunk_1s row"));
  EXPECT_THAT(store->status().damage, ::testing::HasSubstr("target 10 at edge"));
  EXPECT_EQ(store->status().fault, "");
  // It is moved away, and stays a gap after the next start, without being met again.
  ASSERT_TRUE(write(*store, batch_of(record(190, 191, 1))).ok());
  ASSERT_TRUE(write(*store, batch_of(record(191, 192, 1))).ok());
  store.reset();
  store = opened(options(), clock_);
  EXPECT_EQ(covered(*store, 1, Resolution::s1, 0, 190), Nanos(std::chrono::seconds(130)));
  EXPECT_EQ(store->status().set_aside, 0u);
}

// Bytes flipped in the file itself, in whole pages of chunks: what lies on good pages is served, nothing wrong is.
TEST_F(SqliteStoreTest, DamagedPagesCostOnlyWhatTheyHeld) {
  {
    auto store = opened(options(), clock_);
    SyntheticWindows windows(40, 3, true);
    for (int s = 0; s < 400; ++s) ASSERT_TRUE(write(*store, batch_of(windows.next(kStart + s))).ok());
  }
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(directory_.file()));
  std::vector<std::int64_t> pages;
  {
    auto connection = Connection::open(directory_.file(), Mode::writer);
    auto root = (*connection)->query_integer("SELECT rootpage FROM sqlite_schema WHERE name='chunk_1s'");
    pages.push_back(*root);
  }
  std::fstream file(directory_.file(), std::ios::in | std::ios::out | std::ios::binary);
  int damaged = 0;
  for (std::streamoff page = 0; page + 8192 <= size; page += 8192) {
    file.seekg(page);
    char type = 0;
    file.get(type);
    if (type != 13 || page / 8192 % 3 != 0 || page / 8192 + 1 == pages[0] || page < size / 2) continue;  // a leaf of a table
    file.seekp(page);
    for (int i = 0; i < 64; ++i) file.put('\xA5');
    ++damaged;
  }
  file.close();
  ASSERT_GT(damaged, 0);
  auto store = open(options(), clock_);
  ASSERT_TRUE(store.ok());
  auto loaded = (*store)->load();
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  SyntheticWindows windows(40, 3, true);
  std::map<std::pair<TargetId, std::int64_t>, window::Figures> truth;
  for (int s = 0; s < 400; ++s) {
    const auto r = windows.next(kStart + s);
    for (const auto& part : r.services) {
      for (const auto& t : part.targets) truth[{t.target, kStart + s}] = t.figures;
    }
  }
  std::size_t served = 0;
  for (TargetId target = 1; target <= 40; ++target) {
    auto pieces = (*store)->pieces(target, Resolution::s1, at(0), at(400));
    ASSERT_TRUE(pieces.ok()) << pieces.error().message();
    for (const Piece& p : *pieces) {
      ++served;
      ASSERT_EQ(p.figures, (truth[{target, second_of(p.start)}]));
    }
  }
  EXPECT_GT(served, truth.size() / 3);
  EXPECT_LT(served, truth.size());
  EXPECT_GT((*store)->status().set_aside, 0u);
}

TEST_F(SqliteStoreTest, RefusesNewerForeignAndBusyFiles) {
  opened(options(), clock_).reset();
  {
    auto connection = Connection::open(directory_.file(), Mode::writer);
    ASSERT_TRUE((*connection)->exec("PRAGMA user_version=99").ok());
  }
  auto newer = open(options(), clock_);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code(), ErrorCode::unsupported);
  EXPECT_THAT(newer.error().message(), ::testing::HasSubstr("schema version 99"));
  {
    auto connection = Connection::open(directory_.file(), Mode::writer);
    ASSERT_TRUE((*connection)->exec("PRAGMA user_version=3; PRAGMA application_id=7").ok());
  }
  EXPECT_EQ(open(options(), clock_).error().code(), ErrorCode::unsupported);
  {
    auto connection = Connection::open(directory_.file(), Mode::writer);
    ASSERT_TRUE((*connection)->exec("PRAGMA application_id=0x4E5A424E").ok());
  }
  auto first = opened(options(), clock_);
  auto second = open(options(), clock_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::conflict);
  first.reset();
  std::ofstream(directory_.file()) << "this is no database, whatever its name may say, and it is long enough to be read as one. "
                                   << std::string(600, 'x');
  auto garbage = open(options(), clock_);
  ASSERT_FALSE(garbage.ok());
  EXPECT_EQ(garbage.error().code(), ErrorCode::corrupt) << garbage.error().message();
  EXPECT_THAT(garbage.error().message(), ::testing::HasSubstr("manager.db"));
}

// The WAL-reset fault of SQLite 3.40.1 can't happen while only one connection may write or checkpoint.
TEST_F(SqliteStoreTest, OnlyTheWriterCanWriteOrCheckpoint) {
  auto store = opened(options(), clock_);
  fill(*store, 0, 3);
  auto reader = Connection::open(directory_.file(), Mode::reader);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE((*reader)->verify_rules().ok());
  EXPECT_EQ(*(*reader)->query_integer("SELECT count(*) FROM journal"), 3);
  EXPECT_FALSE((*reader)->exec("DELETE FROM journal").ok());
  EXPECT_FALSE((*reader)->exec("PRAGMA wal_checkpoint").ok());
  EXPECT_EQ(*(*reader)->query_integer("PRAGMA mmap_size"), 0);
  store.reset();
  auto writer = Connection::open(directory_.file(), Mode::writer);
  ASSERT_TRUE((*writer)->verify_rules().ok());
  ASSERT_TRUE((*writer)->exec("PRAGMA synchronous=NORMAL").ok());
  EXPECT_FALSE((*writer)->verify_rules().ok());
}

TEST_F(SqliteStoreTest, BadOptionsAreNamed) {
  Options o = options();
  o.fold_every = std::chrono::milliseconds(1500);
  auto store = open(o, clock_);
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message(), ::testing::HasSubstr("fold_every"));
}

TEST_F(SqliteStoreTest, AnUncleanStopIsTold) {
  {
    auto store = opened(options(), clock_);
    fill(*store, 0, 3);
    // As a copy taken while it runs, like a crash, has it.
    std::filesystem::copy_file(directory_.file(), directory_.file() + ".copy");
    std::filesystem::copy_file(directory_.file() + "-wal", directory_.file() + ".copy-wal");
  }
  Options o = options();
  o.path += ".copy";
  Loaded loaded;
  auto store = opened(o, clock_, &loaded);
  EXPECT_FALSE(loaded.clean_stop);
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 60), 3u);
}

}  // namespace
}  // namespace nezu::store::sqlite
