#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "common/io/directory.h"
#include "model/definition/service.h"
#include "nezuctl/commands.h"
#include "nezuctl/states.h"

namespace nezuctl {

namespace definition = nezu::definition;

namespace {

// Errors of the user's files are errors of the input, also where a file isn't there.
Result<std::vector<definition::Service>> read_files(const std::vector<std::string>& files) {
  std::vector<definition::Service> all;
  for (const std::string& file : files) {
    const auto text = nezu::io::read_file(file);
    if (!text) return Error(ErrorCode::invalid_argument, text.error().message());
    const auto services = definition::parse_yaml(*text, file == "-" ? "standard input" : file);
    if (!services) return services.error();
    for (const definition::Service& service : *services) {
      const auto same = [&](const definition::Service& other) { return other.full_name() == service.full_name(); };
      if (std::any_of(all.begin(), all.end(), same)) {
        return Error(ErrorCode::invalid_argument,
                     file + ": service " + service.full_name() + " is in an earlier file too; wanted each once");
      }
      all.push_back(service);
    }
  }
  return all;
}

std::string joined(const json::Value& list, const char* otherwise) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) {
    text += (i == 0 ? "" : ", ") + (list[i].is_string() ? list[i].string() : json::to_string(list[i]));
  }
  return text.empty() ? otherwise : text;
}

Style action_style(const std::string& action) {
  if (action == "created") return Style::good;
  if (action == "updated") return Style::warning;
  return action == "deleted" ? Style::bad : Style::dim;
}

// "updated    shop/checkout  (version 4)", the differences below it.
std::string changes_text(const json::Value& changes, bool dry_run, bool colour) {
  std::string out;
  std::size_t different = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const json::Value& change = changes[i];
    const std::string action = change["action"].string_or("?");
    if (action != "unchanged") ++different;
    const std::string word = dry_run && action != "unchanged" ? "would be " + action : action;
    out += styled(word, action_style(action), colour) + std::string(word.size() < 18 ? 18 - word.size() : 1, ' ');
    out += printable(change["service"].string_or("?"));
    if (!dry_run && action != "deleted" && change["version"].is_number()) out += " (version " + json::to_string(change["version"]) + ")";
    out += "\n";
    for (std::size_t d = 0; d < change["differences"].size(); ++d) out += "    " + printable(change["differences"][d].string_or("")) + "\n";
  }
  if (changes.size() == 0)
    out += "nothing to do: no services in the file, and none to delete\n";
  else if (different == 0 && dry_run)
    out += "no differences\n";
  return out;
}

Result<json::Value> all_services(const Context& context) {
  auto answer = context.get("/services");
  if (!answer) return answer;
  return (*answer)["services"];
}

}  // namespace

Result<int> service_apply(const Context& context, const ApplyOptions& options) {
  const auto services = read_files(options.files);
  if (!services) return services.error();
  json::Array definitions;
  for (const definition::Service& service : *services) definitions.push_back(definition::to_value(service));
  json::Value request;
  request.set("services", std::move(definitions)).set("dry_run", options.dry_run).set("prune", options.prune);
  const auto answer = context.send("POST", "/services/apply", request);
  if (!answer) return answer.error();
  const json::Value& changes = (*answer)["changes"];
  if (options.json)
    context.print_json(*answer);
  else
    context.print(changes_text(changes, options.dry_run, context.out.colour()));
  if (!options.exit_code) return kWell;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i]["action"].string_or("") != "unchanged") return kFailed;
  }
  return kWell;
}

Result<int> service_export(const Context& context, const ExportOptions& options) {
  const auto services = all_services(context);
  if (!services) return services.error();
  std::vector<definition::Service> wanted;
  std::vector<std::string> missing = options.names;
  for (std::size_t i = 0; i < services->size(); ++i) {
    const json::Value& service = (*services)[i];
    const std::string name = service["name"].string_or("");
    if (!options.names.empty() && std::find(options.names.begin(), options.names.end(), name) == options.names.end()) continue;
    missing.erase(std::remove(missing.begin(), missing.end(), name), missing.end());
    auto value = definition::from_value(service["definition"]);
    if (!value)
      return Error(ErrorCode::corrupt,
                   "service " + name + ": the manager's definition isn't understood here (" + value.error().message() + ")");
    wanted.push_back(std::move(*value));
  }
  if (!missing.empty()) return Error(ErrorCode::not_found, "no service " + missing.front());
  const std::string yaml = definition::to_yaml(wanted);
  if (options.file.empty()) {
    context.print(yaml);
    return kWell;
  }
  const std::size_t slash = options.file.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : options.file.substr(0, slash);
  const auto directory = nezu::io::SystemDirectory::open(folder);
  if (!directory) return Error(ErrorCode::invalid_argument, directory.error().message());
  const Status written =
      nezu::io::write_whole(**directory, slash == std::string::npos ? options.file : options.file.substr(slash + 1), yaml);
  if (!written) return written.error();
  return kWell;
}

