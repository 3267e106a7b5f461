#include <gtest/gtest.h>

#include <algorithm>

#include "probe/discovery/outbox.h"
#include "probe/discovery/table.h"

namespace nezu::probe::discovery {
namespace {

using std::chrono::milliseconds;

struct Seen {
  std::string host = "shop.example", uri = "/", method = "GET", client = "192.0.2.7";
  std::uint16_t port = 80;
  std::optional<Nanos> took = milliseconds(10);
};

void add(Table& table, const Seen& s) {
  Transaction t;
  t.client.address = parse_ip_prefix(s.client)->address;
  t.server.port = s.port;
  t.has_request = true;
  t.host = s.host;
  t.uri = s.uri;
  t.method = s.method;
  t.has_times = s.took.has_value();
  t.response_end = t.request_begin + s.took.value_or(Nanos(0));
  table.add(t);
}
Table table(Limits limits = {}, const char* source = nullptr) {
  return Table(source ? std::optional(*parse_ip_prefix(source)) : std::nullopt, limits, HashKey{1, 2});
}
std::vector<wire::DiscoveryEntry> sorted(Found found) {
  std::sort(found.entries.begin(), found.entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.host, a.port, a.path, a.method) < std::tie(b.host, b.port, b.path, b.method);
  });
  return found.entries;
}
std::string path_of(const std::string& uri) {
  Table t = table();
  add(t, {.uri = uri});
  return t.take().entries.at(0).path;
}

TEST(Table, sums_by_host_port_path_and_method) {
  Table t = table();
  for (int i = 0; i < 3; ++i) add(t, {.uri = "/a"});
  add(t, {.uri = "/a", .took = {}});
  add(t, {.uri = "/b"});
  add(t, {.uri = "/a", .method = "POST"});
  add(t, {.uri = "/a", .port = 8080});
  add(t, {.host = "other.example", .uri = "/a"});
  const auto entries = sorted(t.take());
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[0], (wire::DiscoveryEntry{"other.example", 80, "/a", "GET", 1, milliseconds(10), 1}));
  EXPECT_EQ(entries[1], (wire::DiscoveryEntry{"shop.example", 80, "/a", "GET", 4, milliseconds(30), 3}));
  EXPECT_EQ(entries[2].method, "POST");
  EXPECT_EQ(entries[3].path, "/b");
  EXPECT_EQ(entries[4].port, 8080);
}

TEST(Table, takes_differences) {
  Table t = table();
  add(t, {});
  EXPECT_EQ(t.take().entries.at(0).count, 1u);
  EXPECT_TRUE(t.empty());
  EXPECT_TRUE(t.take().empty());
  add(t, {});
  add(t, {});
  EXPECT_EQ(t.take().entries.at(0).count, 2u);
}

TEST(Table, keeps_neither_query_nor_path_parameters) {
  EXPECT_EQ(path_of("/pay?card=4111111111111111"), "/pay");
  EXPECT_EQ(path_of("/pay#top"), "/pay");
  EXPECT_EQ(path_of("/cart;jsessionid=A1B2/items;v=2?x=1"), "/cart/items");
  EXPECT_EQ(path_of(";jsessionid=1"), "");
  EXPECT_EQ(path_of("/a;x=1?y;z/w"), "/a");
  EXPECT_EQ(path_of("//a//b/"), "//a//b/");
  EXPECT_EQ(path_of("*"), "*");
  EXPECT_EQ(path_of("/%E3%81%AE"), "/%E3%81%AE");
}

TEST(Table, what_is_no_text_is_escaped_and_what_is_long_is_cut) {
  EXPECT_EQ(path_of(std::string("/\xE3\x81\xAE \x01\0|", 8)), "/%E3%81%AE%20%01%00|");
  EXPECT_EQ(path_of("/" + std::string(5000, 'a')).size(), kMaxPath);
  EXPECT_EQ(path_of("//" + std::string(5000, '\xff')).size(), kMaxPath - 2) << "never half of an escape";
  Table t = table();
  add(t, {.host = "SHOP.Example" + std::string(1000, 'X'), .method = std::string(100, 'M')});
  const auto entry = t.take().entries.at(0);
  EXPECT_EQ(entry.host.substr(0, 13), "shop.examplex");
  EXPECT_EQ(entry.host.size(), kMaxHost);
  EXPECT_EQ(entry.method.size(), kMaxMethod);
}

