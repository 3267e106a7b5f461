#include "probe/capture/interface.h"

#include <fmt/core.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/unique_fd.h"

namespace nezu::probe {
namespace {

struct Request {
  nlmsghdr header;
  ifinfomsg info;
};

InterfaceInfo parse(const nlmsghdr& message) {
  InterfaceInfo out;
  ifinfomsg info;
  std::memcpy(&info, reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN, sizeof info);
  out.index = info.ifi_index;
  out.up = (info.ifi_flags & IFF_UP) != 0;
  out.running = (info.ifi_flags & IFF_RUNNING) != 0;
  out.loopback = (info.ifi_flags & IFF_LOOPBACK) != 0;
  out.hardware_type = info.ifi_type;
  const char* p = reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN + NLMSG_ALIGN(sizeof info);
  const char* end = reinterpret_cast<const char*>(&message) + message.nlmsg_len;
  while (end - p >= static_cast<std::ptrdiff_t>(sizeof(rtattr))) {
    rtattr attribute;
    std::memcpy(&attribute, p, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > end - p) break;
    const char* value = p + sizeof attribute;
    const std::size_t size = attribute.rta_len - sizeof attribute;
    if (attribute.rta_type == IFLA_IFNAME) out.name.assign(value, strnlen(value, size));
    if (attribute.rta_type == IFLA_STATS64) {
      rtnl_link_stats64 stats{};
      std::memcpy(&stats, value, std::min(size, sizeof stats));
      out.received = stats.rx_packets;
      out.lost = stats.rx_missed_errors + stats.rx_fifo_errors + stats.rx_over_errors;
    }
    p += RTA_ALIGN(attribute.rta_len);
  }
  return out;
}

Result<InterfaceInfo> query(int index, const std::string& what) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return Error::from_errno(errno, "rtnetlink socket");
  Request request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifinfomsg));
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.info.ifi_index = index;
  if (::send(fd.get(), &request, sizeof request, 0) < 0) return Error::from_errno(errno, "rtnetlink request");
  alignas(nlmsghdr) std::array<char, 32 * 1024> answer;
  const ssize_t n = ::recv(fd.get(), answer.data(), answer.size(), 0);
  if (n < static_cast<ssize_t>(sizeof(nlmsghdr))) return Error::from_errno(n < 0 ? errno : EIO, "rtnetlink answer");
  const auto& message = *reinterpret_cast<const nlmsghdr*>(answer.data());
  if (message.nlmsg_type == NLMSG_ERROR) {
    nlmsgerr error;
    std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
    if (error.error == -ENODEV) return Error(ErrorCode::not_found, what + " is gone");
    return Error::from_errno(-error.error, what);
  }
  if (message.nlmsg_type != RTM_NEWLINK || message.nlmsg_len > static_cast<std::size_t>(n)) {
    return Error(ErrorCode::io, what + ": unexpected answer of rtnetlink");
  }
  return parse(message);
}

std::string existing_interfaces() {
  std::string names;
  struct if_nameindex* list = ::if_nameindex();
  if (list == nullptr) return names;
  for (struct if_nameindex* i = list; i->if_index != 0; ++i) {
    if (!names.empty()) names += ", ";
    names += i->if_name;
  }
  ::if_freenameindex(list);
  return names;
}

}  // namespace

Result<InterfaceInfo> query_interface(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return Error(ErrorCode::not_found, fmt::format("no interface named '{}'; there are {}", name, existing_interfaces()));
  return query(static_cast<int>(index), "interface " + name);
}

Result<InterfaceInfo> query_interface(int index) { return query(index, fmt::format("interface number {}", index)); }

Result<UniqueFd> watch_interfaces() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return Error::from_errno(errno, "rtnetlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error::from_errno(errno, "rtnetlink group");
  return fd;
}

void drain_interfaces(int fd) {
  std::array<char, 16 * 1024> message;
  // ENOBUFS: there were more than the socket could hold, and reading on is right.
  while (::recv(fd, message.data(), message.size(), 0) >= 0 || errno == ENOBUFS || errno == EINTR) {}
}

Result<LinkType> link_type_of(const InterfaceInfo& interface) {
  switch (interface.hardware_type) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK: return LinkType::ethernet;
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE: return LinkType::raw;
    default:
      return Error(ErrorCode::unsupported, fmt::format("interface {} is of hardware type {}; wanted Ethernet, loopback, or an IP tunnel",
                                                       interface.name, interface.hardware_type));
  }
}

}  // namespace nezu::probe
