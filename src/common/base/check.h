// NEZU_CHECK: for bugs only. Prints the place and the condition, then aborts. The world's faults are Errors or counters instead.
// It stays on in release builds: a wrong figure is worse than a restart.
#pragma once

namespace nezu {
[[noreturn]] void check_failed(const char* file, int line, const char* condition);
}  // namespace nezu

#define NEZU_CHECK(condition) \
  (__builtin_expect(static_cast<bool>(condition), 1) ? static_cast<void>(0) : ::nezu::check_failed(__FILE__, __LINE__, #condition))
