#include "manager/program.h"

#include <fmt/core.h>

#include <csignal>

#include "manager/session/metrics.h"

namespace nezu::manager_app {
namespace {

constexpr Nanos kTick = std::chrono::milliseconds(250);
constexpr Seconds kCertificateWarning{14 * 86400}, kCertificateAgain{6 * 3600};

}  // namespace

Program::Program(Config config, std::string config_file) : config_(std::move(config)), config_file_(std::move(config_file)) {
  log::Options options;
  options.level = config_.log_level;
  options.format = config_.log_format;
  options.journal = log::journal_from_environment();
  logger_ = log::make_logger(options, clock_);
}

Status Program::open() {
  if (!config_.insecure) {
    auto context = tls::Context::load(config_.tls);
    // A missing or expired file is what the configuration names wrongly: trying again doesn't help.
    if (!context.ok()) return Error(ErrorCode::invalid_argument, context.error().in("link.tls").message());
    tls_ = *std::move(context);
  }
  config_.store.post = [this](UniqueFunction<void()> task) { loop_.post(std::move(task)); };
  auto store = store::sqlite::open(config_.store, clock_);
  if (!store.ok()) return store.error();
  store_ = *std::move(store);
  const auto loaded = store_->load();
  if (!loaded.ok()) return loaded.error();
  if (!loaded->clean_stop) logger_->warning("the last run did not end cleanly; the database is as its last commit left it");
  auto driver = session::Driver::create(loop_, clock_, random_, *logger_, *store_, config_.driver, *loaded,
                                        {[this](const Error& error) { fail(error); }, {}});
  if (!driver.ok()) return driver.error();
  driver_ = *std::move(driver);
  core_ = std::make_unique<Core>(*driver_, *store_, clock_, NEZU_VERSION, *loaded);
  session::register_metrics(registry_, *driver_, *store_);
  return {};
}

Status Program::listen_link() {
  const auto accept = [this](std::unique_ptr<net::Stream> stream) { driver_->accept(std::move(stream), tls_ != nullptr); };
  auto acceptor = tls_ ? tls::listen(loop_, config_.link, tls_, accept,
                                     [this](const std::string& who) {
                                       logger_->warning("connection refused", {{"reason", who}});
                                     })
                       : net::listen_tcp(loop_, config_.link, accept);
  if (!acceptor.ok()) return acceptor.error();
  acceptor_ = *std::move(acceptor);
  return {};
}

Status Program::listen_api() {
  api::Options options;
  options.post = [this](UniqueFunction<void()> task) { loop_.post(std::move(task)); };
  options.metrics = [this] { return registry_.text(); };
  api_ = std::make_unique<api::Api>(*core_, *store_, clock_, std::move(options));
  auto server = http::Server::listen(loop_, config_.api, api_->handler());
  if (!server.ok()) return server.error();
  server_ = *std::move(server);
  return {};
}

// The opposite order of making; the store last, so that what still waits is written and the stop is marked as clean.
Program::~Program() {
  timer_.reset();
  acceptor_.reset();
  server_.reset();
  api_.reset();
  core_.reset();
  driver_.reset();
  store_.reset();
}

int Program::run() {
  std::signal(SIGPIPE, SIG_IGN);
  if (const Status status = open(); !status.ok()) {
    logger_->error("nezu-manager can't start", status.error());
    const bool input = status.error().code() == ErrorCode::invalid_argument;
    return input ? kExitUsage : kExitFailed;
  }
  loop_.on_signal({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { on_signal(signal); });
  timer_ = std::make_unique<net::Timer>(loop_);
  // The API first: it answers also while a full disk keeps probes out.
  if (const Status status = listen_api(); !status.ok()) {
    logger_->error("nezu-manager can't start", status.error());
    return kExitFailed;
  }
  driver_->start([this] {
    // Probes are let in when the key of the names is durable.
    if (const Status status = listen_link(); !status.ok()) {
      exit_ = kExitFailed;
      logger_->error("nezu-manager can't start", status.error());
      return loop_.stop();
    }
    core_->set_ready();
    logger_->info("nezu-manager is ready", {{"version", NEZU_VERSION},
                                            {"instance", to_string(driver_->instance())},
                                            {"link", format_host_port({config_.link.host, acceptor_->port()})},
                                            {"api", format_host_port({config_.api.host, server_->port()})},
                                            {"tls", tls_ != nullptr}});
    if (const Status told = notifier_.ready(); !told.ok()) logger_->warning("systemd was not told", told.error());
  });
  tick();
  loop_.run();
  logger_->info("nezu-manager has ended", {{"status", exit_}});
  return exit_;
}

void Program::tick() {
  timer_->after(kTick, [this] { tick(); });
  if (api_) api_->tick();
  if (notifier_.watchdog_interval() > Nanos{0}) {
    if (const Status told = notifier_.watchdog(); !told.ok()) logger_->warning("systemd was not told", told.error());
  }
  if (!tls_) return;
  if (certificate_told_ && clock_.mono() - *certificate_told_ < kCertificateAgain) return;
  const Seconds left = tls_->remaining(clock_.wall());
  if (left < kCertificateWarning) {
    certificate_told_ = clock_.mono();
    logger_->warning("the manager's certificate ends soon", {{"file", config_.tls.certificate}, {"days", left.count() / 86400}});
  }
}

void Program::on_signal(int signal) {
  if (signal == SIGHUP) return reload();
  stop();
}

void Program::reload() {
  logger_->info("reload", {{"file", config_file_}});
  auto next = load_config(config_file_);
  if (!next.ok()) return logger_->error("reload: the configuration is wrong, the old one stays", next.error());
  logger_->set_level(next->log_level);
  config_.log_level = next->log_level;
  if (tls_) {
    if (const Status status = tls_->reload(); !status.ok()) logger_->error("reload: the old certificates stay", status.error());
  }
  for (const std::string& key : needs_restart(config_, *next))
    logger_->warning("reload: this key takes effect with the next start", {{"key", key}});
}

void Program::stop() {
  if (stopping_) return;
  stopping_ = true;
  logger_->info("nezu-manager stops");
  if (const Status told = notifier_.stopping(); !told.ok()) logger_->warning("systemd was not told", told.error());
  acceptor_.reset();
  driver_->stop([this] { loop_.stop(); });
}

void Program::fail(const Error& error) {
  logger_->error("the database has failed: what was not acknowledged is with the probes; the next start reads what is on the disk", error);
  exit_ = kExitDisk;
  loop_.stop();
}

}  // namespace nezu::manager_app
