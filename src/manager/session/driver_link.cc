// The driver's side that faces the probes.
#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "manager/session/driver.h"
#include "model/wire/record_view.h"

namespace nezu::session {

using Reason = wire::Refusal::Reason;

void Driver::accept(std::unique_ptr<net::Stream> stream, bool named) {
  if (stopping_) return;
  // Twice the sessions: some may be on their way out, or haven't said Hello yet.
  if (links_.size() >= 2 * options_.monitor.max_sessions) {
    ++counters_.links_too_many;
    return;
  }
  ++counters_.links;
  const std::uint64_t id = next_link_++;
  Link::Hooks hooks{[this](Link& link, wire::Message message, std::string_view bytes) { on_message(link, std::move(message), bytes); },
                    [this](Link& link, const Error& error) { on_broken(link, error); },
                    [this](Link& link, bool cleanly) { on_ended(link, cleanly); }};
  auto link = std::make_unique<Link>(id, std::move(stream), options_.queue_bytes, std::move(hooks));
  link->opened = clock_.mono();
  if (named) named_.insert(id);
  Link& kept = *(links_[id] = std::move(link));
  kept.start();
}

void Driver::on_message(Link& link, wire::Message message, std::string_view bytes) {
  if (committer_->dead()) return;
  ++counters_.messages_in;
  counters_.bytes_in += bytes.size();
  if (const auto* hello = std::get_if<wire::Hello>(&message); hello && !link.greeted) return on_hello(link, *hello);
  if (!link.greeted) return refuse(link, Reason::bad_request, "the first message must be Hello");
  if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&message)) {
    monitor_->heartbeat(link.id(), *heartbeat, now());
    return flush();
  }
  if (auto* record = std::get_if<window::Record>(&message)) return on_record(link, std::move(*record), bytes);
  monitor_->word(link.id(), now());
  if (const auto* bye = std::get_if<wire::Bye>(&message)) {
    logger_.info("probe says goodbye", {{"probe", link.logical_probe}, {"session", link.id()}, {"reason", bye->reason}});
    monitor_->lost(link.id(), monitor::Lost::planned, now());
    end(link, "goodbye");
    return flush();
  }
  if (const auto* found = std::get_if<wire::DiscoveryEntries>(&message)) {
    if (committer_->paused()) return;  // it isn't acknowledged, so it comes again: a pause mustn't pile it up
    monitor_->found(link.id(), *found, now());
    return flush();
  }
  on_broken(link, Error(ErrorCode::corrupt, "a message that only managers send"));
}

void Driver::on_hello(Link& link, const wire::Hello& hello) {
  if (hello.protocol_max < wire::kProtocolMin || hello.protocol_min > wire::kProtocolMax) {
    return refuse(link, Reason::protocol,
                  fmt::format("protocol {}–{}: this manager speaks {}–{}", hello.protocol_min, hello.protocol_max, wire::kProtocolMin,
                              wire::kProtocolMax));
  }
  if (named_.count(link.id()) != 0 && link.peer_name() != hello.logical_probe) {
    return refuse(link, Reason::unknown_probe,
                  fmt::format("the certificate's common name is '{}', the logical probe '{}': they must be the same", link.peer_name(),
                              hello.logical_probe));
  }
  if (hello.window != options_.ingest.window) {
    return refuse(link, Reason::window,
                  fmt::format("window {}: this manager's is {}", format_duration(hello.window), format_duration(options_.ingest.window)));
  }
  const Status status = monitor_->hello(link.id(), hello, now());
  if (!status.ok()) {
    const bool full = status.error().code() == ErrorCode::no_space;
    return refuse(link, full ? Reason::too_many : Reason::bad_request, status.error().message());
  }
  link.greeted = true;
  link.logical_probe = hello.logical_probe;
  link.instance = hello.instance;
  link.set_frame_limit(wire::kMaxFrameBytes);
  logger_.info("session opened", {{"probe", hello.logical_probe},
                                  {"node", hello.node},
                                  {"instance", to_string(hello.instance)},
                                  {"session", link.id()},
                                  {"peer", link.peer()},
                                  {"version", hello.program_version}});
  // The first word to it: there is room.
  (void)link.send(
      wire::Welcome{std::min(hello.protocol_max, wire::kProtocolMax), instance_, options_.version, *key_, options_.monitor.ledger_reach});
  flush();
}

void Driver::refuse(Link& link, Reason reason, const std::string& text) {
  ++counters_.links_refused;
  logger_.warning("session refused", {{"peer", link.peer()}, {"reason", text}});
  (void)link.send(wire::Refusal{reason, text, wire::kProtocolMin, wire::kProtocolMax});
  link.finishing_since = clock_.mono();
  link.finish();
}

