// Crashes, full disks and sync errors at every place where they can happen, on a disk that forgets what was not synced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "manager/store/sqlite/connection.h"
#include "manager/store/sqlite/faulty_vfs.h"
#include "manager/store/sqlite/store_test_support.h"

namespace nezu::store::sqlite {
namespace {

using namespace test;

constexpr int kSeconds = 27;      // two folds of 10 s
constexpr int kFullSeconds = 14;  // one

Options options_on(const FaultyDisk& disk) {
  Options o;
  o.path = "/disk/manager.db";
  o.vfs = disk.vfs();
  o.fold_every = std::chrono::seconds(10);
  o.max_fold_slots = 1;  // each series a transaction of its own: crashes and full disks come between them too
  o.room_check = std::chrono::milliseconds(1);
  return o;
}

// Second `s` of two logical probes and a state, all in one batch; s + 1 transactions.
WriteBatch batch_at(int s) {
  WriteBatch batch;
  batch.records.push_back({"edge", record(s, s + 1, static_cast<std::uint64_t>(s) + 1)});
  batch.records.push_back({"core", record(s, s + 1, static_cast<std::uint64_t>(s) + 1)});
  batch.state["last"] = std::to_string(s);
  return batch;
}

// Every acknowledged batch is there once, every other one whole or not at all.
void check(Store& store, const Loaded& loaded, const std::set<int>& acknowledged, const std::string& what) {
  auto pieces = store.pieces(10, Resolution::s1, at(0), at(3600));
  ASSERT_TRUE(pieces.ok()) << what << ": " << pieces.error().message();
  std::map<int, std::map<std::string, std::uint64_t>> found;
  for (const Piece& p : *pieces) {
    auto [entry, added] = found[static_cast<int>(second_of(p.start) - kStart)].emplace(p.logical_probe, p.figures.transactions);
    ASSERT_TRUE(added) << what;
  }
  for (const int s : acknowledged) ASSERT_EQ(found.count(s), 1u) << what << ": second " << s << " was acknowledged and is lost";
  for (const auto& [s, probes] : found) {
    ASSERT_EQ(probes.size(), 2u) << what << ": half a batch at second " << s;
    for (const auto& [probe, count] : probes)
      ASSERT_EQ(count, static_cast<std::uint64_t>(s) + 1) << what << ": second " << s << " at " << probe;
  }
  ASSERT_EQ(covered(store, 1, Resolution::s1, 0, 3600), Nanos(std::chrono::seconds(2)) * static_cast<std::int64_t>(found.size())) << what;
  if (found.empty()) return;
  ASSERT_EQ(loaded.state.at("last"), std::to_string(found.rbegin()->first)) << what;
  ASSERT_EQ(loaded.covered.size(), 2u) << what;
  for (const auto& c : loaded.covered) {
    ASSERT_EQ(window::total(c.recent_spans), Nanos(std::chrono::seconds(1)) * static_cast<std::int64_t>(found.size())) << what;
    ASSERT_EQ(c.stored_until, at(found.rbegin()->first + 1)) << what;
  }
}

void check_integrity(const FaultyDisk& disk, const std::string& what) {
  auto connection = Connection::open("/disk/manager.db", Mode::writer, disk.vfs());
  ASSERT_TRUE(connection.ok()) << what << ": " << connection.error().message();
  auto result = (*connection)->query_text("PRAGMA integrity_check");
  ASSERT_TRUE(result.ok()) << what << ": " << result.error().message();
  ASSERT_EQ(*result, "ok") << what;
}

// Opens, writes from second `from` on, closes. What was acknowledged is added.
void run(const FaultyDisk& disk, const Clock& clock, int from, std::set<int>& acknowledged) {
  auto store = open(options_on(disk), clock);
  if (!store || !(*store)->load().ok()) return;
  for (int s = from; s < kSeconds; ++s) {
    if (write(**store, batch_at(s)).ok()) acknowledged.insert(s);
  }
}

TEST(StoreCrash, AtEverySyncEveryAcknowledgedBatchIsThereOnce) {
  FakeClock clock;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    int crashes = 0;
    for (std::uint64_t n = 1;; ++n) {
      const std::string what = "seed " + std::to_string(seed) + ", crash at sync " + std::to_string(n);
      FaultyDisk disk(seed * 1000 + n);
      std::set<int> acknowledged;
      disk.crash_at_sync(n);
      run(disk, clock, 0, acknowledged);
      const bool crashed = disk.crashed();
      disk.power_on();
      check_integrity(disk, what);
      Loaded loaded;
      {
        auto store = opened(options_on(disk), clock, &loaded);
        ASSERT_TRUE(store) << what;
        ASSERT_NO_FATAL_FAILURE(check(*store, loaded, acknowledged, what));
        EXPECT_TRUE(!crashed || loaded.covered.empty() || !loaded.clean_stop || acknowledged.size() == kSeconds) << what;
      }
      if (!crashed) {
        EXPECT_EQ(acknowledged.size(), static_cast<std::size_t>(kSeconds));
        EXPECT_TRUE(loaded.clean_stop);
        break;
      }
      ++crashes;
    }
    EXPECT_GT(crashes, kSeconds) << "each commit has a sync at least";
  }
}

// A second crash while the first one is being repaired, and on the way on.
TEST(StoreCrash, CrashesInARow) {
  FakeClock clock;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    FaultyDisk disk(seed);
    std::set<int> acknowledged;
    int from = 0;
    for (int round = 0; round < 6; ++round) {
      disk.reset_counts();
      disk.crash_at_sync(1 + (seed * 7 + static_cast<std::uint64_t>(round) * 5) % 23);
      run(disk, clock, from, acknowledged);
      disk.power_off();
      disk.power_on();
      Loaded loaded;
      auto store = opened(options_on(disk), clock, &loaded);
      ASSERT_TRUE(store);
      const std::string what = "seed " + std::to_string(seed) + ", round " + std::to_string(round);
      ASSERT_NO_FATAL_FAILURE(check(*store, loaded, acknowledged, what));
      from = loaded.state.count("last") != 0 ? std::stoi(loaded.state.at("last")) + 1 : 0;
    }
  }
}

