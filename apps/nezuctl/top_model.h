// What `nezuctl top` knows and how it is drawn. Pure: events, answers and the time go in, text comes out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/json/json.h"
#include "nezuctl/format.h"
#include "nezuctl/table.h"

namespace nezuctl {

struct TopView {
  int columns = 80, rows = 24;  // of the terminal
  bool colour = false;
  bool targets = false;       // web transactions too
  std::string sort = "name";  // name, rate, errors, p95
  std::size_t first = 0;      // rows that are scrolled away
};

class TopModel {
 public:
  using Key = std::pair<std::string, std::string>;  // service, target

  // `only`: services to be shown; empty: all.
  explicit TopModel(std::vector<std::string> only) : only_(std::move(only)) {}

  void set_services(const nezu::json::Value& services);  // the list of GET /services
  void set_probes(const nezu::json::Value& probes);      // the list of GET /probes
  // A "window" of GET /live. `now_ns`: monotonic.
  void on_window(const nezu::json::Value& window, std::int64_t now_ns);
  // Totals of GET /query over the last minute.
  void set_minute(const Key& key, const nezu::json::Value& totals);
  // What keeps us from the manager; empty: nothing.
  void set_trouble(std::string text) { trouble_ = std::move(text); }

  // Rows in the view's order; for asking the last minute of those that are seen.
  std::vector<Key> order(const TopView& view, std::int64_t now_ns) const;
  std::vector<Key> visible(const TopView& view, std::int64_t now_ns) const;
  std::string text(const TopView& view, const Zone& zone, std::int64_t now_ns, std::int64_t wall_ns) const;

 private:
  // Of one probe's last window.
  struct Live {
    std::int64_t seen_ns = 0;
    std::string kind;
    double covered = 1, transactions = 0, throughput = 0, errors = 0, time_sum = 0, p95 = 0, max = 0;
    bool timed = false;
  };
  struct Row {
    std::map<std::string, Live> live;                    // by probe
    std::deque<std::pair<std::string, double>> history;  // window's begin, throughput; below 0: not covered
    nezu::json::Value minute;
  };
  // All probes together. The p95 of several probes is the largest of theirs: a bound, as good as can be without the histograms.
  struct Sum {
    bool any = false, gap = false, timed = false;
    double throughput = 0, transactions = 0, errors = 0, average = 0, p95 = 0, max = 0;
  };

  bool wanted(const std::string& service) const;
  Sum sum_of(const Row& row, std::int64_t now_ns) const;
  std::string header(const Zone& zone, std::int64_t wall_ns, bool colour) const;
  void add_row(Table& table, const Key& key, const Row& row, std::int64_t now_ns) const;

  std::vector<std::string> only_;
  std::map<std::string, nezu::json::Value> states_;  // service → "monitoring"
  std::map<Key, Row> rows_;
  std::string probes_, trouble_;
};

// Eight heights of a block, scaled to the largest; below 0 is "×" (not covered).
std::string sparkline(const std::deque<double>& values);

}  // namespace nezuctl
