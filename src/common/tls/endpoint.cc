#include <algorithm>
#include <chrono>

#include "common/tls/tls.h"

namespace nezu::tls {

namespace {

struct Listening {
  net::AcceptHandler handler;
  std::function<void(std::string)> on_refused;
  std::shared_ptr<Context> context;
  std::size_t handshakes = 0;

  void refused(const std::string& why) const {
    if (on_refused) on_refused(why);
  }
};

// Handshakes that are under way when the acceptor goes find nobody, and end.
class TlsAcceptor final : public net::Acceptor {
 public:
  TlsAcceptor(std::shared_ptr<Listening> listening, std::unique_ptr<net::Acceptor> inner)
      : listening_(std::move(listening)), inner_(std::move(inner)) {}
  std::uint16_t port() const override { return inner_->port(); }
  std::uint64_t accept_failures() const override { return inner_->accept_failures(); }

 private:
  std::shared_ptr<Listening> listening_;
  std::unique_ptr<net::Acceptor> inner_;
};

void accept_one(net::EventLoop& loop, Listening& listening, const std::weak_ptr<Listening>& weak, std::unique_ptr<net::Stream> stream) {
  if (listening.handshakes >= kHandshakesMax) {
    return listening.refused(stream->peer() + ": " + std::to_string(kHandshakesMax) + " other TLS handshakes are under way");
  }
  ++listening.handshakes;
  accept_over(loop, std::move(stream), *listening.context, [weak](Result<std::unique_ptr<net::Stream>> result) {
    const auto alive = weak.lock();
    if (!alive) return;
    --alive->handshakes;
    if (!result) return alive->refused(result.error().message());
    alive->handler(std::move(*result));
  });
}

}  // namespace

Result<std::unique_ptr<net::Acceptor>> listen(net::EventLoop& loop, const HostPort& address, std::shared_ptr<Context> context,
                                              net::AcceptHandler handler, std::function<void(std::string)> on_refused) {
  auto listening = std::make_shared<Listening>();
  listening->handler = std::move(handler);
  listening->on_refused = std::move(on_refused);
  listening->context = std::move(context);
  const std::weak_ptr<Listening> weak = listening;
  auto inner = net::listen_tcp(loop, address, [&loop, weak](std::unique_ptr<net::Stream> stream) {
    if (const auto alive = weak.lock()) accept_one(loop, *alive, weak, std::move(stream));
  });
  if (!inner) return inner.error();
  return std::unique_ptr<net::Acceptor>(std::make_unique<TlsAcceptor>(std::move(listening), std::move(*inner)));
}

void connect(net::EventLoop& loop, const HostPort& address, std::shared_ptr<Context> context, const std::string& expected_name,
             Nanos timeout, net::ConnectHandler handler) {
  const auto began = std::chrono::steady_clock::now();
  const std::string name = expected_name.empty() ? address.host : expected_name;
  auto on_connected = [&loop, context = std::move(context), name, timeout, began,
                       handler = std::move(handler)](Result<std::unique_ptr<net::Stream>> stream) mutable {
    if (!stream) return handler(std::move(stream));
    const Nanos left = timeout - std::chrono::duration_cast<Nanos>(std::chrono::steady_clock::now() - began);
    connect_over(loop, std::move(*stream), *context, name, std::move(handler), std::clamp(left, Nanos(0), kHandshakeTimeout));
  };
  net::connect_tcp(loop, address, timeout, std::move(on_connected));
}

}  // namespace nezu::tls
