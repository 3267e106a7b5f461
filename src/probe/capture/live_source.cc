#include "probe/capture/live_source.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "common/base/unique_fd.h"
#include "probe/capture/batch_filler.h"

namespace nezu::probe {
namespace {

constexpr std::size_t kFrames = 64;  // a batch
constexpr std::uint32_t kBlockMax = 1u << 20;
constexpr std::uint32_t kSlot = 2048;    // only a unit of counting: with TPACKET_V3 packets lie in a block one after the other
constexpr Nanos kTimerTick = Millis(5);  // the kernel's retire timer may be late by a jiffy

// The memory that kernel and worker share.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* address, std::size_t size) : address_(static_cast<std::uint8_t*>(address)), size_(size) {}
  Mapping(Mapping&& other) noexcept : address_(std::exchange(other.address_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (address_ != nullptr) ::munmap(address_, size_);
  }
  std::uint8_t* address() const { return address_; }

 private:
  std::uint8_t* address_ = nullptr;
  std::size_t size_ = 0;
};

struct Ring {
  UniqueFd fd;
  Mapping memory;
  std::uint32_t block_size = 0;
  std::uint32_t blocks = 0;
};

// The part of LiveSource that all rings share.
struct Common {
  LiveOptions options;
  InterfaceInfo interface;
  LinkType link = LinkType::ethernet;
};

class LiveSource final : public FrameSource {
 public:
  LiveSource(Ring ring, Common common, const Clock& clock, bool first)
      : ring_(std::move(ring)),
        common_(std::move(common)),
        clock_(clock),
        first_(first),
        stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    NEZU_CHECK(static_cast<bool>(stop_event_));
    retire_bound_ = 2 * common_.options.block_timeout + kTimerTick;
  }

  Result<Polled> poll(FrameBatch& batch, Nanos wait) override {
    if (BatchFiller::has_array(batch)) return Polled::frames;
    if (stopped_.load(std::memory_order_relaxed)) return Polled::end;
    if (fill(batch)) return Polled::frames;
    for (bool waited = false;; waited = true) {
      // The clock is read before the ring is looked at: what comes in between is stamped later.
      const WallTime seen_at = clock_.wall();
      if (fill(batch)) return Polled::frames;
      note_empty(seen_at);
      BatchFiller::set_watermark(batch, watermark_);
      if (waited || wait <= Nanos(0)) return Polled::empty;
      Result<bool> woken = wait_for_block(wait);
      if (!woken.ok()) return woken.error();
      if (stopped_.load(std::memory_order_relaxed)) return Polled::end;
    }
  }

  void stop() override {
    stopped_.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    // An eventfd that is full already wakes just as well.
    [[maybe_unused]] const ssize_t written = ::write(stop_event_.get(), &one, sizeof one);
  }

  SourceStatistics statistics() override {
    tpacket_stats_v3 kernel{};
    socklen_t size = sizeof kernel;
    if (::getsockopt(ring_.fd.get(), SOL_PACKET, PACKET_STATISTICS, &kernel, &size) == 0) {  // reading it sets it to zero
      totals_.kernel_drops += kernel.tp_drops;
      totals_.freezes += kernel.tp_freeze_q_cnt;
    }
    if (first_) {
      Result<InterfaceInfo> now = query_interface(common_.interface.index);
      // Below what it was: the driver was loaded anew.
      if (now.ok() && now->lost >= common_.interface.lost) totals_.interface_drops = now->lost - common_.interface.lost;
    }
    return totals_;
  }

 private:
  tpacket_block_desc* block() const {
    return reinterpret_cast<tpacket_block_desc*>(ring_.memory.address() + std::size_t{block_} * ring_.block_size);
  }

