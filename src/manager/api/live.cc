#include "manager/api/live.h"

#include <algorithm>
#include <utility>

#include "common/json/json.h"
#include "manager/api/api.h"
#include "manager/api/views.h"

namespace nezu::api {

bool Live::add(http::Responder& responder) {
  std::erase_if(streams_, [](const auto& s) { return !s->open(); });
  if (streams_.size() >= max_streams_) {
    ++refused_;
    return false;
  }
  ++added_;
  auto stream = responder.start_events();
  states_ = states();
  for (const auto& [subject, data] : states_) {
    ++events_;
    stream->send("state", data);
  }
  streams_.push_back(std::move(stream));
  if (!watch_) watch_ = backend_.watch([this](const LiveRecord& record) { on_record(record); });
  return true;
}

std::map<std::string, std::string> Live::states() const {
  std::map<std::string, std::string> out;
  for (const ServiceView& s : backend_.services()) {
    std::string& data = out["service " + s.row.definition.full_name()];
    json::Writer w(data);
    write_service_state(w, s);
  }
  for (const ProbeView& p : backend_.probes()) {
    std::string& data = out["probe " + p.name];
    json::Writer w(data);
    write_probe_state(w, p);
  }
  return out;
}

void Live::tick() {
  std::erase_if(streams_, [](const auto& s) { return !s->open(); });
  if (streams_.empty()) {
    watch_.reset();
    states_.clear();
    return;
  }
  auto now = states();
  for (const auto& [subject, data] : now) {
    const auto before = states_.find(subject);
    if (before == states_.end() || before->second != data) send("state", data);
  }
  states_ = std::move(now);
}

void Live::on_record(const LiveRecord& record) {
  if (streams_.empty()) return;
  std::map<store::ServiceId, ServiceView> services;
  for (ServiceView& s : backend_.services()) services.emplace(s.row.id, std::move(s));
  std::string data;
  json::Writer w(data);
  write_live(w, record, services);
  send("window", data);
}

void Live::send(const char* event, const std::string& data) {
  std::erase_if(streams_, [&](const auto& stream) {
    ++events_;
    return !stream->send(event, data);
  });
}

void Live::count(Counters& counters) const {
  counters.streams = added_;
  counters.streams_refused = refused_;
  counters.live_events = events_;
  counters.open_streams = streams_.size();
}

}  // namespace nezu::api
