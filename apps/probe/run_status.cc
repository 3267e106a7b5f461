// What the daemon tells over its control socket.
#include <unistd.h>

#include "probe/run_daemon.h"

namespace nezu::probe_app {
namespace {

constexpr Nanos kStuck = std::chrono::seconds(2);

json::Value time_value(PacketTime t) { return to_ns(t) <= 0 ? json::Value(nullptr) : json::Value(format_rfc3339(to_ns(t))); }

template <class Fate, class Counts>
json::Value fates(const Counts& counts) {
  json::Value v{json::Members{}};
  for (std::size_t i = 0; i < counts.size(); ++i) v.set(window::name(static_cast<Fate>(i)), counts[i]);
  return v;
}

json::Value counters_value(const window::Counters& c) {
  json::Value v;
  v.set("frames", c.frames).set("frame_bytes", c.frame_bytes).set("kernel_drops", c.kernel_drops).set("interface_drops", c.interface_drops);
  v.set("frame_fate", fates<window::FrameFate>(c.frame_fate));
  v.set("segments", c.segments).set("bare_segments", c.bare_segments);
  v.set("segment_fate", fates<window::SegmentFate>(c.segment_fate));
  v.set("requests", c.requests).set("request_fate", fates<window::RequestFate>(c.request_fate));
  v.set("responses_without_request", c.responses_without_request).set("holes", c.holes).set("hole_bytes", c.hole_bytes);
  v.set("conflicts", c.conflicts).set("late", c.late).set("connections", c.connections).set("connections_evicted", c.connections_evicted);
  return v;
}

}  // namespace

std::vector<std::string> Daemon::faults() const {
  std::vector<std::string> out;
  if (!fault_.empty()) out.push_back("capture: " + fault_);
  if (fault_.empty() && !interface_up_) out.push_back("interface " + config_.capture.interface + " is down");
  const MonoTime now = parts_.clock.mono();
  for (std::size_t i = 0; i < snapshots_.size(); ++i) {
    if (now - snapshots_[i].taken_at > kStuck && now - started_at_ > kStuck && !states_[i].finished) {
      out.push_back("capture thread " + std::to_string(i) + " makes no progress");
    }
  }
  return out;
}

json::Value Daemon::health(std::int64_t depth) const {
  json::Value v;
  std::vector<std::string> reasons;
  if (depth >= 10) reasons = faults();
  const bool monitoring = role_.services() > 0;
  json::Value list{json::Array{}};
  for (const std::string& r : reasons) list.push(r);
  // What can't be measured matters while something should be.
  v.set("healthy", reasons.empty() || !monitoring).set("monitoring", monitoring).set("reasons", std::move(list));
  v.set("role", to_string(role_.name())).set("standby", config_.warm ? "warm" : "cold");
  v.set("process", std::int64_t{::getpid()});
  // How long it is so: the cluster's agent neither trusts a session that has just opened nor takes a short silence for isolation.
  const MonoTime now = parts_.clock.mono();
  const auto since = role_.session_since();
  v.set("session", role_.session()).set("session_for", since ? to_seconds(now - *since) : 0.0);
  v.set("without_session", role_.session() ? 0.0 : to_seconds(now - session_seen_at_));
  std::uint64_t drops = 0;
  for (const auto& s : snapshots_) drops += s.counters.kernel_drops;
  v.set("degraded", role_.name() == probe::role::Name::waiting).set("kernel_drops", drops);
  return v;
}

json::Value Daemon::status() const {
  window::Counters counters;
  json::Value workers{json::Array{}};
  std::uint64_t connections = 0, memory = 0, own_copies = 0, refused = 0, negative = 0, steps = 0;
  PacketTime watermark{};
  Nanos shift{0};
  for (const auto& s : snapshots_) {
    counters += s.counters;
    connections += s.connections;
    memory += s.memory;
    own_copies += s.source.own_copies;
    refused += s.slices_refused;
    negative += s.negative_times;
    steps = std::max(steps, s.clock_steps);
    shift = std::max(shift, s.clock_shift);
    watermark = to_ns(watermark) == 0 ? s.watermark : std::min(watermark, s.watermark);
    json::Value w;
    w.set("capturing", s.capturing).set("watermark", time_value(s.watermark)).set("frames", s.counters.frames);
    w.set("kernel_drops", s.counters.kernel_drops).set("connections", s.connections).set("memory", s.memory);
    workers.push(std::move(w));
  }
  const probe::spool::Spool& spool = role_.spool();
  json::Value v;
  v.set("version", parts_.version).set("probe", config_.name).set("node", config_.node).set("instance", window::to_string(instance_));
  v.set("uptime", to_seconds(parts_.clock.mono() - started_at_));
  v.set("role", to_string(role_.name()))
      .set("promoted", role_.promoted())
      .set("standby", config_.warm ? "warm" : "cold")
      .set("standby_ok", role_.standby_ok());
  json::Value session;
  session.set("open", role_.session()).set("state", role_.session_text()).set("manager", format_host_port(config_.manager.manager));
  session.set("manager_version", role_.manager_version()).set("lost", role_.sessions_lost());
  session.set("bytes_sent", link_->bytes_sent()).set("bytes_received", link_->bytes_received());
  v.set("session", std::move(session)).set("epoch", role_.epoch()).set("stored_until", time_value(role_.stored_until()));
  json::Value capture;
  capture.set("interface", config_.capture.interface).set("interface_up", interface_up_).set("running", capture_report().state.running);
  capture.set("fault", fault_.empty() ? json::Value(nullptr) : json::Value(fault_)).set("faults", capture_faults_);
  capture.set("own_copies", own_copies).set("watermark", time_value(watermark)).set("connections", connections).set("memory", memory);
  capture.set("workers", std::move(workers));
  v.set("capture", std::move(capture)).set("services", role_.services()).set("instruction", role_.instruction());
  json::Value windows;
  windows.set("measured", role_.measured()).set("sent", role_.sent()).set("acknowledged", spool.acknowledged());
  windows.set("kept", spool.size()).set("kept_bytes", spool.bytes()).set("on_their_way", spool.on_its_way());
  windows.set("overflow", spool.overflow()).set("discarded", role_.discarded()).set("out_of_order", spool.out_of_order());
  const probe::shadow::Counters& shadow = role_.shadow().counters();
  windows.set("partly", shadow.partly).set("uncovered", shadow.uncovered).set("slices_refused", refused).set("late", shadow.late);
  v.set("windows", std::move(windows));
  json::Value discovery;
  discovery.set("job", discovery_job_).set("entries_waiting", found_.waiting()).set("requests_delivered", found_.delivered());
  discovery.set("requests_without_room", found_.no_room()).set("jobs_dropped", found_.jobs_dropped());
  v.set("discovery", std::move(discovery));
  json::Value s;
  s.set("kept", role_.shadow().kept()).set("memory", role_.shadow().bytes()).set("left_out", shadow.left_out).set("put_in", shadow.put_in);
  s.set("only_here", shadow.only_here).set("only_named", role_.shadow().names_not_seen()).set("not_measured", shadow.not_measured);
  s.set("thrown_away", shadow.thrown_away).set("names_left_out", shadow.names_left_out);
  v.set("shadow", std::move(s));
  json::Value clock;
  clock.set("known", to_string(role_.shadow().clock().known())).set("offset", to_seconds(role_.shadow().clock().offset()));
  clock.set("shift", to_seconds(shift)).set("steps", steps).set("negative_times", negative);
  v.set("clock", std::move(clock)).set("commands_lost", commands_lost_).set("counters", counters_value(counters));
  return v;
}

}  // namespace nezu::probe_app
