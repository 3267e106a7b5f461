#include "manager/store/sqlite/schema.h"

#include <fmt/core.h>

namespace nezu::store::sqlite {

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE service(id INTEGER PRIMARY KEY, version INTEGER NOT NULL, definition TEXT NOT NULL, all_target INTEGER NOT NULL,
  deleted INTEGER NOT NULL, changed INTEGER NOT NULL) STRICT;
CREATE TABLE target(id INTEGER PRIMARY KEY, service INTEGER NOT NULL, name TEXT NOT NULL) STRICT;
CREATE INDEX target_by_service ON target(service);
CREATE TABLE monitoring(id INTEGER PRIMARY KEY, service INTEGER NOT NULL, probe TEXT NOT NULL, begin_ns INTEGER NOT NULL, end_ns INTEGER) STRICT;
CREATE TABLE failover(id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE event(id INTEGER PRIMARY KEY, code TEXT NOT NULL, severity INTEGER NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,
  opened INTEGER NOT NULL, closed INTEGER) STRICT;
CREATE INDEX event_open ON event(id) WHERE closed IS NULL;
CREATE TABLE discovery(id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE discovery_entry(discovery INTEGER NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, path TEXT NOT NULL, method TEXT NOT NULL,
  count INTEGER NOT NULL, timed INTEGER NOT NULL, response_time_sum INTEGER NOT NULL,
  PRIMARY KEY(discovery, host, port, path, method)) STRICT, WITHOUT ROWID;
CREATE TABLE probe(name TEXT PRIMARY KEY, stored_until INTEGER NOT NULL, last_instance BLOB NOT NULL, last_epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE stored(id INTEGER PRIMARY KEY, probe TEXT NOT NULL, begin_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL) STRICT;
CREATE TABLE journal(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE series(id INTEGER PRIMARY KEY, probe TEXT NOT NULL, kind INTEGER NOT NULL, object INTEGER NOT NULL,
  rolled_1m INTEGER NOT NULL, rolled_1h INTEGER NOT NULL, rolled_1d INTEGER NOT NULL,
  UNIQUE(kind, object, probe)) STRICT;
CREATE TABLE chunk_1s(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE chunk_10s(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE chunk_1m(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE chunk_1h(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE chunk_1d(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE set_aside(id INTEGER PRIMARY KEY, what TEXT NOT NULL, object INTEGER NOT NULL, kind INTEGER NOT NULL, probe TEXT NOT NULL,
  resolution INTEGER NOT NULL, begin_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, body BLOB) STRICT;
INSERT INTO meta VALUES('generation',0),('chunks',0),('clean',1),
  ('folded_row',0),('folded_second',0),('fold_row',0),('fold_second',0),('fold_series',0),('fold_span',0);
)sql";

}  // namespace

Status check_schema(Connection& connection) {
  auto application = connection.query_integer("PRAGMA application_id");
  if (!application) return application.error();
  auto version = connection.query_integer("PRAGMA user_version");
  if (!version) return version.error();
  auto tables = connection.query_integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  if (*tables == 0 && *version == 0 && *application == 0) return {};
  if (*application != kApplicationId) {
    return Error(ErrorCode::unsupported, fmt::format("{}: is a database of another program (application id {:#x}, wanted {:#x})",
                                                     connection.path(), *application, kApplicationId));
  }
  if (*version != kSchemaVersion) {
    return Error(ErrorCode::unsupported,
                 fmt::format("{}: schema version {}; this program reads {}. Use the release that wrote it, or a newer one",
                             connection.path(), *version, kSchemaVersion));
  }
  return {};
}

Status prepare_schema(Connection& connection) {
  if (auto status = check_schema(connection); !status) return status;
  auto version = connection.query_integer("PRAGMA user_version");
  if (!version) return version.error();
  if (*version == kSchemaVersion) return {};
  const std::string sql =
      fmt::format("BEGIN IMMEDIATE; PRAGMA application_id={}; PRAGMA user_version={}; {} COMMIT", kApplicationId, kSchemaVersion, kTables);
  if (auto status = connection.exec(sql.c_str()); !status) {
    connection.rollback();
    return status.error().in("create tables");
  }
  return {};
}

const char* chunk_table(Resolution resolution) {
  switch (resolution) {
    case Resolution::s1: return "chunk_1s";
    case Resolution::s10: return "chunk_10s";
    case Resolution::m1: return "chunk_1m";
    case Resolution::h1: return "chunk_1h";
    case Resolution::d1: return "chunk_1d";
  }
  NEZU_CHECK(false);
}

}  // namespace nezu::store::sqlite
