// Control: the daemon's Unix socket, for `nezu-probe status` and the cluster's agent. A request is one line of JSON, its answer another:
//
//   {"command":"status"}             → {"ok":true,"role":"active",…}
//   {"command":"health","depth":10}  → {"ok":true,"healthy":false,"reasons":["interface eth1 is down"]}
//   anything that isn't known        → {"ok":false,"error":"…"}
//
// A connection may ask many times. Bounded: a line of 4 KiB, 16 connections, 30 s without a request.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/json/json.h"
#include "common/net/net.h"

namespace nezu::probe::control {

inline constexpr std::size_t kMaxLine = 4096;
inline constexpr std::size_t kMaxClients = 16;
inline constexpr Nanos kIdle = std::chrono::seconds(30);

// Answers one command; "ok": true is added where it gives an object without "ok". An Error becomes {"ok":false,"error":…,"code":…}.
using Handler = std::function<Result<json::Value>(const std::string& command, const json::Value& request)>;

class Server {
 public:
  // `loop` must outlive the server. Errors name the path.
  static Result<std::unique_ptr<Server>> listen(net::EventLoop& loop, const std::string& path, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  std::uint64_t refused_clients() const;

  // A connection that isn't a socket's, for tests.
  static std::unique_ptr<Server> make(net::EventLoop& loop, Handler handler);
  void serve(std::unique_ptr<net::Stream> stream);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The line that answers one request line.
std::string answer(const Handler& handler, std::string_view line);

// Asks a daemon and waits for its answer. unavailable: nobody answers at this path within `timeout`. An answer of "ok": false is an Error.
Result<json::Value> ask(const std::string& path, const json::Value& request, Nanos timeout);

}  // namespace nezu::probe::control
