#include "agent/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

#include "agent/launch.h"
#include "common/base/text.h"
#include "common/io/directory.h"

namespace nezu::agent {
namespace {

struct Stat {
  unsigned flags = 0;
  char state = '?';
  std::uint64_t began = 0;  // in ticks since the machine's start
};

// The command's name is in brackets and may hold anything: fields are counted from the last bracket.
std::optional<Stat> read_stat(pid_t id) {
  const Result<std::string> text = io::read_file("/proc/" + std::to_string(id) + "/stat", 4096);
  if (!text.ok()) return std::nullopt;
  const std::size_t bracket = text->rfind(") ");
  if (bracket == std::string::npos) return std::nullopt;
  std::size_t at = bracket + 2;
  Stat s;
  s.state = (*text)[at];
  for (int field = 3; field < 22 && at != std::string::npos; ++field) {
    if (field == 9) std::from_chars(text->data() + at + 1, text->data() + text->size(), s.flags);
    at = text->find(' ', at + 1);
  }
  if (at == std::string::npos) return std::nullopt;
  std::from_chars(text->data() + at + 1, text->data() + text->size(), s.began);
  return s;
}

bool gone(const Stat& s) { return s.state == 'Z' || s.state == 'X'; }

UniqueFd handle_of(pid_t id) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, id, 0))); }

}  // namespace

std::optional<Process> find_process(const std::string& pid_file) {
  const Result<std::string> text = io::read_file(pid_file, 256);
  if (!text.ok()) return std::nullopt;
  pid_t id = 0;
  std::uint64_t began = 0;
  const char* end = text->data() + text->size();
  const auto first = std::from_chars(text->data(), end, id);
  if (first.ec != std::errc() || id <= 1 || first.ptr == end) return std::nullopt;
  std::from_chars(first.ptr + 1, end, began);
  Process process{id, handle_of(id)};
  if (!process.handle) return std::nullopt;
  const std::optional<Stat> stat = read_stat(id);  // after the handle: it is the same process that both speak of
  if (!stat || gone(*stat) || stat->began != began) return std::nullopt;
  return process;
}

Result<Process> start_process(const Launch& launch, const std::string& pid_file) {
  const Result<pid_t> child = launch_daemon(launch);
  if (!child.ok()) return child.error();
  Process process{*child, handle_of(*child)};
  if (!process.handle) return Error::from_errno(errno, "pidfd_open");
  const std::optional<Stat> stat = read_stat(*child);
  const std::size_t slash = pid_file.rfind('/');
  auto folder = io::SystemDirectory::open(pid_file.substr(0, slash));
  Status written = folder.ok() ? Status() : Status(folder.error());
  if (written.ok()) {
    const std::string text = std::to_string(*child) + "\n" + std::to_string(stat ? stat->began : 0) + "\n";
    written = io::write_whole(**folder, pid_file.substr(slash + 1), text);
  }
  if (!written.ok()) {
    send_signal(process, SIGKILL);  // one that nobody would find again
    return written.error();
  }
  return process;
}

bool wait_for_end(const Process& process, Nanos patience) {
  pollfd p{process.handle.get(), POLLIN, 0};
  const auto ms = std::chrono::duration_cast<Millis>(patience).count();
  return ::poll(&p, 1, static_cast<int>(std::max<std::int64_t>(ms, 0))) > 0;
}

bool is_dying(const Process& process) {
  const std::optional<Stat> stat = read_stat(process.id);
  constexpr unsigned kExiting = 0x4;  // PF_EXITING, proc(5)
  if (!stat || gone(*stat) || (stat->flags & kExiting) != 0) return true;
  const Result<std::string> text = io::read_file("/proc/" + std::to_string(process.id) + "/status", 1 << 16);
  if (!text.ok()) return true;
  for (const char* name : {"\nSigPnd:\t", "\nShdPnd:\t"}) {
    const std::size_t at = text->find(name);
    std::uint64_t pending = 0;
    if (at != std::string::npos) std::from_chars(text->data() + at + std::strlen(name), text->data() + text->size(), pending, 16);
    if ((pending >> (SIGKILL - 1) & 1) != 0) return true;
  }
  return false;
}

void send_signal(const Process& process, int signal) { ::syscall(SYS_pidfd_send_signal, process.handle.get(), signal, nullptr, 0); }

std::optional<int> exit_status(const Process& process) {
  int status = 0;
  if (::waitpid(process.id, &status, WNOHANG) != process.id) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool run_tool(const std::vector<std::string>& argv, std::string* output) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::array<int, 2> pipe{-1, -1};
  if (output != nullptr && ::pipe2(pipe.data(), O_CLOEXEC) != 0) return false;
  UniqueFd from(pipe[0]), to(pipe[1]);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  if (output != nullptr)
    ::posix_spawn_file_actions_adddup2(&files, to.get(), 1);
  else
    ::posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  pid_t id = 0;
  const int failed = ::posix_spawnp(&id, words[0], &files, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  to.reset();
  if (failed == 0 && output != nullptr) {
    std::array<char, 256> bytes{};
    for (ssize_t n; (n = ::read(from.get(), bytes.data(), bytes.size())) > 0;) output->append(bytes.data(), static_cast<std::size_t>(n));
  }
  int status = 0;
  return failed == 0 && ::waitpid(id, &status, 0) == id && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace nezu::agent
