// Link: the probe's end of the connection to the manager: bytes into messages and back. When to connect, what to say, when to give up is
// the role's business (probe/role); this is the skin that does it. All on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/net/net.h"
#include "common/tls/tls.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"

namespace nezu::probe::link {

// Makes one attempt to reach the manager; the handler runs once, on the loop.
using Connector = std::function<void(net::ConnectHandler)>;

struct Address {
  HostPort manager;
  bool insecure = false;    // plain text; only to a loopback address
  std::string server_name;  // what the manager's certificate must name; empty: the address's host
  Nanos timeout = std::chrono::seconds(1);
};
// Over TLS with `context`, or in plain text. Error (permission): insecure, and the address isn't of the loopback; or no context and not insecure.
Result<Connector> make_connector(net::EventLoop& loop, const Address& address, std::shared_ptr<tls::Context> context);

class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  virtual void link_connected() = 0;
  // The attempt failed, the peer ended, or what it sent is damaged. Not called after Link::disconnect().
  virtual void link_lost(const std::string& why) = 0;
  virtual void link_received(wire::Message message) = 0;
};

class Link {
 public:
  static constexpr std::size_t kMaxQueuedBytes = std::size_t{64} << 20;

  // `loop` and `handler` must outlive the link.
  Link(net::EventLoop& loop, LinkHandler& handler, Connector connector);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // REQUIRES: no connection and no attempt
  void connect();
  // Ends the connection, or the attempt, at once.
  void disconnect();
  // Queued in order; what finds no connection is dropped and counted. A queue beyond kMaxQueuedBytes ends the connection: the peer doesn't read.
  // So does a message that is longer than a frame.
  void send(const wire::Message& message);
  // Sends what is queued, ends our side, and calls `done` once; it waits for `limit` at most.
  void close(Nanos limit, UniqueFunction<void()> done);
  void set_connector(Connector connector) { connector_ = std::move(connector); }  // from the next attempt on

  bool connected() const { return stream_ != nullptr; }
  std::string peer() const { return stream_ ? stream_->peer() : std::string(); }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }
  std::uint64_t dropped_messages() const { return dropped_; }

 private:
  struct Guard {};
  void opened(std::unique_ptr<net::Stream> stream);
  void read_more();
  void take(std::string_view bytes);
  void lose(const std::string& why);
  void retire();
  void closed();

  net::EventLoop& loop_;
  LinkHandler& handler_;
  Connector connector_;
  std::shared_ptr<Guard> alive_ = std::make_shared<Guard>();
  std::uint64_t attempt_ = 0;  // answers to an older one are not ours any more
  std::unique_ptr<net::Stream> stream_;
  std::optional<wire::FrameReader> reader_;
  net::Timer close_timer_;
  UniqueFunction<void()> on_closed_;
  std::size_t unwritten_ = 0;
  std::uint64_t bytes_sent_ = 0, bytes_received_ = 0, dropped_ = 0;
};

}  // namespace nezu::probe::link
