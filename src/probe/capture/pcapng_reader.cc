// pcapng: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html. Sections of either byte order, interfaces with their own link
// types, resolutions and offsets; Enhanced, Simple and the obsolete Packet Blocks; what an Interface Statistics Block says was lost.
#include <fmt/core.h>

#include <array>
#include <limits>
#include <vector>

#include "probe/capture/format_reader.h"

namespace nezu::probe {
namespace {

constexpr std::uint32_t kSection = 0x0a0d0d0a;
constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
constexpr std::uint32_t kInterface = 1, kPacket = 2, kSimplePacket = 3, kStatistics = 5, kEnhancedPacket = 6;
constexpr std::uint16_t kOptionResolution = 9, kOptionOffset = 14, kOptionInterfaceDrop = 5, kOptionSystemDrop = 7;
constexpr std::uint32_t kBlockMax = 16u << 20;                        // as libpcap's
constexpr std::size_t kInterfacesMax = 4096;                          // of a section
constexpr std::size_t kFrames = 64;                                   // a batch
constexpr std::uint32_t kPacketBlockMax = kRecordMax + (256u << 10);  // with options; must fit the buffer

__extension__ using Wide = unsigned __int128;

struct Interface {
  std::uint32_t link = 1;
  std::uint32_t snap = 0;  // 0: no limit
  std::uint64_t units_a_second = 1'000'000;
  std::int64_t offset_s = 0;
  std::uint64_t drops = 0;

