#include "manager/api/views.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"

namespace nezu::api {

namespace {

template <class Time>
std::string text_of(Time t) {
  return format_rfc3339(to_ns(t));
}

template <class Time>
void time_member(json::Writer& w, const char* name, Time t) {
  if (t == Time{}) {
    w.key(name).null();
  } else {
    w.member(name, text_of(t));
  }
}
template <class Time>
void time_member(json::Writer& w, const char* name, const std::optional<Time>& t) {
  if (t) {
    w.member(name, text_of(*t));
  } else {
    w.key(name).null();
  }
}

template <class Fate, std::size_t N>
void fates(json::Writer& w, const char* key, const std::array<std::uint64_t, N>& counts) {
  w.key(key).begin_object();
  for (std::size_t i = 0; i < N; ++i) w.member(window::name(static_cast<Fate>(i)), counts[i]);
  w.end_object();
}

void write_counters(json::Writer& w, const window::Counters& c) {
  w.begin_object().member("frames", c.frames).member("frame_bytes", c.frame_bytes).member("kernel_drops", c.kernel_drops);
  w.member("interface_drops", c.interface_drops);
  fates<window::FrameFate>(w, "frame_fate", c.frame_fate);
  w.member("segments", c.segments).member("bare_segments", c.bare_segments);
  fates<window::SegmentFate>(w, "segment_fate", c.segment_fate);
  w.member("requests", c.requests);
  fates<window::RequestFate>(w, "request_fate", c.request_fate);
  w.member("responses_without_request", c.responses_without_request).member("holes", c.holes).member("hole_bytes", c.hole_bytes);
  w.member("conflicts", c.conflicts).member("late", c.late).member("connections", c.connections);
  w.member("connections_evicted", c.connections_evicted).end_object();
}

// {"average", "p50", …} or null where nothing was timed.
void write_times(json::Writer& w, const char* key, std::uint64_t count, Nanos sum, Nanos max, const sketch::Histogram& histogram) {
  w.key(key);
  const auto average = query::average_seconds(sum, count);
  if (!average) {
    w.null();
    return;
  }
  w.begin_object().member("average", *average);
  for (const auto& [name, q] : {std::pair<const char*, double>{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}) {
    // The middle of the highest bucket may lie above the highest value.
    w.member(name, to_seconds(std::min(histogram.quantile(q), max)));
  }
  w.member("max", to_seconds(max)).end_object();
}

void write_network(json::Writer& w, const window::Figures& f) {
  w.key("network").begin_object().member("handshakes", f.handshakes).key("handshake_rtt");
  if (const auto average = query::average_seconds(f.handshake_rtt_sum, f.handshakes)) {
    w.begin_object().member("average", *average).member("max", to_seconds(f.handshake_rtt_max)).end_object();
  } else {
    w.null();
  }
  w.member("retransmissions", f.retransmissions).member("zero_windows", f.zero_windows).member("resets", f.resets).end_object();
}

void write_figures(json::Writer& w, const query::Point& p, const window::Figures& f) {
  w.member("transactions", f.transactions).member("throughput", p.throughput()).member("errors", f.errors);
  w.member("error_rate", p.error_rate());
  w.key("failed")
      .begin_object()
      .member("reset", f.failed_reset)
      .member("closed", f.failed_closed)
      .member("timeout", f.failed_timeout)
      .end_object();
  w.member("unmeasured", f.unmeasured);
  w.key("status").begin_object();
  for (std::size_t i = 1; i < f.status_class.size(); ++i) w.member(std::to_string(i) + "xx", f.status_class[i]);
  w.member("unknown", f.status_class[0]).end_object();
  write_times(w, "response_time", f.timed, f.response_time_sum, f.response_time_max, f.response_time);
  write_times(w, "ttfb", f.timed, f.ttfb_sum, f.ttfb_max, f.ttfb);
  w.key("transfer_time");
  if (const auto average = query::average_seconds(f.transfer_sum, f.timed)) {
    w.begin_object().member("average", *average).end_object();
  } else {
    w.null();
  }
  w.member("request_bytes", f.request_bytes).member("response_bytes", f.response_bytes);
  write_network(w, f);
}

// Where nothing was covered every figure is null: unknown, not zero.
void write_no_figures(json::Writer& w) {
  for (const char* name : {"transactions", "throughput", "errors", "error_rate", "failed", "unmeasured", "status", "response_time", "ttfb",
                           "transfer_time", "request_bytes", "response_bytes", "network"}) {
    w.key(name).null();
  }
}

void write_point(json::Writer& w, const query::Point& p) {
  w.begin_object().member("time", text_of(p.time)).member("kind", query::to_string(p.kind)).member("covered", p.covered);
  if (p.figures) {
    write_figures(w, p, *p.figures);
  } else {
    write_no_figures(w);
  }
  w.end_object();
}

// 0: none.
void write_id(json::Writer& w, std::uint64_t id) {
  if (id == 0) {
    w.null();
  } else {
    w.value(id);
  }
}

void write_monitoring(json::Writer& w, const ServiceView& s) {
  w.begin_object().member("state", to_string(s.state)).member("interrupted", s.interrupted).key("probes").begin_array();
  for (const ServiceAtProbe& p : s.probes) {
    w.begin_object().member("probe", p.logical_probe).member("state", to_string(p.state)).member("wished", p.wished);
    w.member("interrupted", p.interrupted).end_object();
  }
  w.end_array().end_object();
}

void write_instance(json::Writer& w, const InstanceView& i) {
  w.begin_object().member("instance", i.instance).member("node", i.node).member("program_version", i.program_version);
  w.member("interface", i.interface).member("role", i.role);
  time_member(w, "connected", i.connected);
  w.member("silent_for", to_seconds(i.silent_for)).member("epoch", i.epoch).member("kept_windows", i.kept_windows);
  w.member("overflow_windows", i.overflow_windows).member("capture_running", i.capture_running).member("interface_up", i.interface_up);
  w.member("capture_fault", i.capture_fault).member("frames", i.frames).member("kernel_drops", i.kernel_drops);
  time_member(w, "watermark", i.watermark);
  w.end_object();
}

void write_store(json::Writer& w, const store::Status& s) {
  w.begin_object().member("journal_rows", s.journal_rows).member("chunks", s.chunks).member("database_bytes", s.database_bytes);
  w.member("wal_bytes", s.wal_bytes).member("batches", s.batches).member("commits", s.commits).member("records", s.records);
  w.member("failed_commits", s.failed_commits).member("refused", s.refused).member("waiting", s.waiting);
  w.member("set_aside", s.set_aside).member("damage", s.damage).member("fault", s.fault).end_object();
}

}  // namespace

const char* to_string(MonitoringState state) {
  switch (state) {
    case MonitoringState::stopped: return "stopped";
    case MonitoringState::starting: return "starting";
    case MonitoringState::monitoring: return "monitoring";
    case MonitoringState::stopping: return "stopping";
  }
  NEZU_CHECK(false);
}
const char* to_string(Change::Action action) {
  switch (action) {
    case Change::Action::created: return "created";
    case Change::Action::updated: return "updated";
    case Change::Action::unchanged: return "unchanged";
    case Change::Action::deleted: return "deleted";
  }
  NEZU_CHECK(false);
}

void write_status(json::Writer& w, const ManagerView& m, const std::vector<ServiceView>& services, const std::vector<ProbeView>& probes) {
  w.begin_object().key("manager").begin_object().member("version", m.version).member("instance", m.instance);
  time_member(w, "started", m.started);
  w.member("clean_stop", m.clean_stop)
      .key("ingest")
      .begin_object()
      .member("paused", m.ingest_paused)
      .member("fault", m.ingest_fault)
      .end_object();
  w.key("store");
  write_store(w, m.store);
  w.end_object().key("services").begin_object();
  for (const auto state : {MonitoringState::stopped, MonitoringState::starting, MonitoringState::monitoring, MonitoringState::stopping}) {
    w.member(to_string(state), std::count_if(services.begin(), services.end(), [&](const ServiceView& s) { return s.state == state; }));
  }
  const auto connected = std::count_if(probes.begin(), probes.end(), [](const ProbeView& p) { return p.state == "connected"; });
  w.end_object().key("probes").begin_object().member("connected", connected);
  w.member("disconnected", static_cast<std::ptrdiff_t>(probes.size()) - connected).end_object().end_object();
}

void write_service(json::Writer& w, const ServiceView& s) {
  w.begin_object().member("name", s.row.definition.full_name()).member("id", s.row.id).member("version", s.row.version);
  time_member(w, "changed", s.row.changed);
  w.key("definition").raw(definition::to_json(s.row.definition));
  w.key("monitoring");
  write_monitoring(w, s);
  w.key("targets").begin_array();
  w.begin_object().member("id", s.row.all_target).member("name", definition::kAllWebAccess).end_object();
  for (const definition::WebTransaction& t : s.row.definition.transactions) {
    const auto id = s.row.targets.find(t.name);
    if (id != s.row.targets.end()) w.begin_object().member("id", id->second).member("name", t.name).end_object();
  }
  w.end_array().end_object();
}

void write_probe(json::Writer& w, const ProbeView& p) {
  w.begin_object().member("name", p.name).member("state", p.state).member("epoch", p.epoch).member("holder", p.holder);
  time_member(w, "stored_until", p.stored_until);
  w.key("records").begin_object().member("stored", p.records).member("repeats", p.repeats).member("refused", p.refused).end_object();
  w.key("instances").begin_array();
  for (const InstanceView& i : p.instances) write_instance(w, i);
  w.end_array().key("counters");
  write_counters(w, p.counters);
  w.key("discovery").begin_object().member("state", p.discovery).member("reason", p.discovery_reason).key("id");
  write_id(w, p.discovery_id);
  w.end_object().end_object();
}

void write_failover(json::Writer& w, const store::FailoverRecord& r, const std::map<store::ServiceId, std::string>& names) {
  w.begin_object().member("id", r.id).member("logical_probe", r.logical_probe).member("epoch", r.epoch).member("reason", r.reason);
  w.member("from_node", r.from_node)
      .member("to_node", r.to_node)
      .member("from_instance", r.from_instance)
      .member("to_instance", r.to_instance);
  w.member("mode", r.mode);
  time_member(w, "lost", r.lost);
  time_member(w, "noticed", r.noticed);
  time_member(w, "stopped", r.stopped);
  time_member(w, "start", r.start);
  time_member(w, "promote", r.promote);
  time_member(w, "announced", r.announced);
  time_member(w, "admitted", r.admitted);
  time_member(w, "first_window", r.first_window);
  time_member(w, "last_covered", r.last_covered);
  time_member(w, "first_covered", r.first_covered);
  w.key("gaps").begin_array();
  for (const auto& gap : r.gaps) {
    const auto name = names.find(gap.service);
    w.begin_object().member("service", name == names.end() ? "#" + std::to_string(gap.service) : name->second);
    w.member("begin", text_of(gap.begin)).member("end", text_of(gap.end)).member("length", to_seconds(gap.end - gap.begin)).end_object();
  }
  w.end_array().member("handed_over", r.handed_over).member("left_out", r.left_out).key("clock_offset");
  if (r.clock_offset) {
    w.value(to_seconds(*r.clock_offset));
  } else {
    w.null();
  }
  w.member("seam_doubtful", r.seam_doubtful).member("open", r.open).end_object();
}

void write_event(json::Writer& w, const store::Event& e) {
  w.begin_object().member("id", e.id).member("code", e.code).member("severity", store::to_string(e.severity)).member("subject", e.subject);
  w.member("text", e.text);
  time_member(w, "opened", e.opened);
  time_member(w, "closed", e.closed);
  w.end_object();
}

void write_discovery(json::Writer& w, const store::DiscoveryRow& r) {
  const auto text_member = [&w](const char* name, const std::string& text) {
    w.key(name);
    if (text.empty()) {
      w.null();
    } else {
      w.value(text);
    }
  };
  w.begin_object().member("id", r.id).member("probe", r.logical_probe).member("state", r.stopped ? "stopped" : "discovering");
  text_member("source", r.source);
  w.key("time_limit");
  if (r.limit == Nanos{0}) {
    w.null();
  } else {
    w.value(to_seconds(r.limit));
  }
  text_member("started_by", r.started_by);
  time_member(w, "started", r.started);
  w.member("node", r.node).member("instance", r.instance);
  time_member(w, "stopped", r.stopped);
  text_member("stopped_by", r.stopped_by);
  text_member("reason", r.reason);
  text_member("text", r.text);
  w.member("entries", r.entries).member("requests", r.requests);
  w.key("left_out").begin_object().member("other_source", r.other_source).member("no_room", r.no_room);
  w.member("unreadable", r.unreadable).member("over_limit", r.over_limit).end_object().end_object();
}

void write_discovery_entries(json::Writer& w, const store::DiscoveryRow& row, const std::vector<store::DiscoveryEntry>& entries) {
  w.begin_object().key("discovery");
  write_discovery(w, row);
  w.key("entries").begin_array();
  for (const store::DiscoveryEntry& e : entries) {
    w.begin_object().member("host", e.host).member("port", std::uint32_t{e.port}).member("path", e.path).member("method", e.method);
    w.member("requests", e.count).member("timed", e.timed).key("response_time");
    if (const auto average = query::average_seconds(e.response_time_sum, e.timed)) {
      w.begin_object().member("average", *average).end_object();
    } else {
      w.null();
    }
    w.end_object();
  }
  w.end_array().end_object();
}

void write_changes(json::Writer& w, const std::vector<Change>& changes) {
  w.begin_object().key("changes").begin_array();
  for (const Change& c : changes) {
    w.begin_object().member("service", c.service).member("action", to_string(c.action)).member("version", c.version);
    w.key("differences").begin_array();
    for (const std::string& d : c.differences) w.value(d);
    w.end_array().end_object();
  }
  w.end_array().end_object();
}

void write_series(json::Writer& w, const std::string& service, const std::string& target, const query::Series& s) {
  w.begin_object().member("service", service).member("target", target).member("from", text_of(s.from)).member("to", text_of(s.to));
  w.member("step", store::length(s.step).count() / 1'000'000'000).key("totals");
  write_point(w, s.totals);
  w.key("points").begin_array();
  for (const query::Point& p : s.points) write_point(w, p);
  w.end_array().end_object();
}

namespace {
void write_live_target(json::Writer& w, const std::string& service, std::string_view target, Nanos covered, Nanos span,
                       const window::Figures& f) {
  query::Point p;
  p.covered = to_seconds(covered) / to_seconds(span);
  p.seconds = to_seconds(covered);
  p.kind = covered < span ? query::Kind::gap : f.transactions == 0 && f.unmeasured == 0 ? query::Kind::idle : query::Kind::measured;
  p.figures = f;
  w.begin_object()
      .member("service", service)
      .member("target", target)
      .member("kind", query::to_string(p.kind))
      .member("covered", p.covered);
  w.member("transactions", f.transactions)
      .member("throughput", p.throughput())
      .member("errors", f.errors)
      .member("error_rate", p.error_rate());
  write_times(w, "response_time", f.timed, f.response_time_sum, f.response_time_max, f.response_time);
  w.end_object();
}
}  // namespace

void write_live(json::Writer& w, const LiveRecord& live, const std::map<store::ServiceId, ServiceView>& services) {
  const window::Record& r = *live.record;
  static const window::Figures kNone;
  w.begin_object().member("probe", live.logical_probe).member("begin", text_of(r.span.begin)).member("end", text_of(r.span.end));
  w.key("services").begin_array();
  for (const window::ServicePart& part : r.services) {
    const auto found = services.find(part.service);
    if (found == services.end()) continue;
    const store::ServiceRow& row = found->second.row;
    const Nanos covered = window::total(part.covered);
    const auto figures_of = [&](store::TargetId id) -> const window::Figures& {
      for (const window::TargetFigures& t : part.targets) {
        if (t.target == id) return t.figures;
      }
      return kNone;
    };
    const std::string name = row.definition.full_name();
    write_live_target(w, name, definition::kAllWebAccess, covered, r.span.length(), figures_of(row.all_target));
    for (const definition::WebTransaction& t : row.definition.transactions) {
      const auto id = row.targets.find(t.name);
      if (id != row.targets.end()) write_live_target(w, name, t.name, covered, r.span.length(), figures_of(id->second));
    }
  }
  w.end_array().end_object();
}

void write_service_state(json::Writer& w, const ServiceView& s) {
  w.begin_object().member("service", s.row.definition.full_name()).key("monitoring");
  write_monitoring(w, s);
  w.end_object();
}
void write_probe_state(json::Writer& w, const ProbeView& p) {
  w.begin_object().member("probe", p.name).member("state", p.state).member("epoch", p.epoch).member("holder", p.holder);
  w.key("discovery").begin_object().member("state", p.discovery).member("reason", p.discovery_reason).key("id");
  write_id(w, p.discovery_id);
  w.end_object().end_object();
}

}  // namespace nezu::api
