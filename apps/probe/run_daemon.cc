#include "probe/run_daemon.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>

#include "probe/capture/file_source.h"
#include "probe/capture/interface.h"
#include "probe/control/cluster_times.h"

namespace nezu::probe_app {
namespace {

using std::chrono::milliseconds;
constexpr Nanos kTick = milliseconds(50);
constexpr Nanos kReopenAfter = Seconds(1);
constexpr Nanos kLastWords = milliseconds(500);

probe::role::Options role_options(const Config& c, const wire::InstanceId& instance, const Daemon::Parts& parts) {
  probe::role::Options o;
  o.logical_probe = c.name;
  o.node = c.node;
  o.program_version = parts.version;
  o.start_began = parts.start_began;
  o.interface = c.capture.interface;
  o.instance = instance;
  o.window = c.window;
  o.promoted = !c.warm;
  o.isolation = c.isolation;
  o.spool = c.spool;
  o.shadow.workers = c.capture.workers;
  o.shadow.grace = c.grace;
  o.shadow.names = c.warm;
  o.shadow.book.kept = c.pipeline.transaction_timeout + o.shadow.book.reach + Seconds(2);
  o.shadow.memory = c.shadow_memory;
  o.shadow.ledger = c.names;
  return o;
}

wire::InstanceId new_instance(Random& random) {
  wire::InstanceId id;
  id.bytes = random.next_id();
  return id;
}

}  // namespace

Daemon::Daemon(const Config& config, const Parts& parts)
    : config_(config),
      parts_(parts),
      log_(parts.logger),
      tick_timer_(loop_),
      notifier_(ServiceNotifier::from_environment()),
      instance_(new_instance(parts.random)),
      role_(role_options(config, instance_, parts), parts.random),
      found_({.limits = config.discovery}) {}

Daemon::~Daemon() = default;

// ---- the start

std::optional<Daemon::Trouble> Daemon::prepare() {
  if (!config_.manager.insecure) {
    auto context = tls::Context::load(config_.tls);
    if (!context.ok()) return Trouble{context.error().in("manager.tls"), 2};
    tls_ = std::move(context).value();
  }
  auto connector = probe::link::make_connector(loop_, config_.manager, tls_);
  if (!connector.ok()) return Trouble{connector.error(), 2};
  link_ = std::make_unique<probe::link::Link>(loop_, *this, std::move(connector).value());

  auto sources = open_capture();
  if (sources.ok()) {
    sources_ = std::move(sources).value();
  } else if (sources.error().code() == ErrorCode::unavailable) {
    capture_failed(sources.error());  // it is there, and down: it may come up
  } else {
    const ErrorCode code = sources.error().code();
    const bool users = code == ErrorCode::not_found || code == ErrorCode::invalid_argument || code == ErrorCode::unsupported;
    return Trouble{sources.error().in("capture"), users ? 2 : 1};
  }
  auto control =
      probe::control::Server::listen(loop_, config_.socket, [this](const std::string& c, const json::Value& r) { return command(c, r); });
  if (!control.ok()) return Trouble{control.error(), 1};
  control_ = std::move(control).value();
  return std::nullopt;
}

Result<std::vector<std::unique_ptr<probe::FrameSource>>> Daemon::open_capture() {
  std::vector<std::unique_ptr<probe::FrameSource>> sources;
  if (!parts_.replay.empty()) {
    if (Status s = probe::check_files(parts_.replay); !s.ok()) return s.error();
    sources.push_back(probe::read_files({.paths = parts_.replay, .timestamp_offset = config_.capture.timestamp_offset}));
    return sources;
  }
  probe::LiveOptions options = config_.capture;
  if (!config_.filter.empty()) {
    const auto interface = probe::query_interface(options.interface);
    if (!interface.ok()) return interface.error();
    const auto link = probe::link_type_of(*interface);
    if (!link.ok()) return link.error();
    auto filter = probe::compile_filter(probe::filter_program(), config_.filter, *link, options.snap_length);
    if (!filter.ok()) return filter.error().in("capture.filter");
    options.filter = std::move(filter).value();
  }
  return probe::open_live(options, parts_.clock);
}

void Daemon::give_sources(std::vector<std::unique_ptr<probe::FrameSource>> sources) {
  for (std::size_t i = 0; i < workers_.size() && i < sources.size(); ++i) {
    if (!workers_[i]->tell(probe::worker::TakeSource{std::move(sources[i])})) ++commands_lost_;
  }
}

int Daemon::run() {
  started_at_ = session_seen_at_ = parts_.clock.mono();
  const bool live = parts_.replay.empty();
  for (std::uint32_t i = 0; i < config_.capture.workers; ++i) {
    probe::worker::Options o;
    o.index = i;
    o.pipeline = config_.pipeline;
    o.key = {parts_.random.next_u64(), parts_.random.next_u64()};
    o.timestamp_offset = config_.capture.timestamp_offset;
    o.follow_wall_clock = config_.capture.stamps == probe::Stamps::kernel;
    o.lag = 2 * config_.capture.block_timeout + milliseconds(10);
    o.discovery = config_.discovery;
    o.live = live;
    workers_.push_back(std::make_unique<probe::worker::Worker>(o, parts_.clock, events_, [this] { wake(); }));
  }
  states_.resize(workers_.size());
  snapshots_.resize(workers_.size());
  for (auto& w : workers_) w->start();
  give_sources(std::move(sources_));
  sources_.clear();

  loop_.on_signal({SIGTERM, SIGINT, SIGHUP}, [this](int signal) {
    if (signal == SIGHUP)
      reload();
    else
      stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
  });
  log_.info("started", {{"version", parts_.version},
                        {"probe", config_.name},
                        {"node", config_.node},
                        {"instance", window::to_string(instance_)},
                        {"interface", config_.capture.interface},
                        {"workers", config_.capture.workers},
                        {"manager", format_host_port(config_.manager.manager)},
                        {"standby", config_.warm ? "warm" : "cold"}});
  if (fault_.empty()) (void)notifier_.ready("capturing on " + config_.capture.interface);
  carry_out(role_.start(parts_.clock.mono()));
  watch_interface();
  tick();
  loop_.run();
  workers_.clear();
  log_.info("ended", {{"windows_undelivered", role_.spool().granted()}});
  return exit_status_;
}

// ---- the link, for the role

void Daemon::link_connected() { carry_out(role_.connected(parts_.clock.mono())); }
void Daemon::link_lost(const std::string& why) {
  found_.connection_lost();
  carry_out(role_.disconnected(parts_.clock.mono(), why));
}
void Daemon::link_received(wire::Message message) {
  if (const auto* ack = std::get_if<wire::DiscoveryAck>(&message)) return found_.acknowledged(*ack);
  carry_out(role_.received(parts_.clock.mono(), std::move(message)));
}

void Daemon::carry_out(probe::role::Actions actions) {
  for (probe::role::Action& action : actions) {
    std::visit([this](auto&& a) { on(std::forward<decltype(a)>(a)); }, std::move(action));
  }
}

void Daemon::on(probe::role::Connect) { link_->connect(); }
void Daemon::on(probe::role::Disconnect) {
  found_.connection_lost();
  link_->disconnect();
}
void Daemon::on(probe::role::Send a) { link_->send(a.message); }

void Daemon::on(probe::role::Measure a) {
  std::vector<probe::aggregate::PlannedService> services;
  for (wire::ServiceDefinition& d : a.services) {
    services.push_back({d.service, d.version, d.all_target, std::move(d.transaction_targets), std::move(d.definition)});
  }
  PacketTime effective{};
  if (a.at_edge) {
    effective = packet_clock();
    for (const auto& s : snapshots_) effective = std::max(effective, s.watermark);
    effective = floor_to(effective - a.offset, config_.window) + config_.window + a.offset;
  }
  std::optional<HashKey> names;
  if (a.names) names = HashKey{a.names->k0, a.names->k1};
  plan_.plan = std::make_shared<probe::aggregate::Plan>(a.generation, std::move(services), effective, names);
  plan_.told = false;
  for (auto& w : workers_) {
    if (!w->tell(probe::worker::TakePlan{plan_.plan})) ++commands_lost_;
  }
  log_.info("measuring", {{"services", plan_.plan->service_count()}, {"generation", a.generation}});
}

void Daemon::on(probe::role::Discover a) {
  const MonoTime now = parts_.clock.mono();
  discovery_job_ = a.job;
  discovery_ends_ = a.job != 0 && a.limit > Nanos(0) ? std::optional(now + a.limit) : std::nullopt;
  for (auto& w : workers_) {
    if (!w->tell(probe::worker::TakeDiscovery{a.job, a.source})) ++commands_lost_;
  }
  log_.info(a.job != 0 ? "discovering" : "discovery ends", {{"job", a.job}, {"source", a.source ? to_string(*a.source) : "any"}});
}

// The manager ends a job at its limit. Where it can't be reached nobody waits for what would be found later.
void Daemon::discover() {
  const MonoTime now = parts_.clock.mono();
  if (discovery_ends_ && now >= *discovery_ends_) {
    discovery_ends_.reset();
    for (auto& w : workers_) {
      if (!w->tell(probe::worker::TakeDiscovery{})) ++commands_lost_;
    }
  }
  if (!role_.session()) return;
  if (const auto message = found_.next(now)) link_->send(*message);
}

void Daemon::on(probe::role::Cut) {
  for (auto& w : workers_) {
    if (!w->tell(probe::worker::Finish{})) ++commands_lost_;
  }
}

void Daemon::on(probe::role::Finished a) {
  if (said_finished_) return;
  said_finished_ = true;
  if (a.isolated) {
    exit_status_ = 1;
    (void)notifier_.stopping();
  }
  if (a.undelivered > 0) log_.warning("ended with windows that nobody stored", {{"windows", a.undelivered}});
  link_->close(kLastWords, [this] { loop_.stop(); });
}

void Daemon::on(probe::role::Say a) {
  using Level = probe::role::Say::Level;
  const log::Level level = a.level == Level::info ? log::Level::info : a.level == Level::warning ? log::Level::warning : log::Level::error;
  switch (a.fields.size()) {
    case 0: log_.log(level, a.text); break;
    case 1: log_.log(level, a.text, {{a.fields[0].first, a.fields[0].second}}); break;
    default: log_.log(level, a.text, {{a.fields[0].first, a.fields[0].second}, {a.fields[1].first, a.fields[1].second}}); break;
  }
}

// ---- the workers

void Daemon::wake() {
  if (woken_.exchange(true)) return;
  loop_.post([this] {
    woken_ = false;
    take_events();
  });
}

void Daemon::take_events() {
  for (probe::worker::Event& event : events_.take_all()) {
    std::visit([this](auto&& e) { on(std::forward<decltype(e)>(e)); }, std::move(event));
  }
  work();
  tell_if_applied();
}

void Daemon::on(probe::worker::SliceReady e) { role_.take(parts_.clock.mono(), std::move(e.slice)); }

void Daemon::on(probe::worker::PlanTaken e) {
  states_[e.worker].generation = e.generation;
  states_[e.worker].at = e.at;
}

void Daemon::tell_if_applied() {
  if (plan_.told || !plan_.plan) return;
  PacketTime at{};
  for (const WorkerState& s : states_) {
    if (s.generation < plan_.plan->generation()) return;
    at = std::max(at, s.at);
  }
  plan_.told = true;
  if (plan_.plan->effective() > PacketTime{}) at = std::min(at, plan_.plan->effective());
  std::map<window::ServiceId, std::pair<std::uint64_t, PacketTime>> since;
  std::vector<probe::role::AppliedService> applied;
  for (std::size_t i = 0; i < plan_.plan->service_count(); ++i) {
    const auto id = plan_.plan->id(i);
    const auto old = since_.find(id);
    const bool goes_on = old != since_.end() && old->second.first == plan_.plan->version(i);
    const PacketTime begin = goes_on ? old->second.second : at;
    since[id] = {plan_.plan->version(i), begin};
    applied.push_back({id, begin});
  }
  since_ = std::move(since);
  refresh();  // the heartbeat that confirms says how the capture is now
  carry_out(role_.applied(parts_.clock.mono(), plan_.plan->generation(), std::move(applied), at));
}

void Daemon::on(probe::worker::SourceFailed e) { capture_failed(e.error); }

void Daemon::on(probe::worker::SourceEnded e) {
  states_[e.worker].ended = true;
  stop("the capture files were read to their end");
}

void Daemon::on(probe::worker::ClockStepped e) {
  if (e.worker != 0) return;  // each worker sees it
  log_.warning("the machine's clock was set", {{"by", e.by}, {"packet_time_jumps", e.jump}});
}

void Daemon::on(probe::worker::Finished e) {
  states_[e.worker].finished = true;
  role_.worker_finished(e.worker);
}

void Daemon::on(probe::worker::DiscoveryTaken e) {
  states_[e.worker].discovery = e.job;
  const bool all = std::all_of(states_.begin(), states_.end(), [this](const WorkerState& s) { return s.discovery == discovery_job_; });
  if (all) carry_out(role_.discovering(parts_.clock.mono(), discovery_job_));
}

void Daemon::on(probe::worker::Discovered e) { found_.add(e.job, std::move(e.found)); }

void Daemon::work() {
  const MonoTime now = parts_.clock.mono();
  carry_out(role_.work(now, packet_clock()));
  const bool all_finished =
      !states_.empty() && std::all_of(states_.begin(), states_.end(), [](const WorkerState& s) { return s.finished; });
  if (all_finished && !cut_told_) {
    cut_told_ = true;
    carry_out(role_.cut_done(now));
  }
}

// ---- faults of the capture

void Daemon::capture_failed(const Error& error) {
  ++capture_faults_;
  if (fault_ != error.message()) log_.error("the capture stands", error, {{"interface", config_.capture.interface}});
  fault_ = error.message();
  if (!parts_.replay.empty()) {
    exit_status_ = 2;
    stop("the capture file is damaged");
    return;
  }
  reopening_ = true;
  reopen_at_ = parts_.clock.mono() + kReopenAfter;
  for (auto& w : workers_) w->tell(probe::worker::TakeSource{nullptr});
}

void Daemon::reopen() {
  reopen_at_ = parts_.clock.mono() + kReopenAfter;
  const auto info = probe::query_interface(config_.capture.interface);
  if (info.ok() && info->up && !info->running) return;  // it could be opened, and would see nothing
  auto sources = open_capture();
  if (!sources.ok()) {
    fault_ = sources.error().message();
    return;
  }
  reopening_ = false;
  fault_.clear();
  give_sources(std::move(sources).value());
  log_.info("the capture runs again", {{"interface", config_.capture.interface}});
  (void)notifier_.ready("capturing on " + config_.capture.interface);
}

// The kernel tells of a carrier's end at once; where it doesn't, each tick looks.
void Daemon::watch_interface() {
  if (!parts_.replay.empty()) return;
  auto fd = probe::watch_interfaces();
  if (!fd.ok()) {
    log_.warning("changes of the interface are noticed late", {{"error", fd.error().message()}});
    return;
  }
  interfaces_.emplace(loop_, std::move(fd).value(), [this](int changes) {
    probe::drain_interfaces(changes);
    look_at_interface();
  });
}

void Daemon::look_at_interface() {
  if (!parts_.replay.empty()) {
    interface_up_ = true;
    return;
  }
  const auto info = probe::query_interface(config_.capture.interface);
  interface_up_ = info.ok() && info->up && info->running;
  // A port without a signal looks to the capture like one without traffic. Nothing may be called covered then.
  if (info.ok() && info->up && !info->running && fault_.empty()) {
    capture_failed(Error(ErrorCode::unavailable, "interface " + config_.capture.interface + " has no carrier"));
  }
}

// ---- time

PacketTime Daemon::packet_clock() const {
  if (!parts_.replay.empty()) return snapshots_.empty() ? PacketTime{} : snapshots_[0].watermark;
  Nanos shift{0};
  for (const auto& s : snapshots_) shift = std::max(shift, s.clock_shift);
  return packet_time_ns(to_ns(parts_.clock.wall())) + config_.capture.timestamp_offset + shift;
}

void Daemon::refresh() {
  const MonoTime now = parts_.clock.mono();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    snapshots_[i] = workers_[i]->snapshot();
    role_.worker_alive(now, static_cast<std::uint32_t>(i), snapshots_[i].watermark);
  }
  role_.capture(capture_report());
}