// From the n-th write on there is no room; then there is.
TEST(StoreFull, AtEveryWriteTheBatchFailsWholeAndWritingGoesOnByItself) {
  FakeClock clock;
  int faults = 0;
  for (std::uint64_t n = 1;; ++n) {
    const std::string what = "full at write " + std::to_string(n);
    FaultyDisk disk(n);
    std::set<int> acknowledged;
    { ASSERT_TRUE(opened(options_on(disk), clock)); }
    disk.reset_counts();
    disk.full_at_write(n);
    bool failed = false;
    {
      auto store = opened(options_on(disk), clock);
      ASSERT_TRUE(store) << what;
      for (int s = 0; s < kFullSeconds; ++s) {
        for (int tries = 0;; ++tries) {
          ASSERT_LT(tries, 1000) << what;
          auto status = write(*store, batch_at(s));
          if (status) {
            acknowledged.insert(s);
            break;
          }
          failed = true;
          ASSERT_EQ(status.error().code(), ErrorCode::no_space) << what << ": " << status.error().message();
          EXPECT_THAT(status.error().message(), ::testing::HasSubstr("/disk/manager.db")) << what;
          if (disk.is_full()) {
            EXPECT_EQ(transactions(*store, 10, Resolution::s1, s, s + 1), 0u) << what << ": a failed batch left something";
            const std::uint64_t before = s == 0 ? 0 : transactions(*store, 10, Resolution::s1, s - 1, s);
            EXPECT_EQ(before, 2u * static_cast<std::uint64_t>(s)) << what << ": reads go on";
          }
          disk.make_room();
        }
      }
      // What the fold met after the last batch goes away by itself.
      disk.make_room();
      while (!store->status().fault.empty()) std::this_thread::yield();
    }
    check_integrity(disk, what);
    Loaded loaded;
    auto store = opened(options_on(disk), clock, &loaded);
    ASSERT_NO_FATAL_FAILURE(check(*store, loaded, acknowledged, what));
    if (!failed && disk.writes() < n) break;
    faults += failed ? 1 : 0;
  }
  EXPECT_GT(faults, kFullSeconds);
}

