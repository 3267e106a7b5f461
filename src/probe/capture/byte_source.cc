#include "probe/capture/byte_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace nezu::probe {
namespace {

class FdSource final : public ByteSource {
 public:
  FdSource(UniqueFd fd, int stop_fd) : fd_(std::move(fd)), stop_fd_(stop_fd) {
    struct stat info {};
    regular_ = ::fstat(fd_.get(), &info) == 0 && S_ISREG(info.st_mode);
    if (regular_) ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }

  Result<ReadOutcome> read(std::uint8_t* out, std::size_t room, Nanos wait) override {
    if (!regular_ && !wait_for_bytes(wait)) return ReadOutcome{ReadOutcome::Kind::again, 0};
    for (;;) {
      const ssize_t n = ::read(fd_.get(), out, room);
      if (n > 0) return ReadOutcome{ReadOutcome::Kind::data, static_cast<std::size_t>(n)};
      if (n == 0) return ReadOutcome{ReadOutcome::Kind::end, 0};
      if (errno == EAGAIN) return ReadOutcome{ReadOutcome::Kind::again, 0};
      if (errno != EINTR) return Error::from_errno(errno, "read");
    }
  }

 private:
  bool wait_for_bytes(Nanos wait) const {
    pollfd fds[2] = {{fd_.get(), POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    const auto ms = std::chrono::ceil<Millis>(std::clamp(wait, Nanos(0), Nanos(Seconds(3600)))).count();
    const int ready = ::poll(fds, 2, static_cast<int>(ms));
    return ready > 0 && (fds[1].revents & POLLIN) == 0 && fds[0].revents != 0;
  }

  UniqueFd fd_;
  int stop_fd_;
  bool regular_ = false;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(const void* data, std::size_t size, std::size_t piece)
      : data_(static_cast<const std::uint8_t*>(data)), left_(size), piece_(piece) {}

  Result<ReadOutcome> read(std::uint8_t* out, std::size_t room, Nanos) override {
    const std::size_t n = std::min({left_, room, piece_});
    if (n == 0) return ReadOutcome{ReadOutcome::Kind::end, 0};
    std::memcpy(out, data_, n);
    data_ += n;
    left_ -= n;
    return ReadOutcome{ReadOutcome::Kind::data, n};
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
  std::size_t piece_;
};

}  // namespace

std::unique_ptr<ByteSource> read_fd(UniqueFd fd, int stop_fd) { return std::make_unique<FdSource>(std::move(fd), stop_fd); }

std::unique_ptr<ByteSource> read_memory(const void* data, std::size_t size, std::size_t piece) {
  return std::make_unique<MemorySource>(data, size, piece);
}

Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path, int stop_fd) {
  const bool standard_input = path == "-";
  UniqueFd fd(standard_input ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, standard_input ? "standard input" : path);
  struct stat info {};
  if (::fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return Error(ErrorCode::invalid_argument, path + ": is a directory; wanted a capture file");
  }
  return read_fd(std::move(fd), stop_fd);
}

}  // namespace nezu::probe
