#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "nezuctl/commands.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace {

std::string probe_of(const json::Value& record) { return record["probe"].string_or(record["logical_probe"].string_or("?")); }

// The span from the end of what the old instance delivered to the beginning of what the new one covers.
Cell gap_of(const json::Value& record) {
  const auto from = nezu::parse_rfc3339(record["last_covered"].string_or(""));
  const auto to = nezu::parse_rfc3339(record["first_covered"].string_or(""));
  if (!from || !to)
    return Cell(record["open"].bool_or(false) ? "grows" : kNothing, record["open"].bool_or(false) ? Style::bad : Style::plain);
  const std::int64_t gap = std::max<std::int64_t>(0, *to - *from);
  return gap == 0 ? Cell("none", Style::good) : Cell(seconds_text(static_cast<double>(gap) * 1e-9), Style::warning);
}

std::string way(const json::Value& record) {
  const auto end = [&](const char* node, const char* instance) {
    const std::string name = record[node].string_or("");
    return name.empty() ? record[instance].string_or(kNothing) : name;
  };
  return end("from_node", "from_instance") + " → " + end("to_node", "to_instance");
}

struct Phase {
  std::int64_t at;
  const char* what;
};

// The phases in the order in which they happened, with the time since the first.
std::string timeline(const Zone& zone, const json::Value& record, bool colour) {
  static constexpr std::pair<const char*, const char*> kPhases[] = {{"last_covered", "end of what the old instance delivered"},
                                                                    {"lost", "the old instance's session ended"},
                                                                    {"noticed", "the loss was noticed"},
                                                                    {"stopped", "the cluster was done with the old instance"},
                                                                    {"start", "the cluster began to start the new instance"},
                                                                    {"promote", "the cluster began to promote the new instance"},
                                                                    {"announced", "the new instance's first word"},
                                                                    {"admitted", "the new instance admitted"},
                                                                    {"first_covered", "beginning of what the new instance covers"},
                                                                    {"first_window", "the new instance's first window stored"}};
  std::vector<Phase> phases;
  for (const auto& [key, what] : kPhases) {
    const auto at = nezu::parse_rfc3339(record[key].string_or(""));
    if (at) phases.push_back({*at, what});
  }
  std::stable_sort(phases.begin(), phases.end(), [](const Phase& a, const Phase& b) { return a.at < b.at; });
  if (phases.empty()) return {};
  Table table({{"TIME (" + zone.name() + ")"}, {"AFTER", true}, {""}, {"PHASE"}}, colour);
  const std::int64_t first = phases.front().at, last = phases.back().at;
  constexpr std::int64_t kBar = 24;
  for (const Phase& phase : phases) {
    const std::int64_t place = last == first ? 0 : (phase.at - first) * kBar / (last - first);
    std::string bar;
    for (std::int64_t i = 0; i <= kBar; ++i) bar += i == place ? "●" : i < place ? "─" : " ";
    table.row({zone.text(phase.at, true), "+" + seconds_text(static_cast<double>(phase.at - first) * 1e-9), bar, phase.what});
  }
  return table.text();
}

std::string gaps_text(const Zone& zone, const json::Value& gaps, bool colour) {
  Table table({{"SERVICE"}, {"GAP FROM (" + zone.name() + ")"}, {"TO"}, {"LENGTH", true}}, colour);
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const json::Value& gap = gaps[i];
    const auto begin = nezu::parse_rfc3339(gap["begin"].string_or(""));
    const auto end = nezu::parse_rfc3339(gap["end"].string_or(""));
    const bool none = begin && end && *begin >= *end;
    table.row({gap["service"].is_string() ? gap["service"].string() : json::to_string(gap["service"]),
               none || !begin ? Cell(kNothing) : Cell(zone.text(*begin, true)), none || !end ? Cell(kNothing) : Cell(zone.text(*end, true)),
               none           ? Cell("none", Style::good)
               : begin && end ? Cell(seconds_text(static_cast<double>(*end - *begin) * 1e-9), Style::warning)
                              : Cell("grows", Style::bad)});
  }
  return table.empty() ? std::string() : table.text();
}

