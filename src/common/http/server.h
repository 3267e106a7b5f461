// An HTTP/1.1 server for the API, the console and /metrics: small bodies in, small bodies out, server-sent events. Beast is used in
// server.cc only. Everything runs on the loop's thread; a handler that needs long answers later, through the Responder, from the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/net.h"

namespace nezu::http {

struct Request {
  std::string method;
  std::string target;                        // as sent
  std::string path;                          // percent-decoded path; always begins with "/"
  std::multimap<std::string, std::string> query;  // percent-decoded
  std::map<std::string, std::string> headers;     // names in lower case; repeated ones joined by ", "
  std::string body;
  std::string peer;

  // The first value of a query parameter, or `otherwise`.
  std::string query_or(const std::string& name, const std::string& otherwise) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// RFC 9457: {"type": "about:blank", "title", "status", "detail", …}; content type application/problem+json.
Response problem(int status, const std::string& title, const std::string& detail);

// A server-sent event stream. Bounded: a reader that lags by more than 1 MiB is cut off.
class EventStream {
 public:
  virtual ~EventStream() = default;
  virtual bool send(std::string_view event, std::string_view data) = 0;  // false: the reader has gone (or was cut off)
  virtual bool open() const = 0;
};

// Answers once: send() or start_events(). If it is dropped unanswered, the server answers 500.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void send(Response response) = 0;
  virtual std::shared_ptr<EventStream> start_events() = 0;
};

struct ServerOptions {
  std::size_t max_body_bytes = 4 << 20;   // 413 beyond
  std::size_t max_connections = 1000;     // refused beyond
  Nanos idle_timeout{std::chrono::seconds(60)};
};
struct ServerCounters {
  std::uint64_t requests = 0, refused_connections = 0, open_connections = 0, event_streams = 0, event_streams_cut = 0;
};

using Handler = std::function<void(const Request&, std::shared_ptr<Responder>)>;

class Server {
 public:
  static Result<std::unique_ptr<Server>> listen(net::EventLoop& loop, const HostPort& address, Handler handler,
                                                const ServerOptions& options = {});
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  virtual ServerCounters counters() const = 0;
};

}  // namespace nezu::http