TEST(Table, only_requests_of_the_wanted_source) {
  Table t = table({}, "192.0.2.0/24");
  add(t, {.client = "192.0.2.99"});
  add(t, {.client = "198.51.100.1"});
  add(t, {.client = "2001:db8::1"});
  const Found found = t.take();
  ASSERT_EQ(found.entries.size(), 1u);
  EXPECT_EQ(found.entries[0].count, 1u);
  EXPECT_EQ(found.other_source, 2u);
}

TEST(Table, many_paths_are_bounded_and_counted_and_known_ones_go_on) {
  Table t = table({.entries = 10, .bytes = 1 << 20});
  for (int i = 0; i < 100; ++i) add(t, {.uri = "/item/" + std::to_string(i)});
  for (int i = 0; i < 5; ++i) add(t, {.uri = "/item/3"});
  Found found = t.take();
  EXPECT_EQ(found.entries.size(), 10u);
  EXPECT_EQ(found.no_room, 90u);
  EXPECT_EQ(found.requests(), 105u);
  for (int i = 0; i < 3; ++i) add(t, {.uri = "/item/" + std::to_string(200 + i)});
  EXPECT_EQ(t.take().entries.size(), 3u) << "there is room again";
}

TEST(Table, bytes_are_bounded_too) {
  Table t = table({.entries = 1000, .bytes = 2000});
  for (int i = 0; i < 100; ++i) add(t, {.uri = "/" + std::to_string(i) + std::string(500, 'a')});
  const Found found = t.take();
  EXPECT_EQ(found.entries.size(), 3u);
  EXPECT_EQ(found.no_room, 97u);
  for (int i = 0; i < 3; ++i) add(t, {.uri = "/" + std::to_string(i) + std::string(500, 'a')});
  EXPECT_EQ(t.take().entries.size(), 3u) << "there is room again";
}

TEST(Table, what_has_no_method_or_host_is_counted_and_a_response_alone_is_none) {
  Table t = table();
  add(t, {.host = ""});
  add(t, {.method = ""});
  Transaction alone;
  alone.has_response = true;
  t.add(alone);
  const Found found = t.take();
  EXPECT_TRUE(found.entries.empty());
  EXPECT_EQ(found.unreadable, 2u);
  EXPECT_EQ(found.requests(), 2u);
}

// ---- the outbox

Found found(const std::string& path, std::uint64_t count, std::uint64_t no_room = 0) {
  Found f;
  f.entries.push_back({"h", 80, path, "GET", count, milliseconds(count), count});
  f.no_room = no_room;
  return f;
}
MonoTime at(std::int64_t ms) { return MonoTime(milliseconds(ms)); }

TEST(Outbox, merges_what_workers_hand_over) {
  Outbox box({});
  box.add(7, found("/a", 1, 4));
  box.add(7, found("/a", 2));
  box.add(7, found("/b", 3));
  const auto m = box.next(at(0));
  ASSERT_TRUE(m.has_value());
  EXPECT_EQ(m->job, 7u);
  EXPECT_EQ(m->number, 1u);
  ASSERT_EQ(m->entries.size(), 2u);
  EXPECT_EQ(m->entries[0], (wire::DiscoveryEntry{"h", 80, "/a", "GET", 3, milliseconds(3), 3}));
  EXPECT_EQ(m->no_room, 4u);
}

