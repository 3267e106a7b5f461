#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "common/io/directory.h"

namespace nezu::io {
namespace {

Status check_name(const std::string& directory, const std::string& name) {
  const bool well =
      !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  if (well) return {};
  return Error(ErrorCode::invalid_argument, directory + ": '" + name + "': wanted a plain file name");
}

Error too_large(const std::string& path, std::size_t max_bytes) {
  return Error(ErrorCode::no_space, path + ": wanted at most " + format_size(max_bytes));
}

Result<std::string> read_all(int fd, const std::string& path, std::size_t max_bytes) {
  std::string bytes;
  std::array<char, 65536> block{};
  while (true) {
    const ssize_t n = ::read(fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, path);
    if (n == 0) return bytes;
    if (static_cast<std::size_t>(n) > max_bytes - bytes.size()) return too_large(path, max_bytes);
    bytes.append(block.data(), static_cast<std::size_t>(n));
  }
}

Status sync_fd(int fd, const std::string& path) {
  while (::fsync(fd) != 0) {
    if (errno != EINTR) return Error::from_errno(errno, "sync " + path);
  }
  return {};
}

class SystemFile final : public WritableFile {
 public:
  SystemFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::from_errno(errno, "write " + path_);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }
  Status sync() override { return sync_fd(fd_.get(), path_); }
  Status close() override {
    // Linux has closed it whatever close() says; EINTR must not be tried again.
    if (::close(fd_.release()) != 0 && errno != EINTR) return Error::from_errno(errno, "close " + path_);
    return {};
  }

 private:
  UniqueFd fd_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<SystemDirectory>> SystemDirectory::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error::from_errno(errno, path);
  return std::unique_ptr<SystemDirectory>(new SystemDirectory(path, fd));
}

Result<std::unique_ptr<SystemDirectory>> SystemDirectory::make(const std::string& path, unsigned mode) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return Error::from_errno(errno, part);
    if (slash == std::string::npos) break;
  }
  return open(path);
}

SystemDirectory::~SystemDirectory() { ::close(fd_); }

Result<std::string> SystemDirectory::read(const std::string& name, std::size_t max_bytes) {
  if (Status s = check_name(path_, name); !s) return s.error();
  const std::string where = path_ + '/' + name;
  const UniqueFd fd(::openat(fd_, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, where);
  return read_all(fd.get(), where, max_bytes);
}

Result<std::vector<std::string>> SystemDirectory::list() {
  // A descriptor of its own: readdir moves its place.
  UniqueFd fd(::openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, path_);
  DIR* stream = ::fdopendir(fd.get());
  if (stream == nullptr) return Error::from_errno(errno, path_);
  fd.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    struct stat info {};
    if (::fstatat(fd_, entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode)) names.emplace_back(entry->d_name);
    errno = 0;
  }
  const int code = errno;
  ::closedir(stream);
  if (code != 0) return Error::from_errno(code, path_);
  std::sort(names.begin(), names.end());
  return names;
}

Result<bool> SystemDirectory::exists(const std::string& name) {
  if (Status s = check_name(path_, name); !s) return s.error();
  if (::faccessat(fd_, name.c_str(), F_OK, 0) == 0) return true;
  if (errno == ENOENT) return false;
  return Error::from_errno(errno, path_ + '/' + name);
}

Result<std::unique_ptr<WritableFile>> SystemDirectory::create(const std::string& name, unsigned mode) {
  if (Status s = check_name(path_, name); !s) return s.error();
  const std::string where = path_ + '/' + name;
  // Never through a link that somebody left there, and a key's file is never readable to others, not even for a moment.
  if (::unlinkat(fd_, name.c_str(), 0) != 0 && errno != ENOENT) return Error::from_errno(errno, where);
  UniqueFd fd(::openat(fd_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return Error::from_errno(errno, where);
  if (::fchmod(fd.get(), mode) != 0) return Error::from_errno(errno, where);
  return std::unique_ptr<WritableFile>(std::make_unique<SystemFile>(std::move(fd), where));
}

Status SystemDirectory::rename(const std::string& from, const std::string& to) {
  if (Status s = check_name(path_, from); !s) return s;
  if (Status s = check_name(path_, to); !s) return s;
  if (::renameat(fd_, from.c_str(), fd_, to.c_str()) != 0) return Error::from_errno(errno, path_ + ": rename " + from + " to " + to);
  return {};
}

Status SystemDirectory::remove(const std::string& name) {
  if (Status s = check_name(path_, name); !s) return s;
  if (::unlinkat(fd_, name.c_str(), 0) != 0) return Error::from_errno(errno, path_ + '/' + name);
  return {};
}

Status SystemDirectory::sync() { return sync_fd(fd_, path_); }

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input", max_bytes);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, path);
  struct stat info {};
  if (::fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode))
    return Error(ErrorCode::invalid_argument, path + ": a directory; wanted a file");
  return read_all(fd.get(), path, max_bytes);
}

Status write_whole(Directory& directory, const std::string& name, std::string_view bytes, unsigned mode) {
  const std::string temporary = name + ".tmp";
  const auto write = [&]() -> Status {
    auto file = directory.create(temporary, mode);
    if (!file) return file.error();
    if (Status s = (*file)->append(bytes); !s) return s;
    if (Status s = (*file)->sync(); !s) return s;
    if (Status s = (*file)->close(); !s) return s;
    return directory.rename(temporary, name);
  };
  if (Status s = write(); !s) {
    // The first error is the one to tell; a temporary file that can't be removed is replaced by the next try.
    static_cast<void>(directory.remove(temporary));
    return s;
  }
  return directory.sync();
}

}  // namespace nezu::io