void show_one(const Context& context, const json::Value& record) {
  Sheet sheet(context.out.colour());
  sheet.heading("failover " + json::to_string(record["id"]) + " of " + printable(probe_of(record)));
  sheet.line("state", record["open"].bool_or(false) ? Cell("open: no window of the new instance is stored yet", Style::warning)
                                                    : Cell("closed", Style::good));
  sheet.line("reason", text_or_nothing(record["reason"]));
  sheet.line("from", record["from_node"].string_or(kNothing) + " (instance " + record["from_instance"].string_or(kNothing) + ")");
  sheet.line("to", record["to_node"].string_or(kNothing) + " (instance " + record["to_instance"].string_or(kNothing) + ")");
  sheet.line("mode", text_or_nothing(record["mode"]));
  sheet.line("epoch", count_or_nothing(record["epoch"]));
  sheet.line("gap", gap_of(record));
  sheet.line("handed over", count_or_nothing(record["handed_over"]));
  sheet.line("left out", count_or_nothing(record["left_out"]));
  sheet.line("clock offset", seconds_or_nothing(record["clock_offset"]));
  sheet.line("seam", record["seam_doubtful"].bool_or(false) ? Cell("doubtful", Style::warning) : Cell("exact"));
  // What a newer manager says beyond this.
  static const std::set<std::string> kShown = {
      "id",           "probe",  "logical_probe", "open",        "reason",   "from_node",     "from_instance", "to_node",
      "to_instance",  "mode",   "epoch",         "handed_over", "left_out", "clock_offset",  "seam_doubtful", "gaps",
      "last_covered", "lost",   "noticed",       "announced",   "admitted", "first_covered", "first_window",  "stopped",
      "start",        "promote"};
  for (const auto& [key, value] : record.members()) {
    if (kShown.count(key) == 0) add_all(sheet, key, value);
  }
  context.print(sheet.text());
  const bool colour = context.out.colour();
  if (const std::string text = timeline(context.zone, record, colour); !text.empty()) context.print("\n" + text);
  if (const std::string text = gaps_text(context.zone, record["gaps"], colour); !text.empty()) context.print("\n" + text);
}

}  // namespace

Result<int> failover_list(const Context& context, const ListOptions& options) {
  const auto answer = context.get("/failovers");
  if (!answer) return answer.error();
  const json::Value& records = (*answer)["failovers"];
  if (options.json) {
    context.print_json(*answer);
    return kWell;
  }
  Table table({{"ID", true}, {"PROBE"}, {"LOST (" + context.zone.name() + ")"}, {"FROM → TO"}, {"GAP", true}, {"STATE"}, {"REASON"}},
              context.out.colour());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const json::Value& record = records[i];
    if (options.names) {
      context.print(json::to_string(record["id"]) + "\n");
      continue;
    }
    table.row({json::to_string(record["id"]), probe_of(record), time_or_nothing(context.zone, record["lost"], true), way(record),
               gap_of(record), record["open"].bool_or(false) ? Cell("open", Style::warning) : Cell("closed"),
               record["reason"].string_or("")});
  }
  if (options.names) return kWell;
  context.print(table.empty() ? "no failovers\n" : table.text(context.out.columns()));
  return kWell;
}

Result<int> failover_show(const Context& context, const NamesOptions& options) {
  for (std::size_t i = 0; i < options.names.size(); ++i) {
    auto record = context.get(path_of("failovers", options.names[i]));
    if (!record) return record.error();
    if (!record->is_object()) return Error(ErrorCode::corrupt, "failover " + options.names[i] + ": the answer is no record");
    if (options.json) {
      context.print_json(*record);
      continue;
    }
    if (i > 0) context.print("\n");
    show_one(context, *record);
  }
  return kWell;
}

}  // namespace nezuctl
