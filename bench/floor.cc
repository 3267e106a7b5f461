// floor MODE FILE.pcap: what only reading a capture costs: each packet's addresses, ports, sequence number and flags are touched, and nothing
// is done with them. Modes:
//   pcap   libpcap's loop
//   map    the file mapped, records walked ("floor B")
//   ahead  the same, with a prefetch 4 KiB ahead
//   read   read() into 256 KiB, records walked: how nezu-probe reads
#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

namespace {

struct Touched {
  std::uint64_t packets = 0, bytes = 0, mix = 0;
  void touch(const std::uint8_t* p, std::uint32_t size) {
    ++packets;
    bytes += size;
    if (size < 54) return;
    std::uint32_t v[4];
    std::memcpy(&v[0], p + 26, 4);
    std::memcpy(&v[1], p + 30, 4);
    std::memcpy(&v[2], p + 34, 4);
    std::memcpy(&v[3], p + 38, 4);
    mix += (v[0] ^ v[1] ^ v[2] ^ v[3]) + p[12] + p[47];
  }
};

bool by_libpcap(const char* path, Touched& t) {
  char message[PCAP_ERRBUF_SIZE];
  pcap_t* p = pcap_open_offline(path, message);
  if (p == nullptr) return false;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  while (pcap_next_ex(p, &header, &data) == 1) t.touch(data, header->caplen);
  pcap_close(p);
  return true;
}

std::uint32_t captured(const std::uint8_t* record) {
  std::uint32_t v;
  std::memcpy(&v, record + 8, 4);
  return v;
}

// Walks whole records; gives the bytes that are left.
template <bool kAhead>
std::size_t walk(const std::uint8_t* p, const std::uint8_t* end, Touched& t) {
  const std::uint8_t* fetched = p;
  while (end - p >= 16) {
    const std::uint32_t size = captured(p);
    if (static_cast<std::size_t>(end - p) - 16 < size) break;
    if constexpr (kAhead) {
      for (; fetched < p + 4096; fetched += 64) __builtin_prefetch(fetched);
    }
    t.touch(p + 16, size);
    p += 16 + size;
  }
  return static_cast<std::size_t>(end - p);
}

bool mapped(const char* path, bool ahead, Touched& t) {
  const int fd = ::open(path, O_RDONLY);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0) return false;
  const auto size = static_cast<std::size_t>(info.st_size);
  void* m = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (m == MAP_FAILED) return false;
  ::madvise(m, size, MADV_SEQUENTIAL);
  const auto* p = static_cast<const std::uint8_t*>(m);
  (ahead ? walk<true> : walk<false>)(p + 24, p + size, t);
  return true;
}

bool by_read(const char* path, Touched& t) {
  constexpr std::size_t kBlock = std::size_t{256} << 10;
  const int fd = ::open(path, O_RDONLY);
  const std::unique_ptr<std::uint8_t[]> buffer(new std::uint8_t[2 * kBlock]);
  std::size_t have = 0, skip = 24;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.get() + have, kBlock);
    if (n <= 0) return n == 0;
    have += static_cast<std::size_t>(n);
    const std::size_t left = walk<false>(buffer.get() + skip, buffer.get() + have, t);
    std::memmove(buffer.get(), buffer.get() + have - left, left);
    have = left;
    skip = 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const char* mode = argv[1];
  Touched t;
  const bool ok = std::strcmp(mode, "pcap") == 0    ? by_libpcap(argv[2], t)
                  : std::strcmp(mode, "map") == 0   ? mapped(argv[2], false, t)
                  : std::strcmp(mode, "ahead") == 0 ? mapped(argv[2], true, t)
                                                    : std::strcmp(mode, "read") == 0 && by_read(argv[2], t);
  std::printf("{\"packets\":%llu,\"bytes\":%llu,\"mix\":%llu}\n", static_cast<unsigned long long>(t.packets),
              static_cast<unsigned long long>(t.bytes), static_cast<unsigned long long>(t.mix));
  return ok ? 0 : 1;
}
