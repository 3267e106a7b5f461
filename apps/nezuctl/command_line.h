// The command line: flags, help, and which command runs. The only place that knows CLI11.
#pragma once

#include <functional>
#include <string>

#include "nezuctl/context.h"

namespace nezuctl {

struct Parsed {
  int exit = 0;  // where `run` is empty: help or version was printed, or the line is wrong (kUsage)
  std::string url;
  std::string timeout;
  bool utc = false;
  std::function<Result<int>(const Context&)> run;
};

Parsed parse_command_line(int argc, char** argv);

}  // namespace nezuctl
