// A network interface's state, as the kernel tells it (rtnetlink). Asking takes some tens of microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "probe/capture/frame.h"

namespace nezu::probe {

struct InterfaceInfo {
  int index = 0;
  std::string name;
  bool up = false;       // administratively
  bool running = false;  // carrier is there
  bool loopback = false;
  std::uint16_t hardware_type = 0;  // ARPHRD_*
  std::uint64_t received = 0;       // packets, since the interface was made
  std::uint64_t lost = 0;           // by the card or its driver before any program could see them: missed, FIFO and overrun errors
};

// not_found: "no interface named 'eth9'; there are lo, eth0".
Result<InterfaceInfo> query_interface(const std::string& name);
// By index: the same interface under whatever name it has now. not_found where it is gone.
Result<InterfaceInfo> query_interface(int index);

// A descriptor at which there is something to read as soon as the state of any interface has changed: a carrier gone, say. Non-blocking.
Result<UniqueFd> watch_interfaces();
// Reads it empty: what has changed is for query_interface() to tell.
void drain_interfaces(int fd);

// The link type under which a live capture of such an interface gives its frames. unsupported: names the type, and what can be read.
Result<LinkType> link_type_of(const InterfaceInfo& interface);

}  // namespace nezu::probe
