#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "common/base/text.h"
#include "nezuctl/commands.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace {

Cell state_of(const json::Value& discovery) {
  if (discovery["state"].string_or("") == "discovering") return Cell("discovering", Style::good);
  const std::string reason = discovery["reason"].string_or("?");
  return Cell("stopped: " + reason, reason == "person" || reason == "time_limit" ? Style::plain : Style::warning);
}

std::string who(const json::Value& name) { return name.is_string() ? name.string() : std::string(kNothing); }

std::string duration_of(const json::Value& seconds) {
  if (!seconds.is_number()) return kNothing;
  return nezu::format_duration(nezu::Nanos(static_cast<std::int64_t>(seconds.number_or(0) * 1e9)));
}

std::uint64_t left_out(const json::Value& discovery) {
  std::uint64_t sum = 0;
  for (const char* reason : {"no_room", "unreadable", "over_limit"}) sum += discovery["left_out"][reason].uint_or(0);
  return sum;
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

void table_of(const Context& context, const json::Array& discoveries) {
  Table table({{"ID", true},
               {"PROBE"},
               {"STATE"},
               {"STARTED (" + context.zone.name() + ")"},
               {"BY"},
               {"SOURCE"},
               {"LIMIT"},
               {"ENTRIES", true},
               {"REQUESTS", true},
               {"LEFT OUT", true}},
              context.out.colour());
  for (const json::Value& d : discoveries) {
    table.row({json::to_string(d["id"]), d["probe"].string_or("?"), state_of(d), time_or_nothing(context.zone, d["started"]),
               who(d["started_by"]), who(d["source"]), duration_of(d["time_limit"]), count_or_nothing(d["entries"]),
               count_or_nothing(d["requests"]), std::to_string(left_out(d))});
  }
  context.print(table.empty() ? "no discoveries\n" : table.text(context.out.columns()));
}

void show(const Context& context, const json::Array& discoveries, bool as_json) {
  if (!as_json) return table_of(context, discoveries);
  json::Value all;
  all.set("discoveries", discoveries);
  context.print_json(all);
}

// Who sits here, for those who look at the list later.
std::string person() {
  for (const char* name : {"SUDO_USER", "USER", "LOGNAME"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return std::string(value).substr(0, 256);
  }
  const ::passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : "uid " + std::to_string(::getuid());
}

// The logical probes that somebody is at work for.
Result<std::vector<std::string>> connected_probes(const Context& context) {
  const auto answer = context.get("/probes");
  if (!answer) return answer.error();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < (*answer)["probes"].size(); ++i) {
    const json::Value& probe = (*answer)["probes"][i];
    if (probe["state"].string_or("") == "connected") names.push_back(probe["name"].string_or(""));
  }
  if (names.empty()) return Error(ErrorCode::conflict, "no probe is connected: there is nobody who could discover");
  return names;
}

// Numbers as they are; probes' names: what is discovering there.
Result<std::vector<std::string>> running_ones(const Context& context, const DiscoveryOptions& options) {
  if (!options.ids.empty()) return options.ids;
  const auto answer = context.get("/discoveries");
  if (!answer) return answer.error();
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < (*answer)["discoveries"].size(); ++i) {
    const json::Value& d = (*answer)["discoveries"][i];
    const std::string probe = d["probe"].string_or("");
    const bool wanted = options.all || std::find(options.probes.begin(), options.probes.end(), probe) != options.probes.end();
    if (wanted && d["state"].string_or("") == "discovering") ids.push_back(json::to_string(d["id"]));
  }
  if (ids.empty() && !options.all) {
    std::string names;
    for (const std::string& probe : options.probes) names += (names.empty() ? "" : ", ") + probe;
    return Error(ErrorCode::not_found, "nothing is discovering at " + names);
  }
  return ids;
}

void entries_csv(const Context& context, const json::Value& entries) {
  context.print("host,port,path,method,requests,timed,response_time_average\n");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const json::Value& e = entries[i];
    const json::Value& time = e["response_time"];
    context.print(csv_text(printable(e["host"].string_or(""))) + "," + json::to_string(e["port"]) + "," +
                  csv_text(printable(e["path"].string_or(""))) + "," + csv_text(printable(e["method"].string_or(""))) + "," +
                  json::to_string(e["requests"]) + "," + json::to_string(e["timed"]) + "," +
                  (time.is_object() ? json::to_string(time["average"]) : "") + "\n");
  }
}

