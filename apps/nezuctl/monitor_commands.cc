#include <chrono>
#include <thread>

#include "common/base/system_clock.h"
#include "common/base/text.h"
#include "nezuctl/commands.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace {

constexpr std::chrono::milliseconds kPoll{200};

Result<std::vector<std::string>> names_of(const Context& context, const MonitorOptions& options) {
  if (!options.all) return options.names;
  const auto answer = context.get("/services");
  if (!answer) return answer.error();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < (*answer)["services"].size(); ++i) names.push_back((*answer)["services"][i]["name"].string_or(""));
  return names;
}

// Until the service is where it was wished to be. A start that falls back to stopped has failed.
Result<json::Value> wait_for_state(const Context& context, const std::string& name, bool start, nezu::MonoTime deadline) {
  const std::string wanted = start ? "monitoring" : "stopped";
  bool was_on_its_way = false;
  while (true) {
    auto service = context.get(path_of("services", name));
    if (!service) return service;
    const std::string state = (*service)["monitoring"]["state"].string_or("");
    if (state == wanted) return service;
    was_on_its_way = was_on_its_way || state == "starting" || state == "stopping";
    if (was_on_its_way && start && state == "stopped") {
      return Error(ErrorCode::conflict, name + ": no probe confirmed the start, it is stopped again; see: nezuctl event list");
    }
    if (nezu::SystemClock().mono() >= deadline) {
      std::string silent;
      const json::Value& probes = (*service)["monitoring"]["probes"];
      for (std::size_t i = 0; i < probes.size(); ++i) {
        if (probes[i]["state"].string_or("") != wanted) silent += (silent.empty() ? "" : ", ") + probes[i]["probe"].string_or("?");
      }
      return Error(ErrorCode::io, name + ": still " + state + (silent.empty() ? "" : " (not confirmed by: " + printable(silent) + ")") +
                                      "; the wish stands");
    }
    std::this_thread::sleep_for(kPoll);  // seam: the person waits, nobody else does
  }
}

}  // namespace

Result<int> monitor(const Context& context, const MonitorOptions& options) {
  const auto timeout = nezu::parse_duration(options.timeout);
  if (!timeout) return timeout.error().in("--timeout");
  const auto names = names_of(context, options);
  if (!names) return names.error();
  json::Value wish;
  wish.set("wish", options.start ? "start" : "stop");
  json::Array answers;
  for (const std::string& name : *names) {
    auto service = context.send("POST", path_of("services", name) + "/monitoring", wish);
    if (!service) return service.error();
    answers.push_back(std::move(*service));
  }
  const nezu::MonoTime deadline = nezu::SystemClock().mono() + *timeout;
  for (std::size_t i = 0; options.wait && i < names->size(); ++i) {
    auto service = wait_for_state(context, (*names)[i], options.start, deadline);
    if (!service) return service.error();
    answers[i] = std::move(*service);
  }
  if (options.json) {
    json::Value all;
    all.set("services", std::move(answers));
    context.print_json(all);
    return kWell;
  }
  Table table({{"SERVICE"}, {"STATE"}}, context.out.colour());
  for (const json::Value& service : answers) table.row({service["name"].string_or("?"), monitoring_state(service["monitoring"])});
  context.print(table.empty() ? "no services\n" : table.text(context.out.columns()));
  return kWell;
}

}  // namespace nezuctl
