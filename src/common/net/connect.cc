#include <sys/un.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "common/net/impl.h"

namespace nezu::net {

namespace asio = boost::asio;
using ErrorOf = boost::system::error_code;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

namespace {

// One attempt. It lives in its own completions and its timer; whichever comes first answers, the rest finds `handler` empty.
template <class Protocol>
struct Attempt : std::enable_shared_from_this<Attempt<Protocol>> {
  Attempt(EventLoop& event_loop, std::string what_for, ConnectHandler connect_handler)
      : loop(event_loop),
        socket(event_loop.impl().context),
        timer(event_loop),
        what(std::move(what_for)),
        handler(std::move(connect_handler)) {}

  EventLoop& loop;
  typename Protocol::socket socket;
  Timer timer;
  std::string what;
  ConnectHandler handler;

  void start_timer(Nanos timeout) {
    // Weak: the attempt is held by what the kernel owes; a timer that held it would be a ring.
    timer.after(timeout, [weak = this->weak_from_this(), timeout] {
      const auto self = weak.lock();
      if (!self) return;
      ErrorOf ignored;
      self->socket.close(ignored);
      self->finish(Error(ErrorCode::unavailable, self->what + ": no answer within " + format_duration(timeout)));
    });
  }

  void finish(Result<std::unique_ptr<Stream>> result) {
    if (!handler) return;
    ConnectHandler call = std::move(handler);
    timer.cancel();
    call(std::move(result));
  }
};

// A connect to a port of the ephemeral range on which nobody listens can meet itself.
bool met_itself(const Tcp::socket& socket) {
  ErrorOf ec;
  const auto local = socket.local_endpoint(ec);
  if (ec) return false;
  const auto remote = socket.remote_endpoint(ec);
  return !ec && local == remote;
}

void connect_to(const std::shared_ptr<Attempt<Tcp>>& attempt, const Tcp::resolver::results_type& endpoints) {
  asio::async_connect(attempt->socket, endpoints, [attempt](ErrorOf ec, const Tcp::endpoint& endpoint) {
    if (!attempt->handler) return;
    if (!ec && met_itself(attempt->socket)) ec = asio::error::connection_refused;
    if (ec) return attempt->finish(make_error(ec, attempt->what));
    const std::string peer = format_host_port({endpoint.address().to_string(), endpoint.port()});
    attempt->finish(make_stream(attempt->loop, Socket(std::move(attempt->socket)), peer, true));
  });
}

}  // namespace

void connect_tcp(EventLoop& loop, const HostPort& address, Nanos timeout, ConnectHandler handler) {
  auto attempt = std::make_shared<Attempt<Tcp>>(loop, "connect to " + format_host_port(address), std::move(handler));
  attempt->start_timer(timeout);
  ErrorOf ec;
  const auto numeric = asio::ip::make_address(address.host, ec);
  if (!ec) {
    const std::string port = std::to_string(address.port);
    return connect_to(attempt, Tcp::resolver::results_type::create(Tcp::endpoint(numeric, address.port), address.host, port));
  }
  auto resolver = std::make_shared<Tcp::resolver>(loop.impl().context);
  resolver->async_resolve(address.host, std::to_string(address.port),
                          [attempt, resolver](const ErrorOf& failed, const Tcp::resolver::results_type& endpoints) {
                            if (!attempt->handler) return;
                            if (failed) return attempt->finish(Error(ErrorCode::unavailable, attempt->what + ": " + failed.message()));
                            connect_to(attempt, endpoints);
                          });
}

void connect_unix(EventLoop& loop, const std::string& path, Nanos timeout, ConnectHandler handler) {
  auto attempt = std::make_shared<Attempt<Local>>(loop, "connect to " + path, std::move(handler));
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    loop.post([attempt] { attempt->finish(Error(ErrorCode::invalid_argument, attempt->what + ": not a socket's path")); });
    return;
  }
  attempt->start_timer(timeout);
  attempt->socket.async_connect(Local::endpoint(path), [attempt](const ErrorOf& ec) {
    if (!attempt->handler) return;
    if (ec) return attempt->finish(make_error(ec, attempt->what));
    attempt->finish(make_stream(attempt->loop, Socket(std::move(attempt->socket)), "unix", false));
  });
}

}  // namespace nezu::net
