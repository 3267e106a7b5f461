#include "common/log/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>

#include "common/base/mutex.h"
#include "common/log/line.h"

namespace nezu::log {
namespace {

// A line of ours goes to the caller's sink.
class SinkAdapter final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit SinkAdapter(std::shared_ptr<Sink> target) : target_(std::move(target)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    target_->line(std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

 private:
  std::shared_ptr<Sink> target_;
};

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

class SpdLogger final : public Logger {
 public:
  SpdLogger(const Options& options, const Clock& clock, spdlog::sink_ptr sink)
      : options_(options), clock_(clock), level_(options.level), spdlog_("nezuban", std::move(sink)) {
    // Levels are ours to filter; the line is whole when spdlog gets it.
    spdlog_.set_level(spdlog::level::trace);
    spdlog_.flush_on(spdlog::level::trace);
    spdlog_.set_pattern("%v");
  }
  ~SpdLogger() override {
    for (const auto& [key, seen] : seen_) {
      if (seen.suppressed > 0) emit(key.first, key.second, nullptr, 0, seen.suppressed);
    }
  }

  bool enabled(Level level) const override { return level >= level_.load(std::memory_order_relaxed); }
  void set_level(Level level) override { level_.store(level, std::memory_order_relaxed); }

 protected:
  void write(Level level, std::string_view text, const Field* fields, std::size_t count) override {
    std::uint64_t left_out = 0;
    if (!admit(level, text, left_out)) return;
    emit(level, text, fields, count, left_out);
  }

 private:
  struct Seen {
    MonoTime period_begin{};
    std::uint32_t in_period = 0;
    std::uint64_t suppressed = 0;
  };
  static constexpr std::size_t kMaxTexts = 1000;  // texts are constants; a program has fewer

  bool admit(Level level, std::string_view text, std::uint64_t& left_out) NEZU_EXCLUDES(mutex_) {
    const MonoTime now = clock_.mono();
    MutexLock lock(mutex_);
    const auto key = std::pair(level, std::string(text));
    auto it = seen_.find(key);
    if (it == seen_.end()) {
      if (seen_.size() >= kMaxTexts) return true;
      it = seen_.emplace(key, Seen{now, 0, 0}).first;
    }
    Seen& seen = it->second;
    if (now - seen.period_begin >= options_.burst_period) {
      seen.period_begin = now;
      seen.in_period = 0;
    }
    if (seen.in_period >= options_.burst) {
      ++seen.suppressed;
      return false;
    }
    ++seen.in_period;
    left_out = std::exchange(seen.suppressed, 0);
    return true;
  }

  void emit(Level level, std::string_view text, const Field* fields, std::size_t count, std::uint64_t left_out) {
    std::string line;
    const LineOf what{level, clock_.wall(), text, fields, count, left_out};
    if (options_.format == Format::json) {
      append_json_line(line, what);
    } else {
      append_text_line(line, what, options_.journal ? LineStart::priority : LineStart::time);
    }
    spdlog_.log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
  }

  const Options options_;
  const Clock& clock_;
  std::atomic<Level> level_;
  spdlog::logger spdlog_;
  Mutex mutex_;
  std::map<std::pair<Level, std::string>, Seen> seen_ NEZU_GUARDED_BY(mutex_);
};

}  // namespace

void Logger::log_error(Level level, std::string_view text, const Error& error, Fields fields) {
  if (!enabled(level)) return;
  std::vector<Field> all;
  all.reserve(fields.size() + 2);
  all.push_back({"code", to_string(error.code())});
  all.push_back({"error", error.message()});
  all.insert(all.end(), fields.begin(), fields.end());
  write(level, text, all.data(), all.size());
}

bool journal_from_environment() { return std::getenv("JOURNAL_STREAM") != nullptr; }

std::unique_ptr<Logger> make_logger(const Options& options, const Clock& clock) {
  return std::make_unique<SpdLogger>(options, clock, std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

std::unique_ptr<Logger> make_logger(const Options& options, const Clock& clock, std::shared_ptr<Sink> sink) {
  return std::make_unique<SpdLogger>(options, clock, std::make_shared<SinkAdapter>(std::move(sink)));
}

}  // namespace nezu::log
