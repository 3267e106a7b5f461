#include "manager/store/sqlite/faulty_vfs.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <new>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/mutex.h"

namespace nezu::store::sqlite {

namespace {

constexpr std::size_t kSector = 512;

struct Change {
  std::size_t offset = 0;
  std::string bytes;
  bool truncate = false;  // to `offset`
};

void apply_change(std::string& content, const Change& c) {
  if (c.truncate) {
    content.resize(c.offset, '\0');
    return;
  }
  if (content.size() < c.offset + c.bytes.size()) content.resize(c.offset + c.bytes.size(), '\0');
  content.replace(c.offset, c.bytes.size(), c.bytes);
}

struct File {
  std::string durable, content;
  std::vector<Change> unsynced;
  bool name_durable = false;
  // Locks of the database file, and the WAL index.
  int shared = 0;
  bool reserved = false, exclusive = false;
  std::vector<std::unique_ptr<char[]>> shm;
  std::array<int, SQLITE_SHM_NLOCK> shm_shared{};
  std::array<bool, SQLITE_SHM_NLOCK> shm_exclusive{};
};

}  // namespace

struct FaultyDisk::Impl {
  mutable Mutex mutex;
  std::string name;
  sqlite3_vfs vfs{};
  std::mt19937_64 random;
  std::map<std::string, std::shared_ptr<File>> files;
  std::map<std::string, std::shared_ptr<File>> deleted;  // without a sync of the directory
  std::uint64_t boot = 1;
  bool crashed = false, full = false;
  std::uint64_t syncs = 0, writes = 0, crash_at = 0, full_at = 0, fail_at = 0;
};

namespace {

struct Handle {
  sqlite3_file base;
  FaultyDisk::Impl* disk;
  std::shared_ptr<File>* file;
  std::uint64_t boot;
  int lock;
  std::array<bool, SQLITE_SHM_NLOCK>* shm_shared;  // slots that this connection holds
};
Handle& handle_of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
bool alive(const Handle& h) { return !h.disk->crashed && h.boot == h.disk->boot; }

int do_close(sqlite3_file* f) {
  Handle& h = handle_of(f);
  delete h.file;
  delete h.shm_shared;
  return SQLITE_OK;
}
int do_read(sqlite3_file* f, void* out, int amount, sqlite3_int64 offset) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (!alive(h)) return SQLITE_IOERR_READ;
  const std::string& content = (*h.file)->content;
  const auto at = static_cast<std::size_t>(offset), n = static_cast<std::size_t>(amount);
  const std::size_t have = at >= content.size() ? 0 : std::min(n, content.size() - at);
  std::memcpy(out, content.data() + (have == 0 ? 0 : at), have);
  if (have == n) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + have, 0, n - have);
  return SQLITE_IOERR_SHORT_READ;
}
int do_write(sqlite3_file* f, const void* in, int amount, sqlite3_int64 offset) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (!alive(h)) return SQLITE_IOERR_WRITE;
  if (++h.disk->writes == h.disk->full_at) h.disk->full = true;
  File& file = **h.file;
  Change c{static_cast<std::size_t>(offset), std::string(static_cast<const char*>(in), static_cast<std::size_t>(amount)), false};
  if (h.disk->full && c.offset + c.bytes.size() > file.content.size()) return SQLITE_FULL;
  apply_change(file.content, c);
  file.unsynced.push_back(std::move(c));
  return SQLITE_OK;
}
int do_truncate(sqlite3_file* f, sqlite3_int64 size) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (!alive(h)) return SQLITE_IOERR_TRUNCATE;
  Change c{static_cast<std::size_t>(size), {}, true};
  apply_change((*h.file)->content, c);
  (*h.file)->unsynced.push_back(std::move(c));
  return SQLITE_OK;
}
int do_sync(sqlite3_file* f, int) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (!alive(h)) return SQLITE_IOERR_FSYNC;
  File& file = **h.file;
  if (++h.disk->syncs == h.disk->crash_at) {
    h.disk->crashed = true;
    return SQLITE_IOERR_FSYNC;
  }
  if (h.disk->syncs == h.disk->fail_at) {
    file.unsynced.clear();  // the pages are marked clean, and never written
    return SQLITE_IOERR_FSYNC;
  }
  for (const Change& c : file.unsynced) apply_change(file.durable, c);
  file.unsynced.clear();
  // The first sync of a new journal or WAL syncs its directory too, and with it what was deleted there before.
  if (!file.name_durable) h.disk->deleted.clear();
  file.name_durable = true;
  return SQLITE_OK;
}
int do_size(sqlite3_file* f, sqlite3_int64* size) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (!alive(h)) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>((*h.file)->content.size());
  return SQLITE_OK;
}
int do_lock(sqlite3_file* f, int level) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (!alive(h)) return SQLITE_IOERR_LOCK;
  File& file = **h.file;
  if (level <= h.lock) return SQLITE_OK;
  if (level == SQLITE_LOCK_SHARED) {
    if (file.exclusive) return SQLITE_BUSY;
    ++file.shared;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (file.reserved) return SQLITE_BUSY;
    file.reserved = true;
  } else {
    if (file.shared > 1 || (file.reserved && h.lock < SQLITE_LOCK_RESERVED)) return SQLITE_BUSY;
    file.reserved = file.exclusive = true;
  }
  h.lock = level;
  return SQLITE_OK;
}
int do_unlock(sqlite3_file* f, int level) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (h.boot != h.disk->boot) return SQLITE_OK;
  File& file = **h.file;
  if (h.lock >= SQLITE_LOCK_RESERVED && level < SQLITE_LOCK_RESERVED) file.reserved = file.exclusive = false;
  if (h.lock >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED) --file.shared;
  h.lock = std::min(h.lock, level);
  return SQLITE_OK;
}
int do_check_reserved(sqlite3_file* f, int* out) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  *out = (*h.file)->reserved ? 1 : 0;
  return SQLITE_OK;
}
int do_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int do_sector(sqlite3_file*) { return kSector; }
int do_characteristics(sqlite3_file*) { return 0; }

