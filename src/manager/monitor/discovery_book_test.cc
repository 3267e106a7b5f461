#include "manager/monitor/discovery_book.h"

#include <gtest/gtest.h>

namespace nezu::monitor {
namespace {

constexpr Nanos ms(std::int64_t n) { return std::chrono::milliseconds(n); }

InstanceId instance(std::uint8_t n) {
  InstanceId id;
  id.bytes[0] = n;
  return id;
}

class DiscoveryBookTest : public ::testing::Test {
 protected:
  void begin(const DiscoveryLimits& limits = {}, std::vector<store::DiscoveryRow> loaded = {}) {
    book = DiscoveryBook(limits, std::move(loaded));
  }
  void start(std::uint64_t id, Nanos limit = Nanos{0}, const std::string& probe = "edge") {
    book.start(id, {probe, *parse_ip_prefix("192.0.2.0/24"), limit, "hana"}, instance(1), "a", awake, now());
  }
  DiscoveryBook::Received receive(std::uint64_t job, std::uint64_t number, const std::vector<std::string>& paths, std::uint8_t from = 1) {
    wire::DiscoveryEntries m;
    m.job = job;
    m.number = number;
    for (const std::string& path : paths) m.entries.push_back({"shop.example", 80, path, "GET", 2, ms(6), 2});
    return book.receive(m, "edge", instance(from), awake);
  }
  store::WriteBatch changes() {
    store::WriteBatch batch;
    book.take_changes(batch);
    return batch;
  }
  Now now() const { return {awake, wall_time_ns(1'700'000'000'000'000'000) + (awake - MonoTime{})}; }
  void stop(std::uint64_t id) { book.stop(id, discovery_reason::kPerson, "stopped by jiro", "jiro", awake, now()); }
  std::uint64_t fate(DiscoveryFate f) const { return book.fate_count(f); }

