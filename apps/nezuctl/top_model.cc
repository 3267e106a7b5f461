#include "nezuctl/top_model.h"

#include <algorithm>
#include <array>

#include "nezuctl/states.h"

namespace nezuctl {

namespace {

constexpr std::int64_t kStaleNs = 5'000'000'000;  // a row whose last window is older shows no live figures
constexpr std::size_t kHistory = 30;
constexpr int kOtherLines = 5;  // header, titles, footer, and lines between

}  // namespace

std::string sparkline(const std::deque<double>& values) {
  static constexpr std::array<const char*, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double largest = 0;
  for (const double value : values) largest = std::max(largest, value);
  std::string out;
  for (const double value : values) {
    if (value < 0) {
      out += "×";
    } else {
      const auto height = largest > 0 ? static_cast<std::size_t>(value / largest * 7.999) : 0;
      out += kBlocks[std::min<std::size_t>(height, 7)];
    }
  }
  return out;
}

bool TopModel::wanted(const std::string& service) const {
  return only_.empty() || std::find(only_.begin(), only_.end(), service) != only_.end();
}

void TopModel::set_services(const json::Value& services) {
  states_.clear();
  std::map<Key, Row> rows;
  for (std::size_t i = 0; i < services.size(); ++i) {
    const std::string name = services[i]["name"].string_or("");
    if (name.empty() || !wanted(name)) continue;
    states_[name] = services[i]["monitoring"];
    std::vector<std::string> targets = {"all"};
    const json::Value& transactions = services[i]["definition"]["transactions"];
    for (std::size_t t = 0; t < transactions.size(); ++t) targets.push_back(transactions[t]["name"].string_or(""));
    for (const std::string& target : targets) {
      const Key key{name, target};
      const auto old = rows_.find(key);
      rows[key] = old == rows_.end() ? Row() : std::move(old->second);
    }
  }
  rows_ = std::move(rows);
}

void TopModel::set_probes(const json::Value& probes) {
  probes_.clear();
  for (std::size_t i = 0; i < probes.size(); ++i) {
    probes_ += (i == 0 ? "" : ", ") + printable(probes[i]["name"].string_or("?")) + " " + probes[i]["state"].string_or("?");
  }
}

void TopModel::on_window(const json::Value& window, std::int64_t now_ns) {
  const std::string probe = window["probe"].string_or(""), begin = window["begin"].string_or("");
  const json::Value& services = window["services"];
  for (std::size_t i = 0; i < services.size(); ++i) {
    const json::Value& figures = services[i];
    const auto found = rows_.find({figures["service"].string_or(""), figures["target"].string_or("all")});
    if (found == rows_.end()) continue;
    Live live;
    live.seen_ns = now_ns;
    live.kind = figures["kind"].string_or("");
    live.covered = figures["covered"].number_or(live.kind == "gap" ? 0 : 1);
    live.transactions = figures["transactions"].number_or(0);
    live.throughput = figures["throughput"].number_or(0);
    live.errors = figures["errors"].number_or(0);
    const json::Value& time = figures["response_time"];
    live.timed = time.is_object() && time["average"].is_number();
    live.time_sum = time["average"].number_or(0) * live.transactions;
    live.p95 = time["p95"].number_or(0);
    live.max = time["max"].number_or(0);
    auto& history = found->second.history;
    const double height = live.covered <= 0 ? -1 : live.throughput;
    if (!history.empty() && history.back().first == begin)
      history.back().second = std::max(0.0, history.back().second) + std::max(0.0, height);
    else
      history.emplace_back(begin, height);
    if (history.size() > kHistory) history.pop_front();
    found->second.live[probe] = std::move(live);
  }
}

void TopModel::set_minute(const Key& key, const json::Value& totals) {
  const auto found = rows_.find(key);
  if (found != rows_.end()) found->second.minute = totals;
}

TopModel::Sum TopModel::sum_of(const Row& row, std::int64_t now_ns) const {
  Sum sum;
  double time_sum = 0, timed = 0;
  for (const auto& [probe, live] : row.live) {
    if (now_ns - live.seen_ns > kStaleNs || live.kind == "off") continue;
    sum.gap = sum.gap || live.kind == "gap";
    if (live.covered <= 0) continue;
    sum.any = true;
    sum.throughput += live.throughput;
    sum.transactions += live.transactions;
    sum.errors += live.errors;
    if (!live.timed) continue;
    time_sum += live.time_sum;
    timed += live.transactions;
    sum.p95 = std::max(sum.p95, live.p95);
    sum.max = std::max(sum.max, live.max);
  }
  sum.timed = timed > 0;
  sum.average = timed > 0 ? time_sum / timed : 0;
  return sum;
}

std::vector<TopModel::Key> TopModel::order(const TopView& view, std::int64_t now_ns) const {
  struct Ranked {
    Key key;
    double rank;
  };
  std::vector<Ranked> ranked;
  for (const auto& [key, row] : rows_) {
    if (!view.targets && key.second != "all") continue;
    const Sum sum = sum_of(row, now_ns);
    double rank = 0;
    if (view.sort == "rate") rank = sum.throughput;
    if (view.sort == "errors") rank = sum.transactions > 0 ? sum.errors / sum.transactions : 0;
    if (view.sort == "p95") rank = sum.p95;
    ranked.push_back({key, rank});
  }
  // "all" before the service's web transactions; the rest by name.
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    if (a.rank != b.rank) return a.rank > b.rank;
    if (a.key.first != b.key.first) return a.key.first < b.key.first;
    if ((a.key.second == "all") != (b.key.second == "all")) return a.key.second == "all";
    return a.key.second < b.key.second;
  });
  std::vector<Key> keys;
  for (Ranked& one : ranked) keys.push_back(std::move(one.key));
  return keys;
}