int do_shm_map(sqlite3_file* f, int region, int size, int extend, void volatile** out) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (!alive(h)) return SQLITE_IOERR_SHMMAP;
  auto& shm = (*h.file)->shm;
  *out = nullptr;
  while (shm.size() <= static_cast<std::size_t>(region)) {
    if (extend == 0) return SQLITE_OK;
    if (h.disk->full) return SQLITE_IOERR_SHMSIZE;
    shm.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
  }
  *out = shm[static_cast<std::size_t>(region)].get();
  return SQLITE_OK;
}
int do_shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (h.boot != h.disk->boot) return SQLITE_IOERR_SHMLOCK;
  File& file = **h.file;
  const auto first = static_cast<std::size_t>(offset), last = first + static_cast<std::size_t>(n);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (std::size_t i = first; i < last; ++i) {
      if ((flags & SQLITE_SHM_SHARED) != 0) {
        if ((*h.shm_shared)[i]) --file.shm_shared[i];
        (*h.shm_shared)[i] = false;
      } else {
        file.shm_exclusive[i] = false;
      }
    }
    return SQLITE_OK;
  }
  if (!alive(h)) return SQLITE_IOERR_SHMLOCK;
  const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
  for (std::size_t i = first; i < last; ++i) {
    if (file.shm_exclusive[i] || (!shared && file.shm_shared[i] > 0)) return SQLITE_BUSY;
  }
  for (std::size_t i = first; i < last; ++i) {
    if (!shared) {
      file.shm_exclusive[i] = true;
    } else if (!(*h.shm_shared)[i]) {
      (*h.shm_shared)[i] = true;
      ++file.shm_shared[i];
    }
  }
  return SQLITE_OK;
}
void do_shm_barrier(sqlite3_file* f) { MutexLock lock(handle_of(f).disk->mutex); }
int do_shm_unmap(sqlite3_file* f, int remove) {
  Handle& h = handle_of(f);
  MutexLock lock(h.disk->mutex);
  if (remove != 0 && h.boot == h.disk->boot) (*h.file)->shm.clear();
  return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {2,
                                     do_close,
                                     do_read,
                                     do_write,
                                     do_truncate,
                                     do_sync,
                                     do_size,
                                     do_lock,
                                     do_unlock,
                                     do_check_reserved,
                                     do_control,
                                     do_sector,
                                     do_characteristics,
                                     do_shm_map,
                                     do_shm_lock,
                                     do_shm_barrier,
                                     do_shm_unmap,
                                     nullptr,
                                     nullptr};

FaultyDisk::Impl& disk_of(sqlite3_vfs* vfs) { return *static_cast<FaultyDisk::Impl*>(vfs->pAppData); }

int do_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* f, int flags, int* out_flags) {
  FaultyDisk::Impl& disk = disk_of(vfs);
  f->pMethods = nullptr;
  MutexLock lock(disk.mutex);
  if (disk.crashed || name == nullptr) return SQLITE_CANTOPEN;
  auto at = disk.files.find(name);
  if (at == disk.files.end()) {
    if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    at = disk.files.emplace(name, std::make_shared<File>()).first;
  }
  auto* h = new (f) Handle{};
  h->base.pMethods = &kMethods;
  h->disk = &disk;
  h->file = new std::shared_ptr<File>(at->second);
  h->boot = disk.boot;
  h->shm_shared = new std::array<bool, SQLITE_SHM_NLOCK>{};
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}
int do_delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  FaultyDisk::Impl& disk = disk_of(vfs);
  MutexLock lock(disk.mutex);
  if (disk.crashed) return SQLITE_IOERR_DELETE;
  const auto at = disk.files.find(name);
  if (at == disk.files.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (sync_directory != 0) {
    disk.deleted.clear();
  } else if (at->second->name_durable) {
    disk.deleted[name] = at->second;
  }
  disk.files.erase(at);
  return SQLITE_OK;
}
int do_access(sqlite3_vfs* vfs, const char* name, int, int* out) {
  FaultyDisk::Impl& disk = disk_of(vfs);
  MutexLock lock(disk.mutex);
  *out = disk.files.count(name) != 0 ? 1 : 0;
  return disk.crashed ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}