  DiscoveryBook book;
  MonoTime awake{ms(1000)};
};

TEST_F(DiscoveryBookTest, a_message_and_its_number_go_to_the_store_together) {
  begin();
  start(3);
  EXPECT_EQ(changes().discoveries.size(), 1u);
  const auto received = receive(3, 1, {"/a", "/b"});
  EXPECT_TRUE(received.acknowledge);
  EXPECT_FALSE(received.full);
  const auto batch = changes();
  ASSERT_EQ(batch.discovery_entries.size(), 2u);
  EXPECT_EQ(batch.discovery_entries[0], (store::DiscoveryEntry{3, "shop.example", 80, "/a", "GET", 2, 2, ms(6)}));
  ASSERT_EQ(batch.discoveries.size(), 1u);
  EXPECT_EQ(batch.discoveries[0].last_number, 1u);
  EXPECT_EQ(batch.discoveries[0].entries, 2u);
  EXPECT_EQ(batch.discoveries[0].requests, 4u);
  EXPECT_EQ(batch.discoveries[0].started_by, "hana");
  EXPECT_EQ(batch.discoveries[0].source, "192.0.2.0/24");
  EXPECT_TRUE(changes().empty());
}

TEST_F(DiscoveryBookTest, a_repeat_is_acknowledged_and_not_counted) {
  begin();
  start(3);
  receive(3, 1, {"/a"});
  changes();
  EXPECT_TRUE(receive(3, 1, {"/a"}).acknowledge);
  EXPECT_TRUE(changes().empty());
  EXPECT_EQ(fate(DiscoveryFate::repeated), 1u);
  receive(3, 2, {"/a"});
  EXPECT_EQ(changes().discoveries.at(0).requests, 4u);
  EXPECT_EQ(book.find(3)->entries, 1u);
}

TEST_F(DiscoveryBookTest, the_number_holds_over_a_restart) {
  begin();
  start(3);
  receive(3, 7, {"/a"});
  auto rows = changes().discoveries;
  begin({}, rows);
  receive(3, 7, {"/a"});
  EXPECT_EQ(fate(DiscoveryFate::repeated), 1u);
  EXPECT_TRUE(receive(3, 8, {"/a"}).acknowledge);
  EXPECT_EQ(fate(DiscoveryFate::stopped), 1u) << "discovery doesn't go on after a restart";
}

TEST_F(DiscoveryBookTest, what_was_on_its_way_still_counts_for_a_moment) {
  begin();
  start(3);
  stop(3);
  EXPECT_EQ(book.discovering(), 0u);
  awake += DiscoveryBook::kLate;
  receive(3, 1, {"/a"});
  EXPECT_EQ(fate(DiscoveryFate::stored), 1u);
  awake += ms(1);
  EXPECT_TRUE(receive(3, 2, {"/a"}).acknowledge) << "it needn't be sent again";
  EXPECT_EQ(fate(DiscoveryFate::stopped), 1u);
  EXPECT_EQ(book.find(3)->requests, 2u);
}

TEST_F(DiscoveryBookTest, other_instances_and_jobs_that_nobody_knows_are_refused) {
  begin();
  start(3);
  receive(3, 1, {"/a", "/b"}, 2);
  receive(4, 1, {"/a"});
  wire::DiscoveryEntries m;
  m.job = 3;
  m.number = 1;
  m.entries.push_back({"h", 80, "/", "GET", 1, ms(1), 1});
  EXPECT_TRUE(book.receive(m, "core", instance(1), awake).acknowledge);
  EXPECT_EQ(fate(DiscoveryFate::other_instance), 2u);
  EXPECT_EQ(fate(DiscoveryFate::unknown_job), 2u);
  EXPECT_EQ(book.find(3)->requests, 0u);
}

TEST_F(DiscoveryBookTest, the_first_entry_that_does_not_fit_says_so_and_is_counted) {
  begin({.entries = 2});
  start(3);
  EXPECT_FALSE(receive(3, 1, {"/a", "/b"}).full);
  EXPECT_FALSE(receive(3, 2, {"/a"}).full) << "known ones go on";
  const auto received = receive(3, 3, {"/c", "/b"});
  EXPECT_TRUE(received.full);
  EXPECT_TRUE(received.acknowledge);
  EXPECT_EQ(book.find(3)->over_limit, 2u);
  EXPECT_EQ(book.find(3)->entries, 2u);
  EXPECT_EQ(book.find(3)->requests, 8u);
  EXPECT_EQ(fate(DiscoveryFate::over_limit), 1u);
}

TEST_F(DiscoveryBookTest, bytes_are_limited_too_and_damage_does_not_count) {
  begin({.entries = 100, .bytes = 40});
  start(3);
  EXPECT_TRUE(receive(3, 1, {"/" + std::string(30, 'a')}).full);
  wire::DiscoveryEntries m;
  m.job = 3;
  m.number = 2;
  m.entries.push_back({"h", 80, "/", "GET", ~std::uint64_t{0}, ms(1), 1});
  EXPECT_TRUE(book.receive(m, "edge", instance(1), awake).full);
  EXPECT_EQ(book.find(3)->requests, 0u);
}

TEST_F(DiscoveryBookTest, the_time_limit_comes) {
  begin();
  start(3, ms(5000));
  start(4);
  awake += ms(4999);
  EXPECT_TRUE(book.over(awake).empty());
  awake += ms(1);
  EXPECT_EQ(book.over(awake), (std::vector<std::uint64_t>{3}));
  stop(3);
  EXPECT_TRUE(book.over(awake).empty());
}

TEST_F(DiscoveryBookTest, a_stopped_one_stays_as_it_is) {
  begin();
  start(3);
  book.stop(3, discovery_reason::kFailover, "b took over from a", "", awake, now());
  awake += ms(100);
  stop(3);
  EXPECT_EQ(book.find(3)->reason, "failover");
  EXPECT_EQ(book.find(3)->stopped_by, "");
}

TEST_F(DiscoveryBookTest, old_ones_and_too_many_are_deleted_and_running_ones_never) {
  begin({.kept = 2, .retention = std::chrono::hours(1)});
  for (const std::uint64_t id : {1U, 2U, 3U, 4U}) {
    start(id, Nanos{0}, "p" + std::to_string(id));
    if (id != 1) stop(id);
  }
  changes();
  book.expire(now());
  EXPECT_EQ(changes().discoveries_deleted, (std::vector<std::uint64_t>{2})) << "the oldest that is stopped";
  awake += std::chrono::hours(2);
  book.expire(now());
  EXPECT_EQ(changes().discoveries_deleted, (std::vector<std::uint64_t>{3, 4}));
  EXPECT_NE(book.find(1), nullptr);
  EXPECT_EQ(book.newest_first().size(), 1u);
}

}  // namespace
}  // namespace nezu::monitor
