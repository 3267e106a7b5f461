#include "nezuctl/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "nezuctl/commands.h"

namespace nezuctl {

namespace {

constexpr const char* kFooter =
    "Exit status: 0 well; 1 failed at run time; 2 usage or input wrong; 3 the manager can't be reached;\n"
    "4 not found; 5 conflict, or refused by the state of things. More in nezuctl(1).\n"
    "NEZU_URL is the manager's address where --url isn't given; NO_COLOR switches colours off.";

using Run = std::function<Result<int>(const Context&)>;

// A command with its options, which live as long as its callback.
template <class Options>
void add(CLI::App& parent, Parsed& parsed, const char* name, const char* help, Result<int> (*function)(const Context&, const Options&),
         const std::function<void(CLI::App&, Options&)>& add_options, const Options& defaults = Options()) {
  auto options = std::make_shared<Options>(defaults);
  CLI::App* app = parent.add_subcommand(name, help);
  add_options(*app, *options);
  app->callback(
      [&parsed, options, function] { parsed.run = [options, function](const Context& context) { return function(context, *options); }; });
}

template <class Options>
void json_flag(CLI::App& app, Options& options) {
  app.add_flag("--json", options.json, "as JSON, as the API gives it");
}

void list_options(CLI::App& app, ListOptions& options) {
  CLI::Option* json = app.add_flag("--json", options.json, "as JSON, as the API gives it");
  app.add_flag("--names", options.names, "names only, one a line")->excludes(json);
}

CLI::App& group(CLI::App& app, const char* name, const char* help) {
  CLI::App* made = app.add_subcommand(name, help);
  made->require_subcommand(1);
  return *made;
}

void add_service(CLI::App& app, Parsed& parsed) {
  CLI::App& service = group(app, "service", "definitions: what is watched");
  const auto files = [](CLI::App& a, ApplyOptions& o) {
    a.add_option("-f,--file", o.files, "YAML file of services; - is standard input; may be repeated")->required()->type_name("FILE");
    a.add_flag("--prune", o.prune, "services that are in none of the files are deleted");
    json_flag(a, o);
  };
  add<ApplyOptions>(service, parsed, "apply", "makes the manager's definitions those of the files, all or nothing", service_apply,
                    [&](CLI::App& a, ApplyOptions& o) {
                      files(a, o);
                      a.add_flag("--dry-run", o.dry_run, "only say what would change");
                    });
  add<ApplyOptions>(service, parsed, "diff", "what apply would change", service_apply,
                    [&](CLI::App& a, ApplyOptions& o) {
                      files(a, o);
                      a.add_flag("--exit-code", o.exit_code, "status 1 where something differs");
                    },
                    {.files = {}, .dry_run = true});
  add<ExportOptions>(service, parsed, "export", "definitions as YAML, for apply", service_export, [](CLI::App& a, ExportOptions& o) {
    a.add_option("NAME", o.names, "services; none: all");
    a.add_option("-o,--output", o.file, "write to this file")->type_name("FILE");
  });
  add<ListOptions>(service, parsed, "list", "all services and their states", service_list, list_options);
  add<NamesOptions>(service, parsed, "show", "one service in full", service_show, [](CLI::App& a, NamesOptions& o) {
    a.add_option("NAME", o.names, "GROUP/NAME")->required();
    json_flag(a, o);
  });
  add<NamesOptions>(service, parsed, "delete", "deletes services; stop their monitoring first", service_delete,
                    [](CLI::App& a, NamesOptions& o) {
                      a.add_option("NAME", o.names, "GROUP/NAME")->required();
                      a.add_flag("-y,--yes", o.yes, "don't ask");
                    });
}

void add_monitor(CLI::App& app, Parsed& parsed) {
  CLI::App& group_app = group(app, "monitor", "starts and stops monitoring");
  const auto options = [](CLI::App& a, MonitorOptions& o) {
    CLI::Option* names = a.add_option("NAME", o.names, "services, as GROUP/NAME");
    CLI::Option* all = a.add_flag("--all", o.all, "every service")->excludes(names);
    a.add_flag("--wait", o.wait, "until the probes have confirmed");
    a.add_option("--wait-timeout", o.timeout, "how long --wait waits (status 1 then; the wish stands)")
        ->capture_default_str()
        ->type_name("DURATION");
    json_flag(a, o);
    a.parse_complete_callback([names, all] {
      if (names->count() == 0 && all->count() == 0) throw CLI::RequiredError("NAME or --all");
    });
  };
  for (const bool start : {true, false}) {
    MonitorOptions defaults;
    defaults.start = start;
    auto kept = std::make_shared<MonitorOptions>(defaults);
    CLI::App* command = group_app.add_subcommand(
        start ? "start" : "stop", start ? "wishes that services be monitored" : "wishes that services no longer be monitored");
    options(*command, *kept);
    command->final_callback([&parsed, kept] { parsed.run = [kept](const Context& context) { return monitor(context, *kept); }; });
  }
}

void add_views(CLI::App& app, Parsed& parsed) {
  auto json = std::make_shared<bool>(false);
  CLI::App* status_app = app.add_subcommand("status", "the manager's state, and what needs an eye");
  status_app->add_flag("--json", *json, "as JSON, as the API gives it");
  status_app->callback([&parsed, json] { parsed.run = [json](const Context& context) { return status(context, *json); }; });
  add<TopOptions>(app, parsed, "top", "live table of all services (q ends it); one plain table where the output is no terminal", top,
                  [](CLI::App& a, TopOptions& o) {
                    a.add_option("NAME", o.services, "only these services");
                    a.add_flag("--once", o.once, "print one table, and end");
                    a.add_flag("-t,--targets", o.targets, "web transactions too");
                    a.add_option("-s,--sort", o.sort, "name, rate, errors or p95")
                        ->check(CLI::IsMember({"name", "rate", "errors", "p95"}))
                        ->capture_default_str();
                  });
  add<QueryOptions>(app, parsed, "query", "figures of a service over time", query, [](CLI::App& a, QueryOptions& o) {
    a.add_option("SERVICE", o.service, "GROUP/NAME")->required();
    a.add_option("--target", o.target, "a web transaction, or all")->capture_default_str();
    a.add_option("--probe", o.probe, "only what this logical probe measured");
    a.add_option("--last", o.last, "the span up to --to (default 10m)")->type_name("DURATION");
    a.add_option("--from", o.from, "begin: -1h, 16:10, 2026-11-24, \"2026-11-24 16:10:05\", RFC 3339")->type_name("TIME");
    a.add_option("--to", o.to, "end; default now")->type_name("TIME");
    a.add_option("--step", o.step, "1s, 10s, 1m, 1h, 1d or auto")
        ->check(CLI::IsMember({"1s", "10s", "1m", "1h", "1d", "auto"}))
        ->capture_default_str();
    CLI::Option* as_json = a.add_flag("--json", o.json, "as JSON, as the API gives it");
    a.add_flag("--csv", o.csv, "as CSV; times in UTC, durations in seconds; what wasn't covered is empty")->excludes(as_json);
    a.add_flag("-w,--wide", o.wide, "more columns: p90, time to first byte, transfer, bytes, network");
  });
}

void add_records(CLI::App& app, Parsed& parsed) {
  CLI::App& probe = group(app, "probe", "the probes and their instances");
  add<ListOptions>(probe, parsed, "list", "all logical probes", probe_list, list_options);
  add<NamesOptions>(probe, parsed, "show", "one logical probe in full", probe_show, [](CLI::App& a, NamesOptions& o) {
    a.add_option("NAME", o.names, "logical probes")->required();
    json_flag(a, o);
  });
  CLI::App& failover = group(app, "failover", "the records of failovers");
  add<ListOptions>(failover, parsed, "list", "all failovers, newest first", failover_list, list_options);
  add<NamesOptions>(failover, parsed, "show", "one failover in full, with its phases", failover_show, [](CLI::App& a, NamesOptions& o) {
    a.add_option("ID", o.names, "failovers")->required();
    json_flag(a, o);
  });
  CLI::App& event = group(app, "event", "what the manager has to tell");
  add<EventOptions>(event, parsed, "list", "events, newest first", event_list, [](CLI::App& a, EventOptions& o) {
    a.add_flag("--open", o.open, "only those that are not closed");
    a.add_option("--severity", o.severity, "at least: information, warning or error")
        ->check(CLI::IsMember({"information", "warning", "error"}));
    a.add_option("--limit", o.limit, "at most so many")->capture_default_str();
    json_flag(a, o);
  });
}

void add_discovery(CLI::App& app, Parsed& parsed) {
  CLI::App& discovery = group(app, "discovery", "what is on the wire: hosts, ports, paths, methods");
  const auto probes = [](CLI::App& a, DiscoveryOptions& o, const char* help) { return a.add_option("--probe", o.probes, help); };
  const auto formats = [](CLI::App& a, DiscoveryOptions& o, const char* csv) {
    CLI::Option* json = a.add_flag("--json", o.json, "as JSON, as the API gives it");
    a.add_flag("--csv", o.csv, csv)->excludes(json);
  };
  add<DiscoveryOptions>(discovery, parsed, "start", "starts discovering", discovery_start, [&](CLI::App& a, DiscoveryOptions& o) {
    probes(a, o, "at this logical probe; may be repeated; left out: at every one that is connected");
    a.add_option("--source", o.source, "only requests of this client address or prefix, such as 192.0.2.0/24")->type_name("ADDRESS");
    a.add_option("--for", o.limit, "stops by itself after so long, such as 10m")->type_name("DURATION");
    json_flag(a, o);
  });
  add<DiscoveryOptions>(discovery, parsed, "stop", "stops discovering; what was found stays", discovery_stop,
                        [&](CLI::App& a, DiscoveryOptions& o) {
                          CLI::Option* ids = a.add_option("ID", o.ids, "discoveries");
                          CLI::Option* probe = probes(a, o, "what is running at this logical probe; may be repeated")->excludes(ids);
                          CLI::Option* all = a.add_flag("--all", o.all, "everything that is running")->excludes(ids)->excludes(probe);
                          json_flag(a, o);
                          a.parse_complete_callback([ids, probe, all] {
                            if (ids->count() + probe->count() + all->count() == 0) throw CLI::RequiredError("ID, --probe or --all");
                          });
                        });
  add<DiscoveryOptions>(discovery, parsed, "list", "all discoveries, newest first, and why they stopped", discovery_list,
                        [&](CLI::App& a, DiscoveryOptions& o) {
                          probes(a, o, "only those of this logical probe; may be repeated");
                          formats(a, o, "as CSV; times in UTC, durations in seconds");
                          a.add_flag("--names", o.names, "numbers only, one a line");
                        });
  add<DiscoveryOptions>(discovery, parsed, "show", "one discovery in full, with what it has found", discovery_show,
                        [&](CLI::App& a, DiscoveryOptions& o) {
                          a.add_option("ID", o.ids, "a discovery")->required()->expected(1);
                          formats(a, o, "what it has found as CSV; durations in seconds");
                        });
}

void add_pki(CLI::App& app, Parsed& parsed) {
  CLI::App& pki = group(app, "pki", "a small certificate authority in a directory, for the links between probes and manager");
  const auto directory = [](CLI::App& a, PkiOptions& o) {
    a.add_option("-d,--dir", o.directory, "the CA's directory")->capture_default_str()->type_name("DIR");
  };
  const auto making = [](CLI::App& a, PkiOptions& o, const char* lifetime) {
    a.add_option("--lifetime", o.lifetime, lifetime)->type_name("DURATION");
    a.add_flag("--force", o.force, "replace what is there");
  };
  add<PkiOptions>(pki, parsed, "init", "makes the CA", pki_init, [&](CLI::App& a, PkiOptions& o) {
    directory(a, o);
    a.add_option("--name", o.common_name, "the CA's name")->capture_default_str();
    making(a, o, "how long it is valid (default 3650d)");
  });
  add<PkiOptions>(pki, parsed, "issue", "makes a key and a certificate", pki_issue, [&](CLI::App& a, PkiOptions& o) {
    directory(a, o);
    a.add_option("--name", o.name, "common name, and the files' name; a probe's is its logical name")->required();
    a.add_option("--role", o.role, "manager, probe or client")->check(CLI::IsMember({"manager", "probe", "client"}))->capture_default_str();
    a.add_option("--host", o.hosts, "name or address under which probes reach the manager; may be repeated");
    making(a, o, "how long it is valid (default 825d)");
  });
  add<PkiOptions>(pki, parsed, "list", "certificates in the directory, and when they end", pki_list, [&](CLI::App& a, PkiOptions& o) {
    directory(a, o);
    json_flag(a, o);
  });
  add<PkiOptions>(pki, parsed, "show", "one certificate", pki_show, [&](CLI::App& a, PkiOptions& o) {
    directory(a, o);
    a.add_option("NAME", o.name, "a name in the directory, or a file")->required();
    json_flag(a, o);
  });
}

void add_rest(CLI::App& app, Parsed& parsed) {
  CLI::App* completion = app.add_subcommand("completion", "prints the completion script of a shell");
  auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([&parsed, shell] {
    parsed.run = [shell](const Context& context) -> Result<int> {
      context.print(completion_text(*shell));
      return kWell;
    };
  });
  auto json = std::make_shared<bool>(false);
  CLI::App* version_app = app.add_subcommand("version", "versions of nezuctl and of the manager");
  version_app->add_flag("--json", *json, "as JSON");
  version_app->callback([&parsed, json] { parsed.run = [json](const Context& context) { return version(context, *json); }; });
}

// CLI11 says "A subcommand is required" of a mistyped one. Gives better words where that is the matter; else nothing.
std::string about_a_wrong_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.empty() || word.front() == '-') {
      if (word == "-u" || word == "--url" || word == "--manager" || word == "--timeout") ++i;
      continue;
    }
    std::string known;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_name() == word) next = command;
      known += (known.empty() ? "" : ", ") + command->get_name();
    }
    if (known.empty()) return {};
    if (next == nullptr)
      return "no command \"" + printable(word) + "\"" + (at == &app ? "" : " in " + at->get_name()) + "; wanted one of: " + known;
    at = next;
  }
  return {};
}

}  // namespace