int do_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}
int do_randomness(sqlite3_vfs* vfs, int n, char* out) {
  FaultyDisk::Impl& disk = disk_of(vfs);
  MutexLock lock(disk.mutex);
  for (int i = 0; i < n; ++i) out[i] = static_cast<char>(disk.random());
  return n;
}
// Really, if only a little: SQLite gives up ("locking protocol") after a hundred tries, and another thread must come to its turn meanwhile.
int do_sleep(sqlite3_vfs*, int microseconds) {
  const std::chrono::microseconds little(std::clamp(microseconds, 1, 1000));
  std::this_thread::sleep_for(little);  // seam: SQLite's own waiting
  return microseconds;
}
int do_time(sqlite3_vfs*, double* days) {
  *days = 2460000.5;
  return SQLITE_OK;
}
int do_last_error(sqlite3_vfs*, int, char*) { return 0; }

// What the disk kept of a file.
std::string kept(const File& file, std::mt19937_64& random) {
  std::string content = file.durable;
  for (const Change& c : file.unsynced) {
    const auto fate = random() % 3;
    if (fate == 0) continue;
    apply_change(content, c);
    if (fate == 1 || c.truncate || c.bytes.empty()) continue;
    const std::size_t first = c.offset / kSector * kSector;
    const std::size_t last = std::min(content.size(), (c.offset + c.bytes.size() + kSector - 1) / kSector * kSector);
    for (std::size_t i = first; i < last; ++i) content[i] = static_cast<char>(random());
  }
  return content;
}

}  // namespace

FaultyDisk::FaultyDisk(std::uint64_t seed) : impl_(std::make_unique<Impl>()) {
  impl_->random.seed(seed);
  impl_->name = fmt::format("nezu-faulty-{}", static_cast<const void*>(impl_.get()));
  sqlite3_vfs& v = impl_->vfs;
  v.iVersion = 1;
  v.szOsFile = sizeof(Handle);
  v.mxPathname = 512;
  v.zName = impl_->name.c_str();
  v.pAppData = impl_.get();
  v.xOpen = do_open;
  v.xDelete = do_delete;
  v.xAccess = do_access;
  v.xFullPathname = do_path;
  v.xRandomness = do_randomness;
  v.xSleep = do_sleep;
  v.xCurrentTime = do_time;
  v.xGetLastError = do_last_error;
  NEZU_CHECK(sqlite3_vfs_register(&v, 0) == SQLITE_OK);
}
FaultyDisk::~FaultyDisk() { sqlite3_vfs_unregister(&impl_->vfs); }

const std::string& FaultyDisk::vfs() const { return impl_->name; }
std::uint64_t FaultyDisk::syncs() const {
  MutexLock lock(impl_->mutex);
  return impl_->syncs;
}
std::uint64_t FaultyDisk::writes() const {
  MutexLock lock(impl_->mutex);
  return impl_->writes;
}
void FaultyDisk::reset_counts() {
  MutexLock lock(impl_->mutex);
  impl_->syncs = impl_->writes = 0;
}
void FaultyDisk::crash_at_sync(std::uint64_t n) {
  MutexLock lock(impl_->mutex);
  impl_->crash_at = n;
}
void FaultyDisk::full_at_write(std::uint64_t n) {
  MutexLock lock(impl_->mutex);
  impl_->full_at = n;
}
void FaultyDisk::make_room() {
  MutexLock lock(impl_->mutex);
  impl_->full = false;
  impl_->full_at = 0;
}
bool FaultyDisk::is_full() const {
  MutexLock lock(impl_->mutex);
  return impl_->full;
}
void FaultyDisk::fail_sync(std::uint64_t n) {
  MutexLock lock(impl_->mutex);
  impl_->fail_at = n;
}
bool FaultyDisk::crashed() const {
  MutexLock lock(impl_->mutex);
  return impl_->crashed;
}
void FaultyDisk::power_off() {
  MutexLock lock(impl_->mutex);
  impl_->crashed = true;
}

void FaultyDisk::power_on() {
  MutexLock lock(impl_->mutex);
  std::map<std::string, std::shared_ptr<File>> after;
  const auto take = [&](const std::string& name, const File& file) {
    auto fresh = std::make_shared<File>();
    fresh->durable = fresh->content = kept(file, impl_->random);
    fresh->name_durable = true;
    after[name] = std::move(fresh);
  };
  for (const auto& [name, file] : impl_->deleted) {
    if (impl_->random() % 2 == 0) take(name, *file);
  }
  for (const auto& [name, file] : impl_->files) {
    if (file->name_durable || impl_->random() % 2 == 0) take(name, *file);
  }
  impl_->files = std::move(after);
  impl_->deleted.clear();
  ++impl_->boot;
  impl_->crashed = false;
  impl_->crash_at = impl_->fail_at = 0;
}

}  // namespace nezu::store::sqlite
