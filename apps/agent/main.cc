// nezu-agent: the OCF resource agents of Nezuban. The cluster calls it by the names "probe" and "manager" (lib/ocf/resource.d/nezuban), with
// the action as the only argument and everything else in the environment. One program instead of a shell script, because the cluster
// calls it all the time, and in a failover waits for it.
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "agent/actions.h"
#include "agent/meta_data.h"
#include "common/base/system_clock.h"

namespace {

std::string own_path() {
  std::array<char, 4096> path{};
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return n > 0 ? std::string(path.data(), static_cast<std::size_t>(n)) : std::string();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace nezu::agent;
  std::string name = argc > 0 ? argv[0] : "";
  name = name.substr(name.rfind('/') + 1);
  if (argc != 2 || (name != "probe" && name != "manager")) {
    fmt::print(stderr, "usage: probe|manager start|stop|monitor|promote|demote|notify|reload|reload-agent|validate-all|meta-data\n");
    return kUnimplemented;
  }
  const Kind kind = name == "probe" ? Kind::probe : Kind::manager;
  const std::string action = argv[1];
  if (action == "meta-data") {
    fmt::print("{}", meta_data(kind));
    return kOk;
  }
  if (action == "usage" || action == "help") {
    fmt::print("usage: {} start|stop|monitor|promote|demote|notify|reload|reload-agent|validate-all|meta-data\n", name);
    return kOk;
  }
  const auto parameters = read_parameters(
      kind, [](const char* n) -> const char* { return std::getenv(n); }, own_path());
  if (!parameters.wrong.empty()) {
    fmt::print(stderr, "ocf-exit-reason:{}\n", parameters.wrong);
    if (action == "start" || action == "validate-all") return kArguments;
  }
  const nezu::SystemClock clock;
  return Actions(parameters, clock).run(action);
}
