#include "manager/api/api.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "common/http/target.h"
#include "common/json/json.h"
#include "common/net/net.h"
#include "manager/api/live.h"
#include "manager/api/openapi.h"
#include "manager/api/query_thread.h"
#include "manager/api/views.h"

namespace nezu::api {

namespace {

using http::Request;
using http::Response;
using ResponderPtr = std::shared_ptr<http::Responder>;

constexpr std::size_t kMaxServices = 10'000;
constexpr std::size_t kMaxPerson = 256;        // bytes
constexpr int kMaxTimeLimit = 30 * 24 * 3600;  // seconds

const char* title_of(int status) {
  switch (status) {
    case 400: return "Bad request";
    case 404: return "Not found";
    case 405: return "Method not allowed";
    case 409: return "Conflict";
    case 415: return "Unsupported media type";
    case 421: return "Misdirected request";
    case 503: return "Service unavailable";
    default: return "Internal error";
  }
}
Response problem(int status, const std::string& detail) { return http::problem(status, title_of(status), detail); }

Response problem(const Error& error) {
  switch (error.code()) {
    case ErrorCode::invalid_argument:
    case ErrorCode::unsupported: return problem(400, error.message());
    case ErrorCode::not_found: return problem(404, error.message());
    case ErrorCode::already_exists:
    case ErrorCode::conflict: return problem(409, error.message());
    case ErrorCode::unavailable:
    case ErrorCode::no_space:
    case ErrorCode::io:
    case ErrorCode::cancelled: return problem(503, error.message());
    case ErrorCode::corrupt:
    case ErrorCode::permission: return problem(500, error.message());
  }
  return problem(500, error.message());
}

Response json_response(std::string body, int status = 200) {
  Response r;
  r.status = status;
  r.body = std::move(body);
  r.headers.emplace_back("Cache-Control", "no-store");
  return r;
}

template <class Write>
std::string written(Write write) {
  std::string out;
  json::Writer w(out);
  write(w);
  return out;
}

// {"key": [item, …]}
template <class Items, class Write>
Response list_response(const char* key, const Items& items, Write write) {
  return json_response(written([&](json::Writer& w) {
    w.begin_object().key(key).begin_array();
    for (const auto& item : items) write(w, item);
    w.end_array().end_object();
  }));
}

// Segments of the path as sent, each decoded: a service's name keeps its "/".
std::optional<std::vector<std::string>> segments_of(const Request& request) {
  std::string_view path = request.target;
  path = path.substr(0, path.find('?'));
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    auto decoded = http::url_decode(path.substr(0, end), false);
    if (!decoded) return std::nullopt;
    out.push_back(std::move(*decoded));
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  return out;
}

Result<json::Value> json_body(const Request& request, std::initializer_list<std::string_view> known) {
  const auto type = request.headers.find("content-type");
  const std::string_view media =
      type == request.headers.end() ? std::string_view() : std::string_view(type->second).substr(0, type->second.find(';'));
  if (media != "application/json")
    return Error(ErrorCode::unsupported, fmt::format("Content-Type: {}: wanted application/json", media.empty() ? "(none)" : media));
  auto value = json::parse(request.body);
  if (!value) return Error(ErrorCode::invalid_argument, "body: " + value.error().message());
  if (!value->is_object()) return Error(ErrorCode::invalid_argument, "body: wanted a JSON object");
  for (const json::Member& m : value->members()) {
    if (std::find(known.begin(), known.end(), m.key) == known.end())
      return Error(ErrorCode::invalid_argument, fmt::format("{}: unknown member", m.key));
  }
  return value;
}

// "localhost:7480", "127.0.0.1", "[::1]:7480". The API is served on loopback only, so a request for any other host comes from a browser
// that a foreign page has led here by a name which it lets point to loopback (DNS rebinding).
bool is_for_loopback(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end != std::string_view::npos && net::is_loopback(std::string(host.substr(1, end - 1)));
  }
  std::string name(host.substr(0, host.find(':')));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return net::is_loopback(name);
}

Response body_problem(const Error& error) {
  return error.code() == ErrorCode::unsupported ? problem(415, error.message()) : problem(error);
}

}  // namespace

