// The two packed forms of capture files, behind ByteSource.
#include <fmt/core.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "probe/capture/byte_source.h"

namespace nezu::probe {
namespace {

constexpr std::size_t kPackedBlock = std::size_t{64} << 10;

// The packed bytes: a window that is refilled when it is used up.
class PackedInput {
 public:
  explicit PackedInput(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // REQUIRES: nothing is left
  Result<ReadOutcome> refill(Nanos wait) {
    Result<ReadOutcome> outcome = source_->read(block_.data(), block_.size(), wait);
    if (outcome.ok() && outcome->kind == ReadOutcome::Kind::data) {
      next = block_.data();
      left = outcome->bytes;
    }
    return outcome;
  }
  void take(std::size_t n) {
    next += n;
    left -= n;
    offset += n;
  }

  const std::uint8_t* next = nullptr;
  std::size_t left = 0;
  std::uint64_t offset = 0;

 private:
  std::unique_ptr<ByteSource> source_;
  std::array<std::uint8_t, kPackedBlock> block_{};
};

// What both have in common: unpack until there are bytes to give, keep an error until what came before it was given.
class Unpacker : public ByteSource {
 public:
  explicit Unpacker(std::unique_ptr<ByteSource> packed) : input_(std::move(packed)) {}

  Result<ReadOutcome> read(std::uint8_t* out, std::size_t room, Nanos wait) final {
    std::size_t have = 0;
    while (have < room && !failure_ && !ended_) {
      if (input_.left == 0 && !pending_) {
        Result<ReadOutcome> more = input_.refill(wait);
        if (!more.ok()) {
          failure_ = more.error();
          break;
        }
        if (more->kind == ReadOutcome::Kind::again) {
          if (have == 0) return ReadOutcome{ReadOutcome::Kind::again, 0};
          break;
        }
        if (more->kind == ReadOutcome::Kind::end) {
          ended_ = true;
          failure_ = at_end();
          break;
        }
      }
      const std::size_t got = step(out + have, room - have);
      have += got;
      pending_ = have == room && got > 0;  // the library may hold more, which comes out without input
    }
    if (have > 0) return ReadOutcome{ReadOutcome::Kind::data, have};
    if (failure_) return *failure_;
    return ReadOutcome{ReadOutcome::Kind::end, 0};
  }

 protected:
  // Takes from input_, gives up to `room` bytes; sets failure_.
  virtual std::size_t step(std::uint8_t* out, std::size_t room) = 0;
  // The packed bytes have ended: what is wrong with that, if anything.
  virtual std::optional<Error> at_end() = 0;

  PackedInput input_;
  std::optional<Error> failure_;

 private:
  bool ended_ = false;
  bool pending_ = false;
};

class GzipSource final : public Unpacker {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> packed) : Unpacker(std::move(packed)) { NEZU_CHECK(inflateInit2(&z_, 15 + 16) == Z_OK); }
  ~GzipSource() override { inflateEnd(&z_); }

 private:
  std::size_t step(std::uint8_t* out, std::size_t room) override {
    if (between_members_ && !begin_member()) return 0;
    z_.next_in = const_cast<Bytef*>(input_.next);  // zlib doesn't write to it
    z_.avail_in = static_cast<uInt>(input_.left);
    z_.next_out = out;
    z_.avail_out = static_cast<uInt>(std::min<std::size_t>(room, 1u << 30));
    const uInt room_before = z_.avail_out;
    const int result = inflate(&z_, Z_NO_FLUSH);
    input_.take(input_.left - z_.avail_in);
    if (result == Z_STREAM_END) {
      between_members_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR && !failure_) {
      failure_ = Error(ErrorCode::corrupt, fmt::format("at packed byte {}: {}; wanted gzip data", input_.offset,
                                                       z_.msg != nullptr ? z_.msg : "damaged gzip data"));
    }
    return room_before - z_.avail_out;
  }

  // After a member: another one, or zeros (padding of tapes and blocks) up to the end.
  bool begin_member() {
    while (input_.left > 0 && *input_.next == 0) {
      input_.take(1);
      padded_ = true;
    }
    if (input_.left == 0) return false;
    if (padded_ || *input_.next != 0x1f) {
      failure_ = Error(ErrorCode::corrupt, fmt::format("at packed byte {}: bytes after the end of the gzip data", input_.offset));
      return false;
    }
    inflateReset(&z_);
    between_members_ = false;
    return true;
  }

  std::optional<Error> at_end() override {
    if (between_members_) return std::nullopt;
    return Error(ErrorCode::corrupt, fmt::format("at packed byte {}: the gzip data ends early", input_.offset));
  }

  z_stream z_{};
  bool between_members_ = false;
  bool padded_ = false;
};

class ZstdSource final : public Unpacker {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> packed) : Unpacker(std::move(packed)), stream_(ZSTD_createDStream()) {
    NEZU_CHECK(stream_ != nullptr);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

 private:
  std::size_t step(std::uint8_t* out, std::size_t room) override {
    ZSTD_inBuffer in{input_.next, input_.left, 0};
    ZSTD_outBuffer unpacked{out, room, 0};
    const std::size_t result = ZSTD_decompressStream(stream_, &unpacked, &in);
    input_.take(in.pos);
    if (ZSTD_isError(result) != 0) {
      if (!failure_) {
        failure_ =
            Error(ErrorCode::corrupt, fmt::format("at packed byte {}: {}; wanted zstd data", input_.offset, ZSTD_getErrorName(result)));
      }
    } else if (in.pos > 0 || unpacked.pos > 0) {
      inside_frame_ = result != 0;
    }
    return unpacked.pos;
  }

  std::optional<Error> at_end() override {
    if (!inside_frame_) return std::nullopt;
    return Error(ErrorCode::corrupt, fmt::format("at packed byte {}: the zstd data ends early", input_.offset));
  }

  ZSTD_DStream* stream_;
  bool inside_frame_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> unpack_gzip(std::unique_ptr<ByteSource> packed) { return std::make_unique<GzipSource>(std::move(packed)); }
std::unique_ptr<ByteSource> unpack_zstd(std::unique_ptr<ByteSource> packed) { return std::make_unique<ZstdSource>(std::move(packed)); }

}  // namespace nezu::probe
