#include "probe/link/link.h"

#include <fmt/core.h>

#include "common/base/check.h"
#include "model/wire/framed.h"

namespace nezu::probe::link {

Result<Connector> make_connector(net::EventLoop& loop, const Address& address, std::shared_ptr<tls::Context> context) {
  if (address.insecure) {
    if (!net::is_loopback(address.manager.host)) {
      return Error(ErrorCode::permission,
                   fmt::format("manager.insecure: plain text is for loopback addresses only, and {} is none; give manager.tls",
                               format_host_port(address.manager)));
    }
    return Connector(
        [&loop, address](net::ConnectHandler handler) { net::connect_tcp(loop, address.manager, address.timeout, std::move(handler)); });
  }
  if (!context) return Error(ErrorCode::permission, "manager.tls: a certificate, its key and the CA are needed");
  return Connector([&loop, address, context = std::move(context)](net::ConnectHandler handler) {
    tls::connect(loop, address.manager, context, address.server_name, address.timeout, std::move(handler));
  });
}

Link::Link(net::EventLoop& loop, LinkHandler& handler, Connector connector)
    : loop_(loop), handler_(handler), connector_(std::move(connector)), close_timer_(loop) {}
Link::~Link() = default;

void Link::connect() {
  NEZU_CHECK(!stream_);
  connector_([this, mine = ++attempt_, alive = std::weak_ptr<Guard>(alive_)](Result<std::unique_ptr<net::Stream>> result) {
    if (alive.expired() || mine != attempt_) return;
    if (result.ok())
      opened(std::move(result).value());
    else
      lose(result.error().message());
  });
}

void Link::opened(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  reader_.emplace(wire::kMaxFrameBytes);
  unwritten_ = 0;
  handler_.link_connected();
  if (stream_) read_more();
}

void Link::read_more() {
  stream_->read([this, mine = attempt_](Result<std::string_view> bytes) {
    if (mine != attempt_ || !stream_) return;
    if (!bytes.ok()) return lose(bytes.error().message());
    if (bytes->empty()) return lose("the manager closed the connection");
    take(*bytes);
    if (mine == attempt_ && stream_) read_more();
  });
}

void Link::take(std::string_view bytes) {
  bytes_received_ += bytes.size();
  reader_->append(bytes);
  const std::uint64_t mine = attempt_;
  while (mine == attempt_ && stream_) {
    Result<wire::FrameReader::Next> next = reader_->next();
    if (!next.ok()) return lose("what came from the manager is no link frame: " + next.error().message());
    if (!next->ready) return;
    Result<wire::Message> message = wire::decode(next->bytes);
    // A newer manager may say what we don't know; it may not say nonsense.
    if (!message.ok() && message.error().code() == ErrorCode::unsupported) continue;
    if (!message.ok()) return lose("a damaged message from the manager: " + message.error().message());
    handler_.link_received(std::move(message).value());
  }
}

// The stream may be in the middle of calling us: it goes when the loop comes round.
void Link::retire() {
  ++attempt_;
  reader_.reset();
  if (!stream_) return;
  loop_.post([stream = std::move(stream_)]() mutable { stream.reset(); });
  stream_ = nullptr;
}

void Link::lose(const std::string& why) {
  retire();
  if (on_closed_) return closed();
  handler_.link_lost(why);
}

void Link::disconnect() {
  retire();
  if (on_closed_) closed();
}

void Link::send(const wire::Message& message) {
  if (!stream_) {
    ++dropped_;
    return;
  }
  Result<std::string> bytes = wire::framed(message);
  const bool full = bytes.ok() && stream_->queued_bytes() + bytes->size() > kMaxQueuedBytes;
  if (!bytes.ok() || full) {
    ++dropped_;
    // Not from within the caller's own call: it may be carrying out a list of things.
    std::string why = full ? "the manager doesn't read: the send queue is full" : bytes.error().message();
    loop_.post([this, mine = attempt_, why = std::move(why), alive = std::weak_ptr<Guard>(alive_)] {
      if (!alive.expired() && mine == attempt_) lose(why);
    });
    return;
  }
  bytes_sent_ += bytes->size();
  ++unwritten_;
  stream_->write(*std::move(bytes), [this, mine = attempt_](Status status) {
    if (mine != attempt_) return;
    --unwritten_;
    if (!status.ok()) return lose(status.error().message());
    if (unwritten_ == 0 && on_closed_) closed();
  });
}

void Link::close(Nanos limit, UniqueFunction<void()> done) {
  on_closed_ = std::move(done);
  if (!stream_ || unwritten_ == 0) {
    loop_.post([this, alive = std::weak_ptr<Guard>(alive_)] {
      if (!alive.expired()) closed();
    });
    return;
  }
  stream_->shutdown();
  close_timer_.after(limit, [this] { closed(); });
}

void Link::closed() {
  if (!on_closed_) return;
  close_timer_.cancel();
  retire();
  UniqueFunction<void()> done = std::move(on_closed_);
  on_closed_ = nullptr;
  done();
}

}  // namespace nezu::probe::link
