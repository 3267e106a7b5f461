// `nezu-probe status`: asks a running daemon over its control socket.
#include <fmt/core.h>
#include <glob.h>

#include <filesystem>

#include "probe/commands.h"
#include "probe/config.h"
#include "probe/control/control.h"

namespace nezu::probe_app {
namespace {

struct Flags {
  std::string socket, config;
  bool json = false;
};

// --socket, else what --config says, else the default file's, else the only daemon that there is.
Result<std::string> find_socket(const Flags& flags) {
  if (!flags.socket.empty()) return flags.socket;
  const std::string standard = "/etc/nezuban/probe.yaml";
  if (!flags.config.empty() || std::filesystem::exists(standard)) {  // seam: is there a configuration?
    Result<Config> config = load_config(flags.config.empty() ? standard : flags.config);
    if (!config.ok()) return config.error();
    return config->socket;
  }
  ::glob_t found{};
  std::vector<std::string> sockets;
  if (::glob("/run/nezuban/probe-*.sock", 0, nullptr, &found) == 0) sockets.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (sockets.size() == 1) return sockets[0];
  if (sockets.empty()) return Error(ErrorCode::not_found, "no daemon's socket in /run/nezuban; give --socket or --config");
  return Error(ErrorCode::invalid_argument,
               fmt::format("{} daemons here, {} among them; give --socket or --config", sockets.size(), sockets[0]));
}

std::string text_of(const json::Value& v) {
  if (v.is_string()) return v.string();
  if (v.is_null()) return "-";
  return json::to_string(v);
}

void row(const char* name, const std::string& value) { fmt::print("{:<14} {}\n", name, value); }

// Those that aren't zero: "decoded 120, not_tcp 3".
std::string counts(const json::Value& fates) {
  std::string out;
  for (const json::Member& m : fates.members()) {
    if (m.value.uint_or(0) > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", m.key, m.value.uint_or(0));
  }
  return out.empty() ? "none" : out;
}

void print_table(const json::Value& s) {
  row("probe", fmt::format("{} on {}, version {}", text_of(s["probe"]), text_of(s["node"]), text_of(s["version"])));
  row("instance", text_of(s["instance"]));
  row("role", fmt::format("{} ({} standby), epoch {}", text_of(s["role"]), text_of(s["standby"]), text_of(s["epoch"])));
  row("session", fmt::format("{}, manager {} {}, lost {} times", text_of(s["session"]["state"]), text_of(s["session"]["manager"]),
                             text_of(s["session"]["manager_version"]), text_of(s["session"]["lost"])));
  const json::Value& c = s["capture"];
  row("interface", fmt::format("{}, {}, {}", text_of(c["interface"]), c["interface_up"].bool_or(false) ? "up" : "down",
                               c["running"].bool_or(false) ? "capturing" : "capture stands"));
  if (!c["fault"].is_null()) row("fault", text_of(c["fault"]));
  row("watermark", text_of(c["watermark"]));
  row("stored until", text_of(s["stored_until"]));
  row("services", fmt::format("{} measured, instruction {}", text_of(s["services"]), text_of(s["instruction"])));
  const json::Value& n = s["counters"];
  row("packets", fmt::format("{} received, {} dropped by the kernel, {} by the interface", text_of(n["frames"]), text_of(n["kernel_drops"]),
                             text_of(n["interface_drops"])));
  row("  became", counts(n["frame_fate"]));
  row("segments", counts(n["segment_fate"]));
  row("requests", fmt::format("{}: {}", text_of(n["requests"]), counts(n["request_fate"])));
  row("connections", fmt::format("{} followed now, {} since the start, {} evicted", text_of(c["connections"]), text_of(n["connections"]),
                                 text_of(n["connections_evicted"])));
  const json::Value& w = s["windows"];
  row("windows", fmt::format("{} measured, {} sent, {} acknowledged, {} kept ({} B)", text_of(w["measured"]), text_of(w["sent"]),
                             text_of(w["acknowledged"]), text_of(w["kept"]), text_of(w["kept_bytes"])));
  row("  not sent", fmt::format("{} overflow, {} discarded at an admission, {} uncovered; {} partly", text_of(w["overflow"]),
                                text_of(w["discarded"]), text_of(w["uncovered"]), text_of(w["partly"])));
  if (const json::Value& d = s["discovery"]; d["job"].uint_or(0) > 0) {
    row("discovery", fmt::format("job {}, {} requests delivered, {} entries wait, {} requests without room", text_of(d["job"]),
                                 text_of(d["requests_delivered"]), text_of(d["entries_waiting"]), text_of(d["requests_without_room"])));
  }
  if (s["clock"]["steps"].uint_or(0) > 0) {
    row("clock", fmt::format("set {} times; packet time is {} s ahead of it", text_of(s["clock"]["steps"]), text_of(s["clock"]["shift"])));
  }
}

int status(const Flags& flags) {
  const auto fail = [](const Error& error, int exit_status) {
    fmt::print(stderr, "nezu-probe: {}\n", error.message());
    return exit_status;
  };
  const Result<std::string> socket = find_socket(flags);
  if (!socket.ok()) return fail(socket.error(), 2);
  json::Value request;
  request.set("command", "status");
  const Result<json::Value> answer = probe::control::ask(*socket, request, std::chrono::seconds(5));
  if (!answer.ok()) return fail(answer.error(), 1);
  if (flags.json)
    fmt::print("{}\n", json::to_pretty_string(*answer));
  else
    print_table(*answer);
  return 0;
}

}  // namespace

Run add_status(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("status", "what a running daemon does: role, session, capture, windows");
  command->add_option("-s,--socket", flags->socket, "its control socket");
  command->add_option("-c,--config", flags->config, "its configuration file");
  command->add_flag("--json", flags->json, "as JSON, with all counters");
  command->footer("Exit status: 0 well; 1 the daemon doesn't answer; 2 usage wrong.");
  return [flags] { return status(*flags); };
}

}  // namespace nezu::probe_app
