// nezu-probe: measures web services from mirrored traffic. `run` is the daemon, `status` asks it, `analyze` works alone.
#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "probe/commands.h"

int main(int argc, char** argv) {
  using namespace nezu::probe_app;
  CLI::App app{"nezu-probe: measures response time, throughput and errors of web services from mirrored traffic"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "nezu-probe " NEZU_VERSION);
  app.get_formatter()->column_width(34);
  std::vector<std::pair<const char*, Run>> commands;
  commands.emplace_back("analyze", add_analyze(app));
  commands.emplace_back("run", add_run(app));
  commands.emplace_back("status", add_status(app));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error) == 0 ? 0 : 2; }
  for (const auto& [name, run] : commands) {
    if (app.got_subcommand(name)) return run();
  }
  return 2;
}
