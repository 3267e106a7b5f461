// The commands of nezuctl: what the command line has read goes in, an exit status comes out. An Error's exit status is exit_of(its code).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nezuctl/context.h"

namespace nezuctl {

// --- service (service_commands.cc)
struct ListOptions {
  bool json = false;
  bool names = false;  // names only, one a line: for scripts and completion
};
struct ApplyOptions {
  std::vector<std::string> files;  // "-": standard input
  bool dry_run = false;            // also `service diff`
  bool prune = false;
  bool json = false;
  bool exit_code = false;  // diff: status 1 where something differs
};
struct NamesOptions {
  std::vector<std::string> names;
  bool json = false;
  bool yes = false;
};
struct ExportOptions {
  std::vector<std::string> names;  // none: all
  std::string file;                // empty: standard output
};
Result<int> service_apply(const Context& context, const ApplyOptions& options);
Result<int> service_export(const Context& context, const ExportOptions& options);
Result<int> service_list(const Context& context, const ListOptions& options);
Result<int> service_show(const Context& context, const NamesOptions& options);
Result<int> service_delete(const Context& context, const NamesOptions& options);

// --- monitor (monitor_commands.cc)
struct MonitorOptions {
  std::vector<std::string> names;
  bool all = false, start = true, wait = false, json = false;
  std::string timeout = "90s";
};
Result<int> monitor(const Context& context, const MonitorOptions& options);

// --- status, version (status_command.cc)
Result<int> status(const Context& context, bool as_json);
Result<int> version(const Context& context, bool as_json);

// --- probe (probe_commands.cc)
Result<int> probe_list(const Context& context, const ListOptions& options);
Result<int> probe_show(const Context& context, const NamesOptions& options);

// --- failover, event (failover_commands.cc, event_commands.cc)
Result<int> failover_list(const Context& context, const ListOptions& options);
Result<int> failover_show(const Context& context, const NamesOptions& options);
struct EventOptions {
  bool json = false, open = false;
  std::string severity;  // at least this one; empty: all
  std::uint64_t limit = 100;
};
Result<int> event_list(const Context& context, const EventOptions& options);

// --- discovery (discovery_commands.cc)
struct DiscoveryOptions {
  std::vector<std::string> ids;     // of show (one), of stop
  std::vector<std::string> probes;  // start: none: every connected one; list: none: all
  std::string source, limit;        // of start
  bool all = false, json = false, csv = false, names = false;
};
Result<int> discovery_start(const Context& context, const DiscoveryOptions& options);
Result<int> discovery_stop(const Context& context, const DiscoveryOptions& options);
Result<int> discovery_list(const Context& context, const DiscoveryOptions& options);
Result<int> discovery_show(const Context& context, const DiscoveryOptions& options);

// --- query (query_command.cc)
struct QueryOptions {
  std::string service, target = "all", probe, from, to, last, step = "auto";
  bool json = false, csv = false, wide = false;
};
Result<int> query(const Context& context, const QueryOptions& options);

// --- top (top_command.cc)
struct TopOptions {
  std::vector<std::string> services;  // none: all
  std::string sort = "name";          // name, rate, errors, p95
  bool once = false, targets = false;
};
Result<int> top(const Context& context, const TopOptions& options);

// --- pki (pki_commands.cc): local, no manager
struct PkiOptions {
  std::string directory = "pki", name, common_name = "Nezuban CA", role = "probe", lifetime;
  std::vector<std::string> hosts;
  bool force = false, json = false;
};
Result<int> pki_init(const Context& context, const PkiOptions& options);
Result<int> pki_issue(const Context& context, const PkiOptions& options);
Result<int> pki_list(const Context& context, const PkiOptions& options);
Result<int> pki_show(const Context& context, const PkiOptions& options);

// --- completion (made from completions/ when nezuctl is built)
const char* completion_text(const std::string& shell);  // bash, zsh, fish; else nullptr

}  // namespace nezuctl
