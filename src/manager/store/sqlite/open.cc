// Opening, loading, and the way down to reading only where the disk is full.
#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "manager/store/loaded.h"
#include "manager/store/sqlite/catalogue.h"
#include "manager/store/sqlite/journal.h"
#include "manager/store/sqlite/schema.h"
#include "manager/store/sqlite/store_impl.h"

namespace nezu::store::sqlite {

namespace {
Status check_options(const Options& o) {
  const auto wrong = [](std::string what) { return Error(ErrorCode::invalid_argument, "store: " + std::move(what)); };
  if (o.path.empty()) return wrong("path: is empty, wanted a file");
  const Nanos second = std::chrono::seconds(1);
  if (o.fold_every < second * kMinFoldSpan || o.fold_every > second * kMaxFoldSpan || o.fold_every % second != Nanos(0)) {
    return wrong(
        fmt::format("fold_every: {} ns, wanted whole seconds from {} s to {} s", o.fold_every.count(), kMinFoldSpan, kMaxFoldSpan));
  }
  if (o.max_readers == 0 || o.max_waiting_batches == 0) return wrong("max_readers and max_waiting_batches: wanted at least 1");
  return {};
}
}  // namespace

Result<std::unique_ptr<Store>> open(const Options& options, const Clock& clock) {
  if (auto status = check_options(options); !status) return status.error();
  auto store = std::make_unique<SqliteStore>(options, clock);
  if (auto status = store->start(); !status) return status.error();
  return std::unique_ptr<Store>(std::move(store));
}

SqliteStore::SqliteStore(const Options& options, const Clock& clock)
    : options_(options), clock_(clock), fold_span_(options.fold_every.count() / 1'000'000'000), levels_(levels(fold_span_, kMaxFoldSpan)) {}

Status SqliteStore::start() {
  if (auto status = take_lock(); !status) return status;
  auto status = open_normal();
  if (status || status.error().code() != ErrorCode::no_space) return status;
  const Error full = status.error();
  if (auto cramped = open_cramped(); !cramped) return full;
  MutexLock lock(mutex_);
  status_.fault = full.message();
  return {};
}

Status SqliteStore::take_lock() {
  auto lock = Connection::open(options_.path + ".lock", Mode::lock, options_.vfs);
  Status status = lock ? (*lock)->exec("BEGIN EXCLUSIVE") : Status(lock.error());
  if (!status && status.error().code() == ErrorCode::unavailable) {
    return Error(ErrorCode::conflict, options_.path + ": another process has this database open");
  }
  if (!status) return status;
  lock_ = std::move(*lock);
  return {};
}

// How far readers have to look back for a chunk depends on the longest that were ever written.
Status SqliteStore::learn_levels(Connection& connection, bool may_write) {
  auto longest = connection.query_integer("SELECT value FROM meta WHERE key='fold_span'");
  if (!longest) return longest.error();
  if (fold_span_ > *longest && may_write) {
    auto status = connection.exec(fmt::format("UPDATE meta SET value={} WHERE key='fold_span'", fold_span_).c_str());
    if (!status) return status;
  }
  levels_ = levels(fold_span_, std::max(fold_span_, *longest));
  return {};
}

Status SqliteStore::open_normal() {
  auto writer = Connection::open(options_.path, Mode::writer, options_.vfs);
  if (!writer) return writer.error();
  if (auto status = (*writer)->verify_rules(); !status) return status;
  if (auto status = prepare_schema(**writer); !status) return status;
  if (auto status = learn_levels(**writer, true); !status) return status;
  auto chunks = (*writer)->query_integer("SELECT value FROM meta WHERE key='chunks'");
  if (!chunks) return chunks.error();
  auto reader = new_reader();
  if (!reader) return reader.error();
  auto generation = (*reader)->chunks.generation();
  if (!generation) return generation.error();
  auto insert = (*writer)->prepare("INSERT INTO journal(body) VALUES(?1)");
  if (!insert) return insert.error();
  if (auto status = chunks_.prepare(**writer, levels_, [this](Damage d) { note_damage(std::move(d)); }); !status) return status;
  auto drop = (*writer)->prepare("DELETE FROM journal WHERE id=?1");
  if (!drop) return drop.error();
  auto set = (*writer)->prepare("UPDATE meta SET value=?2 WHERE key=?1");
  if (!set) return set.error();
  insert_journal_ = std::move(*insert);
  drop_journal_ = std::move(*drop);
  set_meta_ = std::move(*set);
  writer_ = std::move(*writer);
  MutexLock lock(mutex_);
  cramped_ = false;
  status_.chunks = static_cast<std::uint64_t>(*chunks);
  generation_ = *generation;
  readers_ = 1;
  free_readers_.push_back(std::move(*reader));
  return {};
}

// One connection for everything, with its WAL index in memory: not one byte has to be written to read.
Status SqliteStore::open_cramped() {
  auto connection = Connection::open(options_.path, Mode::exclusive, options_.vfs);
  if (!connection) return connection.error();
  if (auto status = check_schema(**connection); !status) return status;
  if (auto status = learn_levels(**connection, false); !status) return status;
  auto reader = std::make_unique<Reader>(levels_);
  reader->connection = std::move(*connection);
  if (auto status = reader->chunks.prepare(*reader->connection); !status) return status;
  auto generation = reader->chunks.generation();
  if (!generation) return generation.error();
  MutexLock lock(mutex_);
  cramped_ = true;
  generation_ = *generation;
  readers_ = 1;
  free_readers_.push_back(std::move(reader));
  return {};
}

Result<Loaded> SqliteStore::load() {
  NEZU_CHECK(!thread_.joinable());
  auto reader = take_reader();
  if (!reader) return reader.error();
  Connection& connection = *(*reader)->connection;
  Loaded loaded;
  std::vector<std::string> damaged;
  auto status = read_catalogue(connection, loaded, damaged);
  if (status) status = load_covered(connection, loaded);
  if (status) status = load_damage(connection);
  if (status) status = load_marks(connection);
  if (status) status = load_journal(**reader);
  auto clean = connection.query_integer("SELECT value FROM meta WHERE key='clean'");
  give_back(std::move(*reader));
  if (!status) return status.error().in("load");
  if (!clean) return clean.error().in("load");
  loaded.clean_stop = *clean != 0;
  {
    MutexLock lock(mutex_);
    for (const ServiceRow& row : loaded.services) {
      service_of_[row.all_target] = row.id;
      for (const auto& [name, target] : row.targets) service_of_[target] = row.id;
    }
    for (std::string& what : damaged) {
      ++status_.set_aside;
      status_.damage = fmt::format("{}: {}", options_.path, what);
    }
  }
  // From here on a stop that isn't close()'s is an unclean one. Where that can't be written (a full disk), the first batch does it.
  if (writer_ != nullptr) {
    const auto marked = writer_->exec("UPDATE meta SET value=0 WHERE key='clean'");
    marked_running_ = marked.ok();
    if (!marked) note_failure(marked.error());
  }
  thread_ = std::thread([this] { run(); });
  return loaded;
}

Status SqliteStore::load_covered(Connection& connection, Loaded& loaded) {
  std::map<std::string, Loaded::Covered> covered;
  auto probes = connection.prepare("SELECT name,stored_until,last_instance,last_epoch FROM probe");
  if (!probes) return probes.error();
  for (;;) {
    auto row = probes->step();
    if (!row) return row.error();
    if (!*row) break;
    const std::string name(probes->text(0));
    Loaded::Covered& c = covered[name];
    c.logical_probe = name;
    c.stored_until = packet_time_ns(probes->integer(1));
    const std::string_view instance = probes->blob(2);
    std::copy_n(instance.begin(), std::min(instance.size(), c.last_instance.bytes.size()), c.last_instance.bytes.begin());
    c.last_epoch = probes->unsigned_integer(3);
    tracks_[name] = ProbeTrack{c.stored_until, c.last_instance, c.last_epoch, 0, {}};
  }
  auto runs = connection.prepare("SELECT id,probe,begin_ns,end_ns FROM stored");
  if (!runs) return runs.error();
  for (;;) {
    auto row = runs->step();
    if (!row) return row.error();
    if (!*row) break;
    const std::string name(runs->text(1));
    const window::Span span{packet_time_ns(runs->integer(2)), packet_time_ns(runs->integer(3))};
    covered[name].recent_spans.push_back(span);
    ProbeTrack& track = tracks_[name];
    if (track.run == 0 || span.end > track.span.end) {
      track.run = runs->integer(0);
      track.span = span;
    }
    next_run_ = std::max(next_run_, runs->integer(0) + 1);
  }
  for (auto& [name, c] : covered) {
    c.logical_probe = name;
    c.recent_spans = window::normalise(std::move(c.recent_spans));
    loaded.covered.push_back(std::move(c));
  }
  return {};
}

Status SqliteStore::load_marks(Connection& connection) {
  auto rows = connection.prepare("SELECT key,value FROM meta");
  if (!rows) return rows.error();
  std::map<std::string, std::int64_t> meta;
  for (;;) {
    auto row = rows->step();
    if (!row) return row.error();
    if (!*row) break;
    meta[std::string(rows->text(0))] = rows->integer(1);
  }
  folded_ = {meta["folded_row"], meta["folded_second"]};
  fold_ = Fold{};
  fold_.active = meta["fold_row"] != 0;
  fold_.mark = {meta["fold_row"], meta["fold_second"]};
  fold_.series = meta["fold_series"];
  return {};
}

// What the journal has and the chunks haven't. Rows come in order, so that what the marks have folded is taken out as they are passed.
Status SqliteStore::load_journal(Reader& reader) {
  auto rows = reader.connection->prepare("SELECT id,body FROM journal ORDER BY id");
  if (!rows) return rows.error();
  const auto damaged = [&](std::int64_t id, const std::string& why, bool unreadable) {
    Damage d;
    d.level = kLevels;
    d.key = id;
    d.unreadable = unreadable;
    d.what = fmt::format("journal row {}: {}", id, why);
    note_damage(std::move(d));
  };
  Backlog backlog, folding;
  bool passed_folded = false, passed_fold = !fold_.active;
  const auto pass = [&](std::int64_t id) {
    if (!passed_folded && id > folded_.row) {
      passed_folded = true;
      static_cast<void>(backlog.split_before(folded_.second));
    }
    if (!passed_fold && id > fold_.mark.row) {
      passed_fold = true;
      folding = backlog.split_before(fold_.mark.second);
    }
  };
  for (std::int64_t last = 0;;) {
    auto row = rows->step();
    if (!row) {
      if (row.error().code() != ErrorCode::corrupt) return row.error();
      damaged(last + 1, row.error().message(), true);
      break;
    }
    if (!*row) break;
    last = rows->integer(0);
    pass(last);
    if (auto status = load_row(last, rows->blob(1), backlog); !status) damaged(last, status.error().message(), false);
  }
  pass(std::numeric_limits<std::int64_t>::max());
  if (fold_.active) {
    if (auto status = forget_folded(reader, folding); !status) return status;
  }
  MutexLock lock(mutex_);
  status_.journal_rows = rows_.size();
  pending_ = std::move(backlog);
  folding_ = std::move(folding);
  if (!pending_.empty()) fold_at_ = floor_second(pending_.newest(), fold_span_) + fold_span_;
  return {};
}

Status SqliteStore::load_row(std::int64_t id, std::string_view body, Backlog& into) {
  auto entries = decode_journal(body);
  if (!entries) return entries.error();
  SlotSecond newest = 0;
  for (const JournalEntry& entry : *entries) {
    auto bytes = std::make_shared<const std::string>(entry.record);
    wire::RecordOutline outline;
    if (auto status = wire::read_outline(*bytes, outline); !status) return status;
    newest = std::max(newest, newest_of(outline));
    into.add(std::string(entry.logical_probe), std::move(bytes), outline);
  }
  rows_.push_back({id, newest, body.size()});
  newest_in_ = newest;
  return {};
}

// A fold was under way when the program ended: the series up to fold_.series are done.
Status SqliteStore::forget_folded(Reader& reader, Backlog& folding) {
  auto all = reader.chunks.all_series();
  if (!all) return all.error();
  for (const Series& series : *all) {
    if (series.id <= fold_.series) folding.erase(series.probe, series.kind, series.object);
  }
  return {};
}

Status SqliteStore::load_damage(Connection& connection) {
  auto rows = connection.prepare(
      "SELECT kind,object,probe,resolution,begin_ns,end_ns FROM set_aside WHERE resolution<5 ORDER BY id DESC LIMIT 10000");
  if (!rows) return rows.error();
  for (;;) {
    auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return {};
    Damage d;
    d.kind = rows->integer(0) == 0 ? Kind::figures : Kind::coverage;
    d.object = static_cast<std::uint32_t>(rows->integer(1));
    d.probe = rows->text(2);
    d.level = static_cast<std::size_t>(rows->integer(3));
    d.begin = second_of(packet_time_ns(rows->integer(4)));
    d.end = second_of(packet_time_ns(rows->integer(5)));
    MutexLock lock(mutex_);
    damage_.push_back(std::move(d));
  }
}

}  // namespace nezu::store::sqlite
