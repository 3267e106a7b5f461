// The manager as one object: everything made in order, and taken down in the opposite one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/random.h"
#include "common/base/sd_notify.h"
#include "common/base/system_clock.h"
#include "common/http/server.h"
#include "common/metrics/metrics.h"
#include "common/net/net.h"
#include "manager/api/api.h"
#include "manager/config.h"
#include "manager/core.h"

namespace nezu::manager_app {

inline constexpr int kExitWell = 0, kExitFailed = 1, kExitUsage = 2;
inline constexpr int kExitDisk = 6;  // the database's disk failed: what is really on it is read at the next start

class Program {
 public:
  Program(Config config, std::string config_file);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  // Until SIGTERM or SIGINT. An exit status.
  int run();

 private:
  Status open();
  Status listen_link();
  Status listen_api();
  void on_signal(int signal);
  void reload();
  void tick();
  void stop();
  void fail(const Error& error);

  Config config_;
  std::string config_file_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<log::Logger> logger_;
  ServiceNotifier notifier_ = ServiceNotifier::from_environment();
  net::EventLoop loop_;
  std::shared_ptr<tls::Context> tls_;  // empty where the link is plain
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<session::Driver> driver_;  // on the store
  std::unique_ptr<Core> core_;               // on the driver
  metrics::Registry registry_;               // reads driver and store
  std::unique_ptr<api::Api> api_;            // on the core
  std::unique_ptr<http::Server> server_;     // asks the API
  std::unique_ptr<net::Acceptor> acceptor_;  // gives connections to the driver
  std::unique_ptr<net::Timer> timer_;
  std::optional<MonoTime> certificate_told_;  // when it was said that the certificate ends soon
  bool stopping_ = false;
  int exit_ = kExitWell;
};

}  // namespace nezu::manager_app