void Driver::on_broken(Link& link, const Error& error) {
  ++counters_.broken;
  if (link.greeted) monitor_->lost(link.id(), monitor::Lost::closed, now());
  refuse(link, Reason::bad_request, error.message());
  flush();
}

void Driver::on_ended(Link& link, bool cleanly) {
  if (link.greeted && !link.finished()) {
    logger_.info("session closed",
                 {{"probe", link.logical_probe}, {"session", link.id()}, {"how", cleanly ? "ended by the probe" : "reset"}});
    monitor_->lost(link.id(), monitor::Lost::closed, now());
    flush();
  }
  link.finishing_since = clock_.mono();
  link.finish();
  forget(link.id());
}

void Driver::end(Link& link, const std::string& why) {
  if (link.finished()) return;
  logger_.info("session ended", {{"probe", link.logical_probe}, {"session", link.id()}, {"reason", why}});
  link.finishing_since = clock_.mono();
  link.finish();
}

// Later, from the loop: the caller may stand inside the link's own handler.
void Driver::forget(std::uint64_t id) {
  loop_.post([this, id, alive = alive_] {
    if (!*alive) return;
    links_.erase(id);
    named_.erase(id);
  });
}

void Driver::send(std::uint64_t id, const wire::Message& message) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const Status sent = found->second->send(message);
  if (sent.ok()) return;
  ++(sent.error().code() == ErrorCode::no_space ? counters_.slow : counters_.too_long);
  monitor_->lost(id, monitor::Lost::closed, now());
  end(*found->second, sent.error().message());
}

void Driver::on_record(Link& link, window::Record record, std::string_view bytes) {
  monitor_->word(link.id(), now());
  if (stopping_) return;
  // What is stored are the bytes as they came: to write them anew would cost more than the rest of ingest.
  const auto inner = wire::record_in(bytes);
  auto encoded = std::make_shared<const std::string>(inner ? std::string(*inner) : wire::encode_record(record));
  if (link.resend || !committer_->room(encoded->size())) {
    link.resend = true;
    ++counters_.held_back;
    return;
  }
  const ingest::Verdict verdict =
      ingest_->decide(link.logical_probe, link.instance, monitor_->epoch(link.logical_probe), record, clock_.wall());
  if (verdict.kind == ingest::Verdict::Kind::refuse) return on_refused(link, record, verdict);
  const auto shared = std::make_shared<const window::Record>(std::move(record));
  store::WriteBatch batch;
  if (verdict.kind == ingest::Verdict::Kind::repeat) {
    return committer_->submit(std::move(batch), [this, id = link.id(), shared] { ack(id, *shared); });
  }
  monitor_->accept(link.logical_probe, *shared, batch);
  committer_->submit(std::move(batch), link.logical_probe, shared, std::move(encoded),
                     [this, id = link.id(), probe = link.logical_probe, shared] { on_stored(id, probe, *shared); });
}

void Driver::on_stored(std::uint64_t link, const std::string& logical_probe, const window::Record& record) {
  ingest_->durable(logical_probe, record);
  monitor_->stored(logical_probe, link, record, now());
  probe_counters_[logical_probe] += record.counters;
  for (const window::ServicePart& part : record.services) {
    const auto service = services_.find(part.service);
    if (service == services_.end()) continue;
    for (const window::TargetFigures& target : part.targets) {
      if (target.target == service->second.all_target) counters_.transactions += target.figures.transactions;
    }
  }
  ack(link, record);
  const auto watchers = watchers_;  // one of them may end its subscription
  for (const auto& [id, watcher] : watchers) watcher(logical_probe, record);
  flush();
}

void Driver::ack(std::uint64_t link, const window::Record& record) {
  send(link, wire::Ack{record.span.begin, record.span.end, record.epoch});
}

void Driver::on_refused(Link& link, const window::Record& record, const ingest::Verdict& verdict) {
  logger_.debug("record refused", {{"probe", link.logical_probe}, {"reason", ingest::name(verdict.reason)}, {"text", verdict.text}});
  if (verdict.reason == ingest::Refused::old_epoch) {
    monitor_->outdated(link.id(), record.epoch);  // of every failover: no event
  } else {
    const std::string code = std::string("record.refused.") + ingest::name(verdict.reason);
    refusals_[{code, link.logical_probe}] = clock_.mono();
    monitor_->events().open(code, link.logical_probe, store::Severity::warning, verdict.text, clock_.wall());
  }
  // What follows lies even later. It is held back too: if the clock is set right meanwhile, the end of what is stored must not pass this one by.
  if (verdict.reason == ingest::Refused::future) {
    link.resend = true;
    link.resend_at = clock_.mono() + options_.future_retry;
  }
  flush();
}

}  // namespace nezu::session
