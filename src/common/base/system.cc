#include <sys/random.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "common/base/check.h"
#include "common/base/random.h"
#include "common/base/system_clock.h"

namespace nezu {
namespace {
std::int64_t read_clock(clockid_t id) {
  timespec t{};
  NEZU_CHECK(clock_gettime(id, &t) == 0);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}
}  // namespace

WallTime SystemClock::wall() const { return wall_time_ns(read_clock(CLOCK_REALTIME)); }
MonoTime SystemClock::mono() const { return mono_time_ns(read_clock(CLOCK_MONOTONIC)); }

void pause_for(Nanos span) {
  if (span > Nanos(0)) std::this_thread::sleep_for(span);
}

std::uint64_t Random::next_u64() {
  std::array<std::uint8_t, 8> bytes{};
  fill(bytes.data(), bytes.size());
  std::uint64_t value = 0;
  for (const std::uint8_t b : bytes) value = value << 8 | b;
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  NEZU_CHECK(bound > 0);
  // Values under 2^64 mod bound would come up once too often: draw again.
  const std::uint64_t unfair = (0 - bound) % bound;
  std::uint64_t value = next_u64();
  while (value < unfair) value = next_u64();
  return value % bound;
}

double Random::next_unit() { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }

std::array<std::uint8_t, 16> Random::next_id() {
  std::array<std::uint8_t, 16> id{};
  fill(id.data(), id.size());
  return id;
}

void SystemRandom::fill(std::uint8_t* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t n = getrandom(bytes, count, 0);
    if (n < 0 && errno == EINTR) continue;
    NEZU_CHECK(n > 0);
    bytes += n;
    count -= static_cast<std::size_t>(n);
  }
}

void SeededRandom::fill(std::uint8_t* bytes, std::size_t count) {
  while (count > 0) {
    // SplitMix64: a counter through a mixing function.
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    for (int i = 0; i < 8 && count > 0; ++i, --count) *bytes++ = static_cast<std::uint8_t>(z >> (8 * i));
  }
}

}  // namespace nezu
