#include <fmt/core.h>

#include "probe/capture/frame.h"

namespace nezu::probe {
namespace {
const char* known_name(std::uint32_t link_type) {
  switch (static_cast<LinkType>(link_type)) {
    case LinkType::null: return "BSD loopback";
    case LinkType::ethernet: return "Ethernet";
    case LinkType::raw_bsd:
    case LinkType::raw_openbsd:
    case LinkType::raw: return "raw IP";
    case LinkType::loop: return "OpenBSD loopback";
    case LinkType::linux_sll: return "Linux cooked";
    case LinkType::ipv4: return "raw IPv4";
    case LinkType::ipv6: return "raw IPv6";
    case LinkType::linux_sll2: return "Linux cooked v2";
  }
  return nullptr;
}
}  // namespace

bool is_readable(std::uint32_t link_type) { return link_type <= UINT16_MAX && known_name(link_type) != nullptr; }

std::string link_name(std::uint32_t link_type) {
  return is_readable(link_type) ? known_name(link_type) : fmt::format("link type {}", link_type);
}

}  // namespace nezu::probe
