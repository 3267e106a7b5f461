// probe.yaml: what nezu-probe run is told. Every key is described in man/nezu-probe.yaml.5; examples/probe.yaml shows them all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/log/log.h"
#include "common/tls/tls.h"
#include "probe/capture/live_source.h"
#include "probe/discovery/table.h"
#include "probe/link/link.h"
#include "probe/pipeline/pipeline.h"
#include "probe/spool/spool.h"

namespace nezu::probe_app {

struct Config {
  std::string name, node;  // node: the host's name where the file leaves it out
  probe::link::Address manager;
  tls::Files tls;
  probe::LiveOptions capture;  // its filter is compiled when the capture opens
  std::string filter;          // a libpcap expression; empty: none
  Nanos window{0}, grace{0};
  probe::Pipeline::Options pipeline;
  std::uint32_t names = 0;
  probe::discovery::Limits discovery;  // of each worker, and of what waits for the manager
  probe::spool::Spool::Options spool;
  bool warm = false;
  std::optional<Nanos> isolation;   // on_isolation: exit, after so long; none: stay
  std::uint64_t shadow_memory = 0;  // bytes
  std::string socket;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
};

// All errors of the file at once, one a line, each with FILE:LINE:COLUMN.
Result<Config> parse_config(const std::string& text, const std::string& file, const std::string& host_name, unsigned cores);
Result<Config> load_config(const std::string& file);

// The keys that differ and that a reload can't change.
std::vector<std::string> needs_restart(const Config& now, const Config& next);

std::string default_socket(const std::string& name);

}  // namespace nezu::probe_app
