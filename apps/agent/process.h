// The daemon as a process: who it is (a file with its id and when it began, so that an id used again isn't taken for it), its start in a
// session of its own, waiting for its end. Limits: one daemon a resource.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"

namespace nezu::agent {

// A process that was there when it was asked for; `handle` becomes readable when it ends, also where we aren't its parent.
struct Process {
  pid_t id = 0;
  UniqueFd handle;
};

struct Launch {
  std::vector<std::string> argv;
  std::string user, log;
  bool captures = false;                 // keeps CAP_NET_RAW as that user
  std::vector<std::string> environment;  // "NAME=value", beside PATH and LANG
};

// The process that the file names, if it still runs.
std::optional<Process> find_process(const std::string& pid_file);

// Starts it, and writes the file. Errors: not_found (program, user), permission, io.
Result<Process> start_process(const Launch& launch, const std::string& pid_file);

// Whether it ended within `patience`.
bool wait_for_end(const Process& process, Nanos patience);

// Whether it is on its way out, killed or by itself, though it may take the kernel a while to take it down.
bool is_dying(const Process& process);
void send_signal(const Process& process, int signal);

// The status of a child of ours that has ended; minus the signal's number where a signal ended it.
std::optional<int> exit_status(const Process& process);

// Runs a program of the cluster's and waits for it. False: it isn't there, or it failed. `output`: gets what it printed.
bool run_tool(const std::vector<std::string>& argv, std::string* output = nullptr);

}  // namespace nezu::agent
