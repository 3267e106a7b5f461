#include "agent/health.h"

#include <functional>
#include <limits>
#include <memory>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/io/directory.h"
#include "common/json/json.h"
#include "common/net/net.h"
#include "probe/control/control.h"

namespace nezu::agent {
namespace {

Nanos seconds_of(const json::Value& v) { return Nanos(static_cast<std::int64_t>(v.number_or(0) * 1e9)); }

Result<Health> ask_probe(const std::string& socket, Nanos patience) {
  json::Value request;
  request.set("command", "health").set("depth", 10);
  const Result<json::Value> answer = probe::control::ask(socket, request, patience);
  if (!answer.ok()) return answer.error();
  const json::Value& v = *answer;
  Health h;
  h.healthy = v["healthy"].bool_or(true);
  for (std::size_t i = 0; i < v["reasons"].size(); ++i) h.reason += (i == 0 ? "" : "; ") + v["reasons"][i].string_or("");
  h.process = static_cast<pid_t>(v["process"].int_or(0));
  h.warm = v["standby"].string_or("cold") == "warm";
  h.role = v["role"].string_or("");
  h.session = v["session"].bool_or(false);
  h.session_for = seconds_of(v["session_for"]);
  h.without_session = seconds_of(v["without_session"]);
  h.kernel_drops = v["kernel_drops"].uint_or(0);
  return h;
}

// One GET, HTTP/1.0, whose answer ends with the connection.
struct Get {
  net::EventLoop loop;
  std::unique_ptr<net::Stream> stream;
  std::string got;
  Result<std::string> answer = Error(ErrorCode::unavailable, "no answer in time");

  void end(Result<std::string> result) {
    answer = std::move(result);
    loop.stop();
  }
  void read() {
    stream->read([this](Result<std::string_view> bytes) {
      if (!bytes.ok()) return end(bytes.error());
      if (bytes->empty()) return end(got);
      got += *bytes;
      if (got.size() > (64u << 10)) return end(Error(ErrorCode::corrupt, "an answer without end"));
      read();
    });
  }
  Result<std::string> run(const Place& place, const std::string& path, Nanos patience) {
    net::Timer timer(loop);
    timer.after(patience, [this] { loop.stop(); });
    net::connect_tcp(loop, {place.host, place.port}, patience, [this, path](Result<std::unique_ptr<net::Stream>> result) {
      if (!result.ok()) return end(result.error());
      stream = *std::move(result);
      stream->write("GET " + path + " HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n", [](Status) {});
      read();
    });
    loop.run();
    stream.reset();
    return answer;
  }
};

// A field's value in the head of a response of our own; empty: there is none.
std::string_view field(std::string_view head, std::string_view name) {
  const std::string line = "\r\n" + std::string(name) + ": ";
  const std::size_t at = head.find(line);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = head.substr(at + line.size());
  return rest.substr(0, rest.find("\r\n"));
}

Result<Health> ask_manager(const Place& place, Nanos patience) {
  const Result<std::string> text = Get().run(place, "/readyz", patience);
  if (!text.ok()) return text.error();
  const std::size_t space = text->find(' ');
  const std::string status = space == std::string::npos ? "" : text->substr(space + 1, 3);
  if (status.size() != 3) return Error(ErrorCode::corrupt, "no HTTP");
  Health h;
  h.healthy = status == "200";
  const std::size_t body = text->find("\r\n\r\n");
  const std::string_view head = std::string_view(*text).substr(0, body);
  h.starting = !field(head, "Retry-After").empty();
  if (const auto id = parse_u64(field(head, "Nezuban-Process"), std::numeric_limits<pid_t>::max())) h.process = static_cast<pid_t>(*id);
  if (!h.healthy && body != std::string::npos) {
    const Result<json::Value> problem = json::parse(std::string_view(*text).substr(body + 4));
    h.reason = problem.ok() ? (*problem)["detail"].string_or(status) : status;
  }
  return h;
}

}  // namespace

// Read leniently on purpose: whether the file is well is the daemon's to say (validate-all asks it).
Result<Place> place_of(const Parameters& p) {
  const Result<std::string> text = io::read_file(p.config, 4 << 20);
  if (!text.ok()) return text.error();
  auto document = config::Document::parse(*text, p.config);
  if (!document.ok()) return document.error();
  const config::Node root = document->root();
  Place place;
  if (p.kind == Kind::probe) {
    place.socket = root["control"]["socket"].string();
    if (place.socket.empty()) place.socket = "/run/nezuban/probe-" + root["probe"]["name"].string() + ".sock";
    return place;
  }
  const HostPort api = root["api"]["listen"].host_port({"127.0.0.1", 7480});
  place.host = api.host;
  place.port = api.port;
  return place;
}

Result<Health> ask_health(Kind kind, const Place& place, Nanos patience) {
  return kind == Kind::probe ? ask_probe(place.socket, patience) : ask_manager(place, patience);
}

Result<std::string> tell_probe(const Place& place, const std::string& command, Nanos patience, json::Value request) {
  request.set("command", command);
  const Result<json::Value> answer = probe::control::ask(place.socket, request, patience);
  if (!answer.ok()) return answer.error();
  return (*answer)["role"].string_or("");
}

}  // namespace nezu::agent
