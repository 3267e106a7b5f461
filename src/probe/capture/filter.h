// Filters: libpcap's expressions as classic BPF programs. They are compiled by a helper program (nezu-filter), so that libpcap and what
// it drags in stay out of the process that holds CAP_NET_RAW; what comes back is checked here before anything runs it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "probe/capture/frame.h"

namespace nezu::probe {

struct FilterInstruction {
  std::uint16_t code = 0;
  std::uint8_t jump_true = 0;
  std::uint8_t jump_false = 0;
  std::uint32_t k = 0;
  friend bool operator==(const FilterInstruction&, const FilterInstruction&) = default;
};
// A checked program: 1–4096 instructions, jumps stay inside, the last one returns, no division by zero.
using Filter = std::vector<FilterInstruction>;

// The exact text form that nezu-filter prints:
//   "nezu-filter 1 LINKTYPE SNAPLEN COUNT\n", then COUNT lines "CODE JUMP_TRUE JUMP_FALSE K\n", all decimal.
std::string format_filter(const Filter& filter, LinkType link, std::uint32_t snap_length);
// corrupt: names the line. `link` and `snap_length` must be those asked for.
Result<Filter> parse_filter(std::string_view text, LinkType link, std::uint32_t snap_length);

// Runs `program` (a path) and reads its answer. invalid_argument: the expression is wrong; the message is libpcap's. not_found: no
// such program.
Result<Filter> compile_filter(const std::string& program, const std::string& expression, LinkType link, std::uint32_t snap_length);

// The helper beside the running program, or in ../lib/nezuban of its folder, else where the package puts it.
std::string filter_program();

// What the kernel would do with a packet: bytes to keep, 0 for none. For frames from files.
std::uint32_t run_filter(const Filter& filter, const std::uint8_t* data, std::uint32_t captured, std::uint32_t original);

}  // namespace nezu::probe
