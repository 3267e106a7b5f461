#include "manager/store/memory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nezu::store {
namespace {

PacketTime at(double seconds) { return packet_time_ns(static_cast<std::int64_t>(seconds * 1e9)); }

window::Record record(double begin, double end, std::uint64_t transactions, std::uint64_t epoch = 1) {
  window::Record r;
  r.instance.bytes[0] = static_cast<std::uint8_t>(epoch);
  r.epoch = epoch;
  r.span = {at(begin), at(end)};
  r.covered = {r.span};
  window::ServicePart part;
  part.service = 1;
  part.covered = {r.span};
  if (transactions > 0) {
    window::TargetFigures target;
    target.target = 10;
    target.figures.transactions = transactions;
    part.targets.push_back(target);
  }
  r.services.push_back(part);
  return r;
}

void write(MemoryStore& store, WriteBatch batch, bool expect_ok = true) {
  bool called = false;
  store.write(std::move(batch), [&](nezu::Status status) {
    called = true;
    EXPECT_EQ(status.ok(), expect_ok);
  });
  EXPECT_TRUE(called);
}

WriteBatch one(window::Record r, const std::string& probe = "edge") {
  WriteBatch batch;
  batch.records.push_back({probe, std::move(r)});
  return batch;
}

TEST(MemoryStore, GivesPiecesAtEveryResolution) {
  MemoryStore store;
  for (int s = 0; s < 25; ++s) write(store, one(record(s, s + 1, 2)));
  auto s1 = store.pieces(10, Resolution::s1, at(5), at(8));
  ASSERT_TRUE(s1.ok());
  ASSERT_EQ(s1->size(), 3u);
  EXPECT_EQ(s1->front().start, at(5));
  auto s10 = store.pieces(10, Resolution::s10, at(0), at(60));
  ASSERT_EQ(s10->size(), 3u);
  EXPECT_EQ((*s10)[1].figures.transactions, 20u);
  EXPECT_EQ((*s10)[2].figures.transactions, 10u);
  auto covered = store.coverage(1, Resolution::s10, at(0), at(60));
  ASSERT_EQ(covered->size(), 3u);
  EXPECT_EQ((*covered)[2].covered_length, Nanos(std::chrono::seconds(5)));
}

TEST(MemoryStore, CutRecordsOfOneSecondAddUp) {
  MemoryStore store;
  write(store, one(record(7, 7.4, 3)));
  write(store, one(record(7.6, 8, 4, 2)));
  auto pieces = store.pieces(10, Resolution::s1, at(0), at(60));
  ASSERT_EQ(pieces->size(), 1u);
  EXPECT_EQ(pieces->front().figures.transactions, 7u);
  auto covered = store.coverage(1, Resolution::s1, at(0), at(60));
  ASSERT_EQ(covered->size(), 1u);
  EXPECT_EQ(covered->front().covered, (window::Spans{{at(7), at(7.4)}, {at(7.6), at(8)}}));
}

TEST(MemoryStore, LoadTellsSpansInstanceAndNextIds) {
  MemoryStore store;
  write(store, one(record(1, 2, 1)));
  write(store, one(record(2, 3, 1)));
  write(store, one(record(9, 10, 1, 5)));
  write(store, one(record(4, 5, 1, 3)));
  WriteBatch batch;
  batch.state["a"] = "1";
  ServiceRow row;
  row.id = 4;
  row.all_target = 11;
  row.targets["pay"] = 17;
  batch.services.push_back(row);
  write(store, std::move(batch));
  auto loaded = store.load();
  ASSERT_EQ(loaded->covered.size(), 1u);
  const auto& covered = loaded->covered.front();
  EXPECT_EQ(covered.recent_spans, (window::Spans{{at(1), at(3)}, {at(4), at(5)}, {at(9), at(10)}}));
  EXPECT_EQ(covered.stored_until, at(10));
  EXPECT_EQ(covered.last_epoch, 5u);
  EXPECT_EQ(loaded->next_service_id, 5u);
  EXPECT_EQ(loaded->next_target_id, 18u);
  EXPECT_EQ(loaded->state.at("a"), "1");
}

TEST(MemoryStore, AFailedBatchLeavesNothing) {
  MemoryStore store;
  store.fail_with(Error(ErrorCode::no_space, "disk full"));
  write(store, one(record(1, 2, 1)), false);
  EXPECT_EQ(store.status().fault, "disk full");
  EXPECT_TRUE(store.records().empty());
  EXPECT_TRUE(store.pieces(10, Resolution::s1, at(0), at(60))->empty());
  store.fail_with(std::nullopt);
  write(store, one(record(1, 2, 1)));
  EXPECT_EQ(store.status().fault, "");
  EXPECT_EQ(store.records().size(), 1u);
}

}  // namespace
}  // namespace nezu::store
