#include "agent/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace nezu::agent {
namespace {

constexpr rlim_t kFiles = 16384;
constexpr const char* kSpared = "-500";  // other programs go first when memory is short: what isn't measured is lost

struct Identity {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
};

Result<Identity> identity_of(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) return Error(ErrorCode::not_found, "there is no user " + user);
  return Identity{user, entry->pw_uid, entry->pw_gid};
}

// As exec wants them; `words` must outlive them.
std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// What follows runs between fork and exec: system calls only.

bool set_capabilities(std::uint32_t mask) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = data[0].permitted = data[0].inheritable = mask;
  return ::syscall(SYS_capset, &header, data.data()) == 0;
}

bool become(const Identity& who, bool captures) {
  if (who.user == 0) return true;
  if (captures && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return false;
  if (::setgid(who.group) != 0 || ::setuid(who.user) != 0) return false;
  const std::uint32_t mask = captures ? 1u << CAP_NET_RAW : 0;
  if (!set_capabilities(mask)) return false;
  return !captures || ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0;
}

void spare_from_oom() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  // Where it isn't allowed (a container) the daemon runs all the same.
  [[maybe_unused]] const ssize_t written = ::write(file, kSpared, 4);
  ::close(file);
}

[[noreturn]] void fail(int out, int error) {
  [[maybe_unused]] const ssize_t written = ::write(out, &error, sizeof error);
  ::_exit(127);
}

[[noreturn]] void be_the_daemon(const Launch& launch, const Identity& who, char* const* argv, char* const* environment, int log, int out) {
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int s = 1; s < NSIG; ++s) ::signal(s, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0) fail(out, errno);
  // `out` closes itself when the program begins; nothing else of the cluster's may stay open in a daemon.
  if (::dup2(out, 3) != 3 || ::fcntl(3, F_SETFD, FD_CLOEXEC) != 0) fail(out, errno);
  ::syscall(SYS_close_range, 4u, ~0u, 0u);
  const rlimit files{kFiles, kFiles};
  ::setrlimit(RLIMIT_NOFILE, &files);
  spare_from_oom();
  ::umask(0027);
  if (::chdir("/") != 0 || !become(who, launch.captures)) fail(3, errno);
  ::execve(argv[0], argv, environment);
  fail(3, errno);
}

}  // namespace

bool user_exists(const std::string& user) { return identity_of(user).ok(); }

Status make_folder(const std::string& path, const std::string& user, unsigned mode) {
  const Result<Identity> who = identity_of(user);
  if (!who.ok()) return who.error();
  if (::mkdir(path.c_str(), mode) != 0) { return errno == EEXIST ? Status() : Status(Error::from_errno(errno, path)); }
  if (::chown(path.c_str(), who->user, who->group) != 0) return Error::from_errno(errno, path);
  return {};
}

Result<pid_t> launch_daemon(const Launch& launch) {
  const Result<Identity> who = identity_of(launch.user);
  if (!who.ok()) return who.error();
  const UniqueFd log(::open(launch.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!log) return Error::from_errno(errno, launch.log);
  if (::fchown(log.get(), who->user, who->group) != 0) return Error::from_errno(errno, launch.log);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "pipe");
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  std::vector<std::string> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  environment.insert(environment.end(), launch.environment.begin(), launch.environment.end());
  const std::vector<char*> argv = pointers_to(launch.argv), variables = pointers_to(environment);
  // Group memberships are looked up here: the child may make system calls only.
  if (who->user != 0 && ::initgroups(who->name.c_str(), who->group) != 0) return Error::from_errno(errno, "initgroups " + who->name);
  const pid_t child = ::fork();
  if (child < 0) return Error::from_errno(errno, "fork");
  if (child == 0) be_the_daemon(launch, *who, argv.data(), variables.data(), log.get(), out.get());
  out.reset();
  int error = 0;
  if (::read(in.get(), &error, sizeof error) == sizeof error) return Error::from_errno(error, launch.argv[0]);
  return child;
}

}  // namespace nezu::agent