void Daemon::tick() {
  tick_timer_.after(kTick, [this] { tick(); });
  const MonoTime now = parts_.clock.mono();
  if (role_.session()) session_seen_at_ = now;
  look_at_interface();
  if (reopening_ && now >= reopen_at_) reopen();
  refresh();
  tell_if_applied();
  carry_out(role_.tick(now, packet_clock()));
  discover();
  if (const Nanos interval = notifier_.watchdog_interval(); interval > Nanos(0) && now - watchdog_at_ >= interval / 4) {
    watchdog_at_ = now;
    (void)notifier_.watchdog();
  }
}

probe::role::CaptureReport Daemon::capture_report() const {
  probe::role::CaptureReport r;
  r.state.running = fault_.empty();
  r.state.interface_up = interface_up_;
  r.state.fault = fault_;
  bool first = true;
  for (const auto& s : snapshots_) {
    r.state.running = r.state.running && s.capturing;
    r.state.frames += s.counters.frames;
    r.state.kernel_drops += s.counters.kernel_drops;
    r.state.watermark = first ? s.watermark : std::min(r.state.watermark, s.watermark);
    first = false;
  }
  return r;
}

// ---- what people and the cluster ask for

void Daemon::stop(const char* why) {
  log_.info("stopping", {{"why", why}});
  (void)notifier_.stopping();
  carry_out(role_.stop(parts_.clock.mono()));
}

