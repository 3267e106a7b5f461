// Habits: which servers acknowledge a request in a segment of its own before they answer it. Learned from all of a server's connections;
// where a server does, an acknowledgement that was not seen tells that the capture lacks something.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nezu::probe::http1 {

class Habits {
 public:
  // A request of the server with this address was answered; `alone`: it had been acknowledged before.
  void answered(std::uint64_t address, bool alone) {
    Habit& h = all_[place(address)];
    if (h.answered >= kEnough) {
      h.answered /= 2;
      h.alone /= 2;
    }
    ++h.answered;
    if (alone) ++h.alone;
  }
  // Does it do so nearly always? Seven times of eight, as the capture may lack acknowledgements too.
  bool acknowledges(std::uint64_t address) const {
    const Habit& h = all_[place(address)];
    return h.answered >= kFew && h.alone * 8u >= h.answered * 7u;
  }

 private:
  static constexpr std::uint16_t kFew = 8, kEnough = 4096;
  struct Habit {
    std::uint16_t answered = 0;
    std::uint16_t alone = 0;
  };
  // Servers that share a place share their habits: then it tells less, and is used less.
  static std::size_t place(std::uint64_t address) { return (address * 0x9E3779B97F4A7C15u) >> 56; }

  std::array<Habit, 256> all_{};
};

}  // namespace nezu::probe::http1