TEST(StoreFull, TheFaultGoesAwayWithoutAnyWrite) {
  FakeClock clock;
  FaultyDisk disk(1);
  auto store = opened(options_on(disk), clock);
  ASSERT_TRUE(write(*store, batch_at(0)).ok());
  disk.reset_counts();
  disk.full_at_write(1);
  while (write(*store, batch_at(1)).ok()) {}
  EXPECT_NE(store->status().fault, "");
  disk.make_room();
  while (!store->status().fault.empty()) std::this_thread::yield();
  EXPECT_TRUE(write(*store, batch_at(2)).ok());
}

TEST(StoreFull, AStartOnAFullDiskServesReadsAndRecovers) {
  FakeClock clock;
  FaultyDisk disk(9);
  std::set<int> acknowledged;
  {
    auto store = opened(options_on(disk), clock);
    for (int s = 0; s < 25; ++s) ASSERT_TRUE(write(*store, batch_at(s)).ok());
    disk.power_off();
  }
  disk.power_on();
  disk.reset_counts();
  disk.full_at_write(1);
  // The first write is the one that finds no room; a start may need shared memory before any write.
  Options o = options_on(disk);
  {
    auto filler = Connection::open("/disk/filler", Mode::lock, disk.vfs());
    ASSERT_TRUE(filler.ok());
    EXPECT_FALSE((*filler)->exec("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(1000))").ok());
  }
  ASSERT_TRUE(disk.is_full());
  Loaded loaded;
  auto store = opened(o, clock, &loaded);
  ASSERT_TRUE(store);
  EXPECT_FALSE(loaded.clean_stop);
  EXPECT_EQ(loaded.state.at("last"), "24");
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 3600), 25u * 26u);
  EXPECT_THAT(store->status().fault, ::testing::HasSubstr("/disk/manager.db"));
  auto refused = write(*store, batch_at(25));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::no_space) << refused.error().message();
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 3600), 25u * 26u);
  disk.make_room();
  ASSERT_TRUE(write(*store, batch_at(25)).ok());
  EXPECT_EQ(store->status().fault, "");
  EXPECT_EQ(transactions(*store, 10, Resolution::s1, 0, 3600), 26u * 27u);
}

// Linux throws away what it could not sync and says so once. Whoever asks again is told that all is well.
TEST(StoreSyncError, IsNotTriedAgainAndCostsNothingAcknowledged) {
  FakeClock clock;
  for (std::uint64_t n = 1; n < 26; n += 3) {
    const std::string what = "sync " + std::to_string(n);
    FaultyDisk disk(n);
    std::set<int> acknowledged;
    { ASSERT_TRUE(opened(options_on(disk), clock)); }
    disk.reset_counts();
    disk.fail_sync(n);
    {
      auto store = opened(options_on(disk), clock);
      ASSERT_TRUE(store) << what;
      int s = 0;
      for (; s < kSeconds && store->status().fault.empty(); ++s) {
        auto status = write(*store, batch_at(s));
        if (status) {
          acknowledged.insert(s);
        } else {
          EXPECT_EQ(status.error().code(), ErrorCode::io) << what;
        }
      }
      ASSERT_LT(s, kSeconds) << what;
      EXPECT_THAT(store->status().fault, ::testing::HasSubstr("sync"));
      const std::uint64_t syncs = disk.syncs();
      auto again = write(*store, batch_at(s + 1));
      ASSERT_FALSE(again.ok());
      EXPECT_EQ(again.error().code(), ErrorCode::io);
      EXPECT_EQ(disk.syncs(), syncs) << what << ": the handle was used again";
      disk.power_off();
    }
    disk.power_on();
    check_integrity(disk, what);
    Loaded loaded;
    auto store = opened(options_on(disk), clock, &loaded);
    ASSERT_NO_FATAL_FAILURE(check(*store, loaded, acknowledged, what));
  }
}

}  // namespace
}  // namespace nezu::store::sqlite
