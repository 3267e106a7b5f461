#include "common/http/server.h"

#include <ctime>
#include <unordered_map>

#include "common/http/request_reader.h"
#include "common/http/response.h"

namespace nezu::http {

namespace {

constexpr Nanos kFarewell{std::chrono::seconds(2)};  // for the peer to read our last answer before the connection is reset

class Connection;

// What connections share; owned by the server, borrowed by them.
struct Hub {
  net::EventLoop& loop;
  Handler handler;
  ServerOptions options;
  ServerCounters counters;
  std::unordered_map<const Connection*, std::shared_ptr<Connection>> connections;
};

// reading → (handling → answering)* → farewell → gone; or handling → streaming → gone.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Hub& hub, std::unique_ptr<net::Stream> stream)
      : hub_(hub), stream_(std::move(stream)), timer_(hub.loop), reader_(hub.options.max_header_bytes, hub.options.max_body_bytes) {}
  ~Connection() {
    if (streaming_) --hub_.counters.event_streams;
  }

  void start() { next_request(); }
  bool answer(std::uint64_t number, const Response& response);
  bool start_events(std::uint64_t number);
  bool send_event(const std::string& bytes);

 private:
  void next_request() {
    timer_.after(hub_.options.idle_timeout, [this] { on_idle(); });
    parse();
  }
  void on_idle() {
    if (!reader_.began()) return close();
    fail(408, "the request was not there within " + format_duration(hub_.options.idle_timeout));
  }
  void read();
  void on_bytes(Result<std::string_view> bytes);
  void parse();
  void handle();
  void fail(int status, const std::string& detail);
  void send(const Response& response, bool keep_alive);
  void farewell();
  void keep_alive_comment();
  void close() { hub_.connections.erase(this); }  // the last thing to be done: `this` may be gone afterwards

  Hub& hub_;
  std::unique_ptr<net::Stream> stream_;
  net::Timer timer_;
  RequestReader reader_;
  std::string input_;
  std::uint64_t number_ = 0;  // of the request that is being handled; an answer with another number comes too late
  bool reading_ = false, handling_ = false, answering_ = false, streaming_ = false, leaving_ = false;
  bool head_ = false, keep_alive_ = true;
};

class ConnectionResponder final : public Responder {
 public:
  ConnectionResponder(std::weak_ptr<Connection> connection, std::uint64_t number) : connection_(std::move(connection)), number_(number) {}
  ~ConnectionResponder() override {
    const auto connection = connection_.lock();
    if (!answered_ && connection) connection->answer(number_, problem(500, "Internal Server Error", "the request was not answered"));
  }
  void send(Response response) override {
    NEZU_CHECK(!answered_);
    answered_ = true;
    if (const auto connection = connection_.lock()) connection->answer(number_, response);
  }
  std::shared_ptr<EventStream> start_events() override;

 private:
  std::weak_ptr<Connection> connection_;
  std::uint64_t number_;
  bool answered_ = false;
};

class ConnectionEvents final : public EventStream {
 public:
  explicit ConnectionEvents(std::weak_ptr<Connection> connection) : connection_(std::move(connection)) {}
  bool send(std::string_view event, std::string_view data) override {
    const auto connection = connection_.lock();
    return connection && connection->send_event(event_bytes(event, data));
  }
  bool open() const override { return !connection_.expired(); }

