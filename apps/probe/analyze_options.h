// What `nezu-probe analyze` was asked for.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "probe/capture/live_source.h"
#include "probe/pipeline/pipeline.h"

namespace nezu::probe_app {

// As typed.
struct AnalyzeFlags {
  std::vector<std::string> files;
  std::string interface;
  bool transactions = false, csv = false, json = false;
  std::string filter;
  std::vector<std::uint16_t> ports;
  std::string duration, refresh;
  std::size_t max_hosts = 1000;
  unsigned workers = 1;
  std::string ring = "64MiB", block_timeout = "10ms", timestamps = "kernel", timestamp_offset = "0";
  std::uint32_t snap_length = 262144;
  bool not_promiscuous = false;
  std::string memory = "256MiB", transaction_timeout = "60s";
  std::uint32_t connections = 200'000;
};

// Adds the subcommand with its flags and help.
CLI::App* add_analyze_flags(CLI::App& app, AnalyzeFlags& flags);

// Understood and checked.
struct AnalyzeOptions {
  std::vector<std::string> files;  // or:
  probe::LiveOptions live;         // interface not empty
  std::string filter;
  probe::Pipeline::Options pipeline;
  bool transactions = false, csv = false, json = false;
  Nanos duration{0};  // 0: without end
  Nanos refresh{0};   // 0: as the output wants it
  std::size_t max_hosts = 0;
  Nanos timestamp_offset{0};
  bool is_live() const { return !live.interface.empty(); }
};
Result<AnalyzeOptions> check_flags(const AnalyzeFlags& flags);

}  // namespace nezu::probe_app
