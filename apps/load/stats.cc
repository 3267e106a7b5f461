#include "load/stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

namespace nezu::load {

std::size_t Times::index(std::uint64_t ns) {
  if (ns < (1u << kStepBits)) return static_cast<std::size_t>(ns);
  const unsigned top = static_cast<unsigned>(std::bit_width(ns)) - 1;
  const std::uint64_t step = (ns >> (top - kStepBits)) & ((1u << kStepBits) - 1);
  return std::min(kSize - 1, static_cast<std::size_t>(((top - kStepBits + 1) << kStepBits) + step));
}

std::uint64_t Times::upper(std::size_t index) {
  if (index < (1u << kStepBits)) return index;
  const auto power = static_cast<unsigned>(index >> kStepBits) - 1;
  const std::uint64_t step = (index & ((1u << kStepBits) - 1)) + (1u << kStepBits);
  return ((step + 1) << power) - 1;
}

void Times::add(Nanos time) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()));
  ++counts_[index(ns)];
  ++count_;
  sum_ += time;
  max_ = std::max(max_, time);
}

void Times::merge(const Times& other) {
  for (std::size_t i = 0; i < kSize; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

Nanos Times::quantile(double q) const {
  if (count_ == 0) return Nanos::zero();
  // The rank by which the product's histograms go.
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(max_, Nanos(static_cast<std::int64_t>(upper(i))));
  }
  return max_;
}

void Stats::merge(const Stats& other) {
  sent += other.sent;
  answered += other.answered;
  timed_out += other.timed_out;
  reset += other.reset;
  closed += other.closed;
  malformed += other.malformed;
  abandoned += other.abandoned;
  connect_failures += other.connect_failures;
  connections += other.connections;
  skipped += other.skipped;
  response_bytes += other.response_bytes;
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  by_request.resize(std::max(by_request.size(), other.by_request.size()));
  for (std::size_t i = 0; i < other.by_request.size(); ++i) {
    by_request[i].sent += other.by_request[i].sent;
    by_request[i].service.merge(other.by_request[i].service);
  }
  service.merge(other.service);
  schedule.merge(other.schedule);
  elapsed = std::max(elapsed, other.elapsed);
}

namespace {

double seconds(Nanos d) { return to_seconds(d); }

double average(const Times& times) { return times.count() == 0 ? 0 : seconds(times.sum()) / static_cast<double>(times.count()); }

double rate(const Stats& stats) {
  const double time = seconds(stats.elapsed);
  return time > 0 ? static_cast<double>(stats.answered) / time : 0;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_times(const Times& t) {
  return fmt::format(R"({{"count":{},"average":{:.9f},"p50":{:.9f},"p90":{:.9f},"p95":{:.9f},"p99":{:.9f},"max":{:.9f}}})", t.count(),
                     average(t), seconds(t.quantile(0.5)), seconds(t.quantile(0.9)), seconds(t.quantile(0.95)), seconds(t.quantile(0.99)),
                     seconds(t.max()));
}

std::string text_times(std::string_view what, const Times& t) {
  const auto ms = [](double s) { return s * 1e3; };
  return fmt::format("{:<15} average {:.3f} ms, p50 {:.3f}, p95 {:.3f}, p99 {:.3f}, max {:.3f}\n", what, ms(average(t)),
                     ms(seconds(t.quantile(0.5))), ms(seconds(t.quantile(0.95))), ms(seconds(t.quantile(0.99))), ms(seconds(t.max())));
}

}  // namespace

std::string to_text(const Stats& s, const Options& options) {
  std::string out;
  out += fmt::format("{} requests sent in {:.2f} s, {} answered ({:.1f}/s) over {} connections\n", s.sent, seconds(s.elapsed), s.answered,
                     rate(s), s.connections);
  out += fmt::format(
      "not answered    {} timed out, {} reset, {} closed, {} malformed, {} abandoned; {} not sent (all connections busy), {} "
      "connections failed\n",
      s.timed_out, s.reset, s.closed, s.malformed, s.abandoned, s.skipped, s.connect_failures);
  out += "statuses       ";
  for (const auto& [status, count] : s.statuses) out += fmt::format(" {}: {}", status, count);
  out += '\n';
  for (std::size_t i = 0; i < options.mix.size(); ++i) {
    out += fmt::format("{:<15} {} {}: {}\n", i == 0 ? "requests" : "", options.mix[i].method, options.mix[i].path,
                       i < s.by_request.size() ? s.by_request[i].sent : 0);
  }
  out += text_times("response time", s.service);
  if (options.rate > 0) out += text_times("since due", s.schedule);
  return out;
}

std::string to_json(const Stats& s, const Options& options) {
  std::string out;
  out += fmt::format(R"({{"sent":{},"answered":{},"timed_out":{},"reset":{},"closed":{},"malformed":{},"abandoned":{},)", s.sent,
                     s.answered, s.timed_out, s.reset, s.closed, s.malformed, s.abandoned);
  out += fmt::format(R"("skipped":{},"connections":{},"connect_failures":{},"response_bytes":{},"elapsed":{:.6f},"rate":{:.3f},)",
                     s.skipped, s.connections, s.connect_failures, s.response_bytes, seconds(s.elapsed), rate(s));
  out += "\"statuses\":{";
  const char* comma = "";
  for (const auto& [status, count] : s.statuses) {
    out += fmt::format("{}\"{}\":{}", comma, status, count);
    comma = ",";
  }
  out += "},\"requests\":[";
  for (std::size_t i = 0; i < options.mix.size(); ++i) {
    const OfRequest of = i < s.by_request.size() ? s.by_request[i] : OfRequest{};
    out += fmt::format(R"({}{{"method":{},"path":{},"sent":{},"response_time":{}}})", i == 0 ? "" : ",", quoted(options.mix[i].method),
                       quoted(options.mix[i].path), of.sent, json_times(of.service));
  }
  out += fmt::format(R"(],"response_time":{},"since_due":{}}})", json_times(s.service), json_times(s.schedule));
  return out + "\n";
}

}  // namespace nezu::load