Parsed parse_command_line(int argc, char** argv) {
  Parsed parsed;
  CLI::App app{"nezuctl: everything that the manager can do, from the command line"};
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "nezuctl " NEZU_VERSION);
  app.get_formatter()->column_width(34);
  app.add_option("-u,--url,--manager", parsed.url, "the manager's API")->envname("NEZU_URL")->default_val("http://127.0.0.1:7480");
  app.add_option("--timeout", parsed.timeout, "for one answer of the manager")->default_val("30s")->type_name("DURATION");
  app.add_flag("--utc", parsed.utc, "times in UTC instead of the local zone");
  add_service(app, parsed);
  add_monitor(app, parsed);
  add_views(app, parsed);
  add_records(app, parsed);
  add_discovery(app, parsed);
  add_pki(app, parsed);
  add_rest(app, parsed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.run = nullptr;
    const std::string wrong = error.get_exit_code() == 0 ? "" : about_a_wrong_command(app, argc, argv);
    if (!wrong.empty()) {
      std::fprintf(stderr, "nezuctl: %s\n", wrong.c_str());
      parsed.exit = kUsage;
      return parsed;
    }
    parsed.exit = app.exit(error) == 0 ? kWell : kUsage;
  }
  return parsed;
}

}  // namespace nezuctl