  std::int64_t time_ns(std::uint64_t stamp, std::int64_t add_ns) const {
    const std::uint64_t seconds = stamp / units_a_second;
    const std::uint64_t fraction = stamp % units_a_second;
    const auto ns = static_cast<std::int64_t>(static_cast<std::uint64_t>(Wide{fraction} * 1'000'000'000u / units_a_second));
    std::int64_t total = 0, s = 0;
    // A time past the year 2262 (or before 1677) can't be told in 64 bits of nanoseconds; only a damaged file holds one.
    if (seconds > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
        __builtin_add_overflow(static_cast<std::int64_t>(seconds), offset_s, &s) || __builtin_mul_overflow(s, 1'000'000'000, &total) ||
        __builtin_add_overflow(total, ns, &total) || __builtin_add_overflow(total, add_ns, &total)) {
      return 0;
    }
    return total;
  }
};

class PcapngReader final : public FormatReader {
 public:
  PcapngReader(std::unique_ptr<ByteSource> bytes, Nanos offset) : buffer_(std::move(bytes)), offset_ns_(offset.count()) {}

  Result<Polled> poll(FrameBatch& batch, Nanos wait) override {
    if (BatchFiller::has_array(batch)) return Polled::frames;
    if (failure_) return *failure_;
    buffer_.consume(parsed_);
    parsed_ = 0;
    count_ = 0;
    while (count_ < kFrames) {
      // Frames point into the buffer, so once there is one, only blocks that are in it already are taken.
      Result<bool> more = next_block(count_ > 0, wait);
      if (!more.ok()) {
        failure_ = more.error();
        break;
      }
      if (!*more) break;
    }
    if (count_ > 0) {
      BatchFiller::set_array(batch, frames_.data(), count_);
      return Polled::frames;
    }
    if (failure_) return *failure_;
    return ended_ ? Polled::end : Polled::empty;
  }

  std::uint64_t writer_drops() const override {
    std::uint64_t drops = earlier_drops_;
    for (const Interface& interface : interfaces_) drops += interface.drops;
    return drops;
  }

 private:
  const std::uint8_t* at(std::size_t n) const { return buffer_.data() + parsed_ + n; }
  std::uint64_t block_offset() const { return buffer_.offset() + parsed_; }
  std::uint32_t u32(std::size_t n) const {
    std::uint32_t v;
    std::memcpy(&v, at(n), sizeof v);
    return swapped_ ? __builtin_bswap32(v) : v;
  }
  std::uint16_t u16(std::size_t n) const {
    std::uint16_t v;
    std::memcpy(&v, at(n), sizeof v);
    return swapped_ ? __builtin_bswap16(v) : v;
  }
  std::uint64_t u64(std::size_t n) const {
    std::uint64_t v;
    std::memcpy(&v, at(n), sizeof v);
    return swapped_ ? __builtin_bswap64(v) : v;
  }

  // Has `n` bytes from the block's beginning in the buffer. False: not now (or the end: ended_).
  Result<bool> need(std::size_t n, bool only_present, Nanos wait) {
    if (buffer_.size() >= parsed_ + n) return true;
    if (only_present) return false;
    buffer_.consume(parsed_);
    parsed_ = 0;
    Result<ReadBuffer::Have> have = buffer_.ensure(n, wait);
    if (!have.ok()) return have.error();
    if (*have == ReadBuffer::Have::yes) return true;
    if (*have == ReadBuffer::Have::no_more) {
      ended_ = true;
      if (buffer_.size() > 0) {
        return damage(block_offset(), fmt::format("the file ends inside a block; wanted {} bytes, there are {}", n, buffer_.size()));
      }
    }
    return false;
  }

  // Takes one block. False: no more now.
  Result<bool> next_block(bool only_present, Nanos wait) {
    if (skip_left_ > 0) return skip(only_present, wait);
    Result<bool> there = need(12, only_present, wait);
    if (!there.ok() || !*there) return there;
    const std::uint32_t type = u32(0);
    if (type == kSection) {
      if (Status order = set_byte_order(); !order.ok()) return order.error();
    }
    const std::uint32_t length = u32(4);
    if (length < 12 || length % 4 != 0 || length > kBlockMax) {
      return damage(block_offset(), fmt::format("a block's length is {}; wanted a multiple of 4 from 12 to {}", length, kBlockMax));
    }
    const bool packet = type == kPacket || type == kSimplePacket || type == kEnhancedPacket;
    if (!packet && type != kSection && type != kInterface && type != kStatistics) {
      skip_left_ = length;
      skip_from_ = block_offset();
      return skip(only_present, wait);
    }
    if (length > kPacketBlockMax) {
      return damage(block_offset(), fmt::format("a block of type {} is {} bytes long; wanted at most {}", type, length, kPacketBlockMax));
    }
    there = need(length, only_present, wait);
    if (!there.ok() || !*there) return there;
    if (u32(length - 4) != length) {
      return damage(block_offset(), fmt::format("a block's two lengths differ: {} and {}", length, u32(length - 4)));
    }
    Status taken = take_block(type, length);
    if (!taken.ok()) return taken.error();
    parsed_ += length;
    return true;
  }

  Result<bool> skip(bool only_present, Nanos wait) {
    while (skip_left_ > 0) {
      const std::size_t present = std::min<std::size_t>(skip_left_, buffer_.size() - parsed_);
      parsed_ += present;
      skip_left_ -= static_cast<std::uint32_t>(present);
      if (skip_left_ == 0) break;
      if (only_present) return false;
      buffer_.consume(parsed_);
      parsed_ = 0;
      Result<ReadBuffer::Have> have = buffer_.ensure(1, wait);
      if (!have.ok()) return have.error();
      if (*have == ReadBuffer::Have::not_yet) return false;
      if (*have == ReadBuffer::Have::no_more) {
        ended_ = true;
        return damage(skip_from_, fmt::format("the file ends inside a block; {} of its bytes are missing", skip_left_));
      }
    }
    return true;
  }

  Status set_byte_order() {
    std::uint32_t mark;
    std::memcpy(&mark, at(8), sizeof mark);
    if (mark == kByteOrder) {
      swapped_ = false;
    } else if (mark == __builtin_bswap32(kByteOrder)) {
      swapped_ = true;
    } else {
      return damage(block_offset() + 8, fmt::format("byte-order magic 0x{:08x}; wanted 0x{:08x} in either order", mark, kByteOrder));
    }
    return {};
  }

  Status take_block(std::uint32_t type, std::uint32_t length) {
    switch (type) {
      case kSection: return take_section(length);
      case kInterface: return take_interface(length);
      case kStatistics: return take_statistics(length);
      case kEnhancedPacket:
        if (length < 32) break;
        return take_packet(u32(8), 28, length, (std::uint64_t{u32(12)} << 32) | u32(16), u32(20), u32(24));
      case kPacket:
        if (length < 32) break;
        return take_packet(u16(8), 28, length, (std::uint64_t{u32(12)} << 32) | u32(16), u32(20), u32(24));
      default:  // a Simple Packet Block: of the first interface, with no time
        if (length < 16) break;
        return take_simple_packet(length);
    }
    return damage(block_offset(), fmt::format("a packet's block is {} bytes long: too short for its header", length));
  }

  Status take_section(std::uint32_t length) {
    if (length < 28) return damage(block_offset(), fmt::format("the section header is {} bytes long; wanted at least 28", length));
    if (u16(12) != 1) {
      return Error(ErrorCode::unsupported,
                   fmt::format("at byte {}: pcapng version {}.{}; wanted 1.x", block_offset() + 12, u16(12), u16(14)));
    }
    earlier_drops_ = writer_drops();
    interfaces_.clear();
    readable_interfaces_ = 0;
    return {};
  }

  Status take_interface(std::uint32_t length) {
    if (length < 20) return damage(block_offset(), fmt::format("an interface's block is {} bytes long; wanted at least 20", length));
    if (interfaces_.size() == kInterfacesMax) {
      return Error(ErrorCode::no_space, fmt::format("at byte {}: more than {} interfaces in a section", block_offset(), kInterfacesMax));
    }
    Interface interface;
    interface.link = u16(8);
    interface.snap = u32(12);
    Status options = each_option(16, length, [&](std::uint16_t code, std::size_t value, std::uint16_t size) -> Status {
      if (code == kOptionResolution && size >= 1) return set_resolution(interface, *at(value));
      if (code == kOptionOffset && size >= 8) interface.offset_s = static_cast<std::int64_t>(u64(value));
      return {};
    });
    if (!options.ok()) return options;
    readable_interfaces_ += is_readable(interface.link) ? 1 : 0;
    interfaces_.push_back(interface);
    return {};
  }

  Status set_resolution(Interface& interface, std::uint8_t exponent) const {
    const bool binary = (exponent & 0x80) != 0;
    const unsigned power = exponent & 0x7fu;
    if (power > (binary ? 63u : 19u)) {
      return Error(ErrorCode::unsupported, fmt::format("at byte {}: time stamps in units of {}^-{} s; wanted at most {}^-{}",
                                                       block_offset(), binary ? 2 : 10, power, binary ? 2 : 10, binary ? 63 : 19));
    }
    interface.units_a_second = 1;
    for (unsigned i = 0; i < power; ++i) interface.units_a_second *= binary ? 2 : 10;
    return {};
  }

  Status take_statistics(std::uint32_t length) {
    if (length < 24) return damage(block_offset(), fmt::format("a statistics block is {} bytes long; wanted at least 24", length));
    const std::uint32_t id = u32(8);
    if (id >= interfaces_.size()) return unknown_interface(id);
    std::uint64_t drops = 0;
    Status options = each_option(20, length, [&](std::uint16_t code, std::size_t value, std::uint16_t size) -> Status {
      if ((code == kOptionInterfaceDrop || code == kOptionSystemDrop) && size == 8) drops += u64(value);
      return {};
    });
    interfaces_[id].drops = drops;  // totals since the capture began: the last block holds
    return options;
  }

  template <class Take>
  Status each_option(std::size_t from, std::uint32_t length, Take take) const {
    const std::size_t end = length - 4;
    while (from + 4 <= end) {
      const std::uint16_t code = u16(from), size = u16(from + 2);
      if (code == 0) break;
      const std::size_t padded = (std::size_t{size} + 3) & ~std::size_t{3};
      if (from + 4 + padded > end) {
        return damage(block_offset() + from,
                      fmt::format("option {} is {} bytes long; {} are left in its block", code, size, end - from - 4));
      }
      if (Status taken = take(code, from + 4, size); !taken.ok()) return taken;
      from += 4 + padded;
    }
    return {};
  }

  Error unknown_interface(std::uint32_t id) const {
    return damage(block_offset(), fmt::format("interface number {}; the section has described {}", id, interfaces_.size()));
  }

  Status take_packet(std::uint32_t id, std::size_t data, std::uint32_t length, std::uint64_t stamp, std::uint32_t captured,
                     std::uint32_t original) {
    if (id >= interfaces_.size()) return unknown_interface(id);
    if (captured > kRecordMax || captured > length - data - 4) {
      return damage(block_offset(), fmt::format("a packet's captured length is {}; its block has room for {}, wanted at most {}", captured,
                                                length - data - 4, kRecordMax));
    }
    last_time_ns_ = interfaces_[id].time_ns(stamp, offset_ns_);
    return add(id, at(data), captured, original);
  }

  Status take_simple_packet(std::uint32_t length) {
    if (interfaces_.empty()) return unknown_interface(0);
    const std::uint32_t original = u32(8);
    std::uint32_t captured = std::min(original, length - 16);
    if (interfaces_[0].snap != 0) captured = std::min(captured, interfaces_[0].snap);
    if (captured > kRecordMax)
      return damage(block_offset(), fmt::format("a packet's captured length is {}; wanted at most {}", captured, kRecordMax));
    return add(0, at(12), captured, original);
  }

  Status add(std::uint32_t id, const std::uint8_t* data, std::uint32_t captured, std::uint32_t original) {
    const std::uint32_t link = interfaces_[id].link;
    if (readable_interfaces_ == 0) {
      return Error(ErrorCode::unsupported, fmt::format("at byte {}: a packet of {}; wanted Ethernet, raw IP, loopback or Linux cooked",
                                                       block_offset(), link_name(link)));
    }
    __builtin_prefetch(data);
    __builtin_prefetch(data + 64);
    Frame& frame = frames_[count_++];
    frame.time = packet_time_ns(last_time_ns_);
    frame.data = data;
    frame.captured = captured;
    frame.original = original;
    frame.link = static_cast<LinkType>(link);
    return {};
  }

  ReadBuffer buffer_;
  std::int64_t offset_ns_;
  std::size_t parsed_ = 0;  // bytes of the buffer that were taken, and that frames may point into
  bool swapped_ = false;
  bool ended_ = false;
  std::uint32_t skip_left_ = 0;  // of a block that we don't read
  std::uint64_t skip_from_ = 0;
  std::vector<Interface> interfaces_;
  std::size_t readable_interfaces_ = 0;
  std::uint64_t earlier_drops_ = 0;  // of the sections before
  std::int64_t last_time_ns_ = 0;
  std::array<Frame, kFrames> frames_{};
  std::size_t count_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

bool is_pcapng(const std::uint8_t* first_four) {
  std::uint32_t v;
  std::memcpy(&v, first_four, sizeof v);
  return v == kSection;  // the same in both byte orders
}

std::unique_ptr<FormatReader> read_pcapng(std::unique_ptr<ByteSource> bytes, Nanos offset) {
  return std::make_unique<PcapngReader>(std::move(bytes), offset);
}

}  // namespace nezu::probe
