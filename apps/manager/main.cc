// nezu-manager: keeps definitions and history, admits probes, serves the API. Reads its configuration, then is a Program (program.h).
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "manager/program.h"

int main(int argc, char** argv) {
  using namespace nezu::manager_app;
  CLI::App app{"nezu-manager: keeps definitions and history of monitored web services, admits probes, serves the API"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "nezu-manager " NEZU_VERSION);
  CLI::App* run = app.add_subcommand("run", "be the manager, until SIGTERM");
  std::string file = "/etc/nezuban/manager.yaml";
  bool check = false;
  run->add_option("-c,--config", file, "configuration file")->capture_default_str();
  run->add_flag("--check-config", check, "check the configuration, say what is wrong with it, and end");
  run->footer(
      "Signals: SIGTERM ends in order; SIGHUP reads the configuration again.\n"
      "Exit status: 0 well; 1 failed at run time; 2 usage or configuration wrong; 6 the database's disk failed.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error) == 0 ? kExitWell : kExitUsage; }
  auto config = load_config(file);
  if (!config.ok()) {
    fmt::print(stderr, "{}\n", config.error().message());
    return kExitUsage;
  }
  if (check) {
    fmt::print("{}: well\n", file);
    return kExitWell;
  }
  return Program(*std::move(config), file).run();
}