Result<int> service_list(const Context& context, const ListOptions& options) {
  const auto answer = context.get("/services");
  if (!answer) return answer.error();
  const json::Value& services = (*answer)["services"];
  if (options.json) {
    context.print_json(*answer);
    return kWell;
  }
  Table table({{"SERVICE"}, {"STATE"}, {"PROBES"}, {"HOSTS"}, {"PORTS"}, {"TRANSACTIONS", true}, {"VERSION", true}}, context.out.colour());
  for (std::size_t i = 0; i < services.size(); ++i) {
    const json::Value& service = services[i];
    const json::Value& definition = service["definition"];
    if (options.names) {
      context.print(printable(service["name"].string_or("")) + "\n");
      continue;
    }
    table.row({service["name"].string_or("?"), monitoring_state(service["monitoring"]), joined(definition["probes"], "all"),
               joined(definition["hosts"], "any"), joined(definition["ports"], "any"), std::to_string(definition["transactions"].size()),
               count_or_nothing(service["version"])});
  }
  if (options.names) return kWell;
  if (table.empty())
    context.print("no services; make one with: nezuctl service apply -f FILE\n");
  else
    context.print(table.text(context.out.columns()));
  return kWell;
}

namespace {

void show_one(const Context& context, const json::Value& service) {
  Sheet sheet(context.out.colour());
  sheet.heading(printable(service["name"].string_or("?")));
  sheet.line("state", monitoring_state(service["monitoring"]));
  sheet.line("version", count_or_nothing(service["version"]));
  sheet.line("changed", time_or_nothing(context.zone, service["changed"]));
  context.print(sheet.text());
  const json::Value& probes = service["monitoring"]["probes"];
  Table at_probes({{"PROBE"}, {"STATE"}, {"WISHED"}}, context.out.colour());
  for (std::size_t i = 0; i < probes.size(); ++i) {
    at_probes.row({probes[i]["probe"].string_or("?"), monitoring_state(probes[i]),
                   probes[i]["wished"].is_bool() ? (probes[i]["wished"].bool_or(false) ? "monitor" : "stop")
                                                 : probes[i]["wished"].string_or(kNothing)});
  }
  if (!at_probes.empty()) context.print("\n" + at_probes.text(context.out.columns()));
  Table targets({{"TARGET"}, {"ID", true}}, context.out.colour());
  for (std::size_t i = 0; i < service["targets"].size(); ++i) {
    targets.row({service["targets"][i]["name"].string_or("?"), count_or_nothing(service["targets"][i]["id"])});
  }
  if (!targets.empty()) context.print("\n" + targets.text(context.out.columns()));
  if (const auto value = definition::from_value(service["definition"])) context.print("\n" + definition::to_yaml({*value}));
}

}  // namespace

Result<int> service_show(const Context& context, const NamesOptions& options) {
  bool first = true;
  for (const std::string& name : options.names) {
    const auto service = context.get(path_of("services", name));
    if (!service) return service.error();
    if (options.json) {
      context.print_json(*service);
      continue;
    }
    if (!first) context.print("\n");
    first = false;
    show_one(context, *service);
  }
  return kWell;
}

Result<int> service_delete(const Context& context, const NamesOptions& options) {
  if (!options.yes && ::isatty(STDIN_FILENO) == 1) {
    std::fprintf(stderr, "Delete %zu service%s (%s%s)? [y/N] ", options.names.size(), options.names.size() == 1 ? "" : "s",
                 options.names.front().c_str(), options.names.size() == 1 ? "" : ", …");
    const int answer = std::getchar();
    if (answer != 'y' && answer != 'Y') return Error(ErrorCode::cancelled, "nothing was deleted");
  }
  for (const std::string& name : options.names) {
    if (const Status removed = context.remove(path_of("services", name)); !removed) return removed.error();
    context.print("deleted " + printable(name) + "\n");
  }
  return kWell;
}

}  // namespace nezuctl
