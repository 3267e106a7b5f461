// nezu-filter LINKTYPE SNAPLEN -- EXPRESSION: compiles one of libpcap's filter expressions to classic BPF, and prints it in the form of
// probe/capture/filter.h. A program of its own, so that libpcap and the libraries it drags in stay out of the process that captures.
// Exit status: 0 printed; 2 the arguments or the expression are wrong (one line on standard error says how).
#include <pcap/pcap.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "common/base/text.h"
#include "probe/capture/filter.h"

namespace {

int refuse(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 2;
}

int compile(nezu::probe::LinkType link, std::uint32_t snap_length, const char* expression) {
  const auto closer = [](pcap_t* p) { pcap_close(p); };
  const std::unique_ptr<pcap_t, decltype(closer)> handle(pcap_open_dead(static_cast<int>(link), static_cast<int>(snap_length)), closer);
  if (!handle) return refuse("libpcap refuses the link type");
  bpf_program program{};
  if (pcap_compile(handle.get(), &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) return refuse(pcap_geterr(handle.get()));
  nezu::probe::Filter filter;
  for (unsigned i = 0; i < program.bf_len; ++i) {
    const bpf_insn& insn = program.bf_insns[i];
    filter.push_back({insn.code, insn.jt, insn.jf, insn.k});
  }
  pcap_freecode(&program);
  std::fputs(nezu::probe::format_filter(filter, link, snap_length).c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 || std::strcmp(argv[3], "--") != 0) return refuse("usage: nezu-filter LINKTYPE SNAPLEN -- EXPRESSION");
  const nezu::Result<std::uint64_t> link = nezu::parse_u64(argv[1], UINT16_MAX);
  const nezu::Result<std::uint64_t> snap_length = nezu::parse_u64(argv[2], 262144);
  if (!link.ok() || !nezu::probe::is_readable(static_cast<std::uint32_t>(*link)))
    return refuse(std::string("unknown link type ") + argv[1]);
  if (!snap_length.ok()) return refuse(std::string("snap length ") + argv[2] + "; wanted at most 262144");
  return compile(static_cast<nezu::probe::LinkType>(*link), static_cast<std::uint32_t>(*snap_length), argv[4]);
}
