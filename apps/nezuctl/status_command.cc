#include "common/base/text.h"
#include "nezuctl/commands.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace {

std::string counts_text(const json::Value& counts) {
  std::string text;
  if (!counts.is_object()) return kNothing;
  for (const auto& [state, count] : counts.members()) text += (text.empty() ? "" : ", ") + json::to_string(count) + " " + state;
  return text.empty() ? "none" : text;
}

Cell ingest_state(const json::Value& ingest) {
  if (!ingest["paused"].bool_or(false)) return Cell("well", Style::good);
  return Cell("paused: " + ingest["fault"].string_or("no reason given"), Style::bad);
}

// Services and probes that need a person's eye; nothing where all is well.
Result<std::string> troubles(const Context& context) {
  const auto services = context.get("/services");
  if (!services) return services.error();
  const auto probes = context.get("/probes");
  if (!probes) return probes.error();
  Table table({{"WHAT"}, {"NAME"}, {"STATE"}}, context.out.colour());
  for (std::size_t i = 0; i < (*services)["services"].size(); ++i) {
    const json::Value& service = (*services)["services"][i];
    const std::string state = service["monitoring"]["state"].string_or("");
    if (service["monitoring"]["interrupted"].bool_or(false) || state == "starting" || state == "stopping") {
      table.row({"service", service["name"].string_or("?"), monitoring_state(service["monitoring"])});
    }
  }
  for (std::size_t i = 0; i < (*probes)["probes"].size(); ++i) {
    const json::Value& probe = (*probes)["probes"][i];
    const std::string state = probe["state"].string_or("?");
    if (state != "connected") table.row({"probe", probe["name"].string_or("?"), probe_state(state)});
  }
  return table.empty() ? std::string() : "\n" + table.text(context.out.columns());
}

}  // namespace

Result<int> status(const Context& context, bool as_json) {
  const auto answer = context.get("/status");
  if (!answer) return answer.error();
  if (as_json) {
    context.print_json(*answer);
    return kWell;
  }
  const json::Value& manager = (*answer)["manager"];
  Sheet sheet(context.out.colour());
  sheet.heading("manager");
  sheet.line("version", text_or_nothing(manager["version"]));
  sheet.line("instance", text_or_nothing(manager["instance"]));
  std::string started = context.zone.text_of(manager["started"].string_or(""));
  const auto since = nezu::parse_rfc3339(manager["started"].string_or(""));
  if (since) started += " (" + seconds_text(static_cast<double>((context.now_ns - *since) / 1'000'000'000)) + " ago)";
  sheet.line("started", started);
  if (manager["clean_stop"].is_bool()) {
    sheet.line("last stop", manager["clean_stop"].bool_or(true) ? Cell("in order") : Cell("not in order (crash or kill)", Style::warning));
  }
  sheet.line("ingest", ingest_state(manager["ingest"]));
  sheet.line("services", counts_text((*answer)["services"]));
  sheet.line("probes", counts_text((*answer)["probes"]));
  if (manager["store"].is_object()) {
    sheet.heading("store");
    add_all(sheet, "", manager["store"]);
  }
  context.print(sheet.text());
  const auto more = troubles(context);
  if (!more) return more.error();
  context.print(*more);
  return kWell;
}

Result<int> version(const Context& context, bool as_json) {
  const auto answer = context.get("/status");
  if (as_json) {
    json::Value value;
    value.set("nezuctl", NEZU_VERSION).set("manager", answer ? (*answer)["manager"]["version"] : json::Value());
    context.print_json(value);
    return kWell;
  }
  context.print("nezuctl " NEZU_VERSION "\n");
  if (answer)
    context.print("manager " + printable((*answer)["manager"]["version"].string_or("of unknown version")) + " at " + context.client.base() +
                  "\n");
  else
    context.print(answer.error().message() + "\n");
  return kWell;
}

}  // namespace nezuctl
