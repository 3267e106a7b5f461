#include "nezuctl/commands.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace {
int rank(const std::string& severity) {
  if (severity == "error") return 2;
  return severity == "warning" ? 1 : 0;
}
}  // namespace

Result<int> event_list(const Context& context, const EventOptions& options) {
  const auto answer = context.get("/events");
  if (!answer) return answer.error();
  json::Array wanted;
  for (std::size_t i = 0; i < (*answer)["events"].size() && wanted.size() < options.limit; ++i) {
    const json::Value& event = (*answer)["events"][i];
    if (options.open && !event["closed"].string_or("").empty()) continue;
    if (!options.severity.empty() && rank(event["severity"].string_or("")) < rank(options.severity)) continue;
    wanted.push_back(event);
  }
  if (options.json) {
    json::Value all;
    all.set("events", std::move(wanted));
    context.print_json(all);
    return kWell;
  }
  Table table({{"OPENED (" + context.zone.name() + ")"}, {"CLOSED"}, {"SEVERITY"}, {"SUBJECT"}, {"CODE"}, {"TEXT"}}, context.out.colour());
  for (const json::Value& event : wanted) {
    const std::string closed = event["closed"].string_or("");
    table.row({time_or_nothing(context.zone, event["opened"]),
               closed.empty() ? Cell("open", Style::warning) : Cell(context.zone.text_of(closed)),
               severity(event["severity"].string_or("?")), event["subject"].string_or(""), event["code"].string_or(""),
               event["text"].string_or("")});
  }
  context.print(table.empty() ? "no events\n" : table.text(context.out.columns()));
  return kWell;
}

}  // namespace nezuctl
