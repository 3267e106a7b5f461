// `nezu-probe run`: flags, construction in order, and the end.
#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/system_clock.h"
#include "probe/commands.h"
#include "probe/config.h"
#include "probe/control/cluster_times.h"
#include "probe/run_daemon.h"

namespace nezu::probe_app {
namespace {

struct Flags {
  std::string config = "/etc/nezuban/probe.yaml";
  bool check = false;
  std::vector<std::string> replay;
};

int run(const Flags& flags) {
  Result<Config> config = load_config(flags.config);
  if (!config.ok()) {
    fmt::print(stderr, "{}\n", config.error().message());
    return 2;
  }
  if (flags.check) {
    fmt::print("{}: well\n", flags.config);
    return 0;
  }
  if (!flags.replay.empty()) config->capture.workers = 1;
  const SystemClock clock;
  SystemRandom random;
  const auto logger =
      log::make_logger({.level = config->log_level, .format = config->log_format, .journal = log::journal_from_environment()}, clock);
  if (config->socket == default_socket(config->name)) {
    std::error_code ignored;         // where it can't be made, listening says why
    namespace fs = std::filesystem;  // seam: the program makes its own run-time folder
    fs::create_directories(fs::path(config->socket).parent_path(), ignored);
  }
  Daemon daemon(*config, {.clock = clock,
                          .random = random,
                          .logger = *logger,
                          .config_file = flags.config,
                          .replay = flags.replay,
                          .version = NEZU_VERSION,
                          .start_began = probe::control::cluster_time(std::getenv(probe::control::kStartVariable), clock.mono())});
  if (const auto trouble = daemon.prepare()) {
    logger->error("can't start", trouble->error);
    return trouble->exit_status;
  }
  return daemon.run();
}

}  // namespace

Run add_run(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("run", "measure on an interface and send windows to the manager (the daemon)");
  command->add_option("-c,--config", flags->config, "configuration file")->capture_default_str();
  command->add_flag("--check-config", flags->check, "only check the configuration: all errors at once, exit status 2");
  command->add_option("--replay", flags->replay,
                      "read these capture files instead of the interface, as fast as they can be read, deliver their windows, and end");
  command->footer(
      "Signals: SIGTERM cuts the open window, delivers it (5 s at most) and ends; SIGHUP reads the configuration again.\n"
      "Exit status: 0 well; 1 failed at run time, or ended by on_isolation; 2 usage or configuration wrong.");
  return [flags] { return run(*flags); };
}

}  // namespace nezu::probe_app
