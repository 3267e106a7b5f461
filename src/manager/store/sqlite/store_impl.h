// The parts of the SQLite store: Writer (its thread), the reading side, and what both share. Internal to the module.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/base/mutex.h"
#include "manager/store/sqlite/backlog.h"
#include "manager/store/sqlite/chunk_reader.h"
#include "manager/store/sqlite/chunk_writer.h"
#include "manager/store/sqlite/connection.h"
#include "manager/store/sqlite/sqlite_store.h"

namespace nezu::store::sqlite {

struct Waiting {
  WriteBatch batch;
  UniqueFunction<void(Status)> done;
};

// A record on its way into the journal: its bytes, and what is found where in them.
struct Incoming {
  const std::string* probe;
  std::shared_ptr<const std::string> bytes;
  wire::RecordOutline outline;
};

// A row of the journal, and the last second of which it has anything.
struct JournalRow {
  std::int64_t id = 0;
  SlotSecond newest = 0;
  std::size_t bytes = 0;
};

// Of the rows up to `row`, what lies before `second`.
struct Mark {
  std::int64_t row = 0;
  SlotSecond second = 0;
};

// A fold in progress (docs/formats/store.md, "The fold"): its mark, what is left to do, and how far it has come, which is what the database
// says too.
struct Fold {
  bool active = false;
  bool planned = false;
  Mark mark;
  std::int64_t series = 0;
  std::vector<ChunkWriter::FoldItem> items;
  std::size_t next = 0;
};

// Where a logical probe's stored spans end; a run is a row of `stored` that grows while records follow each other.
struct ProbeTrack {
  PacketTime stored_until{};
  window::InstanceId instance;
  std::uint64_t epoch = 0;
  std::int64_t run = 0;  // 0: none yet
  window::Span span;
};

struct Reader {
  explicit Reader(const std::array<Level, kLevels>& levels) : chunks(levels) {}
  std::unique_ptr<Connection> connection;
  ChunkReader chunks;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(const Options& options, const Clock& clock);
  ~SqliteStore() override;
  Status start();

  Result<Loaded> load() override;
  void write(WriteBatch batch, UniqueFunction<void(Status)> done) override;
  store::Status status() const override;
  Result<std::vector<Piece>> pieces(TargetId target, Resolution resolution, PacketTime from, PacketTime to) override;
  Result<std::vector<CoveragePiece>> coverage(ServiceId service, Resolution resolution, PacketTime from, PacketTime to) override;
  Result<std::vector<DiscoveryEntry>> discovery_entries(std::uint64_t discovery) override;
  Retention retention() const override { return options_.retention; }

 private:
  // --- opening (open.cc)
  Status open_normal();
  Status open_cramped();
  Status take_lock();
  Status learn_levels(Connection& connection, bool may_write);
  Status load_journal(Reader& reader);
  Status load_marks(Connection& connection);
  Status load_row(std::int64_t id, std::string_view body, Backlog& into);
  Status forget_folded(Reader& reader, Backlog& folding);
  Status load_covered(Connection& connection, Loaded& loaded);
  Status load_damage(Connection& connection);

  // --- writer.cc: the writer's thread
  void run();
  void commit_group(std::deque<Waiting> group);
  Status commit(const std::deque<Waiting>& group, std::vector<Incoming>& incoming);
  Status take_in(const std::deque<Waiting>& group, std::vector<Incoming>& incoming);
  Status write_group(const std::deque<Waiting>& group, const std::vector<Incoming>& incoming, std::map<std::string, ProbeTrack>& tracks,
                     std::int64_t& next_run);
  Status write_spans(const std::deque<Waiting>& group, std::map<std::string, ProbeTrack>& tracks, std::int64_t& next_run);
  void after_commit(std::deque<Waiting>& group, std::vector<Incoming>& incoming);
  void answer(std::deque<Waiting> group, const Status& status);
  void note_failure(const Error& error);
  void leave_fault();
  bool try_room();

