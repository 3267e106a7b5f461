#include "common/log/line.h"

#include <fmt/core.h>

#include <cmath>

#include "common/base/text.h"
#include "common/base/utf8.h"
#include "common/log/memory_logger.h"

namespace nezu::log {
namespace {

// Milliseconds are enough for people, and keep the columns straight.
std::string time_of(WallTime time) {
  const WallTime ms = floor_to(time, Millis(1));
  std::string text = format_rfc3339(to_ns(floor_to(time, Seconds(1))));
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, (ms - floor_to(time, Seconds(1))) / Millis(1));
}

int priority_of(Level level) {
  switch (level) {
    case Level::debug: return 7;
    case Level::info: return 6;
    case Level::warning: return 4;
    case Level::error: return 3;
  }
  return 6;
}

// Escapes for both forms: JSON's, with every control character, also those above ASCII (C1), as \u00XX.
void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      append_utf8(out, c == kInvalidCodePoint ? 0xfffd : c);
    }
  }
}

// Whether a value can stand in key=value without quotes.
bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || (c >= 0x7f && c < 0xa1) || c == 0x2028 || c == 0x2029 || c == 0x3000 ||
        c == kInvalidCodePoint) {
      return false;
    }
  }
  return true;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

struct ValueWriter {
  std::string& out;
  bool json;
  void operator()(std::string_view v) const {
    if (json || !is_plain(v))
      append_quoted(out, v);
    else
      out += v;
  }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(std::int64_t v) const { out += fmt::format("{}", v); }
  void operator()(std::uint64_t v) const { out += fmt::format("{}", v); }
  void operator()(double v) const {
    if (json && !std::isfinite(v))
      out += "null";
    else
      out += fmt::format("{}", v);
  }
  void operator()(Nanos v) const {
    if (json)
      append_quoted(out, format_duration(v));
    else
      out += format_duration(v);
  }
};

}  // namespace

const char* to_string(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "unknown";
}

Result<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
    if (text == to_string(level)) return level;
  }
  return Error(ErrorCode::invalid_argument, fmt::format("'{}': wanted debug, info, warning or error", text));
}

Result<Format> parse_format(std::string_view text) {
  if (text == "text") return Format::text;
  if (text == "json") return Format::json;
  return Error(ErrorCode::invalid_argument, fmt::format("'{}': wanted text or json", text));
}

void append_text_line(std::string& out, const LineOf& line, LineStart start) {
  if (start == LineStart::priority) {
    out += fmt::format("<{}>", priority_of(line.level));
  } else {
    if (start == LineStart::time) out += time_of(line.time) + ' ';
    out += fmt::format("{:<7} ", to_string(line.level));
  }
  append_escaped(out, line.text);
  for (std::size_t i = 0; i < line.count; ++i) {
    out += ' ';
    append_escaped(out, line.fields[i].key);
    out += '=';
    std::visit(ValueWriter{out, false}, line.fields[i].value.get());
  }
  if (line.suppressed > 0) out += fmt::format(" suppressed={}", line.suppressed);
}

void append_json_line(std::string& out, const LineOf& line) {
  out += fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"text\":", time_of(line.time), to_string(line.level));
  append_quoted(out, line.text);
  for (std::size_t i = 0; i < line.count; ++i) {
    out += ',';
    append_quoted(out, line.fields[i].key);
    out += ':';
    std::visit(ValueWriter{out, true}, line.fields[i].value.get());
  }
  if (line.suppressed > 0) out += fmt::format(",\"suppressed\":{}", line.suppressed);
  out += '}';
}

void MemoryLogger::write(Level level, std::string_view text, const Field* fields, std::size_t count) {
  std::string line;
  append_text_line(line, LineOf{level, WallTime{}, text, fields, count, 0}, LineStart::level);
  MutexLock lock(mutex_);
  lines_.push_back(std::move(line));
}

std::vector<std::string> MemoryLogger::lines() const {
  MutexLock lock(mutex_);
  return lines_;
}

bool MemoryLogger::contains(std::string_view text) const {
  MutexLock lock(mutex_);
  for (const std::string& line : lines_) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

void MemoryLogger::clear() {
  MutexLock lock(mutex_);
  lines_.clear();
}

}  // namespace nezu::log