void sheet_of(const Context& context, const json::Value& d) {
  Sheet sheet(context.out.colour());
  sheet.heading("discovery " + json::to_string(d["id"]) + " at " + printable(d["probe"].string_or("?")));
  sheet.line("state", state_of(d));
  if (d["text"].is_string()) sheet.line("why", d["text"].string());
  sheet.line("started", time_or_nothing(context.zone, d["started"]));
  sheet.line("by", who(d["started_by"]));
  sheet.line("stopped", time_or_nothing(context.zone, d["stopped"]));
  if (d["stopped_by"].is_string()) sheet.line("stopped by", d["stopped_by"].string());
  sheet.line("node", text_or_nothing(d["node"]));
  sheet.line("source", d["source"].is_string() ? d["source"].string() : "any");
  sheet.line("time limit", duration_of(d["time_limit"]));
  sheet.line("requests", count_or_nothing(d["requests"]));
  const json::Value& out = d["left_out"];
  sheet.line("of other clients", count_or_nothing(out["other_source"]));
  if (left_out(d) > 0) {
    sheet.line("left out", Cell(json::to_string(out["no_room"]) + " without room at the probe, " + json::to_string(out["over_limit"]) +
                                    " beyond the manager's limit, " + json::to_string(out["unreadable"]) + " unreadable",
                                Style::warning));
  }
  context.print(sheet.text());
}

}  // namespace

Result<int> discovery_start(const Context& context, const DiscoveryOptions& options) {
  json::Value wish;
  if (!options.source.empty()) wish.set("source", options.source);
  if (!options.limit.empty()) {
    const auto limit = nezu::parse_duration(options.limit);
    if (!limit) return limit.error().in("--for");
    wish.set("time_limit", nezu::to_seconds(*limit));
  }
  wish.set("by", person());
  auto probes = options.probes.empty() ? connected_probes(context) : Result<std::vector<std::string>>(options.probes);
  if (!probes) return probes.error();
  json::Array started;
  for (const std::string& probe : *probes) {
    wish.set("probe", probe);
    auto discovery = context.send("POST", "/discoveries", wish);
    if (!discovery) {
      if (!started.empty()) show(context, started, options.json);  // these run, and somebody must know
      return discovery.error();
    }
    started.push_back(std::move(*discovery));
  }
  show(context, started, options.json);
  return kWell;
}

Result<int> discovery_stop(const Context& context, const DiscoveryOptions& options) {
  const auto ids = running_ones(context, options);
  if (!ids) return ids.error();
  json::Value body;
  body.set("by", person());
  json::Array stopped;
  for (const std::string& id : *ids) {
    auto discovery = context.send("POST", path_of("discoveries", id) + "/stop", body);
    if (!discovery) return discovery.error();
    stopped.push_back(std::move(*discovery));
  }
  show(context, stopped, options.json);
  return kWell;
}

Result<int> discovery_list(const Context& context, const DiscoveryOptions& options) {
  const auto answer = context.get("/discoveries");
  if (!answer) return answer.error();
  json::Array wanted;
  for (std::size_t i = 0; i < (*answer)["discoveries"].size(); ++i) {
    const json::Value& d = (*answer)["discoveries"][i];
    const bool here =
        options.probes.empty() || std::find(options.probes.begin(), options.probes.end(), d["probe"].string_or("")) != options.probes.end();
    if (here) wanted.push_back(d);
  }
  if (options.names) {
    for (const json::Value& d : wanted) context.print(json::to_string(d["id"]) + "\n");
    return kWell;
  }
  if (options.csv) {
    context.print("id,probe,state,reason,started,started_by,stopped,source,time_limit,entries,requests\n");
    for (const json::Value& d : wanted) {
      const auto text = [&d](const char* key) { return csv_text(printable(d[key].string_or(""))); };
      context.print(json::to_string(d["id"]) + "," + text("probe") + "," + text("state") + "," + text("reason") + "," + text("started") +
                    "," + text("started_by") + "," + text("stopped") + "," + text("source") + "," +
                    (d["time_limit"].is_number() ? json::to_string(d["time_limit"]) : "") + "," + json::to_string(d["entries"]) + "," +
                    json::to_string(d["requests"]) + "\n");
    }
    return kWell;
  }
  show(context, wanted, options.json);
  return kWell;
}

Result<int> discovery_show(const Context& context, const DiscoveryOptions& options) {
  const auto answer = context.get(path_of("discoveries", options.ids.front()) + "/entries");
  if (!answer) return answer.error();
  if (options.json) {
    context.print_json(*answer);
    return kWell;
  }
  const json::Value& entries = (*answer)["entries"];
  if (options.csv) {
    entries_csv(context, entries);
    return kWell;
  }
  sheet_of(context, (*answer)["discovery"]);
  Table table({{"REQUESTS", true}, {"AVERAGE", true}, {"METHOD"}, {"HOST"}, {"PORT", true}, {"PATH"}}, context.out.colour());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const json::Value& e = entries[i];
    table.row({count_or_nothing(e["requests"]), seconds_or_nothing(e["response_time"]["average"]), e["method"].string_or("?"),
               e["host"].string_or("?"), count_or_nothing(e["port"]), e["path"].string_or("?")});
  }
  context.print(table.empty() ? "\nnothing was found yet\n" : "\n" + table.text(context.out.columns()));
  return kWell;
}

}  // namespace nezuctl
