// ServiceNotifier: tells systemd what the program does (sd_notify(3)'s protocol: one datagram to $NOTIFY_SOCKET), without libsystemd.
// Started without systemd, every call does nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"

namespace nezu {

class ServiceNotifier {
 public:
  // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  static ServiceNotifier from_environment();
  // `socket`: a path, or "@name" in the abstract namespace; empty: nobody listens. `watchdog`: zero means none.
  ServiceNotifier(std::string socket, Nanos watchdog);

  bool enabled() const { return !socket_.empty(); }
  // How long systemd waits for a sign of life; call watchdog() at least twice as often. Zero: it doesn't wait.
  Nanos watchdog_interval() const { return watchdog_; }

  Status ready(std::string_view status = {}) const;
  Status reloading(MonoTime now) const;  // ready() ends it
  Status stopping() const;
  Status status(std::string_view text) const;  // shown by systemctl status; newlines become spaces
  Status watchdog() const;

 private:
  Status send(const std::string& message) const;
  std::string socket_;
  Nanos watchdog_;
};

}  // namespace nezu
