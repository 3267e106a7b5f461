#include "manager/store/sqlite/catalogue.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/json/json.h"
#include "manager/store/sqlite/discoveries.h"

namespace nezu::store::sqlite {

namespace {

constexpr std::int64_t kLoadedRows = 1000;

Status write_state(Connection& connection, const WriteBatch& batch) {
  if (batch.state.empty()) return {};
  auto put = connection.prepare("INSERT OR REPLACE INTO state VALUES(?,?)");
  if (!put) return put.error();
  auto drop = connection.prepare("DELETE FROM state WHERE key=?");
  if (!drop) return drop.error();
  for (const auto& [key, value] : batch.state) {
    auto status = value ? put->bind(1, key).bind(2, *value).run() : drop->bind(1, key).run();
    if (!status) return status;
  }
  return {};
}

Status write_services(Connection& connection, const WriteBatch& batch) {
  if (batch.services.empty()) return {};
  auto put = connection.prepare("INSERT OR REPLACE INTO service VALUES(?,?,?,?,?,?)");
  if (!put) return put.error();
  auto target = connection.prepare("INSERT OR REPLACE INTO target VALUES(?,?,?)");
  if (!target) return target.error();
  for (const ServiceRow& row : batch.services) {
    const std::string json = definition::to_json(row.definition);
    put->bind(1, row.id)
        .bind(2, row.version)
        .bind(3, json)
        .bind(4, row.all_target)
        .bind(5, row.deleted ? 1 : 0)
        .bind(6, to_ns(row.changed));
    if (auto status = put->run(); !status) return status;
    for (const auto& [name, id] : row.targets) {
      if (auto status = target->bind(1, id).bind(2, row.id).bind(3, name).run(); !status) return status;
    }
  }
  return {};
}

Status write_monitoring(Connection& connection, const WriteBatch& batch) {
  if (batch.monitoring.empty()) return {};
  auto put = connection.prepare("INSERT OR REPLACE INTO monitoring VALUES(?,?,?,?,?)");
  if (!put) return put.error();
  for (const MonitoringSpan& row : batch.monitoring) {
    put->bind(1, row.id).bind(2, row.service).bind(3, row.logical_probe).bind(4, to_ns(row.begin));
    if (row.end) {
      put->bind(5, to_ns(*row.end));
    } else {
      put->bind_null(5);
    }
    if (auto status = put->run(); !status) return status;
  }
  return {};
}

Status write_failovers(Connection& connection, const WriteBatch& batch) {
  if (batch.failovers.empty()) return {};
  auto put = connection.prepare("INSERT OR REPLACE INTO failover VALUES(?,?)");
  if (!put) return put.error();
  for (const FailoverRecord& row : batch.failovers) {
    const std::string json = failover_to_json(row);
    if (auto status = put->bind(1, row.id).bind(2, json).run(); !status) return status;
  }
  return {};
}

Status write_events(Connection& connection, const WriteBatch& batch) {
  if (batch.events.empty()) return {};
  auto put = connection.prepare("INSERT OR REPLACE INTO event VALUES(?,?,?,?,?,?,?)");
  if (!put) return put.error();
  for (const Event& row : batch.events) {
    put->bind(1, row.id)
        .bind(2, row.code)
        .bind(3, static_cast<int>(row.severity))
        .bind(4, row.subject)
        .bind(5, row.text)
        .bind(6, to_ns(row.opened));
    if (row.closed) {
      put->bind(7, to_ns(*row.closed));
    } else {
      put->bind_null(7);
    }
    if (auto status = put->run(); !status) return status;
  }
  return {};
}

// Calls `each` for every row of a query.
template <class Each>
Status for_rows(Connection& connection, std::string_view sql, Each each) {
  auto rows = connection.prepare(sql);
  if (!rows) return rows.error();
  for (;;) {
    auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return {};
    each(*rows);
  }
}

Status read_services(Connection& connection, Loaded& loaded, std::vector<std::string>& damaged) {
  auto status =
      for_rows(connection, "SELECT id,version,definition,all_target,deleted,changed FROM service ORDER BY id", [&](Statement& row) {
        ServiceRow service;
        service.id = static_cast<ServiceId>(row.integer(0));
        service.version = row.unsigned_integer(1);
        auto parsed = definition::parse_json(row.text(2));
        if (!parsed) {
          damaged.push_back(fmt::format("service {}: {}", service.id, parsed.error().message()));
        } else {
          service.definition = std::move(*parsed);
          service.all_target = static_cast<TargetId>(row.integer(3));
          service.deleted = row.integer(4) != 0;
          service.changed = wall_time_ns(row.integer(5));
          loaded.services.push_back(std::move(service));
        }
      });
  if (!status) return status;
  return for_rows(connection, "SELECT id,service,name FROM target", [&](Statement& row) {
    const auto id = static_cast<ServiceId>(row.integer(1));
    const auto at = std::lower_bound(loaded.services.begin(), loaded.services.end(), id,
                                     [](const ServiceRow& s, ServiceId wanted) { return s.id < wanted; });
    if (at != loaded.services.end() && at->id == id) at->targets[std::string(row.text(2))] = static_cast<TargetId>(row.integer(0));
  });
}

Status read_monitoring(Connection& connection, Loaded& loaded) {
  return for_rows(connection, "SELECT id,service,probe,begin_ns,end_ns FROM monitoring ORDER BY id", [&](Statement& row) {
    MonitoringSpan span;
    span.id = row.unsigned_integer(0);
    span.service = static_cast<ServiceId>(row.integer(1));
    span.logical_probe = row.text(2);
    span.begin = packet_time_ns(row.integer(3));
    if (!row.is_null(4)) span.end = packet_time_ns(row.integer(4));
    loaded.monitoring.push_back(std::move(span));
  });
}

Status read_failovers(Connection& connection, Loaded& loaded, std::vector<std::string>& damaged) {
  const std::string sql =
      fmt::format("SELECT id,body FROM (SELECT id,body FROM failover ORDER BY id DESC LIMIT {}) ORDER BY id", kLoadedRows);
  return for_rows(connection, sql, [&](Statement& row) {
    auto record = failover_from_json(row.unsigned_integer(0), row.text(1));
    if (record) {
      loaded.failovers.push_back(std::move(*record));
    } else {
      damaged.push_back(fmt::format("failover {}: {}", row.integer(0), record.error().message()));
    }
  });
}

Status read_events(Connection& connection, Loaded& loaded) {
  const std::string sql = fmt::format(
      "SELECT id,code,severity,subject,text,opened,closed FROM event WHERE closed IS NULL UNION "
      "SELECT * FROM (SELECT id,code,severity,subject,text,opened,closed FROM event ORDER BY id DESC LIMIT {}) ORDER BY id",
      kLoadedRows);
  return for_rows(connection, sql, [&](Statement& row) {
    Event event;
    event.id = row.unsigned_integer(0);
    event.code = row.text(1);
    event.severity = row.integer(2) == 2 ? Severity::error : row.integer(2) == 1 ? Severity::warning : Severity::information;
    event.subject = row.text(3);
    event.text = row.text(4);
    event.opened = wall_time_ns(row.integer(5));
    if (!row.is_null(6)) event.closed = wall_time_ns(row.integer(6));
    loaded.events.push_back(std::move(event));
  });
}

Status read_next_ids(Connection& connection, Loaded& loaded) {
  const std::pair<const char*, std::uint64_t*> queries[] = {
      {"SELECT ifnull(max(id),0)+1 FROM service", &loaded.next_service_id},
      {"SELECT max((SELECT ifnull(max(id),0) FROM target),(SELECT ifnull(max(all_target),0) FROM service))+1", &loaded.next_target_id},
      {"SELECT ifnull(max(id),0)+1 FROM failover", &loaded.next_failover_id},
      {"SELECT ifnull(max(id),0)+1 FROM event", &loaded.next_event_id},
      {"SELECT ifnull(max(id),0)+1 FROM monitoring", &loaded.next_monitoring_id}};
  for (const auto& [sql, into] : queries) {
    auto value = connection.query_integer(sql);
    if (!value) return value.error();
    *into = static_cast<std::uint64_t>(*value);
  }
  return {};
}

}  // namespace

Status write_catalogue(Connection& connection, const WriteBatch& batch) {
  for (auto* part : {write_state, write_services, write_monitoring, write_failovers, write_events, write_discoveries}) {
    if (auto status = part(connection, batch); !status) return status;
  }
  return {};
}

Status read_catalogue(Connection& connection, Loaded& loaded, std::vector<std::string>& damaged) {
  auto status =
      for_rows(connection, "SELECT key,value FROM state", [&](Statement& row) { loaded.state[std::string(row.text(0))] = row.text(1); });
  if (status) status = read_services(connection, loaded, damaged);
  if (status) status = read_monitoring(connection, loaded);
  if (status) status = read_failovers(connection, loaded, damaged);
  if (status) status = read_events(connection, loaded);
  if (status) status = read_discoveries(connection, loaded, damaged);
  if (status) status = read_next_ids(connection, loaded);
  return status;
}

Result<std::int64_t> trim_catalogue(Connection& connection, std::int64_t keep, std::int64_t limit) {
  std::int64_t deleted = 0;
  for (const char* sql :
       {"DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id <= (SELECT max(id) FROM event)-?1 AND closed IS NOT NULL ORDER BY id "
        "LIMIT ?2)",
        "DELETE FROM failover WHERE id IN (SELECT id FROM failover WHERE id <= (SELECT max(id) FROM failover)-?1 ORDER BY id LIMIT ?2)"}) {
    auto statement = connection.prepare(sql);
    if (!statement) return statement.error();
    if (auto status = statement->bind(1, keep).bind(2, limit).run(); !status) return status.error();
    auto changes = connection.query_integer("SELECT changes()");
    if (!changes) return changes.error();
    deleted += *changes;
  }
  return deleted;
}

std::string failover_to_json(const FailoverRecord& r) {
  std::string out;
  json::Writer w(out);
  w.begin_object().member("logical_probe", r.logical_probe).member("epoch", r.epoch).member("reason", r.reason);
  w.member("from_node", r.from_node).member("to_node", r.to_node).member("from_instance", r.from_instance);
  w.member("to_instance", r.to_instance).member("mode", r.mode).member("lost", to_ns(r.lost)).member("noticed", to_ns(r.noticed));
  w.member("announced", to_ns(r.announced)).member("admitted", to_ns(r.admitted)).member("last_covered", to_ns(r.last_covered));
  if (r.stopped) w.member("stopped", to_ns(*r.stopped));
  if (r.start) w.member("start", to_ns(*r.start));
  if (r.promote) w.member("promote", to_ns(*r.promote));
  if (r.first_window) w.member("first_window", to_ns(*r.first_window));
  if (r.first_covered) w.member("first_covered", to_ns(*r.first_covered));
  if (r.clock_offset) w.member("clock_offset", r.clock_offset->count());
  w.member("handed_over", r.handed_over).member("left_out", r.left_out).member("seam_doubtful", r.seam_doubtful).member("open", r.open);
  w.key("gaps").begin_array();
  for (const auto& gap : r.gaps) w.begin_array().value(gap.service).value(to_ns(gap.begin)).value(to_ns(gap.end)).end_array();
  w.end_array().end_object();
  return out;
}

Result<FailoverRecord> failover_from_json(std::uint64_t id, std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed) return parsed.error();
  const json::Value& v = *parsed;
  if (!v.is_object() || !v["logical_probe"].is_string()) return Error(ErrorCode::corrupt, "not a failover record");
  FailoverRecord r;
  r.id = id;
  r.logical_probe = v["logical_probe"].string();
  r.epoch = v["epoch"].uint_or(0);
  r.reason = v["reason"].string_or("");
  r.from_node = v["from_node"].string_or("");
  r.to_node = v["to_node"].string_or("");
  r.from_instance = v["from_instance"].string_or("");
  r.to_instance = v["to_instance"].string_or("");
  r.mode = v["mode"].string_or("");
  r.lost = wall_time_ns(v["lost"].int_or(0));
  r.noticed = wall_time_ns(v["noticed"].int_or(0));
  r.announced = wall_time_ns(v["announced"].int_or(0));
  r.admitted = wall_time_ns(v["admitted"].int_or(0));
  r.last_covered = packet_time_ns(v["last_covered"].int_or(0));
  if (const auto* t = v.find("stopped")) r.stopped = wall_time_ns(t->int_or(0));
  if (const auto* t = v.find("start")) r.start = wall_time_ns(t->int_or(0));
  if (const auto* t = v.find("promote")) r.promote = wall_time_ns(t->int_or(0));
  if (const auto* t = v.find("first_window")) r.first_window = wall_time_ns(t->int_or(0));
  if (const auto* t = v.find("first_covered")) r.first_covered = packet_time_ns(t->int_or(0));
  if (const auto* t = v.find("clock_offset")) r.clock_offset = Nanos(t->int_or(0));
  r.handed_over = v["handed_over"].uint_or(0);
  r.left_out = v["left_out"].uint_or(0);
  r.seam_doubtful = v["seam_doubtful"].bool_or(false);
  r.open = v["open"].bool_or(false);
  for (std::size_t i = 0; i < v["gaps"].size(); ++i) {
    const json::Value& gap = v["gaps"][i];
    r.gaps.push_back({static_cast<ServiceId>(gap[0].uint_or(0)), packet_time_ns(gap[1].int_or(0)), packet_time_ns(gap[2].int_or(0))});
  }
  return r;
}

}  // namespace nezu::store::sqlite
