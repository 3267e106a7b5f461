#include "manager/config.h"

#include "common/config/config.h"
#include "common/io/directory.h"
#include "common/net/net.h"

namespace nezu::manager_app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

void read_link(const config::Node& n, Config& c) {
  c.link = n["listen"].host_port(c.link);
  c.insecure = n["insecure"].boolean(false);
  const config::Node tls = n["tls"];
  c.tls = {tls["ca"].string(), tls["certificate"].string(), tls["key"].string()};
  if (c.insecure) {
    if (!net::is_loopback(c.link.host)) {
      n["insecure"].error("plain text is for loopback addresses only; wanted link.tls, or link.listen at 127.0.0.1");
    }
    return;
  }
  for (const char* key : {"ca", "certificate", "key"}) {
    if (!tls[key].given())
      tls[key].error("left out: wanted a PEM file (nezuctl pki makes them), or link.insecure: true on a loopback address");
  }
}

void read_api(const config::Node& n, Config& c) {
  c.api = n["listen"].host_port(c.api);
  if (!net::is_loopback(c.api.host))
    n["listen"].wanted("a loopback address (127.0.0.1, ::1, localhost): this version's API has no accounts");
}

void read_store(const config::Node& n, Config& c) {
  c.store.path = n["path"].string("/var/lib/nezuban/manager.db");
  if (c.store.path.empty()) n["path"].wanted("a file's path");
  c.store.fold_every = n["fold_every"].duration(Seconds(60), Seconds(10), hours(1));
  if (c.store.fold_every % Seconds(1) != Nanos{0}) n["fold_every"].wanted("whole seconds, 10s–1h");
  const config::Node kept = n["retention"];
  store::Retention& r = c.store.retention;
  // Each level is kept at least as long as the one below it: what is asked for far back has a coarser answer, not none.
  Nanos least = hours(1);
  const auto level = [&](const char* key, Nanos& value) {
    value = kept[key].duration(std::max(value, least), hours(1), hours(24L * 365 * 100));
    if (value < least) kept[key].wanted("at least as long as the finer level, " + format_duration(least));
    least = std::max(least, value);
  };
  level("1s", r.s1);
  level("10s", r.s10);
  level("1m", r.m1);
  level("1h", r.h1);
  level("1d", r.d1);
}

void read_failover(const config::Node& n, monitor::Options& o) {
  o.session_timeout = n["session_timeout"].duration(o.session_timeout, milliseconds(500), Seconds(60));
  o.reconnect_grace = n["reconnect_grace"].duration(o.reconnect_grace, milliseconds(0), Seconds(600));
  o.claim_patience = n["claim_patience"].duration(o.claim_patience, milliseconds(500), Seconds(60));
  o.transition_timeout = n["transition_timeout"].duration(o.transition_timeout, Seconds(1), hours(1));
  o.ledger_reach = n["ledger_reach"].duration(o.ledger_reach, Seconds(2), Seconds(120));
  o.clock_offset_limit = n["clock_offset_limit"].duration(o.clock_offset_limit, milliseconds(1), hours(1));
}

void read_discovery(const config::Node& n, monitor::DiscoveryLimits& d) {
  d.entries = static_cast<std::size_t>(n["entries"].integer(10'000, 10, 100'000));
  d.bytes = 400 * d.entries;
  d.kept = static_cast<std::size_t>(n["kept"].integer(100, 1, 10'000));
  d.retention = n["retention"].duration(d.retention, hours(1), hours(24L * 365 * 10));
}

void read_limits(const config::Node& n, monitor::Options& o) {
  o.max_probes = static_cast<std::size_t>(n["probes"].integer(64, 1, 10'000));
  o.max_sessions = static_cast<std::size_t>(n["sessions"].integer(256, 1, 100'000));
}

}  // namespace

Result<Config> parse_config(const std::string& text, const std::string& file) {
  auto document = config::Document::parse(text, file);
  if (!document.ok()) return document.error();
  const config::Node root = document->root();
  Config c;
  read_link(root["link"], c);
  read_api(root["api"], c);
  read_store(root["store"], c);
  // The store's finest level is one second: records longer than that have no place in it.
  const config::Node window = root["window"];
  c.driver.ingest.window = window.duration(Seconds(1), milliseconds(100), Seconds(1));
  if (Nanos(Seconds(1)) % c.driver.ingest.window != Nanos{0}) window.wanted("1s, or a whole part of it: 100ms, 200ms, 250ms, 500ms");
  read_failover(root["failover"], c.driver.monitor);
  read_discovery(root["discovery"], c.driver.monitor.discovery);
  read_limits(root["limits"], c.driver.monitor);
  const config::Node log = root["log"];
  c.log_level = log["level"].choice(
      log::Level::info,
      {{"debug", log::Level::debug}, {"info", log::Level::info}, {"warning", log::Level::warning}, {"error", log::Level::error}});
  c.log_format = log["format"].choice(log::Format::text, {{"text", log::Format::text}, {"json", log::Format::json}});
  if (const Status status = document->finish(); !status.ok()) return status.error();
  c.driver.version = NEZU_VERSION;
  return c;
}

Result<Config> load_config(const std::string& file) {
  auto text = io::read_file(file, 4 << 20);
  if (!text.ok()) return text.error();
  return parse_config(*text, file);
}

std::vector<std::string> needs_restart(const Config& now, const Config& next) {
  std::vector<std::string> keys;
  const auto check = [&](bool same, const char* key) {
    if (!same) keys.emplace_back(key);
  };
  const auto& a = now.driver.monitor;
  const auto& b = next.driver.monitor;
  check(now.link == next.link && now.insecure == next.insecure, "link.listen");
  check(now.tls.ca == next.tls.ca && now.tls.certificate == next.tls.certificate && now.tls.key == next.tls.key,
        "link.tls (other file names)");
  check(now.api == next.api, "api.listen");
  const store::Retention &kept = now.store.retention, &wanted = next.store.retention;
  check(now.store.path == next.store.path && now.store.fold_every == next.store.fold_every && kept.s1 == wanted.s1 &&
            kept.s10 == wanted.s10 && kept.m1 == wanted.m1 && kept.h1 == wanted.h1 && kept.d1 == wanted.d1,
        "store");
  check(now.driver.ingest.window == next.driver.ingest.window, "window");
  check(a.session_timeout == b.session_timeout && a.reconnect_grace == b.reconnect_grace && a.claim_patience == b.claim_patience &&
            a.transition_timeout == b.transition_timeout && a.ledger_reach == b.ledger_reach &&
            a.clock_offset_limit == b.clock_offset_limit,
        "failover");
  check(
      a.discovery.entries == b.discovery.entries && a.discovery.kept == b.discovery.kept && a.discovery.retention == b.discovery.retention,
      "discovery");
  check(a.max_probes == b.max_probes && a.max_sessions == b.max_sessions, "limits");
  check(now.log_format == next.log_format, "log.format");
  return keys;
}

}  // namespace nezu::manager_app
