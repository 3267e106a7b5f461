#include "nezuctl/points.h"

#include <functional>
#include <vector>

#include "common/base/text.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace {

using Show = std::function<Cell(const json::Value& point)>;
struct PointColumn {
  const char* title;
  bool wide;
  Show show;
};

Cell figure(const json::Value& value, std::string (*text)(double)) {
  return value.is_number() ? Cell(text(value.number_or(0))) : Cell(kNothing);
}

std::vector<PointColumn> columns() {
  const auto duration = [](const char* group, const char* name) {
    return [group, name](const json::Value& p) { return figure(p[group][name], seconds_text); };
  };
  return {
      {"REQUESTS", false, [](const json::Value& p) { return count_or_nothing(p["transactions"]); }},
      {"RATE/s", false, [](const json::Value& p) { return figure(p["throughput"], rate_text); }},
      {"ERRORS", false,
       [](const json::Value& p) {
         Cell cell = count_or_nothing(p["errors"]);
         if (p["errors"].number_or(0) > 0) cell.style = Style::warning;
         return cell;
       }},
      {"ERROR RATE", false, [](const json::Value& p) { return figure(p["error_rate"], percent_text); }},
      {"AVERAGE", false, duration("response_time", "average")},
      {"P50", false, duration("response_time", "p50")},
      {"P90", true, duration("response_time", "p90")},
      {"P95", false, duration("response_time", "p95")},
      {"P99", false, duration("response_time", "p99")},
      {"MAX", false, duration("response_time", "max")},
      {"TTFB", true, duration("ttfb", "average")},
      {"TTFB P95", true, duration("ttfb", "p95")},
      {"TRANSFER", true, duration("transfer_time", "average")},
      {"SENT", true, [](const json::Value& p) { return figure(p["request_bytes"], bytes_text); }},
      {"RECEIVED", true, [](const json::Value& p) { return figure(p["response_bytes"], bytes_text); }},
      {"RTT", true, [](const json::Value& p) { return figure(p["network"]["handshake_rtt"]["average"], seconds_text); }},
      {"RETRANS.", true, [](const json::Value& p) { return count_or_nothing(p["network"]["retransmissions"]); }},
      {"UNMEASURED", true, [](const json::Value& p) { return count_or_nothing(p["unmeasured"]); }},
  };
}

// "100 %"; a sliver that is missing is never rounded away, nor one that is there.
Cell covered(const json::Value& point) {
  if (point["kind"].string_or("") == "off" || !point["covered"].is_number()) return Cell(kNothing);
  const double ratio = point["covered"].number_or(0);
  if (ratio >= 1) return Cell("100 %");
  const double percent = std::min(99.9, ratio <= 0 ? 0.0 : std::max(0.1, ratio * 100));
  const std::string digits = percent == static_cast<int>(percent) ? std::to_string(static_cast<int>(percent)) : rate_text(percent);
  return Cell(digits + " %", Style::bad);
}

void add_row(Table& table, Cell time, const json::Value& point, const std::vector<PointColumn>& shown) {
  const std::string kind = point["kind"].string_or("");
  const bool any = has_figures(point);
  std::vector<Cell> cells = {std::move(time), Cell(kind, kind_style(kind)), covered(point)};
  for (const PointColumn& column : shown) {
    cells.push_back(any ? column.show(point) : Cell(kNothing));
    if (cells.back().text == kNothing) cells.back().style = Style::dim;
  }
  table.row(std::move(cells));
}

}  // namespace

bool has_figures(const json::Value& point) {
  const std::string kind = point["kind"].string_or("");
  if (kind == "off") return false;
  return kind != "gap" || point["covered"].number_or(0) > 0;
}

