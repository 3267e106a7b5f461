#include "probe/report/summary_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/base/utf8.h"
#include "probe/report/transaction_lines.h"

namespace nezu::probe::report {
namespace {

constexpr int kColumns = 9;  // beside the host's
constexpr std::array<const char*, kColumns> kTitles = {"transactions", "rate/s", "errors", "average", "p50", "p95", "p99", "max", "bytes"};
using Row = std::array<std::string, kColumns>;

// A host name is what a stranger sent: no control characters on a terminal, and valid UTF-8.
std::string safe(std::string_view text) {
  std::string out = to_utf8(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  // Also the C1 controls, which some terminals obey.
  for (std::size_t at = 0; (at = out.find('\xc2', at)) != std::string::npos; ++at) {
    if (at + 1 < out.size() && static_cast<unsigned char>(out[at + 1]) < 0xa0) out.replace(at, 2, "?");
  }
  return out.empty() ? "(no host)" : out;
}

std::string rate_text(std::uint64_t n, double seconds) {
  if (seconds <= 0) return "-";
  const double rate = static_cast<double>(n) / seconds;
  return rate >= 100 ? human_count(static_cast<std::uint64_t>(rate + 0.5)) : fmt::format("{:.{}f}", rate, rate < 10 ? 2 : 1);
}

std::string errors_text(const HostFigures& f) {
  if (f.errors == 0 || f.transactions == 0) return "0";
  const double percent = 100.0 * static_cast<double>(f.errors) / static_cast<double>(f.transactions);
  return fmt::format("{} ({:.{}f} %)", human_count(f.errors), percent, percent < 10 ? 2 : 1);
}

Row row_of(const HostFigures& f, double seconds) {
  const auto time = [&](Nanos d) { return f.timed == 0 ? std::string("-") : human_time(d); };
  // A percentile is read from the middle of a bucket; the maximum is exact, and nothing lies above it.
  const auto quantile = [&](double q) { return time(std::min(f.response_time.quantile(q), f.response_time_max)); };
  return {human_count(f.transactions),
          rate_text(f.transactions, seconds),
          errors_text(f),
          time(f.average()),
          quantile(0.5),
          quantile(0.95),
          quantile(0.99),
          time(f.response_time_max),
          human_bytes(f.request_bytes + f.response_bytes)};
}

struct Line {
  std::string host;
  Row cells;
};

std::string render(const std::vector<Line>& lines, int columns) {
  std::array<int, kColumns> widths{};
  int host_width = 4, fixed = 0;
  for (const Line& line : lines) host_width = std::max(host_width, display_width(line.host));
  for (std::size_t c = 0; c < kColumns; ++c) {
    for (const Line& line : lines) widths[c] = std::max(widths[c], display_width(line.cells[c]));
    fixed += widths[c] + 2;
  }
  host_width = std::min(host_width, std::clamp(columns - fixed, 16, 48));
  std::string out;
  for (const Line& line : lines) {
    out += fit_to_width(line.host, host_width);
    for (std::size_t c = 0; c < kColumns; ++c) out += "  " + fit_to_width(line.cells[c], widths[c], true);
    out += '\n';
  }
  return out;
}

void tell(std::string& out, std::uint64_t n, std::string_view what) {
  if (n > 0) out += fmt::format("  {:>12}  {}\n", human_count(n), what);
}

template <class Fates>
std::uint64_t at(const Fates& fates, auto fate) {
  return fates[static_cast<std::size_t>(fate)];
}

std::string losses_text(const Losses& losses) {
  using window::FrameFate;
  using window::RequestFate;
  using window::SegmentFate;
  const window::Counters& c = losses.counters;
  std::string out;
  tell(out, c.kernel_drops, "frames lost by the capture: its buffer was full");
  tell(out, c.interface_drops, "frames lost by the network card or its driver");
  tell(out, at(c.frame_fate, FrameFate::snapped), "frames cut by the snap length: bodies are counted, heads may be missing");
  tell(out, at(c.frame_fate, FrameFate::truncated), "frames cut inside their headers");
  tell(out, at(c.frame_fate, FrameFate::link_unknown), "frames of a kind that isn't read");
  tell(out, at(c.frame_fate, FrameFate::fragment), "IP fragments, not reassembled");
  tell(out, at(c.frame_fate, FrameFate::bad_ip) + at(c.frame_fate, FrameFate::bad_tcp), "frames with damaged IP or TCP headers");
  tell(out, c.holes, "holes: bytes that the capture missed");
  tell(out, at(c.segment_fate, SegmentFate::no_connection),
       "segments of connections that began before the capture, with no message in them");
  tell(out, at(c.segment_fate, SegmentFate::passed_over), "segments that are no HTTP/1 (TLS, CONNECT, upgrades, other protocols)");
  tell(out, at(c.segment_fate, SegmentFate::table_full) + at(c.segment_fate, SegmentFate::buffer_full),
       "segments refused by our limits (--memory, --connections)");
  tell(out, at(c.segment_fate, SegmentFate::out_of_window), "segments with sequence numbers that can't be");
  tell(out, c.conflicts, "segments that say something else than the first copy (the first counts)");
  tell(out, at(c.request_fate, RequestFate::timing_only), "requests with bytes missing, or with a time that is a bound");
  tell(out, at(c.request_fate, RequestFate::hole), "requests whose response, or beginning, the capture missed");
  tell(out, at(c.request_fate, RequestFate::ambiguous), "requests passed over: framing that can be read in two ways");
  tell(out, at(c.request_fate, RequestFate::evicted), "requests given up by our limits (--memory, --connections)");
  tell(out, at(c.request_fate, RequestFate::capture_end), "requests still open when the capture ended");
  tell(out, c.responses_without_request, "responses whose request was not seen");
  return out.empty() ? out : "\nNot measured, or not exactly:\n" + out;
}

void json_seconds(LineBuffer& out, std::string_view key, bool known, Nanos value) {
  out.append(fmt::format("\"{}\":", key));
  out.append(known ? fmt::format("{}.{:09}", value.count() / 1'000'000'000, value.count() % 1'000'000'000) : "null");
}

void json_times(LineBuffer& out, std::string_view key, const HostFigures& f, const sketch::Histogram& times, Nanos sum, Nanos max) {
  out.append(fmt::format(",\"{}\":", key));
  if (f.timed == 0) return out.append("null");
  out.append("{");
  json_seconds(out, "average", true, sum / static_cast<std::int64_t>(f.timed));
  for (const auto& [label, q] : {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}) {
    out.append(",");
    json_seconds(out, label, true, std::min(times.quantile(q), max));
  }
  if (key == "response_time") {
    out.append(",");
    json_seconds(out, "max", true, max);
  }
  out.append("}");
}

void json_figures(LineBuffer& out, const HostFigures& f, double seconds) {
  out.append(
      fmt::format("\"transactions\":{},\"rate\":{},\"errors\":{},\"error_rate\":{},\"unmeasured\":{}", f.transactions,
                  seconds > 0 ? fmt::format("{:.6f}", static_cast<double>(f.transactions) / seconds) : "null", f.errors,
                  f.transactions > 0 ? fmt::format("{:.6f}", static_cast<double>(f.errors) / static_cast<double>(f.transactions)) : "null",
                  f.unmeasured));
  json_times(out, "response_time", f, f.response_time, f.response_time_sum, f.response_time_max);
  json_times(out, "ttfb", f, f.ttfb, f.ttfb_sum, f.response_time_max);
  out.append(fmt::format(",\"request_bytes\":{},\"response_bytes\":{}", f.request_bytes, f.response_bytes));
}

template <class Fate, class Counts>
void json_fates(LineBuffer& out, std::string_view key, const Counts& counts) {
  out.append(fmt::format(",\"{}\":{{", key));
  for (std::size_t i = 0; i < counts.size(); ++i)
    out.append(fmt::format("{}\"{}\":{}", i == 0 ? "" : ",", name(static_cast<Fate>(i)), counts[i]));
  out.append("}");
}

void json_counters(LineBuffer& out, const Losses& losses) {
  const window::Counters& c = losses.counters;
  out.append(fmt::format("\"counters\":{{\"frames\":{},\"frame_bytes\":{},\"kernel_drops\":{},\"interface_drops\":{},\"own_copies\":{}",
                         c.frames, c.frame_bytes, c.kernel_drops, c.interface_drops, losses.own_copies));
  json_fates<window::FrameFate>(out, "frame_fate", c.frame_fate);
  out.append(fmt::format(",\"segments\":{},\"bare_segments\":{}", c.segments, c.bare_segments));
  json_fates<window::SegmentFate>(out, "segment_fate", c.segment_fate);
  out.append(fmt::format(",\"requests\":{}", c.requests));
  json_fates<window::RequestFate>(out, "request_fate", c.request_fate);
  out.append(fmt::format(
      ",\"responses_without_request\":{},\"holes\":{},\"hole_bytes\":{},\"conflicts\":{},\"connections\":{},\"connections_evicted\":{}}}",
      c.responses_without_request, c.holes, c.hole_bytes, c.conflicts, c.connections, c.connections_evicted));
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

std::string human_time(Nanos d) {
  const double s = to_seconds(d);
  const auto three = [](double v, const char* unit) { return fmt::format("{:.{}f} {}", v, v < 9.995 ? 2 : v < 99.95 ? 1 : 0, unit); };
  if (d < Nanos(1000)) return fmt::format("{} ns", d.count());
  if (s < 0.9995e-3) return three(s * 1e6, "µs");
  if (s < 0.9995) return three(s * 1e3, "ms");
  if (s < 99.95) return three(s, "s");
  const auto whole = std::chrono::round<Seconds>(d).count();
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double v = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}) {
    if (v < 1023.95) break;
    v /= 1024;
    unit = next;
  }
  return fmt::format("{:.1f} {}", v, unit);
}

std::string human_count(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ' ');
  return digits;
}

std::string summary_table(const Summary& summary, const Losses& losses, const TableOptions& options) {
  const std::vector<const HostFigures*> hosts = summary.hosts();
  const HostFigures total = summary.total();
  std::string out;
  if (!hosts.empty()) {
    std::vector<Line> lines;
    lines.push_back({"host", {}});
    std::copy(kTitles.begin(), kTitles.end(), lines.back().cells.begin());
    const std::size_t shown = options.rows == 0 ? hosts.size() : std::min(options.rows, hosts.size());
    for (std::size_t i = 0; i < shown; ++i) lines.push_back({safe(hosts[i]->host), row_of(*hosts[i], summary.seconds())});
    lines.push_back(
        {shown < hosts.size() ? fmt::format("total ({} more)", hosts.size() - shown) : "total", row_of(total, summary.seconds())});
    out += render(lines, options.columns);
  }
  if (total.transactions + total.unmeasured == 0) {
    out = "No HTTP transactions were seen.\n";
  } else {
    out += fmt::format("\n{} transactions in {}, {} to {}; {} not measured\n", human_count(total.transactions),
                       human_time(summary.end() - summary.begin()), format_rfc3339(to_ns(summary.begin())),
                       format_rfc3339(to_ns(summary.end())), human_count(total.unmeasured));
  }
  const window::Counters& c = losses.counters;
  out += fmt::format("{} frames ({}), {} connections", human_count(c.frames), human_bytes(c.frame_bytes), human_count(c.connections));
  if (losses.own_copies > 0) out += fmt::format("; {} second copies on the loopback left out", human_count(losses.own_copies));
  return out + "\n" + losses_text(losses);
}

std::string summary_json(const Summary& summary, const Losses& losses) {
  std::string text;
  LineBuffer out([&](std::string_view block) {
    text += block;
    return true;
  });
  const std::vector<const HostFigures*> hosts = summary.hosts();
  const auto time = [&](PacketTime t) { return hosts.empty() ? std::string("null") : '"' + format_rfc3339(to_ns(t)) + '"'; };
  out.append(fmt::format("{{\"begin\":{},\"end\":{},", time(summary.begin()), time(summary.end())));
  json_seconds(out, "seconds", true, summary.end() - summary.begin());
  out.append(",\"hosts\":[");
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    out.append(i == 0 ? "{\"host\":" : ",{\"host\":");
    append_json_string(out, hosts[i]->host);
    out.append(",");
    json_figures(out, *hosts[i], summary.seconds());
    out.append("}");
  }
  out.append("],\"total\":{");
  json_figures(out, summary.total(), summary.seconds());
  out.append("},");
  json_counters(out, losses);
  out.append("}\n");
  out.flush();
  return text;
}

std::string summary_csv(const Summary& summary) {
  std::string out = "host,transactions,rate,errors,unmeasured,average,p50,p95,p99,max,request_bytes,response_bytes\r\n";
  const auto line = [&](std::string_view host, const HostFigures& f) {
    const auto time = [&](Nanos d) {
      return f.timed == 0 ? std::string() : fmt::format("{}.{:09}", d.count() / 1'000'000'000, d.count() % 1'000'000'000);
    };
    const auto quantile = [&](double q) { return time(std::min(f.response_time.quantile(q), f.response_time_max)); };
    const std::string rate = summary.seconds() > 0 ? fmt::format("{:.6f}", static_cast<double>(f.transactions) / summary.seconds()) : "";
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\r\n", csv_field(host), f.transactions, rate, f.errors, f.unmeasured,
                       time(f.average()), quantile(0.5), quantile(0.95), quantile(0.99), time(f.response_time_max), f.request_bytes,
                       f.response_bytes);
  };
  for (const HostFigures* host : summary.hosts()) line(host->host, *host);
  line("(total)", summary.total());
  return out;
}

}  // namespace nezu::probe::report
