#include "manager/store/sqlite/discoveries.h"

#include <fmt/core.h>

#include "common/json/json.h"

namespace nezu::store::sqlite {

namespace {

Status write_jobs(Connection& connection, const std::vector<DiscoveryRow>& rows) {
  if (rows.empty()) return {};
  auto put = connection.prepare("INSERT OR REPLACE INTO discovery VALUES(?,?)");
  if (!put) return put.error();
  for (const DiscoveryRow& row : rows) {
    const std::string json = discovery_to_json(row);
    if (auto status = put->bind(1, row.id).bind(2, json).run(); !status) return status;
  }
  return {};
}

Status add_entries(Connection& connection, const std::vector<DiscoveryEntry>& entries) {
  if (entries.empty()) return {};
  // A sum beyond 64 bits would be a real number, which the table refuses: it stays at the largest.
  auto add = connection.prepare(
      "INSERT INTO discovery_entry VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(discovery,host,port,path,method) DO UPDATE SET "
      "count=CAST(min(count+excluded.count,9.2e18) AS INTEGER),timed=CAST(min(timed+excluded.timed,9.2e18) AS INTEGER),"
      "response_time_sum=CAST(min(response_time_sum+excluded.response_time_sum,9.2e18) AS INTEGER)");
  if (!add) return add.error();
  for (const DiscoveryEntry& e : entries) {
    add->bind(1, e.discovery).bind(2, e.host).bind(3, std::uint32_t{e.port}).bind(4, e.path).bind(5, e.method);
    if (auto status = add->bind(6, e.count).bind(7, e.timed).bind(8, e.response_time_sum.count()).run(); !status) return status;
  }
  return {};
}

Status delete_jobs(Connection& connection, const std::vector<std::uint64_t>& ids) {
  if (ids.empty()) return {};
  for (const char* sql : {"DELETE FROM discovery_entry WHERE discovery=?1", "DELETE FROM discovery WHERE id=?1"}) {
    auto drop = connection.prepare(sql);
    if (!drop) return drop.error();
    for (const std::uint64_t id : ids) {
      if (auto status = drop->bind(1, id).run(); !status) return status;
    }
  }
  return {};
}

}  // namespace

Status write_discoveries(Connection& connection, const WriteBatch& batch) {
  if (auto status = write_jobs(connection, batch.discoveries); !status) return status;
  if (auto status = add_entries(connection, batch.discovery_entries); !status) return status;
  return delete_jobs(connection, batch.discoveries_deleted);
}

Status read_discoveries(Connection& connection, Loaded& loaded, std::vector<std::string>& damaged) {
  auto rows = connection.prepare("SELECT id,body FROM discovery ORDER BY id");
  if (!rows) return rows.error();
  for (;;) {
    auto there = rows->step();
    if (!there) return there.error();
    if (!*there) return {};
    loaded.next_discovery_id = rows->unsigned_integer(0) + 1;
    auto row = discovery_from_json(rows->unsigned_integer(0), rows->text(1));
    if (row) {
      loaded.discoveries.push_back(std::move(*row));
    } else {
      damaged.push_back(fmt::format("discovery {}: {}", rows->integer(0), row.error().message()));
    }
  }
}

Result<std::vector<DiscoveryEntry>> read_discovery_entries(Connection& connection, std::uint64_t discovery) {
  auto rows = connection.prepare(
      "SELECT host,port,path,method,count,timed,response_time_sum FROM discovery_entry WHERE discovery=?1 ORDER BY count "
      "DESC,host,port,path,"
      "method");
  if (!rows) return rows.error();
  rows->bind(1, discovery);
  std::vector<DiscoveryEntry> entries;
  for (;;) {
    auto there = rows->step();
    if (!there) return there.error();
    if (!*there) return entries;
    DiscoveryEntry& e = entries.emplace_back();
    e.discovery = discovery;
    e.host = rows->text(0);
    e.port = static_cast<std::uint16_t>(rows->integer(1));
    e.path = rows->text(2);
    e.method = rows->text(3);
    e.count = rows->unsigned_integer(4);
    e.timed = rows->unsigned_integer(5);
    e.response_time_sum = Nanos(rows->integer(6));
  }
}

std::string discovery_to_json(const DiscoveryRow& r) {
  std::string out;
  json::Writer w(out);
  w.begin_object().member("logical_probe", r.logical_probe).member("source", r.source).member("limit", r.limit.count());
  w.member("started_by", r.started_by).member("started", to_ns(r.started)).member("instance", r.instance).member("node", r.node);
  if (r.stopped) w.member("stopped", to_ns(*r.stopped));
  w.member("stopped_by", r.stopped_by).member("reason", r.reason).member("text", r.text).member("last_number", r.last_number);
  w.member("entries", r.entries).member("bytes", r.bytes).member("requests", r.requests).member("other_source", r.other_source);
  w.member("no_room", r.no_room).member("unreadable", r.unreadable).member("over_limit", r.over_limit).end_object();
  return out;
}

Result<DiscoveryRow> discovery_from_json(std::uint64_t id, std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed) return parsed.error();
  const json::Value& v = *parsed;
  if (!v.is_object() || !v["logical_probe"].is_string()) return Error(ErrorCode::corrupt, "not a discovery");
  DiscoveryRow r;
  r.id = id;
  r.logical_probe = v["logical_probe"].string();
  r.source = v["source"].string_or("");
  r.limit = Nanos(v["limit"].int_or(0));
  r.started_by = v["started_by"].string_or("");
  r.started = wall_time_ns(v["started"].int_or(0));
  r.instance = v["instance"].string_or("");
  r.node = v["node"].string_or("");
  if (const auto* t = v.find("stopped")) r.stopped = wall_time_ns(t->int_or(0));
  r.stopped_by = v["stopped_by"].string_or("");
  r.reason = v["reason"].string_or("");
  r.text = v["text"].string_or("");
  r.last_number = v["last_number"].uint_or(0);
  r.entries = v["entries"].uint_or(0);
  r.bytes = v["bytes"].uint_or(0);
  r.requests = v["requests"].uint_or(0);
  r.other_source = v["other_source"].uint_or(0);
  r.no_room = v["no_room"].uint_or(0);
  r.unreadable = v["unreadable"].uint_or(0);
  r.over_limit = v["over_limit"].uint_or(0);
  return r;
}

}  // namespace nezu::store::sqlite
