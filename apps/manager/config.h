// manager.yaml: what nezu-manager run is told. Every key is described in man/nezu-manager.yaml.5; examples/manager.yaml shows them all.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/log/log.h"
#include "common/tls/tls.h"
#include "manager/session/driver.h"
#include "manager/store/sqlite/sqlite_store.h"

namespace nezu::manager_app {

struct Config {
  HostPort link{"0.0.0.0", 7400};
  bool insecure = false;
  tls::Files tls;
  HostPort api{"127.0.0.1", 7480};
  store::sqlite::Options store;
  session::Options driver;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
};

// All errors of the file at once, one a line, each with FILE:LINE:COLUMN.
Result<Config> parse_config(const std::string& text, const std::string& file);
Result<Config> load_config(const std::string& file);

// The keys that differ and that a reload can't change.
std::vector<std::string> needs_restart(const Config& now, const Config& next);

}  // namespace nezu::manager_app
