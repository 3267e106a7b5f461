// Dice: everything random in a generated capture comes from one seed, so that the same seed gives the same file on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

namespace nezu::bench {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  std::uint64_t between(std::uint64_t a, std::uint64_t b) { return a + below(b - a + 1); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double p) { return unit() < p; }
  // Median and spread of a lognormal; of 1.4 the 95th percentile is ten times the median.
  double lognormal(double median, double sigma) {
    const double normal = std::sqrt(-2 * std::log(1 - unit())) * std::cos(2 * 3.14159265358979323846 * unit());
    return median * std::exp(sigma * normal);
  }
  std::string hex(std::size_t n) {
    std::string s(n, '0');
    for (char& c : s) c = "0123456789abcdef"[next() & 15];
    return s;
  }

 private:
  std::uint64_t state_;
};

}  // namespace nezu::bench
