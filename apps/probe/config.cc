#include "probe/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "common/config/config.h"
#include "common/io/directory.h"
#include "model/wire/frame.h"

namespace nezu::probe_app {
namespace {

using std::chrono::milliseconds;

bool is_name(const std::string& s) {
  return !s.empty() && s.size() <= 63 &&
         std::all_of(s.begin(), s.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; });
}

void read_manager(const config::Node& n, Config& c) {
  c.manager.manager = n["address"].host_port({"127.0.0.1", 7400});
  if (c.manager.manager.port == 0) n["address"].wanted("a port, 1–65535");
  c.manager.insecure = n["insecure"].boolean(false);
  const config::Node tls = n["tls"];
  c.tls.ca = tls["ca"].string();
  c.tls.certificate = tls["certificate"].string();
  c.tls.key = tls["key"].string();
  c.manager.server_name = tls["server_name"].string();
  if (c.manager.insecure) {
    if (!net::is_loopback(c.manager.manager.host))
      n["insecure"].error("plain text is for loopback addresses only; wanted manager.tls, or a manager at 127.0.0.1");
    return;
  }
  for (const char* key : {"ca", "certificate", "key"}) {
    if (!tls[key].given())
      tls[key].error("left out: wanted a PEM file (nezuctl pki makes them), or manager.insecure: true towards a loopback address");
  }
}

void read_capture(const config::Node& n, unsigned cores, Config& c) {
  probe::LiveOptions& o = c.capture;
  o.interface = n["interface"].required().string();
  if (n["interface"].given() && (o.interface.empty() || o.interface.size() > 15))
    n["interface"].wanted("an interface's name, 1–15 characters");
  const auto workers = static_cast<unsigned>(n["workers"].integer(1, 0, 64));
  o.workers = workers == 0 ? std::clamp(cores, 1u, 64u) : workers;
  o.ring_bytes = n["ring"].size(std::uint64_t{64} << 20, std::uint64_t{2} << 20, std::uint64_t{4} << 30);
  o.block_timeout = n["block_timeout"].duration(milliseconds(10), milliseconds(1), Seconds(1));
  o.snap_length = static_cast<std::uint32_t>(n["snaplen"].size(65535, 64, 262144));
  c.filter = n["filter"].string();
  o.promiscuous = n["promiscuous"].boolean(true);
  o.stamps = n["timestamps"].choice(probe::Stamps::kernel, {{"kernel", probe::Stamps::kernel}, {"hardware", probe::Stamps::hardware}});
  o.timestamp_offset = n["timestamp_offset"].duration(Nanos(0), -Nanos(Seconds(86400)), Seconds(86400));
  for (const config::Node& port : n["ports"].list()) { c.pipeline.ports.push_back(static_cast<std::uint16_t>(port.integer(1, 1, 65535))); }
}

void read_limits(const config::Node& n, Config& c) {
  c.pipeline.connections = static_cast<std::uint32_t>(n["connections"].integer(200'000, 16, 100'000'000));
  c.pipeline.memory = n["memory"].size(std::uint64_t{256} << 20, std::uint64_t{1} << 20, std::uint64_t{1} << 40);
  c.pipeline.transaction_timeout = n["transaction_timeout"].duration(Seconds(60), milliseconds(100), Seconds(86400));
  c.pipeline.head = static_cast<std::uint32_t>(n["head"].size(64 << 10, 256, 1 << 20));
  c.shadow_memory = n["shadow_memory"].size(std::uint64_t{256} << 20, std::uint64_t{1} << 20, std::uint64_t{1} << 40);
  c.names = static_cast<std::uint32_t>(n["names"].integer(100'000, 1000, wire::kMaxNames));
  c.discovery.entries = static_cast<std::size_t>(n["discovery_entries"].integer(1000, 10, 100'000));
  c.discovery.bytes = 512 * c.discovery.entries;
}

}  // namespace

std::string default_socket(const std::string& name) { return "/run/nezuban/probe-" + name + ".sock"; }

Result<Config> parse_config(const std::string& text, const std::string& file, const std::string& host_name, unsigned cores) {
  auto document = config::Document::parse(text, file);
  if (!document.ok()) return document.error();
  const config::Node root = document->root();
  Config c;
  const config::Node name = root["probe"]["name"];
  c.name = name.required().string();
  if (name.given() && !is_name(c.name)) name.wanted("a name: 1–63 of A–Z a–z 0–9 . _ -");
  c.node = root["probe"]["node"].string();
  if (c.node.empty()) c.node = host_name;
  read_manager(root["manager"], c);
  read_capture(root["capture"], cores, c);
  c.window = root["window"].duration(Seconds(1), milliseconds(100), Seconds(60));
  c.grace = root["grace"].duration(milliseconds(500), milliseconds(50), Seconds(60));
  read_limits(root["limits"], c);
  c.spool.windows = static_cast<std::size_t>(root["spool"]["windows"].integer(600, 1, 1'000'000));
  c.spool.bytes = root["spool"]["memory"].size(std::uint64_t{64} << 20, std::uint64_t{1} << 20, std::uint64_t{1} << 40);
  c.warm = root["standby"].choice(false, {{"cold", false}, {"warm", true}});
  // The time-out is read in any case: a mistake in it is one, also where it isn't used.
  const Nanos isolation = root["isolation_timeout"].duration(Seconds(30), Seconds(1), Seconds(86400));
  if (root["on_isolation"].choice(false, {{"stay", false}, {"exit", true}})) c.isolation = isolation;
  c.socket = root["control"]["socket"].string();
  if (c.socket.empty()) c.socket = default_socket(c.name);
  if (c.socket.size() > 107) root["control"]["socket"].wanted("a path of at most 107 bytes");
  c.log_level = root["log"]["level"].choice(
      log::Level::info,
      {{"debug", log::Level::debug}, {"info", log::Level::info}, {"warning", log::Level::warning}, {"error", log::Level::error}});
  c.log_format = root["log"]["format"].choice(log::Format::text, {{"text", log::Format::text}, {"json", log::Format::json}});
  if (Status s = document->finish(); !s.ok()) return s.error();
  return c;
}

Result<Config> load_config(const std::string& file) {
  Result<std::string> text = io::read_file(file, 4 << 20);
  if (!text.ok()) return text.error();
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {"localhost"};
  return parse_config(*text, file, host.data(), std::thread::hardware_concurrency());
}

std::vector<std::string> needs_restart(const Config& a, const Config& b) {
  std::vector<std::string> keys;
  const auto check = [&](bool same, const char* key) {
    if (!same) keys.emplace_back(key);
  };
  check(a.name == b.name, "probe.name");
  check(a.node == b.node, "probe.node");
  check(a.capture.interface == b.capture.interface, "capture.interface");
  check(a.capture.workers == b.capture.workers, "capture.workers");
  check(a.capture.ring_bytes == b.capture.ring_bytes, "capture.ring");
  check(a.capture.block_timeout == b.capture.block_timeout, "capture.block_timeout");
  check(a.capture.snap_length == b.capture.snap_length, "capture.snaplen");
  check(a.filter == b.filter, "capture.filter");
  check(a.capture.promiscuous == b.capture.promiscuous, "capture.promiscuous");
  check(a.capture.stamps == b.capture.stamps, "capture.timestamps");
  check(a.capture.timestamp_offset == b.capture.timestamp_offset, "capture.timestamp_offset");
  check(a.window == b.window, "window");
  check(a.grace == b.grace, "grace");
  check(a.names == b.names, "limits.names");
  check(a.discovery.entries == b.discovery.entries, "limits.discovery_entries");
  check(a.shadow_memory == b.shadow_memory, "limits.shadow_memory");
  check(a.warm == b.warm, "standby");
  check(a.socket == b.socket, "control.socket");
  check(a.log_format == b.log_format, "log.format");
  return keys;
}

}  // namespace nezu::probe_app
