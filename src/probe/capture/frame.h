// Frames: what capture gives, live and from files alike, and what decode takes.
//
//   FrameBatch batch;
//   for (;;) {
//     Result<Polled> polled = source.poll(batch, wait);          // one virtual call a batch
//     if (!polled.ok()) …                                        // damage: everything before it has been handed over
//     if (*polled == Polled::end) break;
//     for (Frame f; batch.next(f);) …                            // inline, no copy: f.data points into the block or the ring
//     … batch.watermark() …
//   }
//
// A frame's bytes are valid until the next poll() of the same source. A FrameSource and its batch belong to one thread.
// Files are read in blocks of 256 KiB, which stay in the processor's second cache, rather than mapped: that costs a fifth of the CPU
// time (a page fault a page costs more than the copy; docs/performance.md), and a file that shrinks meanwhile can't kill us with SIGBUS.
// next() walks the records where they lie in the block and asks for the bytes 4 KiB ahead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::probe {

// Link types by their numbers in capture files (https://www.tcpdump.org/linktypes.html). A source with nothing but other ones is an
// Error; single frames with another number (a pcapng file of several interfaces) are handed over, for decode to count as unknown.
enum class LinkType : std::uint16_t {
  null = 0,  // BSD loopback: address family, 4 bytes in the writer's byte order
  ethernet = 1,
  raw_bsd = 12,      // raw IP, as some BSDs number it
  raw_openbsd = 14,  // raw IP, as OpenBSD numbers it
  raw = 101,         // raw IPv4 or IPv6, by the version nibble
  loop = 108,        // OpenBSD loopback: address family, 4 bytes, network byte order
  linux_sll = 113,   // Linux "cooked"
  ipv4 = 228,
  ipv6 = 229,
  linux_sll2 = 276,  // Linux "cooked" version 2
};
bool is_readable(std::uint32_t link_type);
// "Ethernet", "Linux cooked v2", …; for any other number "link type N".
std::string link_name(std::uint32_t link_type);

struct Frame {
  PacketTime time{};
  const std::uint8_t* data = nullptr;
  std::uint32_t captured = 0;  // bytes at `data`; may be 0
  std::uint32_t original = 0;  // bytes on the wire; ≥ captured, except in files that say otherwise
  LinkType link = LinkType::ethernet;
  // The 802.1Q tag that the network card took out of the frame (tag control information: priority, VID), and whether there was one.
  // Tags that are still in the frame's bytes are decode's business.
  std::uint16_t vlan_tci = 0;
  bool has_vlan = false;
};

// A batch: a cursor over frames. Filled by a FrameSource, emptied by next().
class FrameBatch {
 public:
  // The next frame, or false: the batch is used up.
  bool next(Frame& out) {
    if (array_ != array_end_) {
      out = *array_++;
      return true;
    }
    return next_record(out);
  }

  // Packet time up to which this source has handed over everything once this batch is used up. Live, with an empty ring: the time at
  // which it was seen empty, less the ring's block time-out. Nothing known yet: no value. From files: no value; the frames' own times.
  std::optional<PacketTime> watermark() const { return watermark_; }

 private:
  friend class BatchFiller;

  // pcap records in memory: at cursor_, the last begins before soft_end_ and ends at or before hard_end_.
  bool next_record(Frame& out) {
    const std::uint8_t* p = cursor_;
    if (p >= soft_end_ || hard_end_ - p < static_cast<std::ptrdiff_t>(header_)) return false;
    const std::uint32_t captured = load(p + 8);
    if (captured > record_max_ || static_cast<std::size_t>(hard_end_ - p) - header_ < captured) return false;
    while (ahead_ < p + kAhead) {
      __builtin_prefetch(ahead_);
      ahead_ += 64;
    }
    out.time = PacketTime(Nanos(std::int64_t{load(p)} * 1'000'000'000 + std::int64_t{load(p + 4)} * fraction_ns_ + offset_ns_));
    out.captured = captured;
    out.original = load(p + 12);
    out.data = p + header_;
    out.link = link_;
    out.vlan_tci = 0;
    out.has_vlan = false;
    cursor_ = p + header_ + captured;
    return true;
  }
  std::uint32_t load(const std::uint8_t* p) const {
    std::uint32_t v;
    std::memcpy(&v, p, sizeof v);
    return swapped_ ? __builtin_bswap32(v) : v;
  }

  static constexpr std::ptrdiff_t kAhead = 4096;

  const Frame* array_ = nullptr;
  const Frame* array_end_ = nullptr;
  const std::uint8_t* cursor_ = nullptr;
  const std::uint8_t* soft_end_ = nullptr;
  const std::uint8_t* hard_end_ = nullptr;
  const std::uint8_t* ahead_ = nullptr;
  std::uint32_t header_ = 16;     // bytes of a record's header: 16, in Kuznetzov's variant 24
  std::uint32_t record_max_ = 0;  // a captured length above this is damage
  std::int32_t fraction_ns_ = 1000;
  std::int64_t offset_ns_ = 0;
  LinkType link_ = LinkType::ethernet;
  bool swapped_ = false;
  std::optional<PacketTime> watermark_;
};

enum class Polled {
  frames,  // the batch holds at least one frame
  empty,   // live, or a pipe: nothing came within the wait; the batch is empty, its watermark may have moved
  end,     // no more will come: the files are used up, or stop() was called
};

// What a source lost or left out before decode could see it. Values only grow.
struct SourceStatistics {
  std::uint64_t kernel_drops = 0;     // live: the ring was full; files: what pcapng says that its writer lost
  std::uint64_t freezes = 0;          // live: times that the ring was full
  std::uint64_t interface_drops = 0;  // live: as the interface counts them since the capture was opened (missed, no buffer)
  std::uint64_t own_copies = 0;       // live, loopback: the outgoing copy of a packet that is seen twice; left out
};

// Where frames come from: a list of files, or one ring of an interface.
class FrameSource {
 public:
  virtual ~FrameSource() = default;

  // Fills `batch` (the same object each time; what is left in it stays, and no more is added), waiting at most `wait` for the first
  // frame. An Error is final. Files: corrupt, io, unsupported; it names the file, the byte offset, what is there and what was
  // wanted. Live: unavailable (the interface is down), not_found (it is gone).
  virtual Result<Polled> poll(FrameBatch& batch, Nanos wait) = 0;

  // From any thread: makes a waiting poll() return at once, and each later one return Polled::end.
  virtual void stop() = 0;

  virtual SourceStatistics statistics() = 0;
};

}  // namespace nezu::probe
