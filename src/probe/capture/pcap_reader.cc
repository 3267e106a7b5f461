// pcap: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html. µs and ns, both byte orders, Kuznetzov's longer records.
#include <fmt/core.h>

#include "probe/capture/format_reader.h"

namespace nezu::probe {
namespace {

constexpr std::uint32_t kMicros = 0xa1b2c3d4;
constexpr std::uint32_t kNanos = 0xa1b23c4d;
constexpr std::uint32_t kKuznetzov = 0xa1b2cd34;
constexpr std::size_t kFileHeader = 24;
constexpr std::uint32_t kLinkMask = 0x03ffffff;  // above it: length of the frame check sequence

std::uint32_t load32(const std::uint8_t* p, bool swapped) {
  std::uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return swapped ? __builtin_bswap32(v) : v;
}
std::uint16_t load16(const std::uint8_t* p, bool swapped) {
  std::uint16_t v;
  std::memcpy(&v, p, sizeof v);
  return swapped ? __builtin_bswap16(v) : v;
}
bool is_magic(std::uint32_t v) { return v == kMicros || v == kNanos || v == kKuznetzov; }

class PcapReader final : public FormatReader {
 public:
  PcapReader(std::unique_ptr<ByteSource> bytes, Nanos offset) : buffer_(std::move(bytes)), offset_(offset) {}

  Result<Polled> poll(FrameBatch& batch, Nanos wait) override {
    if (!header_read_) {
      Result<bool> read = read_header(wait);
      if (!read.ok()) return read.error();
      if (!*read) return Polled::empty;
    }
    if (const std::uint8_t* cursor = BatchFiller::cursor(batch)) {
      const std::size_t walked = static_cast<std::size_t>(cursor - buffer_.data());
      BatchFiller::clear(batch);
      buffer_.consume(walked);
    }
    std::size_t record = 0;
    Result<ReadBuffer::Have> have = next_record(record, wait);
    if (!have.ok()) return have.error();
    if (*have == ReadBuffer::Have::not_yet) return Polled::empty;
    if (*have == ReadBuffer::Have::no_more) {
      if (buffer_.size() == 0) return Polled::end;
      return damage(buffer_.offset(),
                    record == 0
                        ? fmt::format("the file ends in a packet's header; wanted {} bytes, there are {}", format_.header, buffer_.size())
                        : fmt::format("the file ends inside a packet; wanted {} bytes, there are {}", record, buffer_.size()));
    }
    BatchFiller::set_records(batch, format_, buffer_.data(), buffer_.data() + buffer_.size());
    return Polled::frames;
  }

 private:
  // One whole record at the front of the buffer. `record`: its size, once its header is there.
  Result<ReadBuffer::Have> next_record(std::size_t& record, Nanos wait) {
    Result<ReadBuffer::Have> have = buffer_.ensure(format_.header, wait);
    if (!have.ok() || *have != ReadBuffer::Have::yes) return have;
    const std::uint32_t captured = load32(buffer_.data() + 8, format_.swapped);
    if (captured > kRecordMax) {
      return Error(ErrorCode::corrupt,
                   fmt::format("at byte {}: a packet's captured length is {}; wanted at most {}", buffer_.offset(), captured, kRecordMax));
    }
    record = format_.header + captured;
    return buffer_.ensure(record, wait);
  }

  // True once the header is there.
  Result<bool> read_header(Nanos wait) {
    Result<ReadBuffer::Have> have = buffer_.ensure(kFileHeader, wait);
    if (!have.ok()) return have.error();
    if (*have == ReadBuffer::Have::not_yet) return false;
    if (*have == ReadBuffer::Have::no_more) {
      return damage(0, fmt::format("the file ends in its header; wanted {} bytes, there are {}", kFileHeader, buffer_.size()));
    }
    const std::uint8_t* p = buffer_.data();
    format_.swapped = !is_magic(load32(p, false));
    const std::uint32_t magic = load32(p, format_.swapped);
    const std::uint16_t major = load16(p + 4, format_.swapped), minor = load16(p + 6, format_.swapped);
    if (major != 2 || minor < 3) {
      return Error(ErrorCode::unsupported, fmt::format("at byte 4: pcap version {}.{}; wanted 2.4", major, minor));
    }
    const std::uint32_t link = load32(p + 20, format_.swapped) & kLinkMask;
    if (!is_readable(link)) {
      return Error(ErrorCode::unsupported,
                   fmt::format("at byte 20: {}; wanted Ethernet, raw IP, loopback or Linux cooked", link_name(link)));
    }
    format_.link = static_cast<LinkType>(link);
    format_.fraction_ns = magic == kNanos ? 1 : 1000;
    format_.header = magic == kKuznetzov ? 24 : 16;
    format_.record_max = kRecordMax;
    format_.offset_ns = offset_.count();
    buffer_.consume(kFileHeader);
    header_read_ = true;
    return true;
  }

  ReadBuffer buffer_;
  Nanos offset_;
  RecordFormat format_;
  bool header_read_ = false;
};

}  // namespace

Error damage(std::uint64_t offset, const std::string& what) {
  return Error(ErrorCode::corrupt, fmt::format("at byte {}: {}", offset, what));
}

bool is_pcap(const std::uint8_t* first_four) { return is_magic(load32(first_four, false)) || is_magic(load32(first_four, true)); }

std::unique_ptr<FormatReader> read_pcap(std::unique_ptr<ByteSource> bytes, Nanos offset) {
  return std::make_unique<PcapReader>(std::move(bytes), offset);
}

}  // namespace nezu::probe
