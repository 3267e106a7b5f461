// How a message becomes a line. Pure; used by log.cc and memory_logger.cc.
#pragma once

#include <cstddef>
#include <string>

#include "common/log/log.h"

namespace nezu::log {

struct LineOf {
  Level level;
  WallTime time;
  std::string_view text;
  const Field* fields;
  std::size_t count;
  std::uint64_t suppressed;  // 0: not said
};

enum class LineStart {
  time,      // "2026-11-24T07:10:05.250Z info  "
  priority,  // "<6>", as journald reads it
  level,     // "info  "
};

void append_text_line(std::string& out, const LineOf& line, LineStart start);
void append_json_line(std::string& out, const LineOf& line);

}  // namespace nezu::log
