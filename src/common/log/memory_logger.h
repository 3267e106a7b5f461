// MemoryLogger: keeps what was logged, for tests. NullLogger: keeps nothing.
#pragma once

#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/log/log.h"

namespace nezu::log {

class MemoryLogger final : public Logger {
 public:
  // Text form without time: "info  session opened probe=edge".
  std::vector<std::string> lines() const;
  // Whether a line holds this text.
  bool contains(std::string_view text) const;
  void clear();

  bool enabled(Level) const override { return true; }
  void set_level(Level) override {}

 protected:
  void write(Level level, std::string_view text, const Field* fields, std::size_t count) override;

 private:
  mutable Mutex mutex_;
  std::vector<std::string> lines_ NEZU_GUARDED_BY(mutex_);
};

class NullLogger final : public Logger {
 public:
  bool enabled(Level) const override { return false; }
  void set_level(Level) override {}

 protected:
  void write(Level, std::string_view, const Field*, std::size_t) override {}
};

}  // namespace nezu::log