  // Up to kFrames of the present block; gives it back once its frames have been used up.
  bool fill(FrameBatch& batch) {
    for (;;) {
      if (!in_block_) {
        tpacket_block_desc* desc = block();
        if ((__atomic_load_n(&desc->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) return false;
        in_block_ = true;
        left_ = desc->hdr.bh1.num_pkts;
        next_ = reinterpret_cast<const std::uint8_t*>(desc) + desc->hdr.bh1.offset_to_first_pkt;
      } else if (left_ == 0) {
        __atomic_store_n(&block()->hdr.bh1.block_status, std::uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
        in_block_ = false;
        block_ = block_ + 1 == ring_.blocks ? 0 : block_ + 1;
        continue;
      }
      const std::size_t count = take_frames();
      if (count > 0) {
        watermark_ = std::max(watermark_.value_or(frames_[count - 1].time), frames_[count - 1].time);
        BatchFiller::set_array(batch, frames_.data(), count);
        BatchFiller::set_watermark(batch, watermark_);
        return true;
      }
    }
  }

  std::size_t take_frames() {
    std::size_t count = 0;
    while (left_ > 0 && count < kFrames) {
      const auto* header = reinterpret_cast<const tpacket3_hdr*>(next_);
      const std::uint8_t* data = next_ + header->tp_mac;
      __builtin_prefetch(data);
      __builtin_prefetch(data + 64);
      const auto* from = reinterpret_cast<const sockaddr_ll*>(next_ + TPACKET_ALIGN(sizeof(tpacket3_hdr)));
      --left_;
      next_ += header->tp_next_offset;
      __builtin_prefetch(next_);
      if (common_.interface.loopback && from->sll_pkttype == PACKET_OUTGOING) {
        ++totals_.own_copies;
        continue;
      }
      Frame& frame = frames_[count++];
      frame.time = packet_time_ns(std::int64_t{header->tp_sec} * 1'000'000'000 + header->tp_nsec) + common_.options.timestamp_offset;
      frame.data = data;
      frame.captured = header->tp_snaplen;
      frame.original = header->tp_len;
      frame.link = common_.link;
      frame.has_vlan = (header->tp_status & TP_STATUS_VLAN_VALID) != 0;
      frame.vlan_tci = frame.has_vlan ? static_cast<std::uint16_t>(header->hv1.tp_vlan_tci) : std::uint16_t{0};
    }
    if (common_.options.stamps == Stamps::hardware && count > 0) note_card_clock(frames_[count - 1].time);
    return count;
  }

  // How far the card's clock is ahead of ours: at least a stamp less the time at which we see it.
  void note_card_clock(PacketTime stamp) {
    card_ahead_ = Nanos(to_ns(stamp) - to_ns(clock_.wall()));
    card_known_ = true;
  }

  void note_empty(WallTime seen_at) {
    Nanos shift = common_.options.timestamp_offset;
    if (common_.options.stamps == Stamps::hardware) {
      if (!card_known_) return;  // nothing is known of the card's clock before its first stamp
      shift = card_ahead_;
    }
    const PacketTime time = packet_time_ns(to_ns(seen_at)) + shift - retire_bound_;
    watermark_ = std::max(watermark_.value_or(time), time);
  }

  Result<bool> wait_for_block(Nanos wait) {
    pollfd fds[2] = {{ring_.fd.get(), POLLIN | POLLERR, 0}, {stop_event_.get(), POLLIN, 0}};
    const std::int64_t ns = std::min(wait.count(), std::int64_t{3600} * 1'000'000'000);
    const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
    const int ready = ::ppoll(fds, 2, &limit, nullptr);
    if (ready < 0 && errno != EINTR) return Error::from_errno(errno, "poll of " + common_.options.interface);
    if (ready > 0 && (fds[0].revents & (POLLERR | POLLHUP)) != 0) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(ring_.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return interface_error(error);
    }
    return ready > 0;
  }

  Error interface_error(int error) const {
    const Result<InterfaceInfo> now = query_interface(common_.interface.index);
    if (!now.ok() && now.error().code() == ErrorCode::not_found) {
      return Error(ErrorCode::not_found, fmt::format("interface {} is gone", common_.interface.name));
    }
    if (error == ENETDOWN) return Error(ErrorCode::unavailable, fmt::format("interface {} went down", common_.interface.name));
    return Error::from_errno(error, "capture on " + common_.interface.name);
  }

  Ring ring_;
  Common common_;
  const Clock& clock_;
  bool first_;
  UniqueFd stop_event_;
  std::atomic<bool> stopped_{false};
  Nanos retire_bound_{0};
  std::uint32_t block_ = 0;
  bool in_block_ = false;
  std::uint32_t left_ = 0;
  const std::uint8_t* next_ = nullptr;
  std::optional<PacketTime> watermark_;
  Nanos card_ahead_{0};
  bool card_known_ = false;
  SourceStatistics totals_;
  std::array<Frame, kFrames> frames_{};
};

template <class T>
Status set_option(int fd, int level, int name, const T& value, const std::string& what) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) return Error::from_errno(errno, what);
  return {};
}

Status attach_filter(int fd, const LiveOptions& options) {
  static_assert(sizeof(FilterInstruction) == sizeof(sock_filter));
  Filter program = options.filter;
  if (program.empty()) program.push_back({BPF_RET | BPF_K, 0, 0, options.snap_length});
  std::vector<sock_filter> code;
  for (const FilterInstruction& i : program) code.push_back({i.code, i.jump_true, i.jump_false, i.k});
  const sock_fprog attached{static_cast<unsigned short>(code.size()), code.data()};
  return set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, attached, "filter");
}

Status switch_card_stamps_on(int fd, const InterfaceInfo& interface) {
  hwtstamp_config config{};
  config.rx_filter = HWTSTAMP_FILTER_ALL;
  ifreq request{};
  interface.name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&config);
  if (::ioctl(fd, SIOCSHWTSTAMP, &request) != 0) {
    if (errno == EPERM)
      return Error(ErrorCode::permission,
                   fmt::format("hardware time stamps of {} can only be switched on with CAP_NET_ADMIN", interface.name));
    return Error(ErrorCode::unsupported, fmt::format("interface {} has no hardware time stamps; use kernel ones", interface.name));
  }
  return set_option(fd, SOL_PACKET, PACKET_TIMESTAMP, int{SOF_TIMESTAMPING_RAW_HARDWARE}, "hardware time stamps");
}

Result<Ring> make_ring(const LiveOptions& options, const InterfaceInfo& interface) {
  Ring ring;
  ring.fd = UniqueFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // no packets before it is bound
  if (!ring.fd) {
    if (errno == EPERM || errno == EACCES) {
      return Error(ErrorCode::permission,
                   fmt::format("capture on {} needs CAP_NET_RAW: run as root, or give it to the program", interface.name));
    }
    return Error::from_errno(errno, "packet socket");
  }
  const int fd = ring.fd.get();
  if (Status s = set_option(fd, SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}, "TPACKET_V3"); !s.ok()) return s.error();
  if (Status s = attach_filter(fd, options); !s.ok()) return s.error();
  if (options.stamps == Stamps::hardware) {
    if (Status s = switch_card_stamps_on(fd, interface); !s.ok()) return s.error();
  }
  ring.block_size = options.ring_bytes >= 16ull * kBlockMax ? kBlockMax : 512u << 10;  // one packet of any snap length fits
  ring.blocks = static_cast<std::uint32_t>(options.ring_bytes / ring.block_size);
  tpacket_req3 request{};
  request.tp_block_size = ring.block_size;
  request.tp_block_nr = ring.blocks;
  request.tp_frame_size = kSlot;
  request.tp_frame_nr = ring.block_size / kSlot * ring.blocks;
  request.tp_retire_blk_tov = static_cast<unsigned>(std::chrono::ceil<Millis>(options.block_timeout).count());
  if (::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0) {
    if (errno == ENOMEM) return Error(ErrorCode::no_space, fmt::format("no memory for a ring of {} bytes", options.ring_bytes));
    return Error::from_errno(errno, "packet ring");
  }
  const std::size_t size = std::size_t{ring.block_size} * ring.blocks;
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (address == MAP_FAILED) return Error::from_errno(errno, "mapping of the packet ring");
  return Ring{std::move(ring.fd), Mapping(address, size), ring.block_size, ring.blocks};
}

Status bind_ring(int fd, const InterfaceInfo& interface, bool promiscuous) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = interface.index;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error::from_errno(errno, "capture on " + interface.name);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == ENETDOWN) return Error(ErrorCode::unavailable, fmt::format("interface {} is down", interface.name));
  if (error != 0) return Error::from_errno(error, "capture on " + interface.name);
  if (!promiscuous) return {};
  packet_mreq membership{};
  membership.mr_ifindex = interface.index;
  membership.mr_type = PACKET_MR_PROMISC;
  return set_option(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, "promiscuous mode of " + interface.name);
}