class Api::Impl {
 public:
  Impl(Backend& backend, store::Store& store, const Clock& clock, Options options)
      : backend_(backend),
        store_(store),
        clock_(clock),
        options_(std::move(options)),
        live_(backend, options_.max_streams),
        queries_(options_.max_queries) {
    NEZU_CHECK(options_.post != nullptr);
  }

  void handle(const Request& request, ResponderPtr responder) {
    ++counters_.requests;
    if (const auto host = request.headers.find("host"); host != request.headers.end() && !is_for_loopback(host->second))
      return fail(*responder, problem(421, fmt::format("Host: {}: wanted localhost or a loopback address", host->second)));
    auto segments = segments_of(request);
    if (!segments) return fail(*responder, problem(400, "path: a percent-escape is broken"));
    for (const Route& route : routes()) {
      std::string name;
      if (!matches(route, *segments, name)) continue;
      for (const auto& [method, run] : route.methods) {
        if (method == request.method) return (this->*run)(request, name, std::move(responder));
      }
      return fail(*responder, not_allowed(request, route));
    }
    fail(*responder, problem(404, fmt::format("{}: there is no such resource; {} lists them", request.path, "/api/v1/openapi.json")));
  }

  void tick() { live_.tick(); }
  Counters counters() const {
    Counters c = counters_;
    live_.count(c);
    return c;
  }

 private:
  using Run = void (Impl::*)(const Request&, const std::string& name, ResponderPtr);
  struct Route {
    std::vector<std::string> path;  // "*": a name
    std::vector<std::pair<std::string, Run>> methods;
  };

