#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <vector>

#include "common/net/impl.h"

namespace nezu::net {

namespace asio = boost::asio;
using ErrorOf = boost::system::error_code;

Error make_error(const ErrorOf& ec, const std::string& what) {
  if (ec.category() == boost::system::system_category()) return Error::from_errno(ec.value(), what);
  return Error(ErrorCode::unavailable, what + ": " + ec.message());
}

namespace {

constexpr std::size_t kGatherMax = 32;  // buffers handed to the kernel in one call

// The part that outlives the Stream while the kernel still owes a completion. Handlers are moved out before they are called, so that a
// handler may destroy the stream; `closed` then keeps everything else from running.
struct State : std::enable_shared_from_this<State> {
  struct Pending {
    std::string bytes;
    Stream::WriteHandler handler;
  };

  State(EventLoop& event_loop, Socket s, std::string peer_address)
      : loop(event_loop), socket(std::move(s)), peer(std::move(peer_address)) {}

  EventLoop& loop;
  Socket socket;
  std::string peer;
  Stream::ReadHandler reader;
  std::deque<Pending> queue;
  std::size_t front_written = 0;  // of queue.front()
  std::size_t queued = 0;
  std::optional<Error> write_error;
  bool writing = false;
  bool shutdown_wanted = false;
  bool closed = false;

  void close() {
    closed = true;
    ErrorOf ignored;
    socket.close(ignored);
    // What handlers hold may hold us, or may be large: it goes now, not when the kernel answers.
    const Stream::ReadHandler old_reader = std::move(reader);
    std::vector<Stream::WriteHandler> old_writers;
    for (Pending& pending : queue) old_writers.push_back(std::move(pending.handler));
  }

  void wait_readable() {
    socket.async_wait(Socket::wait_read, [self = shared_from_this()](const ErrorOf& ec) { self->on_readable(ec); });
  }

  void on_readable(ErrorOf ec) {
    if (closed) return;
    std::size_t size = 0;
    auto& scratch = loop.impl().scratch;
    if (!ec) size = socket.read_some(asio::buffer(scratch), ec);
    if (ec == asio::error::would_block || ec == asio::error::try_again) return wait_readable();
    Stream::ReadHandler handler = std::move(reader);
    if (ec && ec != asio::error::eof) return handler(make_error(ec, "read from " + peer));
    handler(std::string_view(scratch.data(), size));
  }

  void start_write() {
    if (writing || closed) return;
    if (queue.empty()) {
      if (shutdown_wanted) {
        ErrorOf ignored;
        socket.shutdown(Socket::shutdown_send, ignored);
      }
      return;
    }
    writing = true;
    std::vector<asio::const_buffer> buffers;
    std::size_t skip = front_written;
    for (const Pending& pending : queue) {
      if (buffers.size() == kGatherMax) break;
      buffers.emplace_back(asio::buffer(pending.bytes) + skip);
      skip = 0;
    }
    socket.async_write_some(buffers, [self = shared_from_this()](const ErrorOf& ec, std::size_t size) { self->on_written(ec, size); });
  }

  void on_written(const ErrorOf& ec, std::size_t size) {
    if (closed) return;
    if (ec) return fail_writes(make_error(ec, "write to " + peer));
    front_written += size;
    queued -= size;
    while (!queue.empty() && front_written >= queue.front().bytes.size()) {
      front_written -= queue.front().bytes.size();
      Stream::WriteHandler handler = std::move(queue.front().handler);
      queue.pop_front();
      if (handler) handler(Status());
      if (closed) return;
    }
    writing = false;
    start_write();
  }

  void fail_writes(Error error) {
    write_error = std::move(error);
    writing = false;
    queued = 0;
    front_written = 0;
    std::deque<Pending> failed = std::move(queue);
    queue.clear();
    for (Pending& pending : failed) {
      if (pending.handler) pending.handler(*write_error);
      if (closed) return;
    }
  }
};

class SocketStream final : public Stream {
 public:
  explicit SocketStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~SocketStream() override { state_->close(); }

  void read(ReadHandler handler) override {
    NEZU_CHECK(!state_->reader);
    state_->reader = std::move(handler);
    state_->wait_readable();
  }

  void write(std::string bytes, WriteHandler handler) override {
    if (state_->write_error) {
      asio::post(state_->socket.get_executor(), [state = state_, handler = std::move(handler)]() mutable {
        if (!state->closed && handler) handler(*state->write_error);
      });
      return;
    }
    state_->queued += bytes.size();
    state_->queue.push_back({std::move(bytes), std::move(handler)});
    state_->start_write();
  }

  void shutdown() override {
    state_->shutdown_wanted = true;
    state_->start_write();
  }

  std::size_t queued_bytes() const override { return state_->queued; }
  std::string peer() const override { return state_->peer; }

 private:
  std::shared_ptr<State> state_;
};

// Dead peers are noticed after a minute even where nobody speaks (idle API connections); the link has its own heartbeats.
void tune_tcp(Socket& socket) {
  const int on = 1, idle_s = 30, interval_s = 10, count = 3;
  const int fd = socket.native_handle();
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

}  // namespace

std::unique_ptr<Stream> make_stream(EventLoop& loop, Socket socket, std::string peer, bool tcp) {
  ErrorOf ignored;
  socket.non_blocking(true, ignored);
  if (tcp) tune_tcp(socket);
  return std::make_unique<SocketStream>(std::make_shared<State>(loop, std::move(socket), std::move(peer)));
}

}  // namespace nezu::net
