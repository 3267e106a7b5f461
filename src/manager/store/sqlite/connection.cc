#include "manager/store/sqlite/connection.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <cerrno>
#include <utility>

namespace nezu::store::sqlite {

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(handle_, other.handle_);
  return *this;
}
Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::bind(int index, std::int64_t value) {
  NEZU_CHECK(sqlite3_bind_int64(handle_, index, value) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind(int index, std::string_view text) {
  NEZU_CHECK(sqlite3_bind_text64(handle_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
             SQLITE_OK);
  return *this;
}
Statement& Statement::bind_blob(int index, std::string_view bytes) {
  NEZU_CHECK(sqlite3_bind_blob64(handle_, index, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind_null(int index) {
  NEZU_CHECK(sqlite3_bind_null(handle_, index) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int rc = sqlite3_step(handle_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) {
    sqlite3_reset(handle_);
    return false;
  }
  Error error = connection_->last_error("statement");
  sqlite3_reset(handle_);
  return error;
}

Status Statement::run() {
  auto row = step();
  if (!row) return row.error();
  reset();
  return {};
}

void Statement::reset() { sqlite3_reset(handle_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
std::string_view Statement::text(int column) const {
  const auto* text = sqlite3_column_text(handle_, column);
  return text == nullptr
             ? std::string_view()
             : std::string_view(reinterpret_cast<const char*>(text), static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
}
std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
}
bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }

namespace {

int note_wal_frames(void* frames, sqlite3*, const char*, int pages) {
  *static_cast<int*>(frames) = pages;
  return SQLITE_OK;
}

const char* pragmas_of(Mode mode) {
  switch (mode) {
    // temp_store: what SQLite spills must not depend on room in another place.
    case Mode::writer:
      return "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0;"
             "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON";
    case Mode::reader: return "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192; PRAGMA trusted_schema=OFF";
    case Mode::exclusive:
      return "PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0; PRAGMA "
             "query_only=ON";
    case Mode::lock: return "PRAGMA journal_mode=MEMORY; PRAGMA mmap_size=0";
  }
  NEZU_CHECK(false);
}

ErrorCode code_of(int extended, int system_errno) {
  const bool full = system_errno == ENOSPC || system_errno == EDQUOT;
  switch (extended & 0xFF) {
    case SQLITE_FULL: return ErrorCode::no_space;
    case SQLITE_IOERR:
      return extended == SQLITE_IOERR_SHMSIZE || (full && extended != SQLITE_IOERR_FSYNC) ? ErrorCode::no_space : ErrorCode::io;
    case SQLITE_CANTOPEN: return full ? ErrorCode::no_space : system_errno == EACCES ? ErrorCode::permission : ErrorCode::not_found;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::corrupt;
    case SQLITE_BUSY:
    case SQLITE_PROTOCOL:
    case SQLITE_LOCKED: return ErrorCode::unavailable;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return ErrorCode::permission;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return ErrorCode::invalid_argument;
    default: return ErrorCode::io;
  }
}

}  // namespace

Error Connection::last_error(const std::string& what) const {
  const int extended = sqlite3_extended_errcode(handle_);
  const int system_errno = sqlite3_system_errno(handle_);
  std::string message = fmt::format("{}: {}: {}", path_, what, sqlite3_errmsg(handle_));
  if ((extended & 0xFF) == SQLITE_IOERR)
    message += fmt::format(" ({})", extended == SQLITE_IOERR_FSYNC ? "sync" : std::to_string(extended >> 8));
  if (system_errno != 0) message += ": " + Error::from_errno(system_errno, "system").message();
  return Error(code_of(extended, system_errno), std::move(message));
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode, const std::string& vfs) {
  sqlite3* handle = nullptr;
  const int access = mode == Mode::reader      ? SQLITE_OPEN_READONLY
                     : mode == Mode::exclusive ? SQLITE_OPEN_READWRITE
                                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int rc =
      sqlite3_open_v2(path.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, vfs.empty() ? nullptr : vfs.c_str());
  if (handle == nullptr) return Error(ErrorCode::io, path + ": SQLite has no memory");
  std::unique_ptr<Connection> connection(new Connection(handle, path, mode));
  if (rc != SQLITE_OK) return connection->last_error("open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, mode == Mode::reader ? 2000 : 0);
  if (auto status = connection->exec(pragmas_of(mode)); !status) return status.error();
  if (mode == Mode::writer) sqlite3_wal_hook(handle, note_wal_frames, &connection->wal_frames_);
  return connection;
}

Connection::~Connection() { sqlite3_close_v2(handle_); }

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return last_error(std::string(sql.substr(0, 60)));
  }
  return Statement(this, statement);
}

Status Connection::exec(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return last_error(std::string(sql).substr(0, 60));
}

Result<std::int64_t> Connection::query_integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  return *row ? statement->integer(0) : 0;
}

Result<std::string> Connection::query_text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  return *row ? std::string(statement->text(0)) : std::string();
}

void Connection::rollback() {
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

std::int64_t Connection::last_row() const { return sqlite3_last_insert_rowid(handle_); }

Status Connection::checkpoint(bool truncate) {
  NEZU_CHECK(mode_ == Mode::writer);
  int left = 0, moved = 0;
  const int rc =
      sqlite3_wal_checkpoint_v2(handle_, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &left, &moved);
  if (rc == SQLITE_BUSY || (rc & 0xFF) == SQLITE_LOCKED) return {};  // a reader still needs it: the next one will do
  if (rc != SQLITE_OK) return last_error("checkpoint");
  if (left == moved) wal_frames_ = 0;  // the next commit starts the WAL anew
  return {};
}

Status Connection::verify_rules() {
  const auto fail = [&](const char* what) { return Error(ErrorCode::conflict, path_ + ": " + what); };
  auto mapped = query_integer("PRAGMA mmap_size");
  if (!mapped) return mapped.error();
  if (*mapped != 0) return fail("mmap_size isn't 0");
  const bool read_only = sqlite3_db_readonly(handle_, "main") == 1;
  if (mode_ == Mode::reader) return read_only ? Status{} : fail("a reading connection isn't read-only");
  if (mode_ != Mode::writer) return {};
  if (read_only) return fail("the file is read-only");
  auto journal = query_text("PRAGMA journal_mode");
  if (!journal) return journal.error();
  if (*journal != "wal") return fail("the journal mode isn't WAL");
  auto synchronous = query_integer("PRAGMA synchronous");
  if (!synchronous) return synchronous.error();
  if (*synchronous != 2) return fail("synchronous isn't FULL");
  auto automatic = query_integer("PRAGMA wal_autocheckpoint");
  if (!automatic) return automatic.error();
  return *automatic == 0 ? Status{} : fail("wal_autocheckpoint isn't off");
}

}  // namespace nezu::store::sqlite
