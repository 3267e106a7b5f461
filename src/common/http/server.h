// An HTTP/1.1 server for the API, the console and /metrics: small bodies in, small bodies out, server-sent events. Beast is used in
// request_reader.cc only. Everything runs on the loop's thread; a handler that needs long answers later, through the Responder, from the loop.
//
// What the server answers by itself, always as a problem document: 400 (not HTTP, a bad target, no Host), 408 (the request didn't arrive
// within idle_timeout), 413, 431 (head too large), 500 (the handler dropped its Responder), 501 (a transfer coding other than chunked),
// 503 (too many connections), 505. Requests of one connection are handled one after another, also where they arrive together.
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
  std::string method;                             // "GET" for a HEAD too: the server leaves the body out
  std::string target;                             // as sent
  std::string path;                               // percent-decoded path; always begins with "/"
  std::multimap<std::string, std::string> query;  // percent-decoded
  std::map<std::string, std::string> headers;     // names in lower case; repeated ones joined by ", "
  std::string body;
  std::string peer;
  bool head = false;  // it was a HEAD

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
  // `event` has no line breaks; `data` may. False: the reader has gone (or was cut off).
  virtual bool send(std::string_view event, std::string_view data) = 0;
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
  std::size_t max_body_bytes = 4 << 20;     // 413 beyond
  std::size_t max_header_bytes = 16 << 10;  // 431 beyond
  std::size_t max_connections = 1000;       // 503 beyond
  // For a next request to begin, for a request to be there whole, and for the peer to take an answer.
  Nanos idle_timeout{std::chrono::seconds(60)};
  Nanos event_keep_alive{std::chrono::seconds(15)};  // an empty comment into event streams, so that those who have gone are noticed
};
struct ServerCounters {
  std::uint64_t requests = 0, refused_connections = 0, open_connections = 0;
  std::uint64_t event_streams = 0;      // open now
  std::uint64_t event_streams_cut = 0;  // readers that lagged too far
  std::uint64_t bad_requests = 0;       // answered by the server itself: 400, 408, 413, 431, 501, 505
  std::uint64_t dropped_answers = 0;    // the handler gave none: 500
};
inline constexpr std::size_t kEventLagMax = 1 << 20;  // bytes

using Handler = std::function<void(const Request&, std::shared_ptr<Responder>)>;

class Server {
 public:
  static Result<std::unique_ptr<Server>> listen(net::EventLoop& loop, const HostPort& address, Handler handler,
                                                const ServerOptions& options = {});
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  // Destroying the server closes everything at once; Responders and EventStreams that are left find nobody. Never from inside its own
  // handler: post it to the loop.
  virtual ServerCounters counters() const = 0;
};

}  // namespace nezu::http
