#include "manager/session/driver.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "manager/session/name_key.h"

namespace nezu::session {
namespace {

constexpr Nanos kTick = std::chrono::milliseconds(100);
constexpr Nanos kFarewell = std::chrono::seconds(1);       // for the last words to a peer
constexpr Nanos kStopPatience = std::chrono::seconds(10);  // for what is in flight when the program ends

}  // namespace

Driver::Driver(net::EventLoop& loop, const Clock& clock, Random& random, log::Logger& logger, store::Store& store, const Options& options,
               Hooks hooks)
    : loop_(loop), clock_(clock), random_(random), logger_(logger), options_(options), hooks_(std::move(hooks)), timer_(loop) {
  instance_.bytes = random_.next_id();
  committer_ = std::make_unique<Committer>(store, options_.committer,
                                           Committer::Hooks{[this](const Error& error) { on_paused(error); }, [this] { on_resumed(); },
                                                            [this](const Error& error) { hooks_.fatal(error); }});
}

Driver::~Driver() { *alive_ = false; }

Result<std::unique_ptr<Driver>> Driver::create(net::EventLoop& loop, const Clock& clock, Random& random, log::Logger& logger,
                                               store::Store& store, const Options& options, const store::Loaded& loaded, Hooks hooks) {
  std::unique_ptr<Driver> driver(new Driver(loop, clock, random, logger, store, options, std::move(hooks)));
  const Status status = driver->load(loaded);
  if (!status.ok()) return status.error();
  return driver;
}

Status Driver::load(const store::Loaded& loaded) {
  auto monitor = monitor::Monitor::create(options_.monitor, loaded, now());
  if (!monitor.ok()) return monitor.error();
  monitor_ = *std::move(monitor);
  ingest_ = std::make_unique<ingest::Ingest>(options_.ingest);
  for (const auto& covered : loaded.covered) {
    ingest_->restore(covered.logical_probe, covered.recent_spans, covered.stored_until, monitor_->owners(covered.logical_probe));
  }
  for (const store::ServiceRow& row : loaded.services) services_[row.id] = row;
  const auto key = loaded.state.find(kNameKey);
  if (key == loaded.state.end()) return {};
  auto decoded = decode_name_key(key->second);
  if (!decoded.ok()) return decoded.error().in(std::string("stored state ") + kNameKey);
  key_ = *decoded;
  return {};
}

void Driver::start(UniqueFunction<void()> ready) {
  store::WriteBatch batch;
  if (!key_) {
    key_ = wire::NameKey{random_.next_u64(), random_.next_u64()};
    batch.state[kNameKey] = encode_name_key(*key_);
  }
  committer_->submit(std::move(batch), std::move(ready));
  flush();
  tick();
}

void Driver::tick() {
  timer_.after(kTick, [this] { tick(); });
  due();
}

void Driver::due() {
  committer_->tick(clock_.mono());
  if (committer_->dead()) return;
  monitor_->tick(now());
  tick_links();
  tick_refusals();
  flush();
  if (!stopping_ || !stopped_) return;
  const bool given_up = clock_.mono() - stopping_since_ > kStopPatience || committer_->paused();
  if (!committer_->idle() && !given_up) return;
  for (auto& [id, link] : links_) link->finish();
  const bool farewell = std::all_of(links_.begin(), links_.end(), [](const auto& link) { return link.second->flushed(); });
  if (!farewell && clock_.mono() - stopping_since_ < kFarewell) return;
  links_.clear();
  timer_.cancel();
  auto stopped = std::move(stopped_);
  stopped_ = nullptr;
  stopped();
}

void Driver::tick_links() {
  std::vector<std::uint64_t> gone;
  send_again([this](const Link& link) { return link.resend_at && clock_.mono() >= *link.resend_at; });
  for (auto& [id, link] : links_) {
    if (!link->finished() && !link->greeted && clock_.mono() - link->opened > options_.hello_timeout) {
      refuse(*link, wire::Refusal::Reason::bad_request, fmt::format("no Hello within {}", format_duration(options_.hello_timeout)));
    }
    if (link->finished() && clock_.mono() - link->finishing_since > kFarewell) gone.push_back(id);
  }
  for (const std::uint64_t id : gone) {
    links_.erase(id);
    named_.erase(id);
  }
}

void Driver::tick_refusals() {
  for (auto it = refusals_.begin(); it != refusals_.end();) {
    if (clock_.mono() - it->second < options_.quiet) {
      ++it;
      continue;
    }
    monitor_->events().close(it->first.first, it->first.second, clock_.wall());
    it = refusals_.erase(it);
  }
}

void Driver::stop(UniqueFunction<void()> done) {
  stopping_ = true;
  stopping_since_ = clock_.mono();
  stopped_ = std::move(done);
}

void Driver::flush(UniqueFunction<void()> then) {
  monitor::Outputs out = monitor_->take();
  log_events(out.changes.events);
  std::vector<monitor::Outgoing> later;
  for (monitor::Outgoing& message : out.messages) {
    if (message.at_once)
      send(message.session, message.message);
    else
      later.push_back(std::move(message));
  }
  for (const monitor::Closing& closing : out.closings) {
    const auto link = links_.find(closing.session);
    if (link == links_.end()) continue;
    ++counters_.ended;
    end(*link->second, closing.reason);
  }
  const bool nothing = out.changes.empty() && later.empty() && !then;
  // What changes nothing comes again with the next heartbeat: a pause mustn't pile it up.
  if (nothing || (out.changes.empty() && !then && committer_->paused())) return;
  const bool changed = !out.changes.empty();
  committer_->submit(std::move(out.changes), [this, later = std::move(later), then = std::move(then), changed]() mutable {
    for (const monitor::Outgoing& message : later) send(message.session, message.message);
    if (then) then();
    if (changed && hooks_.changed) hooks_.changed();
  });
}

void Driver::log_events(const std::vector<store::Event>& events) {
  for (const store::Event& event : events) {
    const bool over = event.closed && *event.closed != event.opened;
    const auto level = over                                         ? log::Level::info
                       : event.severity == store::Severity::error   ? log::Level::error
                       : event.severity == store::Severity::warning ? log::Level::warning
                                                                    : log::Level::info;
    logger_.log(level, over ? "event closed" : "event", {{"code", event.code}, {"subject", event.subject}, {"text", event.text}});
  }
}

void Driver::on_paused(const Error& error) {
  ++counters_.pauses;
  logger_.error("the database can't be written: nothing is acknowledged until it can", error, {{"retry", options_.committer.retry}});
  monitor_->events().open("store.no_space", "manager", store::Severity::error,
                          "the database can't be written, ingest is paused: " + error.message(), clock_.wall());
}

void Driver::on_resumed() {
  logger_.info("the database can be written again", {{"held_bytes", committer_->held_bytes()}});
  monitor_->events().close("store.no_space", "manager", clock_.wall());
  send_again([](const Link& link) { return link.resend; });
  flush();
}

// A probe sends what isn't acknowledged again only in a new session. The same instance is back at once: no failover.
void Driver::send_again(const std::function<bool(const Link&)>& which) {
  for (auto& [id, link] : links_) {
    if (link->finished() || !which(*link)) continue;
    link->resend = false;
    link->resend_at.reset();
    monitor_->lost(id, monitor::Lost::closed, now());
    end(*link, "records were held back: it is to send them again");
  }
}

void Driver::wish(store::ServiceId service, bool on, UniqueFunction<void(Status)> done) {
  if (committer_->paused()) return done(Error(ErrorCode::unavailable, "the database can't be written: " + committer_->fault()));
  const Status status = monitor_->wish(service, on, now());
  if (!status.ok()) return done(status);
  flush([done = std::move(done)]() mutable { done({}); });
}

void Driver::start_discovery(const monitor::DiscoveryWish& wish, UniqueFunction<void(Result<std::uint64_t>)> done) {
  if (committer_->paused()) return done(Error(ErrorCode::unavailable, "the database can't be written: " + committer_->fault()));
  const Result<std::uint64_t> started = monitor_->start_discovery(wish, now());
  if (!started.ok()) return done(started.error());
  flush([done = std::move(done), number = *started]() mutable { done(number); });
}

void Driver::end_discovery(std::uint64_t discovery, const std::string& by, UniqueFunction<void(Status)> done) {
  if (committer_->paused()) return done(Error(ErrorCode::unavailable, "the database can't be written: " + committer_->fault()));
  const Status status = monitor_->end_discovery(discovery, by, now());
  if (!status.ok()) return done(status);
  flush([done = std::move(done)]() mutable { done({}); });
}

void Driver::put_services(std::vector<store::ServiceRow> rows, UniqueFunction<void()> done) {
  store::WriteBatch batch;
  batch.services = rows;
  committer_->submit(std::move(batch), [this, rows = std::move(rows), done = std::move(done)]() mutable {
    for (const store::ServiceRow& row : rows) services_[row.id] = row;
    monitor_->catalogue(rows, now());
    flush();
    done();
    if (hooks_.changed) hooks_.changed();
  });
}

window::Counters Driver::probe_counters(const std::string& logical_probe) const {
  const auto counters = probe_counters_.find(logical_probe);
  return counters == probe_counters_.end() ? window::Counters{} : counters->second;
}

std::shared_ptr<void> Driver::watch(Watcher watcher) {
  const std::uint64_t id = next_watcher_++;
  watchers_[id] = std::move(watcher);
  return std::shared_ptr<void>(nullptr, [this, id, alive = alive_](void*) {
    if (*alive) watchers_.erase(id);
  });
}

}  // namespace nezu::session
