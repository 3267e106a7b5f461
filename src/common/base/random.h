// Random: the source of randomness, handed in by constructor. SystemRandom asks the kernel; SeededRandom repeats itself with its seed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nezu {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::uint8_t* bytes, std::size_t count) = 0;

  std::uint64_t next_u64();
  // Evenly spread in [0, bound). REQUIRES: bound > 0
  std::uint64_t below(std::uint64_t bound);
  // In [0, 1).
  double next_unit();
  // 128 bits: an instance's id, a key.
  std::array<std::uint8_t, 16> next_id();
};

// getrandom(2). Where the kernel gives none the process ends: there is nothing sensible to go on with.
class SystemRandom final : public Random {
 public:
  void fill(std::uint8_t* bytes, std::size_t count) override;
};

// For tests and simulations: the same seed gives the same bytes on every machine. Not for keys.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::uint8_t* bytes, std::size_t count) override;

 private:
  std::uint64_t state_;
};

}  // namespace nezu
