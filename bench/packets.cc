#include "packets.h"

#include <cstdio>

namespace nezu::bench {
namespace {

void put16(std::string& s, std::uint32_t v) {
  s += static_cast<char>(v >> 8);
  s += static_cast<char>(v);
}
void put32(std::string& s, std::uint32_t v) {
  put16(s, v >> 16);
  put16(s, v & 0xffff);
}
std::uint32_t sum(std::string_view s, std::uint32_t start = 0) {
  std::uint64_t total = start;
  std::size_t i = 0;
  for (; i + 1 < s.size(); i += 2)
    total += static_cast<std::uint32_t>(static_cast<std::uint8_t>(s[i]) << 8 | static_cast<std::uint8_t>(s[i + 1]));
  if (i < s.size()) total += static_cast<std::uint32_t>(static_cast<std::uint8_t>(s[i]) << 8);
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return static_cast<std::uint32_t>(total);
}
void set16(std::string& s, std::size_t at, std::uint32_t v) {
  s[at] = static_cast<char>(v >> 8);
  s[at + 1] = static_cast<char>(v);
}
std::string_view raw(const Address& a) { return {reinterpret_cast<const char*>(a.bytes.data()), a.v6 ? std::size_t{16} : std::size_t{4}}; }

}  // namespace

Address v4(std::uint32_t host_order, std::uint16_t port) {
  Address a;
  for (std::size_t i = 0; i < 4; ++i) a.bytes[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  a.port = port;
  return a;
}

Address v6(std::uint64_t low, std::uint16_t port) {
  Address a;
  a.v6 = true;
  a.bytes = {0x20, 0x01, 0x0d, 0xb8};
  for (std::size_t i = 0; i < 8; ++i) a.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  a.port = port;
  return a;
}

std::string text(const Address& a) {
  char out[64];
  if (!a.v6) {
    std::snprintf(out, sizeof out, "%u.%u.%u.%u:%u", a.bytes[0], a.bytes[1], a.bytes[2], a.bytes[3], a.port);
  } else {  // low below 2^16: one group
    std::snprintf(out, sizeof out, "[2001:db8::%x]:%u", a.bytes[14] << 8 | a.bytes[15], a.port);
  }
  return out;
}

std::string tcp_frame(const Address& from, const Address& to, std::uint32_t seq, std::uint32_t ack, std::uint8_t flags,
                      std::string_view payload) {
  static const std::string kSynOptions("\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x07", 12);
  const std::string_view options = (flags & kSyn) != 0 ? std::string_view(kSynOptions) : std::string_view();
  const auto tcp_length = static_cast<std::uint32_t>(20 + options.size() + payload.size());
  std::string frame("\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
  frame.reserve(14 + 40 + tcp_length + 8);
  put16(frame, from.v6 ? 0x86dd : 0x0800);
  if (from.v6) {
    put32(frame, 0x60000000);
    put16(frame, tcp_length);
    frame += std::string("\x06\x40", 2);
  } else {
    const std::size_t ip = frame.size();
    put32(frame, 0x45000000 | (20 + tcp_length));
    put32(frame, 0x00004000);
    put32(frame, 0x40060000);
    set16(frame, ip + 10, ~sum(raw(to), sum(raw(from), sum(std::string_view(frame).substr(ip, 12)))) & 0xffff);
  }
  frame += raw(from);
  frame += raw(to);
  const std::size_t tcp = frame.size();
  put16(frame, from.port);
  put16(frame, to.port);
  put32(frame, seq);
  put32(frame, ack);
  put16(frame, static_cast<std::uint32_t>((20 + options.size()) / 4 << 12 | flags));
  put16(frame, 0xfaf0);
  put32(frame, 0);
  frame += options;
  frame += payload;
  set16(frame, tcp + 16, ~sum(std::string_view(frame).substr(tcp), sum(raw(to), sum(raw(from), 6 + tcp_length))) & 0xffff);
  if (frame.size() < 60) frame.resize(60);  // as a card pads it
  return frame;
}

}  // namespace nezu::bench