  // --- maintenance.cc, fold.cc: the writer's thread
  bool maintain();
  Result<bool> maintain_step();
  bool fold_due();
  void begin_fold();
  Status fold_step();
  Status write_meta(const char* key, std::int64_t value);
  void end_fold();
  bool row_is_done(const JournalRow& row) const;
  bool rows_done() const;
  Status drop_rows();
  Status roll_and_delete();
  Status write_damage();
  Status finish_maintenance();
  Status tidy();
  void close_cleanly();
  void update_sizes();
  void note_maintenance_failure(const Error& error, const char* what);
  SlotSecond horizon() const;

  // --- reading.cc
  class Lease;
  Result<std::unique_ptr<Reader>> new_reader();
  Result<std::unique_ptr<Reader>> take_reader();
  void give_back(std::unique_ptr<Reader> reader);
  template <class Slot>
  using PendingSlots = std::map<std::string, std::vector<Slot>>;
  template <class Slot>
  Result<PendingSlots<Slot>> snapshot(Reader& reader, std::uint32_t object, SlotSecond from, SlotSecond to);
  template <class Slot>
  Status collect(Reader& reader, const Series* series, std::size_t level, SlotSecond from, SlotSecond to, const std::vector<Slot>& pending,
                 std::vector<Slot>& out);
  template <class Slot, class PieceType>
  Result<std::vector<PieceType>> read(Kind kind, std::uint32_t object, Resolution resolution, PacketTime from, PacketTime to);
  void subtract_damage(const Series& series, std::size_t level, std::vector<CoverSlot>& slots);
  void note_damage(Damage damage);

  const Options options_;
  const Clock& clock_;
  const SlotSecond fold_span_;
  std::array<Level, kLevels> levels_;  // the opener's, until a thread is there

  // The writer's thread (before it starts: the opener's).
  std::unique_ptr<Connection> lock_;
  std::unique_ptr<Connection> writer_;  // none: cramped, or broken
  ChunkWriter chunks_;
  Statement insert_journal_, drop_journal_, set_meta_;
  std::map<std::string, ProbeTrack> tracks_;
  std::int64_t next_run_ = 1;
  SlotSecond fold_at_ = 0;                     // what lies before it is folded once a slot is there that lies a little after it
  std::optional<SlotSecond> fold_held_until_;  // the last step failed
  SlotSecond newest_in_ = 0;                   // of the last commit
  Fold fold_;
  Mark folded_;                  // by the last fold
  std::deque<JournalRow> rows_;  // what the journal has
  SlotSecond complete_ = 0;      // seconds before it are folded
  SlotSecond retention_done_for_ = 0;
  bool rolling_ = false, deleting_ = false;
  std::size_t failed_bytes_ = 0;
  std::int64_t journal_row_ = 0;  // that was written last
  bool broken_ = false;
  bool marked_running_ = false;
  std::uint64_t commits_since_sizes_ = 0;
  MonoTime next_tidy_{};

  mutable Mutex mutex_;
  Condition wake_;     // the writer
  Condition changed_;  // readers: a fold is through, or a connection is free
  std::deque<Waiting> queue_ NEZU_GUARDED_BY(mutex_);
  bool stopping_ NEZU_GUARDED_BY(mutex_) = false;
  Backlog pending_ NEZU_GUARDED_BY(mutex_);
  Backlog folding_ NEZU_GUARDED_BY(mutex_);  // what the fold in progress hasn't done yet
  std::int64_t generation_ NEZU_GUARDED_BY(mutex_) = 0;
  std::unordered_map<TargetId, ServiceId> service_of_ NEZU_GUARDED_BY(mutex_);
  std::vector<Damage> damage_ NEZU_GUARDED_BY(mutex_);
  std::vector<Damage> new_damage_ NEZU_GUARDED_BY(mutex_);
  store::Status status_ NEZU_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Reader>> free_readers_ NEZU_GUARDED_BY(mutex_);
  std::size_t readers_ NEZU_GUARDED_BY(mutex_) = 0;
  bool cramped_ NEZU_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace nezu::store::sqlite