std::vector<TopModel::Key> TopModel::visible(const TopView& view, std::int64_t now_ns) const {
  std::vector<Key> keys = order(view, now_ns);
  const std::size_t first = std::min(view.first, keys.empty() ? 0 : keys.size() - 1);
  keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(first));
  const auto room = static_cast<std::size_t>(std::max(1, view.rows - kOtherLines));
  if (keys.size() > room) keys.resize(room);
  return keys;
}

std::string TopModel::header(const Zone& zone, std::int64_t wall_ns, bool colour) const {
  std::map<std::string, int> counts;
  int interrupted = 0;
  for (const auto& [name, monitoring] : states_) {
    ++counts[monitoring["state"].string_or("?")];
    if (monitoring["interrupted"].bool_or(false)) ++interrupted;
  }
  std::string text = styled("nezuctl top", Style::strong, colour) + "  " + zone.clock(wall_ns) + " " + zone.name() + "  services:";
  const char* separator = " ";
  for (const auto& [state, count] : counts) {
    text += separator + std::to_string(count) + " " + state;
    separator = ", ";
  }
  if (counts.empty()) text += " none";
  if (interrupted > 0) text += ", " + styled(std::to_string(interrupted) + " interrupted", Style::bad, colour);
  return text + "  probes: " + (probes_.empty() ? "none" : probes_);
}

void TopModel::add_row(Table& table, const Key& key, const Row& row, std::int64_t now_ns) const {
  const Sum sum = sum_of(row, now_ns);
  const Cell nothing(kNothing, Style::dim);
  const auto state = states_.find(key.first);
  const bool timed = sum.any && sum.timed;
  const double error_rate = sum.transactions > 0 ? sum.errors / sum.transactions : 0;
  std::deque<double> history;
  for (const auto& [begin, height] : row.history) history.push_back(height);
  const json::Value& minute = row.minute;
  const bool known = minute.is_object() && (minute["kind"].string_or("") != "gap" || minute["covered"].number_or(0) > 0) &&
                     minute["kind"].string_or("") != "off";
  table.row({key.second == "all" ? key.first : "  " + key.second,
             key.second == "all" && state != states_.end() ? monitoring_state(state->second) : Cell(""),
             sum.any   ? Cell(rate_text(sum.throughput) + (sum.gap ? " (gap)" : ""), sum.gap ? Style::bad : Style::plain)
             : sum.gap ? Cell("gap", Style::bad)
                       : nothing,
             sum.any ? Cell(percent_text(error_rate), error_rate > 0 ? Style::warning : Style::plain) : nothing,
             timed ? Cell(seconds_text(sum.average)) : nothing, timed ? Cell(seconds_text(sum.p95)) : nothing,
             timed ? Cell(seconds_text(sum.max)) : nothing,
             known && minute["throughput"].is_number() ? Cell(rate_text(minute["throughput"].number_or(0))) : nothing,
             known && minute["error_rate"].is_number() ? Cell(percent_text(minute["error_rate"].number_or(0)),
                                                              minute["error_rate"].number_or(0) > 0 ? Style::warning : Style::plain)
                                                       : nothing,
             known ? seconds_or_nothing(minute["response_time"]["p95"]) : nothing, sparkline(history)});
}

std::string TopModel::text(const TopView& view, const Zone& zone, std::int64_t now_ns, std::int64_t wall_ns) const {
  Table table({{view.targets ? "SERVICE / TRANSACTION" : "SERVICE"},
               {"STATE"},
               {"RATE/s", true},
               {"ERRORS", true},
               {"AVERAGE", true},
               {"P95", true},
               {"MAX", true},
               {"1 MIN: RATE/s", true},
               {"ERRORS", true},
               {"P95", true},
               {"RATE, LAST 30 WINDOWS"}},
              view.colour);
  const std::vector<Key> shown = visible(view, now_ns);
  for (const Key& key : shown) add_row(table, key, rows_.at(key), now_ns);
  std::string out = header(zone, wall_ns, view.colour) + "\n";
  out += trouble_.empty() ? "\n" : styled(printable(trouble_), Style::bad, view.colour) + "\n";
  if (shown.empty())
    out += "no services; make one with: nezuctl service apply -f FILE\n";
  else
    out += table.text(view.columns);
  const std::size_t all = order(view, now_ns).size();
  std::string footer = "q quit   s sort by " + view.sort + "   t web transactions " + (view.targets ? "off" : "on");
  if (all > shown.size())
    footer += "   ↑↓ scroll (" + std::to_string(std::min(view.first, all - 1) + 1) + "–" +
              std::to_string(std::min(view.first, all - 1) + shown.size()) + " of " + std::to_string(all) + ")";
  return out + "\n" + styled(footer, Style::dim, view.colour);
}

}  // namespace nezuctl
