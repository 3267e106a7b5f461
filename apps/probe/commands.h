// The subcommands of nezu-probe. Each adds itself to the command line (its flags, its help) and says what to run if it was chosen:
// main.cc parses, and runs the chosen one.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace nezu::probe_app {

// Exit statuses: 0 well; 1 failed at run time; 2 usage, configuration or input wrong.
using Run = std::function<int()>;

// `analyze`: capture files or an interface, without a manager.
Run add_analyze(CLI::App& app);
// `run`: the daemon.
Run add_run(CLI::App& app);
// `status`: asks a running daemon over its control socket.
Run add_status(CLI::App& app);

}  // namespace nezu::probe_app