TEST(Outbox, one_message_is_on_its_way_and_is_sent_again_after_a_lost_connection) {
  Outbox box({});
  box.add(7, found("/a", 1));
  const auto first = box.next(at(0));
  box.add(7, found("/a", 5));
  EXPECT_FALSE(box.next(at(1000)).has_value()) << "not acknowledged";
  box.connection_lost();
  const auto again = box.next(at(1050));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, *first);
  EXPECT_FALSE(box.next(at(1100)).has_value());
  box.acknowledged({7, 99});  // of another
  EXPECT_FALSE(box.next(at(1400)).has_value());
  box.acknowledged({7, 1});
  EXPECT_EQ(box.delivered(), 1u);
  const auto second = box.next(at(1400));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->number, 2u);
  EXPECT_EQ(second->entries.at(0).count, 5u);
}

TEST(Outbox, what_nobody_acknowledges_is_sent_again) {
  Outbox box({});
  box.add(7, found("/a", 1));
  const auto first = box.next(at(0));
  EXPECT_FALSE(box.next(at(4900)).has_value());
  EXPECT_EQ(box.next(at(5000)), first);
  EXPECT_FALSE(box.next(at(5100)).has_value());
}

TEST(Outbox, a_few_messages_a_second) {
  Outbox box({});
  int sent = 0;
  for (int ms = 0; ms < 1000; ms += 10) {
    box.add(7, found("/a", 1));
    const auto m = box.next(at(ms));
    if (!m) continue;
    ++sent;
    box.acknowledged({m->job, m->number});
  }
  EXPECT_EQ(sent, 4);
}

TEST(Outbox, what_waits_is_bounded_and_what_does_not_fit_is_told) {
  Outbox box({.limits = {.entries = 2, .bytes = 1000}, .jobs = 2});
  box.add(7, found("/a", 1));
  box.add(7, found("/b", 1));
  box.add(7, found("/c", 10));
  box.add(7, found("/a", 1));
  EXPECT_EQ(box.waiting(), 2u);
  EXPECT_EQ(box.no_room(), 10u);
  EXPECT_EQ(box.next(at(0))->no_room, 10u);
  box.add(8, found("/a", 1));
  box.add(9, found("/a", 1));
  box.add(10, found("/a", 1));
  EXPECT_EQ(box.jobs_dropped(), 1u);
  box.acknowledged({7, 1});
  EXPECT_EQ(box.next(at(1000))->job, 9u);
}

TEST(Outbox, a_message_is_bounded_and_the_rest_comes_with_the_next) {
  Outbox box({.message = {.entries = 3, .bytes = 12}});
  for (const char* path : {"/a", "/b", "/c", "/d", "/longer", "/longest"}) box.add(7, found(path, 1, 1));
  std::vector<std::size_t> sizes;
  std::uint64_t no_room = 0, count = 0;
  for (int ms = 0; ms < 3000; ms += 300) {
    const auto m = box.next(at(ms));
    if (!m) continue;
    sizes.push_back(m->entries.size());
    no_room += m->no_room;
    for (const auto& e : m->entries) count += e.count;
    box.acknowledged({7, m->number});
  }
  // Host and method are 4 bytes: 6 + 6 fit, "/longer" and "/longest" go alone.
  EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 2, 1, 1}));
  EXPECT_EQ(count, 6u);
  EXPECT_EQ(no_room, 6u) << "told once";
  EXPECT_EQ(box.waiting(), 0u);
  Outbox few({.message = {.entries = 3, .bytes = 1000}});
  for (const char* path : {"/a", "/b", "/c", "/d"}) few.add(7, found(path, 1));
  EXPECT_EQ(few.next(at(0))->entries.size(), 3u);
  EXPECT_EQ(few.waiting(), 4u);
}

TEST(Outbox, what_an_ended_job_has_found_comes_before_the_next_ones) {
  Outbox box({});
  box.add(7, found("/a", 1));
  box.add(8, found("/a", 2));
  EXPECT_EQ(box.next(at(0))->job, 7u);
  box.acknowledged({7, 1});
  EXPECT_EQ(box.next(at(300))->job, 8u);
}

}  // namespace
}  // namespace nezu::probe::discovery
