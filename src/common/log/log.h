// Logging: one line a message, as key=value text or JSON, to standard error. The logger is handed in by constructor; there is no global one.
//
//   logger.info("session opened", {{"probe", name}, {"epoch", epoch}});
//   → 2026-11-24T07:10:05.250Z info  session opened probe=edge epoch=17
//   → {"time":"2026-11-24T07:10:05.250Z","level":"info","text":"session opened","probe":"edge","epoch":17}
//
// The text is a constant; what varies goes into fields. Under journald (JOURNAL_STREAM is set) a text line begins with the priority "<6>"
// instead of time and level. Values are escaped, so that a stranger's bytes can't forge a line or steer a terminal.
//
// The same text at the same level more than `burst` times within `burst_period` is suppressed; the next one that is written says how many
// were left out (suppressed=N), and so does a line of its own where none comes before the logger ends.
//
// Threads: every call from any thread. spdlog is used in log.cc only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };
const char* to_string(Level level);  // "debug", "info", "warning", "error"
Result<Level> parse_level(std::string_view text);
Result<Format> parse_format(std::string_view text);

// A field's value: a string, a number, a truth, or a duration (written as "250ms").
class Value {
 public:
  Value(std::string_view v) : value_(v) {}                      // NOLINT: implicit on purpose, as are all below
  Value(const std::string& v) : value_(std::string_view(v)) {}  // NOLINT
  Value(const char* v) : value_(std::string_view(v)) {}         // NOLINT
  Value(bool v) : value_(v) {}                                  // NOLINT
  Value(double v) : value_(v) {}                                // NOLINT
  template <class Rep, class Period>
  Value(std::chrono::duration<Rep, Period> v) : value_(std::chrono::duration_cast<Nanos>(v)) {}  // NOLINT
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  Value(T v) : value_(wide(v)) {}  // NOLINT

  using Variant = std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double, Nanos>;
  const Variant& get() const { return value_; }

 private:
  template <class T>
  static Variant wide(T v) {
    if constexpr (std::is_signed_v<T>)
      return static_cast<std::int64_t>(v);
    else
      return static_cast<std::uint64_t>(v);
  }
  Variant value_;
};

// Views: they live during the call.
struct Field {
  std::string_view key;
  Value value;
};
using Fields = std::initializer_list<Field>;

class Logger {
 public:
  virtual ~Logger() = default;

  void debug(std::string_view text, Fields fields = {}) { log(Level::debug, text, fields); }
  void info(std::string_view text, Fields fields = {}) { log(Level::info, text, fields); }
  void warning(std::string_view text, Fields fields = {}) { log(Level::warning, text, fields); }
  void error(std::string_view text, Fields fields = {}) { log(Level::error, text, fields); }
  // With an Error's code and message as fields "code" and "error", before the others.
  void error(std::string_view text, const Error& error, Fields fields = {}) { log_error(Level::error, text, error, fields); }
  void warning(std::string_view text, const Error& error, Fields fields = {}) { log_error(Level::warning, text, error, fields); }

  void log(Level level, std::string_view text, Fields fields = {}) {
    if (enabled(level)) write(level, text, fields.begin(), fields.size());
  }
  virtual bool enabled(Level level) const = 0;
  virtual void set_level(Level level) = 0;

 protected:
  virtual void write(Level level, std::string_view text, const Field* fields, std::size_t count) = 0;

 private:
  void log_error(Level level, std::string_view text, const Error& error, Fields fields);
};

struct Options {
  Level level = Level::info;
  Format format = Format::text;
  bool journal = false;  // under journald: see journal_from_environment()
  std::uint32_t burst = 20;
  Nanos burst_period{std::chrono::seconds(10)};
};
bool journal_from_environment();

// To standard error. `clock` must outlive the logger.
std::unique_ptr<Logger> make_logger(const Options& options, const Clock& clock);
// The same to a file descriptor's place of the caller's: each whole line, without its newline, goes to `sink` (called under a lock).
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void line(std::string_view line) = 0;
};
std::unique_ptr<Logger> make_logger(const Options& options, const Clock& clock, std::shared_ptr<Sink> sink);

}  // namespace nezu::log