  static const std::vector<Route>& routes() {
    static const std::vector<Route> all = {
        {{"healthz"}, {{"GET", &Impl::healthz}}},
        {{"readyz"}, {{"GET", &Impl::readyz}}},
        {{"metrics"}, {{"GET", &Impl::metrics}}},
        {{"api", "v1", "openapi.json"}, {{"GET", &Impl::openapi}}},
        {{"api", "v1", "status"}, {{"GET", &Impl::status}}},
        {{"api", "v1", "services"}, {{"GET", &Impl::services}}},
        {{"api", "v1", "services", "apply"}, {{"POST", &Impl::apply}}},
        {{"api", "v1", "services", "*"}, {{"GET", &Impl::service}, {"DELETE", &Impl::remove}}},
        {{"api", "v1", "services", "*", "monitoring"}, {{"POST", &Impl::monitoring}}},
        {{"api", "v1", "probes"}, {{"GET", &Impl::probes}}},
        {{"api", "v1", "probes", "*"}, {{"GET", &Impl::probe}}},
        {{"api", "v1", "failovers"}, {{"GET", &Impl::failovers}}},
        {{"api", "v1", "failovers", "*"}, {{"GET", &Impl::failover}}},
        {{"api", "v1", "events"}, {{"GET", &Impl::events}}},
        {{"api", "v1", "discoveries"}, {{"GET", &Impl::discoveries}, {"POST", &Impl::start_discovery}}},
        {{"api", "v1", "discoveries", "*"}, {{"GET", &Impl::discovery}}},
        {{"api", "v1", "discoveries", "*", "entries"}, {{"GET", &Impl::discovery_entries}}},
        {{"api", "v1", "discoveries", "*", "stop"}, {{"POST", &Impl::stop_discovery}}},
        {{"api", "v1", "query"}, {{"GET", &Impl::query}}},
        {{"api", "v1", "live"}, {{"GET", &Impl::live}}},
    };
    return all;
  }
  static bool matches(const Route& route, const std::vector<std::string>& segments, std::string& name) {
    if (route.path.size() != segments.size()) return false;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (route.path[i] == "*") {
        name = segments[i];
      } else if (route.path[i] != segments[i]) {
        return false;
      }
    }
    return true;
  }
  static Response not_allowed(const Request& request, const Route& route) {
    std::string allow;
    for (const auto& [method, run] : route.methods) allow += (allow.empty() ? "" : ", ") + method + (method == "GET" ? ", HEAD" : "");
    Response r = problem(405, fmt::format("{}: {} allows {}", request.method, request.path, allow));
    r.headers.emplace_back("Allow", allow);
    return r;
  }

  void fail(http::Responder& responder, Response response) {
    ++counters_.problems;
    responder.send(std::move(response));
  }
  // Queries take only the parameters that they know.
  bool known_parameters(const Request& request, std::initializer_list<std::string_view> known, http::Responder& responder) {
    for (const auto& [name, value] : request.query) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        fail(responder, problem(400, fmt::format("{}: unknown parameter", name)));
        return false;
      }
      if (request.query.count(name) > 1) {
        fail(responder, problem(400, fmt::format("{}: is given twice", name)));
        return false;
      }
    }
    return true;
  }

  void healthz(const Request& request, const std::string&, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    const ManagerView m = backend_.manager();
    const std::string& fault = m.store.fault.empty() ? m.ingest_fault : m.store.fault;
    if (!fault.empty()) return fail(*responder, problem(503, "nothing can be stored: " + fault));
    responder->send(ok());
  }
  // What cluster software and load balancers ask: not only alive, but open for probes.
  void readyz(const Request& request, const std::string&, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    const ManagerView m = backend_.manager();
    const std::string& fault = m.store.fault.empty() ? m.ingest_fault : m.store.fault;
    // The agent must know that it is the daemon that it has started who answers, and whether waiting helps (RFC 9110, 10.2.3).
    const auto told = [&](Response r) {
      r.headers.emplace_back("Nezuban-Process", std::to_string(m.process));
      if (!m.ready && fault.empty()) r.headers.emplace_back("Retry-After", "1");
      return r;
    };
    if (!fault.empty()) return fail(*responder, told(problem(503, "nothing can be stored: " + fault)));
    if (!m.ready) return fail(*responder, told(problem(503, "probes are not let in yet")));
    responder->send(told(ok()));
  }
  static Response ok() {
    Response r;
    r.content_type = "text/plain; charset=utf-8";
    r.body = "ok\n";
    return r;
  }
  void metrics(const Request&, const std::string&, ResponderPtr responder) {
    if (!options_.metrics) return fail(*responder, problem(404, "/metrics: this program has none"));
    Response r;
    r.content_type = "text/plain; version=0.0.4; charset=utf-8";
    r.body = options_.metrics();
    responder->send(std::move(r));
  }
  void openapi(const Request& request, const std::string&, ResponderPtr responder) {
    if (known_parameters(request, {}, *responder)) responder->send(json_response(std::string(openapi_document())));
  }
  void status(const Request& request, const std::string&, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    responder->send(
        json_response(written([&](json::Writer& w) { write_status(w, backend_.manager(), backend_.services(), backend_.probes()); })));
  }
  void services(const Request& request, const std::string&, ResponderPtr responder) {
    if (known_parameters(request, {}, *responder)) responder->send(list_response("services", backend_.services(), write_service));
  }
  void service(const Request& request, const std::string& name, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    send_service(backend_, name, 200, responder);
  }
  static Response no_service(const std::string& name) {
    return problem(404, fmt::format("service {}: there is none of this name; a \"/\" in a name is written %2F", name));
  }
  static void send_service(Backend& backend, const std::string& name, int status, const ResponderPtr& responder) {
    const auto found = backend.service(name);
    responder->send(found ? json_response(written([&](json::Writer& w) { write_service(w, *found); }), status) : no_service(name));
  }

  void apply(const Request& request, const std::string&, ResponderPtr responder) {
    auto body = json_body(request, {"services", "dry_run", "prune"});
    if (!body) return fail(*responder, body_problem(body.error()));
    const json::Value& list = (*body)["services"];
    if (!list.is_array()) return fail(*responder, problem(400, "services: wanted an array of definitions"));
    if (list.size() > kMaxServices)
      return fail(*responder, problem(400, fmt::format("services: {} definitions, wanted at most {}", list.size(), kMaxServices)));
    for (const char* flag : {"dry_run", "prune"}) {
      if (body->find(flag) != nullptr && !(*body)[flag].is_bool())
        return fail(*responder, problem(400, fmt::format("{}: wanted true or false", flag)));
    }
    std::vector<definition::Service> services;
    std::set<std::string> names;
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto service = definition::parse_json(json::to_string(list[i]));
      if (!service) return fail(*responder, problem(400, fmt::format("services[{}]: {}", i, service.error().message())));
      if (!names.insert(service->full_name()).second) {
        return fail(*responder, problem(400, fmt::format("services[{}]: {} is there twice", i, service->full_name())));
      }
      services.push_back(std::move(*service));
    }
    backend_.apply(std::move(services), (*body)["dry_run"].bool_or(false), (*body)["prune"].bool_or(false),
                   [responder](Result<std::vector<Change>> changes) {
                     responder->send(changes ? json_response(written([&](json::Writer& w) { write_changes(w, *changes); }))
                                             : problem(changes.error()));
                   });
  }
  void remove(const Request&, const std::string& name, ResponderPtr responder) {
    if (!backend_.service(name)) return fail(*responder, no_service(name));
    backend_.remove(name, [responder](Status status) {
      Response gone;
      gone.status = 204;
      gone.content_type.clear();
      responder->send(status ? std::move(gone) : problem(status.error()));
    });
  }
  void monitoring(const Request& request, const std::string& name, ResponderPtr responder) {
    auto body = json_body(request, {"wish"});
    if (!body) return fail(*responder, body_problem(body.error()));
    const std::string wish = (*body)["wish"].string_or("");
    if (wish != "start" && wish != "stop") return fail(*responder, problem(400, "wish: wanted \"start\" or \"stop\""));
    if (!backend_.service(name)) return fail(*responder, no_service(name));
    backend_.wish(name, wish == "start", [responder, name, &backend = backend_](Status status) {
      if (!status) return responder->send(problem(status.error()));
      send_service(backend, name, 202, responder);
    });
  }

  void probes(const Request& request, const std::string&, ResponderPtr responder) {
    if (known_parameters(request, {}, *responder)) responder->send(list_response("probes", backend_.probes(), write_probe));
  }
  void probe(const Request& request, const std::string& name, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    for (const ProbeView& p : backend_.probes()) {
      if (p.name == name) return responder->send(json_response(written([&](json::Writer& w) { write_probe(w, p); })));
    }
    fail(*responder, problem(404, fmt::format("probe {}: none of this name has ever been connected", name)));
  }
  std::map<store::ServiceId, std::string> service_names() const {
    std::map<store::ServiceId, std::string> names;
    for (const ServiceView& s : backend_.services()) names[s.row.id] = s.row.definition.full_name();
    return names;
  }
  void failovers(const Request& request, const std::string&, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    const auto names = service_names();
    responder->send(list_response("failovers", backend_.failovers(),
                                  [&](json::Writer& w, const store::FailoverRecord& r) { write_failover(w, r, names); }));
  }
  void failover(const Request& request, const std::string& name, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    const auto id = parse_u64(name, UINT64_MAX);
    if (!id) return fail(*responder, problem(400, fmt::format("failover {}: wanted its number", name)));
    for (const store::FailoverRecord& r : backend_.failovers()) {
      if (r.id == *id) return responder->send(json_response(written([&](json::Writer& w) { write_failover(w, r, service_names()); })));
    }
    fail(*responder, problem(404, fmt::format("failover {}: there is none of this number", name)));
  }
  void events(const Request& request, const std::string&, ResponderPtr responder) {
    if (known_parameters(request, {}, *responder)) responder->send(list_response("events", backend_.events(), write_event));
  }

  void discoveries(const Request& request, const std::string&, ResponderPtr responder) {
    if (known_parameters(request, {}, *responder)) responder->send(list_response("discoveries", backend_.discoveries(), write_discovery));
  }
  static Response no_discovery(const std::string& id) {
    return problem(404, fmt::format("discovery {}: there is none of this number; those that are old are deleted", id));
  }
  static Result<std::uint64_t> number_of(const std::string& id) {
    const auto number = parse_u64(id, UINT64_MAX);
    if (!number) return Error(ErrorCode::invalid_argument, fmt::format("discovery {}: wanted its number", id));
    return number;
  }
  static std::optional<store::DiscoveryRow> find_discovery(Backend& backend, std::uint64_t id) {
    for (store::DiscoveryRow& row : backend.discoveries()) {
      if (row.id == id) return std::move(row);
    }
    return std::nullopt;
  }
  static void send_discovery(Backend& backend, std::uint64_t id, int status, const ResponderPtr& responder) {
    const auto row = find_discovery(backend, id);
    responder->send(row ? json_response(written([&](json::Writer& w) { write_discovery(w, *row); }), status)
                        : no_discovery(std::to_string(id)));
  }
  void discovery(const Request& request, const std::string& name, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    const auto id = number_of(name);
    if (!id) return fail(*responder, problem(id.error()));
    if (!find_discovery(backend_, *id)) return fail(*responder, no_discovery(name));
    send_discovery(backend_, *id, 200, responder);
  }
  void discovery_entries(const Request& request, const std::string& name, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    const auto id = number_of(name);
    if (!id) return fail(*responder, problem(id.error()));
    auto row = find_discovery(backend_, *id);
    if (!row) return fail(*responder, no_discovery(name));
    read(responder, [&store = store_, row = std::move(*row)]() -> Response {
      const auto entries = store.discovery_entries(row.id);
      if (!entries) return problem(entries.error());
      return json_response(written([&](json::Writer& w) { write_discovery_entries(w, row, *entries); }));
    });
  }
  // "by": a person, as the client tells.
  static Result<std::string> person_of(const json::Value& body) {
    if (body.find("by") != nullptr && !body["by"].is_string()) return Error(ErrorCode::invalid_argument, "by: wanted a string");
    std::string by = body["by"].string_or("");
    if (by.size() > kMaxPerson)
      return Error(ErrorCode::invalid_argument, fmt::format("by: {} bytes, wanted at most {}", by.size(), kMaxPerson));
    return by;
  }
  static Result<DiscoveryRequest> discovery_of(const json::Value& body) {
    const auto wrong = [](std::string text) { return Error(ErrorCode::invalid_argument, std::move(text)); };
    DiscoveryRequest wish;
    if (!body["probe"].is_string() || body["probe"].string().empty()) return wrong("probe: wanted a logical probe's name");
    wish.probe = body["probe"].string();
    if (const json::Value* source = body.find("source"); source != nullptr && !source->is_null()) {
      if (!source->is_string()) return wrong("source: wanted a string, an IP address or a prefix");
      auto prefix = parse_ip_prefix(source->string());
      if (!prefix) return prefix.error().in("source");
      wish.source = *prefix;
    }
    if (const json::Value* limit = body.find("time_limit"); limit != nullptr && !limit->is_null()) {
      const double seconds = limit->number_or(0);
      if (!limit->is_number() || !(seconds >= 1 && seconds <= kMaxTimeLimit))
        return wrong(fmt::format("time_limit: wanted seconds, 1–{}", kMaxTimeLimit));
      wish.limit = Nanos(static_cast<std::int64_t>(seconds * 1e9));
    }
    auto by = person_of(body);
    if (!by) return by.error();
    wish.by = std::move(*by);
    return wish;
  }
  void start_discovery(const Request& request, const std::string&, ResponderPtr responder) {
    auto body = json_body(request, {"probe", "source", "time_limit", "by"});
    if (!body) return fail(*responder, body_problem(body.error()));
    const auto wish = discovery_of(*body);
    if (!wish) return fail(*responder, problem(wish.error()));
    backend_.start_discovery(*wish, [responder, &backend = backend_](Result<std::uint64_t> id) {
      if (!id) return responder->send(problem(id.error()));
      send_discovery(backend, *id, 201, responder);
    });
  }
  void stop_discovery(const Request& request, const std::string& name, ResponderPtr responder) {
    auto body = json_body(request, {"by"});
    if (!body) return fail(*responder, body_problem(body.error()));
    const auto by = person_of(*body);
    if (!by) return fail(*responder, problem(by.error()));
    const auto id = number_of(name);
    if (!id) return fail(*responder, problem(id.error()));
    if (!find_discovery(backend_, *id)) return fail(*responder, no_discovery(name));
    backend_.stop_discovery(*id, *by, [responder, id = *id, &backend = backend_](Status status) {
      if (!status) return responder->send(problem(status.error()));
      send_discovery(backend, id, 200, responder);
    });
  }

  // On the thread of queries: what reads the database must not delay the loop.
  void read(const ResponderPtr& responder, std::function<Response()> answer) {
    ++counters_.queries;
    const bool taken = queries_.run([post = options_.post, answer = std::move(answer), responder] {
      post([responder, response = answer()]() mutable { responder->send(std::move(response)); });
    });
    if (taken) return;
    ++counters_.queries_refused;
    fail(*responder, problem(503, fmt::format("{} queries wait already; try again", options_.max_queries)));
  }

  Result<query::Request> query_of(const Request& request, const ServiceView& service, const std::string& target) const {
    query::Request q;
    q.service = service.row.id;
    q.target = service.row.all_target;
    if (target != definition::kAllWebAccess) {
      const auto id = service.row.targets.find(target);
      if (id == service.row.targets.end())
        return Error(ErrorCode::not_found, fmt::format("target {}: {} has none of this name", target, service.row.definition.full_name()));
      q.target = id->second;
    }
    q.now = packet_time_ns(to_ns(clock_.wall()));
    q.to = q.now;
    const auto time = [&](const char* name, PacketTime otherwise) -> Result<PacketTime> {
      const std::string text = request.query_or(name, "");
      if (text.empty()) return otherwise;
      auto ns = parse_rfc3339(text);
      if (!ns) return Error(ErrorCode::invalid_argument, fmt::format("{}: {}: wanted a time like 2026-11-24T07:00:00Z", name, text));
      return packet_time_ns(*ns);
    };
    auto to = time("to", q.now);
    if (!to) return to.error();
    auto from = time("from", *to - Nanos(std::chrono::hours(1)));
    if (!from) return from.error();
    q.from = *from;
    q.to = *to;
    const std::string step = request.query_or("step", "auto");
    if (step != "auto") {
      q.step = store::parse_resolution(step);
      if (!q.step) return Error(ErrorCode::invalid_argument, fmt::format("step: {}: wanted 1s, 10s, 1m, 1h, 1d or auto", step));
    }
    q.monitoring = backend_.monitoring_spans(service.row.id);
    q.probe = request.query_or("probe", "");
    bool known = q.probe.empty();
    for (const ProbeView& p : backend_.probes()) {
      q.stored_until[p.name] = p.stored_until;
      known = known || p.name == q.probe;
    }
    for (const auto& span : q.monitoring) known = known || span.logical_probe == q.probe;
    if (!known) return Error(ErrorCode::not_found, fmt::format("probe {}: there is none of this name", q.probe));
    return q;
  }
  void query(const Request& request, const std::string&, ResponderPtr responder) {
    if (!known_parameters(request, {"service", "target", "from", "to", "step", "probe"}, *responder)) return;
    const std::string name = request.query_or("service", ""), target = request.query_or("target", std::string(definition::kAllWebAccess));
    if (name.empty()) return fail(*responder, problem(400, "service: is missing; wanted a service's full name"));
    const auto service = backend_.service(name);
    if (!service) return fail(*responder, problem(404, fmt::format("service {}: there is none of this name", name)));
    auto q = query_of(request, *service, target);
    if (!q) return fail(*responder, problem(q.error()));
    read(responder, [&store = store_, q = std::move(*q), name, target] {
      auto series = query::run(store, q);
      return series ? json_response(written([&](json::Writer& w) { write_series(w, name, target, *series); })) : problem(series.error());
    });
  }

  void live(const Request& request, const std::string&, ResponderPtr responder) {
    if (!known_parameters(request, {}, *responder)) return;
    if (!live_.add(*responder)) fail(*responder, problem(503, fmt::format("{} watchers are there already", options_.max_streams)));
  }

  Backend& backend_;
  store::Store& store_;
  const Clock& clock_;
  const Options options_;
  Counters counters_;
  Live live_;
  QueryThread queries_;
};

Api::Api(Backend& backend, store::Store& store, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(backend, store, clock, std::move(options))) {}
Api::~Api() = default;
http::Handler Api::handler() {
  return [impl = impl_.get()](const Request& request, ResponderPtr responder) { impl->handle(request, std::move(responder)); };
}
void Api::tick() { impl_->tick(); }
Counters Api::counters() const { return impl_->counters(); }

}  // namespace nezu::api
