#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>

#include "common/net/impl.h"

namespace nezu::net {

namespace asio = boost::asio;
using ErrorOf = boost::system::error_code;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

namespace {

constexpr Nanos kBackOff{std::chrono::milliseconds(100)};  // after an accept that failed for want of descriptors or memory

std::string peer_of(const Tcp::endpoint& endpoint) { return format_host_port({endpoint.address().to_string(), endpoint.port()}); }
std::string peer_of(const Local::endpoint&) { return "unix"; }

template <class Protocol>
struct AcceptState : std::enable_shared_from_this<AcceptState<Protocol>> {
  AcceptState(EventLoop& event_loop, AcceptHandler accept_handler)
      : loop(event_loop), acceptor(event_loop.impl().context), back_off(event_loop), handler(std::move(accept_handler)) {}

  EventLoop& loop;
  asio::basic_socket_acceptor<Protocol> acceptor;
  Timer back_off;
  AcceptHandler handler;
  std::uint64_t failures = 0;
  bool closed = false;

  void accept() {
    acceptor.async_accept([self = this->shared_from_this()](const ErrorOf& ec, typename Protocol::socket socket) {
      self->on_accepted(ec, std::move(socket));
    });
  }

  void on_accepted(const ErrorOf& ec, typename Protocol::socket socket) {
    if (closed) return;
    if (ec) {
      if (ec == asio::error::connection_aborted || ec == asio::error::interrupted) return accept();
      // The connection stays in the kernel's queue: to ask again at once would spin.
      ++failures;
      back_off.after(kBackOff, [this] { accept(); });
      return;
    }
    ErrorOf gone;
    const auto endpoint = socket.remote_endpoint(gone);
    if (!gone) {
      const AcceptHandler call = handler;  // the handler may destroy the acceptor, and with it our copy
      call(make_stream(loop, Socket(std::move(socket)), peer_of(endpoint), std::is_same_v<Protocol, Tcp>));
    }
    if (!closed) accept();
  }

  void close() {
    closed = true;
    ErrorOf ignored;
    acceptor.close(ignored);
    back_off.cancel();
    handler = nullptr;
  }
};

class TcpAcceptor final : public Acceptor {
 public:
  TcpAcceptor(std::shared_ptr<AcceptState<Tcp>> state, std::uint16_t port) : state_(std::move(state)), port_(port) {}
  ~TcpAcceptor() override { state_->close(); }
  std::uint16_t port() const override { return port_; }
  std::uint64_t accept_failures() const override { return state_->failures; }

 private:
  std::shared_ptr<AcceptState<Tcp>> state_;
  std::uint16_t port_;
};

class UnixAcceptor final : public Acceptor {
 public:
  UnixAcceptor(std::shared_ptr<AcceptState<Local>> state, std::string path) : state_(std::move(state)), path_(std::move(path)) {
    struct stat info {};
    if (::stat(path_.c_str(), &info) == 0) inode_ = info.st_ino;
  }
  ~UnixAcceptor() override {
    state_->close();
    // Not the file of a successor that has replaced ours.
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_) ::unlink(path_.c_str());
  }
  std::uint16_t port() const override { return 0; }
  std::uint64_t accept_failures() const override { return state_->failures; }

 private:
  std::shared_ptr<AcceptState<Local>> state_;
  std::string path_;
  ino_t inode_ = 0;
};

Result<Tcp::endpoint> resolve_now(EventLoop& loop, const HostPort& address) {
  ErrorOf ec;
  const auto numeric = asio::ip::make_address(address.host, ec);
  if (!ec) return Tcp::endpoint(numeric, address.port);
  Tcp::resolver resolver(loop.impl().context);
  const auto results = resolver.resolve(address.host, std::to_string(address.port), Tcp::resolver::passive, ec);
  if (ec) return Error(ErrorCode::invalid_argument, ec.message());
  return results.begin()->endpoint();
}

// Removes a socket file that nobody listens on; an Error where somebody does, or where the file is something else.
Status remove_stale(EventLoop& loop, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return errno == ENOENT ? Status() : Status(Error::from_errno(errno, path));
  if (!S_ISSOCK(info.st_mode)) return Error(ErrorCode::already_exists, "the file is there, and is not a socket");
  Local::socket probe(loop.impl().context);
  ErrorOf ec;
  probe.connect(Local::endpoint(path), ec);
  if (!ec || ec == asio::error::try_again) return Error(ErrorCode::already_exists, "another program listens there");
  if (ec != asio::error::connection_refused) return make_error(ec, "trying whether another program listens there");
  if (::unlink(path.c_str()) != 0) return Error::from_errno(errno, "removing the old socket");
  return {};
}

}  // namespace

Result<std::unique_ptr<Acceptor>> listen_tcp(EventLoop& loop, const HostPort& address, AcceptHandler handler) {
  const std::string what = "listen on " + format_host_port(address);
  const auto endpoint = resolve_now(loop, address);
  if (!endpoint) return endpoint.error().in(what);
  auto state = std::make_shared<AcceptState<Tcp>>(loop, std::move(handler));
  ErrorOf ec;
  state->acceptor.open(endpoint->protocol(), ec);
  if (!ec) state->acceptor.set_option(Tcp::acceptor::reuse_address(true), ec);
  if (!ec) state->acceptor.bind(*endpoint, ec);
  if (!ec) state->acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return make_error(ec, what);
  const std::uint16_t port = state->acceptor.local_endpoint(ec).port();
  state->accept();
  return std::unique_ptr<Acceptor>(std::make_unique<TcpAcceptor>(std::move(state), port));
}

Result<std::unique_ptr<Acceptor>> listen_unix(EventLoop& loop, const std::string& path, AcceptHandler handler) {
  const std::string what = "listen on " + path;
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error(ErrorCode::invalid_argument,
                 what + ": a socket's path has 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  }
  if (const Status stale = remove_stale(loop, path); !stale) return stale.error().in(what);
  auto state = std::make_shared<AcceptState<Local>>(loop, std::move(handler));
  ErrorOf ec;
  state->acceptor.open(Local(), ec);
  // Before bind, so that the file is at no time open to others than it will be; after it, because bind applies the umask.
  if (!ec && ::fchmod(state->acceptor.native_handle(), 0660) != 0) ec.assign(errno, boost::system::system_category());
  if (!ec) state->acceptor.bind(Local::endpoint(path), ec);
  if (!ec && ::chmod(path.c_str(), 0660) != 0) ec.assign(errno, boost::system::system_category());
  if (!ec) state->acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return make_error(ec, what);
  state->accept();
  return std::unique_ptr<Acceptor>(std::make_unique<UnixAcceptor>(std::move(state), path));
}

}  // namespace nezu::net
