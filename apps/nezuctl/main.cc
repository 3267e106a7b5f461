// nezuctl: the command line for people and scripts, over the manager's API.
#include <cstdio>

#include "common/base/system_clock.h"
#include "common/base/text.h"
#include "nezuctl/command_line.h"
#include "nezuctl/commands.h"

namespace {

int complain(const nezu::Error& error) {
  std::fprintf(stderr, "nezuctl: %s\n", error.message().c_str());
  return nezuctl::exit_of(error.code());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace nezuctl;
  const Parsed parsed = parse_command_line(argc, argv);
  if (!parsed.run) return parsed.exit;
  std::string url = parsed.url;
  while (!url.empty() && url.back() == '/') url.pop_back();
  if (url.find("://") == std::string::npos) url = "http://" + url;
  const auto timeout = nezu::parse_duration(parsed.timeout);
  if (!timeout) return complain(timeout.error().in("--timeout"));
  Output out;
  const Context context{nezu::http::Client(url, *timeout), Zone(parsed.utc), out, nezu::to_ns(nezu::SystemClock().wall())};
  const Result<int> result = parsed.run(context);
  if (!result) return complain(result.error());
  if (const Status written = out.failure(); !written) return complain(written.error());
  return *result;
}