// The first ring asks the kernel for a group number of its own, the others join it.
Status join_group(int fd, bool first, std::uint32_t& group) {
  const std::uint32_t mode = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG;
  const std::uint32_t flags = first ? mode | PACKET_FANOUT_FLAG_UNIQUEID : mode;
  if (Status s = set_option(fd, SOL_PACKET, PACKET_FANOUT, flags << 16 | (first ? 0 : group), "fan-out"); !s.ok()) return s;
  if (!first) return {};
  std::uint32_t assigned = 0;
  socklen_t size = sizeof assigned;
  if (::getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &assigned, &size) != 0) return Error::from_errno(errno, "fan-out");
  group = assigned & 0xffff;
  return {};
}

Status check(const LiveOptions& o) {
  const auto out_of_range = [](const char* what, const std::string& found, const char* wanted) {
    return Error(ErrorCode::invalid_argument, fmt::format("{} is {}; wanted {}", what, found, wanted));
  };
  if (o.workers < 1 || o.workers > 256) return out_of_range("number of workers", std::to_string(o.workers), "1 to 256");
  if (o.ring_bytes < 2u << 20 || o.ring_bytes > std::uint64_t{4} << 30)
    return out_of_range("ring", std::to_string(o.ring_bytes), "2MiB to 4GiB");
  if (o.block_timeout < Millis(1) || o.block_timeout > Seconds(1))
    return out_of_range("block time-out", fmt::format("{} ns", o.block_timeout.count()), "1ms to 1s");
  if (o.snap_length < 64 || o.snap_length > 262144) return out_of_range("snap length", std::to_string(o.snap_length), "64 to 262144");
  return {};
}

}  // namespace

Result<std::vector<std::unique_ptr<FrameSource>>> open_live(const LiveOptions& options, const Clock& clock) {
  if (Status s = check(options); !s.ok()) return s.error();
  Result<InterfaceInfo> interface = query_interface(options.interface);
  if (!interface.ok()) return interface.error();
  Result<LinkType> link = link_type_of(*interface);
  if (!link.ok()) return link.error();
  std::vector<Ring> rings;
  std::uint32_t group = 0;
  for (unsigned i = 0; i < options.workers; ++i) {
    Result<Ring> ring = make_ring(options, *interface);
    if (!ring.ok()) return ring.error();
    if (Status s = bind_ring(ring->fd.get(), *interface, options.promiscuous); !s.ok()) return s.error();
    if (options.workers > 1) {
      if (Status s = join_group(ring->fd.get(), i == 0, group); !s.ok()) return s.error();
    }
    rings.push_back(std::move(*ring));
  }
  std::vector<std::unique_ptr<FrameSource>> sources;
  for (Ring& ring : rings)
    sources.push_back(std::make_unique<LiveSource>(std::move(ring), Common{options, *interface, *link}, clock, sources.empty()));
  return sources;
}

}  // namespace nezu::probe
