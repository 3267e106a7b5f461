#include "junk.h"

#include "packets.h"

namespace nezu::bench {
namespace {

std::string noise(Dice& dice, std::size_t n) {
  std::string s(n, '\0');
  for (char& c : s) c = static_cast<char>(dice.next());
  return s;
}
Address stranger(Dice& dice) { return v4(static_cast<std::uint32_t>(dice.next()), static_cast<std::uint16_t>(dice.between(1024, 65535))); }
Address server(Dice& dice, std::uint16_t port) { return v4(0xc0a80a0au + static_cast<std::uint32_t>(dice.below(20)), port); }
std::uint32_t number(Dice& dice) { return static_cast<std::uint32_t>(dice.next()); }

std::string data(Dice& dice, std::uint16_t port, std::string_view payload) {
  return tcp_frame(stranger(dice), server(dice, port), number(dice), number(dice), kAck | kPush, payload);
}

}  // namespace

std::string junk_frame(Dice& dice) {
  const double kind = dice.unit();
  if (kind < 0.60) return tcp_frame(stranger(dice), server(dice, 80), number(dice), 0, kSyn, {});
  if (kind < 0.72) {  // UDP: a TCP frame with the other protocol's number
    std::string f = data(dice, 53, noise(dice, dice.between(20, 1'200)));
    f[23] = 17;
    return f;
  }
  if (kind < 0.82) return data(dice, 80, noise(dice, dice.between(1, 1'460)));
  if (kind < 0.87) {  // the beginning of a message, and then nothing
    return data(dice, 80,
                dice.chance(0.5) ? "GET /" + dice.hex(dice.between(1, 300)) : "HTTP/1.1 200 OK\r\nX: " + dice.hex(dice.between(1, 300)));
  }
  if (kind < 0.92) {  // lengths that can't be
    std::string f = data(dice, 80, noise(dice, dice.between(1, 200)));
    switch (dice.below(4)) {
      case 0: f[14] = 0x42; break;                     // IP header of 8 bytes
      case 1: f[16] = static_cast<char>(0xff); break;  // longer than the frame
      case 2: f[46] = 0x10; break;                     // TCP header of 4 bytes
      default: f.resize(14 + dice.below(40)); break;   // cut
    }
    return f;
  }
  if (kind < 0.97) return data(dice, 443, std::string("\x17\x03\x03", 3) + noise(dice, dice.between(100, 1'400)));
  std::string f = data(dice, 80, noise(dice, 60));
  static constexpr std::uint16_t kTypes[] = {0x0806, 0x88cc, 0x8847, 0x9999};
  const std::uint16_t type = kTypes[dice.below(4)];
  f[12] = static_cast<char>(type >> 8);
  f[13] = static_cast<char>(type);
  return f;
}

}  // namespace nezu::bench
