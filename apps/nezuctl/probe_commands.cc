#include "nezuctl/commands.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace {

std::string nodes_of(const json::Value& probe) {
  std::string text;
  const json::Value& instances = probe["instances"];
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const bool holds = !probe["holder"].string_or("").empty() && instances[i]["instance"] == probe["holder"];
    text += (i == 0 ? "" : ", ") + instances[i]["node"].string_or("?") +
            (holds ? " (active)" : " (" + instances[i]["role"].string_or("?") + ")");
  }
  return text.empty() ? "nobody" : text;
}

Cell interface_of(const json::Value& instance) {
  const std::string name = instance["interface"].string_or(kNothing);
  const std::string fault = instance["capture_fault"].string_or("");
  if (!fault.empty()) return Cell(name + ": " + fault, Style::bad);
  if (!instance["interface_up"].bool_or(true)) return Cell(name + ": down", Style::bad);
  return Cell(name + (instance["capture_running"].bool_or(false) ? "" : " (not capturing)"));
}

}  // namespace

Result<int> probe_list(const Context& context, const ListOptions& options) {
  const auto answer = context.get("/probes");
  if (!answer) return answer.error();
  const json::Value& probes = (*answer)["probes"];
  if (options.json) {
    context.print_json(*answer);
    return kWell;
  }
  Table table({{"PROBE"},
               {"STATE"},
               {"EPOCH", true},
               {"INSTANCES"},
               {"STORED UNTIL (" + context.zone.name() + ")"},
               {"RECORDS", true},
               {"REPEATS", true},
               {"REFUSED", true}},
              context.out.colour());
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const json::Value& probe = probes[i];
    if (options.names) {
      context.print(printable(probe["name"].string_or("")) + "\n");
      continue;
    }
    table.row({probe["name"].string_or("?"), probe_state(probe["state"].string_or("?")), count_or_nothing(probe["epoch"]), nodes_of(probe),
               time_or_nothing(context.zone, probe["stored_until"]), count_or_nothing(probe["records"]["stored"]),
               count_or_nothing(probe["records"]["repeats"]), count_or_nothing(probe["records"]["refused"])});
  }
  if (options.names) return kWell;
  context.print(table.empty() ? "no probe has announced itself yet\n" : table.text(context.out.columns()));
  return kWell;
}

namespace {

void show_one(const Context& context, const json::Value& probe) {
  Sheet sheet(context.out.colour());
  sheet.heading(printable(probe["name"].string_or("?")));
  sheet.line("state", probe_state(probe["state"].string_or("?")));
  sheet.line("epoch", count_or_nothing(probe["epoch"]));
  sheet.line("holder", text_or_nothing(probe["holder"]));
  sheet.line("stored until", time_or_nothing(context.zone, probe["stored_until"], true));
  sheet.line("records stored", count_or_nothing(probe["records"]["stored"]));
  sheet.line("records repeated", count_or_nothing(probe["records"]["repeats"]));
  sheet.line("records refused", count_or_nothing(probe["records"]["refused"]));
  if (probe["discovery"].is_object()) {
    const std::string reason = probe["discovery"]["reason"].string_or("");
    sheet.line("discovery", probe["discovery"]["state"].string_or(kNothing) + (reason.empty() ? "" : " (" + reason + ")"));
  }
  for (std::size_t i = 0; i < probe["instances"].size(); ++i) {
    const json::Value& instance = probe["instances"][i];
    sheet.heading("instance " + printable(instance["instance"].string_or("?")));
    sheet.line("node", text_or_nothing(instance["node"]));
    sheet.line("role", text_or_nothing(instance["role"]));
    sheet.line("version", text_or_nothing(instance["program_version"]));
    sheet.line("interface", interface_of(instance));
    sheet.line("connected", time_or_nothing(context.zone, instance["connected"]));
    sheet.line("silent for", seconds_or_nothing(instance["silent_for"]));
    sheet.line("watermark", time_or_nothing(context.zone, instance["watermark"], true));
    sheet.line("frames", count_or_nothing(instance["frames"]));
    sheet.line("dropped by kernel", count_or_nothing(instance["kernel_drops"]));
    sheet.line("windows kept", count_or_nothing(instance["kept_windows"]));
    sheet.line("windows overflown", count_or_nothing(instance["overflow_windows"]));
  }
  if (probe["counters"].size() > 0) {
    sheet.heading("counters, since the manager's start");
    add_all(sheet, "", probe["counters"]);
  }
  context.print(sheet.text());
}

}  // namespace

Result<int> probe_show(const Context& context, const NamesOptions& options) {
  for (std::size_t i = 0; i < options.names.size(); ++i) {
    const auto probe = context.get(path_of("probes", options.names[i]));
    if (!probe) return probe.error();
    if (options.json) {
      context.print_json(*probe);
      continue;
    }
    if (i > 0) context.print("\n");
    show_one(context, *probe);
  }
  return kWell;
}

}  // namespace nezuctl
