// Directory: the seam to the disk for small files (keys, state, definitions). SystemDirectory is the real one; FaultyDirectory
// (faulty_directory.h) is an in-memory twin that forgets what wasn't synced and fails when it is told to.
//
// The seam is made of the steps that a crash can fall between; write_whole() puts them in the right order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace nezu::io {

// A new file that is being written. Destroyed without close(): what was written may or may not be there.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual Status append(std::string_view bytes) = 0;
  virtual Status sync() = 0;  // its bytes are durable; its name only after Directory::sync()
  virtual Status close() = 0;
};

// Names are plain: no "/", not ".", not ".."; anything else is ErrorCode::invalid_argument. Errors name the path.
class Directory {
 public:
  virtual ~Directory() = default;
  virtual const std::string& path() const = 0;
  // The whole file; more than max_bytes is ErrorCode::no_space.
  virtual Result<std::string> read(const std::string& name, std::size_t max_bytes) = 0;
  virtual Result<std::vector<std::string>> list() = 0;  // names of files, sorted
  virtual Result<bool> exists(const std::string& name) = 0;
  // A new, empty file, also where one was before. `mode` as chmod takes it, whatever the umask is.
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& name, unsigned mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual Status remove(const std::string& name) = 0;
  virtual Status sync() = 0;  // names are durable
};

// The file is afterwards the old one or the new one, whole, whatever happens; with ok() the new one, durably. The temporary file
// (NAME.tmp) is removed where something fails.
Status write_whole(Directory& directory, const std::string& name, std::string_view bytes, unsigned mode = 0644);

class SystemDirectory final : public Directory {
 public:
  // An existing directory. not_found, permission, …; the error names the path.
  static Result<std::unique_ptr<SystemDirectory>> open(const std::string& path);
  // Makes it (and its parents) where it isn't there. `mode` of what is made.
  static Result<std::unique_ptr<SystemDirectory>> make(const std::string& path, unsigned mode = 0755);
  ~SystemDirectory() override;

  const std::string& path() const override { return path_; }
  Result<std::string> read(const std::string& name, std::size_t max_bytes) override;
  Result<std::vector<std::string>> list() override;
  Result<bool> exists(const std::string& name) override;
  Result<std::unique_ptr<WritableFile>> create(const std::string& name, unsigned mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& name) override;
  Status sync() override;

 private:
  SystemDirectory(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

// One file by its path, for command lines: a configuration, "-" is standard input. More than max_bytes is ErrorCode::no_space.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes = 16 << 20);

}  // namespace nezu::io
