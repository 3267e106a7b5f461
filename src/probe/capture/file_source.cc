#include "probe/capture/file_source.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "probe/capture/format_reader.h"

namespace nezu::probe {
namespace {

constexpr std::size_t kMagic = 4;

bool is_gzip(const std::uint8_t* p) { return p[0] == 0x1f && p[1] == 0x8b; }
bool is_zstd(const std::uint8_t* p) {
  const bool frame = p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd;
  const bool skippable = (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18;
  return frame || skippable;
}

// Bytes whose first four were looked at already.
class PeekedSource final : public ByteSource {
 public:
  explicit PeekedSource(std::unique_ptr<ByteSource> rest) : rest_(std::move(rest)) {}

  // Reads on until the first four are there. data: they are, in first(); end: the bytes end before.
  Result<ReadOutcome> peek(Nanos wait) {
    while (have_ < kMagic) {
      Result<ReadOutcome> outcome = rest_->read(first_.data() + have_, kMagic - have_, wait);
      if (!outcome.ok() || outcome->kind != ReadOutcome::Kind::data) return outcome;
      have_ += outcome->bytes;
    }
    return ReadOutcome{ReadOutcome::Kind::data, have_};
  }
  const std::array<std::uint8_t, kMagic>& first() const { return first_; }
  std::size_t have() const { return have_; }

  Result<ReadOutcome> read(std::uint8_t* out, std::size_t room, Nanos wait) override {
    if (given_ == have_) return rest_->read(out, room, wait);
    const std::size_t n = std::min(room, have_ - given_);
    std::memcpy(out, first_.data() + given_, n);
    given_ += n;
    return ReadOutcome{ReadOutcome::Kind::data, n};
  }

 private:
  std::unique_ptr<ByteSource> rest_;
  std::array<std::uint8_t, kMagic> first_{};
  std::size_t have_ = 0;
  std::size_t given_ = 0;
};

class FileSource final : public FrameSource {
 public:
  explicit FileSource(FileOptions options) : options_(std::move(options)), stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    NEZU_CHECK(static_cast<bool>(stop_event_));
  }
  FileSource(std::unique_ptr<ByteSource> bytes, std::string name, Nanos offset) : FileSource(FileOptions{{std::move(name)}, offset}) {
    peeked_ = std::make_unique<PeekedSource>(std::move(bytes));
  }

  Result<Polled> poll(FrameBatch& batch, Nanos wait) override {
    while (!stopped_.load(std::memory_order_relaxed)) {
      if (index_ == options_.paths.size()) return Polled::end;
      if (!reader_) {
        Result<bool> opened = open_next(wait);
        if (!opened.ok()) return named(opened.error());
        if (!*opened) return Polled::empty;
      }
      Result<Polled> polled = reader_->poll(batch, wait);
      if (!polled.ok()) return named(polled.error());
      if (*polled != Polled::end) return polled;
      BatchFiller::clear(batch);
      earlier_drops_ += reader_->writer_drops();
      reader_.reset();
      ++index_;
    }
    return Polled::end;
  }

  void stop() override {
    stopped_.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    // An eventfd that is full already wakes just as well.
    [[maybe_unused]] const ssize_t written = ::write(stop_event_.get(), &one, sizeof one);
  }

  SourceStatistics statistics() override {
    SourceStatistics result;
    result.kernel_drops = earlier_drops_ + (reader_ ? reader_->writer_drops() : 0);
    return result;
  }

 private:
  Error named(const Error& error) const { return error.in(options_.paths[index_] == "-" ? "standard input" : options_.paths[index_]); }

  // False: a pipe that has nothing yet.
  Result<bool> open_next(Nanos wait) {
    if (!peeked_) {
      Result<std::unique_ptr<ByteSource>> bytes = open_bytes(options_.paths[index_], stop_event_.get());
      if (!bytes.ok()) return unnamed(bytes.error());
      peeked_ = std::make_unique<PeekedSource>(std::move(*bytes));
    }
    for (;;) {
      Result<ReadOutcome> outcome = peeked_->peek(wait);
      if (!outcome.ok()) return outcome.error();
      if (outcome->kind == ReadOutcome::Kind::again) return false;
      const std::uint8_t* first = peeked_->first().data();
      if (peeked_->have() < kMagic) return too_short();
      std::unique_ptr<PeekedSource> whole = std::move(peeked_);
      if (is_pcap(first)) {
        reader_ = read_pcap(std::move(whole), options_.timestamp_offset);
      } else if (is_pcapng(first)) {
        reader_ = read_pcapng(std::move(whole), options_.timestamp_offset);
      } else if (!packed_ && (is_gzip(first) || is_zstd(first))) {
        packed_ = true;
        const bool gzip = is_gzip(first);
        peeked_ = std::make_unique<PeekedSource>(gzip ? unpack_gzip(std::move(whole)) : unpack_zstd(std::move(whole)));
        continue;
      } else {
        return damage(0, fmt::format("begins with {:02x} {:02x} {:02x} {:02x}; wanted a capture: pcap or pcapng, plain or packed "
                                     "with gzip or zstd",
                                     first[0], first[1], first[2], first[3]));
      }
      packed_ = false;
      return true;
    }
  }

  Error too_short() const {
    if (peeked_->have() == 0) return damage(0, "the file is empty; wanted a capture: pcap or pcapng");
    return damage(0, fmt::format("the file has only {} bytes; wanted a capture: pcap or pcapng", peeked_->have()));
  }

  // open_bytes() names the path itself, and poll() would name it again.
  Error unnamed(const Error& error) const {
    const std::string prefix = (options_.paths[index_] == "-" ? "standard input" : options_.paths[index_]) + ": ";
    return error.message().starts_with(prefix) ? Error(error.code(), error.message().substr(prefix.size())) : error;
  }

  FileOptions options_;
  UniqueFd stop_event_;
  std::atomic<bool> stopped_{false};
  std::size_t index_ = 0;
  std::unique_ptr<PeekedSource> peeked_;
  bool packed_ = false;
  std::unique_ptr<FormatReader> reader_;
  std::uint64_t earlier_drops_ = 0;
};

}  // namespace

std::unique_ptr<FrameSource> read_files(FileOptions options) { return std::make_unique<FileSource>(std::move(options)); }

std::unique_ptr<FrameSource> read_bytes(std::unique_ptr<ByteSource> bytes, std::string name, Nanos timestamp_offset) {
  return std::make_unique<FileSource>(std::move(bytes), std::move(name), timestamp_offset);
}

Status check_files(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (path == "-") continue;
    // Not by opening: a named pipe's writer would lose its reader.
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || ::access(path.c_str(), R_OK) != 0) return Error::from_errno(errno, path);
    if (S_ISDIR(info.st_mode)) return Error(ErrorCode::invalid_argument, path + ": is a directory; wanted a capture file");
  }
  return {};
}

}  // namespace nezu::probe
