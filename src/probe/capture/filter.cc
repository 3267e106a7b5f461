#include "probe/capture/filter.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/filter.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/base/text.h"
#include "common/base/unique_fd.h"

extern char** environ;

namespace nezu::probe {
namespace {

constexpr std::size_t kInstructionsMax = 4096;  // the kernel's own limit
constexpr std::size_t kAnswerMax = std::size_t{256} << 10;
constexpr const char* kInstalled = "/usr/lib/nezuban/nezu-filter";

bool is_known(const FilterInstruction& i) {
  switch (i.code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_B | BPF_MSH:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_ALU | BPF_ADD | BPF_K:
    case BPF_ALU | BPF_ADD | BPF_X:
    case BPF_ALU | BPF_SUB | BPF_K:
    case BPF_ALU | BPF_SUB | BPF_X:
    case BPF_ALU | BPF_MUL | BPF_K:
    case BPF_ALU | BPF_MUL | BPF_X:
    case BPF_ALU | BPF_DIV | BPF_X:
    case BPF_ALU | BPF_MOD | BPF_X:
    case BPF_ALU | BPF_OR | BPF_K:
    case BPF_ALU | BPF_OR | BPF_X:
    case BPF_ALU | BPF_AND | BPF_K:
    case BPF_ALU | BPF_AND | BPF_X:
    case BPF_ALU | BPF_XOR | BPF_K:
    case BPF_ALU | BPF_XOR | BPF_X:
    case BPF_ALU | BPF_LSH | BPF_X:
    case BPF_ALU | BPF_RSH | BPF_X:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JEQ | BPF_X:
    case BPF_JMP | BPF_JGT | BPF_K:
    case BPF_JMP | BPF_JGT | BPF_X:
    case BPF_JMP | BPF_JGE | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_X:
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_X: return true;
    case BPF_ALU | BPF_DIV | BPF_K:
    case BPF_ALU | BPF_MOD | BPF_K: return i.k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K: return i.k < 32;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX: return i.k < BPF_MEMWORDS;
    default: return false;
  }
}

// Each instruction is one that we know, jumps go forward and stay inside, so each run ends.
bool is_sound(const Filter& filter) {
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const FilterInstruction& i = filter[at];
    if (!is_known(i)) return false;
    const std::size_t left = filter.size() - at - 1;
    if (i.code == (BPF_JMP | BPF_JA)) {
      if (i.k >= left) return false;
    } else if (BPF_CLASS(i.code) == BPF_JMP && (i.jump_true >= left || i.jump_false >= left)) {
      return false;
    }
  }
  return !filter.empty() && BPF_CLASS(filter.back().code) == BPF_RET;
}

// Up to the next '\n', which is taken too; false where there is none.
bool take_line(std::string_view& text, std::string_view& line) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

// Exactly `count` numbers, one space between them.
template <std::size_t Count>
bool take_numbers(std::string_view line, const std::array<std::uint64_t, Count>& limits, std::array<std::uint64_t, Count>& out) {
  for (std::size_t i = 0; i < Count; ++i) {
    const std::size_t end = i + 1 < Count ? line.find(' ') : line.size();
    if (end == std::string_view::npos) return false;
    Result<std::uint64_t> number = parse_u64(line.substr(0, end), limits[i]);
    if (!number.ok()) return false;
    out[i] = *number;
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return line.empty();
}

std::uint32_t load(const std::uint8_t* data, std::uint32_t at, unsigned size) {
  std::uint32_t v = 0;
  for (unsigned i = 0; i < size; ++i) v = v << 8 | data[at + i];
  return v;
}
unsigned size_of(std::uint16_t code) { return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1; }

std::string read_all(int fd, std::size_t max) {
  std::string text;
  char block[4096];
  for (;;) {
    const ssize_t n = ::read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    if (text.size() < max) text.append(block, static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string format_filter(const Filter& filter, LinkType link, std::uint32_t snap_length) {
  std::string out = fmt::format("nezu-filter 1 {} {} {}\n", static_cast<unsigned>(link), snap_length, filter.size());
  for (const FilterInstruction& i : filter) out += fmt::format("{} {} {} {}\n", i.code, i.jump_true, i.jump_false, i.k);
  return out;
}

Result<Filter> parse_filter(std::string_view text, LinkType link, std::uint32_t snap_length) {
  constexpr std::string_view kName = "nezu-filter 1 ";
  std::string_view line;
  std::array<std::uint64_t, 3> head{};
  if (!take_line(text, line) || !line.starts_with(kName) ||
      !take_numbers<3>(line.substr(kName.size()), {UINT16_MAX, UINT32_MAX, kInstructionsMax}, head) ||
      head[0] != static_cast<std::uint64_t>(link) || head[1] != snap_length) {
    return Error(ErrorCode::corrupt,
                 fmt::format("line 1 is '{}'; wanted '{}{} {} COUNT'", line, kName, static_cast<unsigned>(link), snap_length));
  }
  Filter filter;
  for (std::uint64_t n = 0; n < head[2]; ++n) {
    std::array<std::uint64_t, 4> v{};
    if (!take_line(text, line) || !take_numbers<4>(line, {UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX}, v)) {
      return Error(ErrorCode::corrupt, fmt::format("line {} is '{}'; wanted 'CODE JUMP_TRUE JUMP_FALSE K'", n + 2, line));
    }
    filter.push_back({static_cast<std::uint16_t>(v[0]), static_cast<std::uint8_t>(v[1]), static_cast<std::uint8_t>(v[2]),
                      static_cast<std::uint32_t>(v[3])});
  }
  if (!text.empty()) return Error(ErrorCode::corrupt, fmt::format("there is more than the {} instructions of line 1", head[2]));
  if (!is_sound(filter))
    return Error(ErrorCode::corrupt, "no sound filter: unknown instruction, jump out of the program, or no return at its end");
  return filter;
}

Result<Filter> compile_filter(const std::string& program, const std::string& expression, LinkType link, std::uint32_t snap_length) {
  int out_pipe[2], error_pipe[2];
  if (::pipe2(out_pipe, O_CLOEXEC) != 0) return Error::from_errno(errno, "pipe");
  UniqueFd out(out_pipe[0]), out_end(out_pipe[1]);
  if (::pipe2(error_pipe, O_CLOEXEC) != 0) return Error::from_errno(errno, "pipe");
  UniqueFd error(error_pipe[0]), error_end(error_pipe[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out_end.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error_end.get(), STDERR_FILENO);
  std::array<std::string, 5> words = {program, std::to_string(static_cast<unsigned>(link)), std::to_string(snap_length), "--", expression};
  std::array<char*, 6> argv = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), words[4].data(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  out_end.reset();
  error_end.reset();
  if (failed != 0) return Error::from_errno(failed, "filter compiler " + program);
  // Each stream is far shorter than a pipe holds, or the helper is broken and is cut off: no deadlock from reading one after the other.
  const std::string answer = read_all(out.get(), kAnswerMax);
  std::string complaint = read_all(error.get(), 4096);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    Result<Filter> filter = parse_filter(answer, link, snap_length);
    if (!filter.ok()) return filter.error().in("answer of " + program);
    return filter;
  }
  while (!complaint.empty() && complaint.back() == '\n') complaint.pop_back();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) return Error(ErrorCode::invalid_argument, complaint);
  return Error(ErrorCode::io, fmt::format("filter compiler {} failed (wait status {}): {}", program, status, complaint));
}

std::string filter_program() {
  char path[4096];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  if (n > 0 && static_cast<std::size_t>(n) < sizeof path) {
    const std::string program(path, static_cast<std::size_t>(n));
    const std::string folder = program.substr(0, program.rfind('/') + 1);
    for (const char* place : {"nezu-filter", "../lib/nezuban/nezu-filter"}) {
      if (::access((folder + place).c_str(), X_OK) == 0) return folder + place;
    }
  }
  return kInstalled;
}

// One function, as the machine has one table of instructions.
std::uint32_t run_filter(const Filter& filter, const std::uint8_t* data, std::uint32_t captured, std::uint32_t original) {
  std::uint32_t a = 0, x = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> memory{};
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const FilterInstruction& i = filter[at];
    const bool by_x = BPF_SRC(i.code) == BPF_X;
    const std::uint32_t operand = by_x ? x : i.k;
    switch (BPF_CLASS(i.code)) {
      case BPF_LD:
      case BPF_LDX: {
        std::uint32_t value = 0;
        const bool indexed = BPF_MODE(i.code) == BPF_IND;
        if (BPF_MODE(i.code) == BPF_ABS || indexed) {
          const std::uint64_t from = std::uint64_t{i.k} + (indexed ? x : 0);
          if (from + size_of(i.code) > captured) return 0;
          value = load(data, static_cast<std::uint32_t>(from), size_of(i.code));
        } else if (BPF_MODE(i.code) == BPF_MSH) {
          if (i.k >= captured) return 0;
          value = (data[i.k] & 0x0fu) << 2;
        } else {
          value = BPF_MODE(i.code) == BPF_LEN ? original : BPF_MODE(i.code) == BPF_MEM ? memory[i.k] : i.k;
        }
        (BPF_CLASS(i.code) == BPF_LD ? a : x) = value;
        break;
      }
      case BPF_ST: memory[i.k] = a; break;
      case BPF_STX: memory[i.k] = x; break;
      case BPF_ALU:
        switch (BPF_OP(i.code)) {
          case BPF_ADD: a += operand; break;
          case BPF_SUB: a -= operand; break;
          case BPF_MUL: a *= operand; break;
          case BPF_DIV:
            if (operand == 0) return 0;
            a /= operand;
            break;
          case BPF_MOD:
            if (operand == 0) return 0;
            a %= operand;
            break;
          case BPF_OR: a |= operand; break;
          case BPF_AND: a &= operand; break;
          case BPF_XOR: a ^= operand; break;
          case BPF_LSH: a = operand < 32 ? a << operand : 0; break;
          case BPF_RSH: a = operand < 32 ? a >> operand : 0; break;
          default: a = 0u - a; break;
        }
        break;
      case BPF_JMP: {
        if (BPF_OP(i.code) == BPF_JA) {
          at += i.k;
          break;
        }
        const bool holds = BPF_OP(i.code) == BPF_JEQ   ? a == operand
                           : BPF_OP(i.code) == BPF_JGT ? a > operand
                           : BPF_OP(i.code) == BPF_JGE ? a >= operand
                                                       : (a & operand) != 0;
        at += holds ? i.jump_true : i.jump_false;
        break;
      }
      case BPF_RET: return BPF_RVAL(i.code) == BPF_A ? a : i.k;
      default: BPF_MISCOP(i.code) == BPF_TAX ? x = a : a = x; break;
    }
  }
  return 0;
}

}  // namespace nezu::probe
