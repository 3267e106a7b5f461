#include "common/base/sd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "common/base/text.h"

namespace nezu {
namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}
}  // namespace

ServiceNotifier ServiceNotifier::from_environment() {
  Nanos watchdog{0};
  const std::string pid = environment("WATCHDOG_PID");
  if (pid.empty() || pid == std::to_string(::getpid())) {
    constexpr std::uint64_t max_us = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 1000;
    if (auto us = parse_u64(environment("WATCHDOG_USEC"), max_us)) watchdog = std::chrono::microseconds(static_cast<std::int64_t>(*us));
  }
  return ServiceNotifier(environment("NOTIFY_SOCKET"), watchdog);
}

ServiceNotifier::ServiceNotifier(std::string socket, Nanos watchdog) : socket_(std::move(socket)), watchdog_(watchdog) {}

Status ServiceNotifier::ready(std::string_view status) const {
  return send(status.empty() ? "READY=1" : "READY=1\nSTATUS=" + one_line(status));
}
Status ServiceNotifier::reloading(MonoTime now) const { return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(to_ns(now) / 1000)); }
Status ServiceNotifier::stopping() const { return send("STOPPING=1"); }
Status ServiceNotifier::status(std::string_view text) const { return send("STATUS=" + one_line(text)); }
Status ServiceNotifier::watchdog() const { return send("WATCHDOG=1"); }

Status ServiceNotifier::send(const std::string& message) const {
  if (socket_.empty()) return {};
  const std::string where = "notify " + socket_;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((socket_[0] != '/' && socket_[0] != '@') || socket_.size() >= sizeof(address.sun_path)) {
    return Error(ErrorCode::invalid_argument, where + ": wanted an absolute path or @name of at most 107 bytes");
  }
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size() + (socket_[0] == '@' ? 0 : 1));
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, where);
  const ssize_t sent =
      ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address), length);
  if (sent < 0) return Error::from_errno(errno, where);
  return {};
}

}  // namespace nezu
