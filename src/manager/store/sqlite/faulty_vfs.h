// FaultyDisk: a disk in memory that SQLite stands on, which forgets what was not synced. For tests.
//
// After SQLite's own crash tests in idea: every write since a file's last sync is remembered; on a crash each of them reached the disk, or
// didn't, or left garbage in the sectors that it touched (so also in what shares a sector with it). Names of new and deleted files are as
// uncertain until the file (or its directory) is synced. One instance is one registered VFS; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace nezu::store::sqlite {

class FaultyDisk {
 public:
  explicit FaultyDisk(std::uint64_t seed);
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  const std::string& vfs() const;

  // Counted from the start, or from the last reset_counts().
  std::uint64_t syncs() const;
  std::uint64_t writes() const;
  void reset_counts();

  // At the n-th sync (1 = the next after reset_counts()), before it takes effect, the machine loses power: everything fails until power_on().
  void crash_at_sync(std::uint64_t n);
  // From the n-th write on, writes that make a file longer, and new shared memory, find no room; until make_room().
  void full_at_write(std::uint64_t n);
  void make_room();
  bool is_full() const;
  // The n-th sync fails with EIO, and what it should have synced is lost, as Linux does it; later ones succeed without it.
  void fail_sync(std::uint64_t n);

  // Power is lost now; then it comes back, and files are what the disk kept.
  bool crashed() const;
  void power_off();
  void power_on();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace nezu::store::sqlite