std::string points_table(const json::Value& answer, const Zone& zone, const PointsOptions& options) {
  const json::Value& points = answer["points"];
  std::vector<PointColumn> shown;
  std::vector<Column> titles = {{"TIME (" + zone.name() + ")", false}, {"KIND", false}, {"COVERED", true}};
  for (PointColumn& column : columns()) {
    if (column.wide && !options.wide) continue;
    titles.push_back({column.title, true});
    shown.push_back(std::move(column));
  }
  Table table(std::move(titles), options.colour);
  std::string day;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto at = nezu::parse_rfc3339(points[i]["time"].string_or(""));
    std::string time = at ? zone.text(*at) : kNothing;
    // The date once, where it begins; below it the time of day is enough.
    if (at && time.substr(0, 10) == day)
      time = std::string(11, ' ') + zone.clock(*at);
    else
      day = time.substr(0, 10);
    add_row(table, Cell(std::move(time)), points[i], shown);
  }
  if (answer["totals"].is_object()) {
    if (!table.empty()) table.line();
    add_row(table, Cell("total", Style::strong), answer["totals"], shown);
  }
  return table.text(options.columns);
}

namespace {

struct Field {
  const char* name;
  std::vector<const char*> way;
};

std::vector<Field> csv_fields() {
  std::vector<Field> fields = {{"transactions", {"transactions"}},
                               {"throughput", {"throughput"}},
                               {"errors", {"errors"}},
                               {"error_rate", {"error_rate"}},
                               {"failed_reset", {"failed", "reset"}},
                               {"failed_closed", {"failed", "closed"}},
                               {"failed_timeout", {"failed", "timeout"}},
                               {"unmeasured", {"unmeasured"}},
                               {"status_1xx", {"status", "1xx"}},
                               {"status_2xx", {"status", "2xx"}},
                               {"status_3xx", {"status", "3xx"}},
                               {"status_4xx", {"status", "4xx"}},
                               {"status_5xx", {"status", "5xx"}},
                               {"response_time_average", {"response_time", "average"}},
                               {"response_time_p50", {"response_time", "p50"}},
                               {"response_time_p90", {"response_time", "p90"}},
                               {"response_time_p95", {"response_time", "p95"}},
                               {"response_time_p99", {"response_time", "p99"}},
                               {"response_time_max", {"response_time", "max"}},
                               {"ttfb_average", {"ttfb", "average"}},
                               {"ttfb_p50", {"ttfb", "p50"}},
                               {"ttfb_p90", {"ttfb", "p90"}},
                               {"ttfb_p95", {"ttfb", "p95"}},
                               {"ttfb_p99", {"ttfb", "p99"}},
                               {"ttfb_max", {"ttfb", "max"}},
                               {"transfer_time_average", {"transfer_time", "average"}},
                               {"request_bytes", {"request_bytes"}},
                               {"response_bytes", {"response_bytes"}},
                               {"handshakes", {"network", "handshakes"}},
                               {"handshake_rtt_average", {"network", "handshake_rtt", "average"}},
                               {"handshake_rtt_max", {"network", "handshake_rtt", "max"}},
                               {"retransmissions", {"network", "retransmissions"}},
                               {"zero_windows", {"network", "zero_windows"}},
                               {"resets", {"network", "resets"}}};
  return fields;
}

}  // namespace

std::string points_csv(const json::Value& points) {
  const std::vector<Field> fields = csv_fields();
  std::string out = "time,kind,covered";
  for (const Field& field : fields) out += std::string(",") + field.name;
  out += "\n";
  for (std::size_t i = 0; i < points.size(); ++i) {
    const json::Value& point = points[i];
    out += point["time"].string_or("") + "," + point["kind"].string_or("") + ",";
    if (point["covered"].is_number() && point["kind"].string_or("") != "off") out += json::to_string(point["covered"]);
    const bool any = has_figures(point);
    for (const Field& field : fields) {
      const json::Value* value = &point;
      for (const char* key : field.way) value = &(*value)[key];
      out += ",";
      if (!any) continue;
      if (value->is_number())
        out += json::to_string(*value);
      else if (field.way[0] == std::string_view("status"))
        out += "0";  // classes that didn't occur are left out by the API
    }
    out += "\n";
  }
  return out;
}

}  // namespace nezuctl
