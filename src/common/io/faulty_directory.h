// FaultyDirectory: a Directory in memory, for tests of what a crash or a full disk does.
//
// It keeps two states: what programs see now, and what the disk holds. Bytes reach the disk with WritableFile::sync(), names with
// Directory::sync(). crash() throws away the rest; with a Random it keeps or loses each unsynced name and each file's unsynced tail by chance, as a
// real disk may.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/base/random.h"
#include "common/io/directory.h"

namespace nezu::io {

class FaultyDirectory final : public Directory {
 public:
  enum class Fault { no_space, io };

  FaultyDirectory() = default;

  // The n-th operation from now on (1: the next) fails, and each one after it until `count` have failed. A failed append may have written
  // the first half of its bytes.
  void fail_at(std::uint64_t n, Fault fault, std::uint64_t count = 1);
  std::uint64_t operations() const { return operations_; }

  // What is not synced is lost, the worst way. Open files can't be written any more.
  void crash();
  // Each thing that isn't synced is lost or kept by chance.
  void crash(Random& random);

  const std::string& path() const override { return path_; }
  Result<std::string> read(const std::string& name, std::size_t max_bytes) override;
  Result<std::vector<std::string>> list() override;
  Result<bool> exists(const std::string& name) override;
  Result<std::unique_ptr<WritableFile>> create(const std::string& name, unsigned mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& name) override;
  Status sync() override;

 private:
  struct Inode {
    std::string bytes;
    std::size_t durable = 0;  // of `bytes`, how many survive
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  class File;
  Status step(const std::string& what);

  std::string path_ = "memory:";
  Names names_;
  Names durable_names_;
  std::uint64_t generation_ = 0;  // grows with each crash
  std::uint64_t operations_ = 0;
  std::uint64_t fail_from_ = 0;  // 0: nothing fails
  std::uint64_t fail_count_ = 0;
  Fault fault_ = Fault::io;
};

}  // namespace nezu::io