 private:
  std::weak_ptr<Connection> connection_;
};

std::shared_ptr<EventStream> ConnectionResponder::start_events() {
  NEZU_CHECK(!answered_);
  answered_ = true;
  const auto connection = connection_.lock();
  const bool started = connection && connection->start_events(number_);
  return std::make_shared<ConnectionEvents>(started ? connection_ : std::weak_ptr<Connection>());
}

// One read at a time; what its bytes are for depends on what the connection is doing when they come.
void Connection::read() {
  if (reading_) return;
  reading_ = true;
  stream_->read([weak = weak_from_this()](Result<std::string_view> bytes) {
    const auto self = weak.lock();
    if (!self) return;
    self->reading_ = false;
    self->on_bytes(std::move(bytes));
  });
}

void Connection::on_bytes(Result<std::string_view> bytes) {
  if (!bytes || bytes->empty()) return close();
  if (streaming_ || leaving_) return read();  // nothing is expected any more but the end
  const bool first = !reader_.began();
  input_.append(*bytes);
  if (answering_) return;
  if (first) timer_.after(hub_.options.idle_timeout, [this] { on_idle(); });
  parse();
}

void Connection::parse() {
  while (true) {
    switch (reader_.feed(input_)) {
      case RequestReader::State::need_more: return read();
      case RequestReader::State::wants_continue: stream_->write("HTTP/1.1 100 Continue\r\n\r\n", {}); break;
      case RequestReader::State::complete: return handle();
      case RequestReader::State::failed: return fail(reader_.failure().status, reader_.failure().detail);
    }
  }
}

void Connection::handle() {
  const auto keep = shared_from_this();
  timer_.cancel();
  ++hub_.counters.requests;
  Request request = reader_.take();
  request.peer = stream_->peer();
  head_ = request.head;
  keep_alive_ = reader_.keep_alive();
  handling_ = true;
  ++number_;
  hub_.handler(request, std::make_shared<ConnectionResponder>(weak_from_this(), number_));
}

void Connection::fail(int status, const std::string& detail) {
  ++hub_.counters.bad_requests;
  Response response = problem(status, "The request can't be served", detail);
  head_ = false;
  send(response, false);
}

bool Connection::answer(std::uint64_t number, const Response& response) {
  if (!handling_ || number != number_) return false;
  handling_ = false;
  send(response, keep_alive_);
  return true;
}

void Connection::send(const Response& response, bool keep_alive) {
  answering_ = true;
  timer_.after(hub_.options.idle_timeout, [this] { close(); });
  stream_->write(to_bytes(response, head_, keep_alive, std::time(nullptr)), [weak = weak_from_this(), keep_alive](Status written) {
    const auto self = weak.lock();
    if (!self) return;
    if (!written) return self->close();
    self->answering_ = false;
    keep_alive ? self->next_request() : self->farewell();
  });
}

void Connection::farewell() {
  leaving_ = true;
  stream_->shutdown();
  timer_.after(kFarewell, [this] { close(); });
  read();
}

bool Connection::start_events(std::uint64_t number) {
  if (!handling_ || number != number_) return false;
  handling_ = false;
  if (head_) {
    stream_->write(event_stream_head(std::time(nullptr)), [weak = weak_from_this()](Status) {
      if (const auto self = weak.lock()) self->farewell();
    });
    return false;
  }
  streaming_ = true;
  ++hub_.counters.event_streams;
  stream_->write(event_stream_head(std::time(nullptr)), {});
  keep_alive_comment();
  read();
  return true;
}

void Connection::keep_alive_comment() {
  timer_.after(hub_.options.event_keep_alive, [this] {
    if (send_event(":\n\n")) keep_alive_comment();
  });
}

bool Connection::send_event(const std::string& bytes) {
  if (!streaming_) return false;
  if (stream_->queued_bytes() + bytes.size() > kEventLagMax) {
    ++hub_.counters.event_streams_cut;
    close();
    return false;
  }
  stream_->write(bytes, [weak = weak_from_this()](Status written) {
    const auto self = weak.lock();
    if (self && !written) self->close();
  });
  return true;
}

class StreamServer final : public Server {
 public:
  StreamServer(net::EventLoop& loop, Handler handler, const ServerOptions& options) : hub_{loop, std::move(handler), options, {}, {}} {}
  ~StreamServer() override {
    acceptor_.reset();
    auto connections = std::move(hub_.connections);
    hub_.connections.clear();
    connections.clear();
  }

  Status start(const HostPort& address) {
    auto listening = net::listen_tcp(hub_.loop, address, [this](std::unique_ptr<net::Stream> stream) { accept(std::move(stream)); });
    if (!listening) return listening.error();
    acceptor_ = std::move(*listening);
    return {};
  }
  std::uint16_t port() const override { return acceptor_->port(); }
  ServerCounters counters() const override {
    ServerCounters counters = hub_.counters;
    counters.open_connections = hub_.connections.size();
    return counters;
  }

 private:
  void accept(std::unique_ptr<net::Stream> stream) {
    if (hub_.connections.size() >= hub_.options.max_connections) return refuse(std::move(stream));
    auto connection = std::make_shared<Connection>(hub_, std::move(stream));
    hub_.connections.emplace(connection.get(), connection);
    connection->start();
  }

  void refuse(std::unique_ptr<net::Stream> stream) {
    ++hub_.counters.refused_connections;
    const Response response =
        problem(503, "Service Unavailable", "more than " + std::to_string(hub_.options.max_connections) + " connections");
    // Small enough for an empty socket buffer: written at once, then the handler lets the stream go.
    net::Stream& borrowed = *stream;
    borrowed.write(to_bytes(response, false, false, std::time(nullptr)), [owned = std::move(stream)](Status) mutable { owned.reset(); });
  }

  Hub hub_;
  std::unique_ptr<net::Acceptor> acceptor_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(net::EventLoop& loop, const HostPort& address, Handler handler,
                                               const ServerOptions& options) {
  auto server = std::make_unique<StreamServer>(loop, std::move(handler), options);
  if (const Status started = server->start(address); !started) return started.error();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace nezu::http
