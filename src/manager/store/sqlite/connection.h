// Connection and Statement: SQLite behind Result. sqlite3.h is included by connection.cc (and the faulty VFS) only.
//
// The rules of Debian 12's SQLite 3.40.1, which has the WAL-reset fault (two connections that checkpoint while a third commits may damage the
// file): exactly one connection writes and checkpoints, all others are read-only, one process a file, no mmap. open() sets them,
// verify_rules() asks SQLite whether they hold. A Connection is used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace nezu::store::sqlite {

using Status = nezu::Status;  // not store::Status

class Connection;

// A prepared statement. Text and blobs that are bound must live until the next step(); column views until the next step() or reset().
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept : connection_(other.connection_), handle_(other.handle_) { other.handle_ = nullptr; }
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, std::uint32_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, int value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);

  // True: a row is there. False: no more; the statement is reset. Error: as of Connection, the statement is reset.
  Result<bool> step();
  // For statements without rows.
  Status run();
  void reset();

  std::int64_t integer(int column) const;
  std::uint64_t unsigned_integer(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class Connection;
  Statement(Connection* connection, sqlite3_stmt* handle) : connection_(connection), handle_(handle) {}
  Connection* connection_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
};

enum class Mode {
  writer,     // creates the file where it isn't there; the only one that may write and checkpoint
  reader,     // read-only
  exclusive,  // the only connection of all, its WAL index in memory: reads even where not one byte can be written
  lock,       // another small file, only ever locked
};

class Connection {
 public:
  // Errors name the path. `vfs`: name of a registered SQLite VFS; empty: the system's.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode, const std::string& vfs = {});
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Statement> prepare(std::string_view sql);
  Status exec(const char* sql);
  Result<std::int64_t> query_integer(std::string_view sql);
  Result<std::string> query_text(std::string_view sql);

  Status begin_write() { return exec("BEGIN IMMEDIATE"); }
  Status begin_read() { return exec("BEGIN"); }
  Status commit() { return exec("COMMIT"); }
  // Ends a transaction if there is one; never fails.
  void rollback();

  // Frames in the WAL after the last commit (writer).
  int wal_frames() const { return wal_frames_; }
  // The id of the row that was inserted last.
  std::int64_t last_row() const;
  // Moves WAL frames into the database. `truncate`: waits for nobody, but cuts the WAL if it can. Writer only.
  Status checkpoint(bool truncate);

  // Mode's rules hold: corrupt or conflict, with what doesn't, where not.
  Status verify_rules();

  // The last error of this connection: no_space (disk full, no room for the WAL index), io (read, write, sync failed), corrupt,
  // unavailable (locked), permission, not_found, else io.
  Error last_error(const std::string& what) const;
  const std::string& path() const { return path_; }

 private:
  Connection(sqlite3* handle, std::string path, Mode mode) : handle_(handle), path_(std::move(path)), mode_(mode) {}
  sqlite3* handle_;
  std::string path_;
  Mode mode_;
  int wal_frames_ = 0;
};

}  // namespace nezu::store::sqlite