std::string Daemon::reload() {
  (void)notifier_.reloading(parts_.clock.mono());
  Result<Config> next = load_config(parts_.config_file);
  std::optional<Error> error;
  if (!next.ok()) error = next.error();
  std::shared_ptr<tls::Context> context;
  if (!error && !next->manager.insecure) {
    auto loaded = tls::Context::load(next->tls);
    if (loaded.ok())
      context = std::move(loaded).value();
    else
      error = loaded.error().in("manager.tls");
  }
  std::optional<probe::link::Connector> connector;
  if (!error) {
    auto made = probe::link::make_connector(loop_, next->manager, context);
    if (made.ok())
      connector = std::move(made).value();
    else
      error = made.error();
  }
  if (error) {
    log_.error("the configuration is not taken, nothing changes", *error);
    (void)notifier_.ready();
    return error->message();
  }
  const std::vector<std::string> restart = needs_restart(config_, *next);
  config_.manager = next->manager;
  config_.tls = next->tls;
  config_.pipeline = next->pipeline;
  config_.spool = next->spool;
  config_.isolation = next->isolation;
  config_.log_level = next->log_level;
  tls_ = std::move(context);
  link_->set_connector(std::move(*connector));
  role_.set_spool(config_.spool);
  role_.set_isolation(config_.isolation);
  log_.set_level(config_.log_level);
  for (auto& w : workers_) {
    if (!w->tell(probe::worker::TakeOptions{config_.pipeline})) ++commands_lost_;
  }
  std::string keys;
  for (const std::string& key : restart) keys += (keys.empty() ? "" : ", ") + key;
  if (keys.empty())
    log_.info("the configuration is taken");
  else
    log_.warning("the configuration is taken, except what needs a restart", {{"restart_needed", keys}});
  (void)notifier_.ready();
  return {};
}

Result<json::Value> Daemon::command(const std::string& name, const json::Value& request) {
  const MonoTime now = parts_.clock.mono();
  if (name == "status") return status();
  if (name == "health") return health(request["depth"].int_or(0));
  if (name == "promote") {
    const auto told = [&](const char* what) { return probe::control::cluster_time(request[what].int_or(0), now); };
    carry_out(role_.promote(now, told("began"), told("stopped")));
  } else if (name == "demote") {
    carry_out(role_.demote(now));
  } else if (name == "stop") {
    loop_.post([this] { stop("the control socket"); });
  } else if (name == "reload") {
    if (const std::string error = reload(); !error.empty()) return Error(ErrorCode::invalid_argument, error);
  } else {
    return Error(ErrorCode::not_found, "no command '" + name + "': wanted status, health, promote, demote, stop or reload");
  }
  json::Value v;
  v.set("role", to_string(role_.name()));
  return v;
}

}  // namespace nezu::probe_app
