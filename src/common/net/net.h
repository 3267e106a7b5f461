// The network's seam: an event loop, timers, streams. The only user of Asio beside tls and http. Callback style: g++ 12 miscompiles
// coroutines. Everything here lives on its loop's thread; only EventLoop::post and stop may be called from others.
//
// Lifetime: a loop outlives every Timer, Stream and Acceptor that was made on it. Where a name has to be resolved, a thread of Asio's does
// it; the loop's destruction waits for a look-up that is under way.
//
// Stream is an interface, so that TLS (common/tls), plain TCP, Unix sockets and an in-memory pipe (pipe.h, for tests) look alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/text.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/base/unique_function.h"

namespace nezu::net {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void run();                              // until stop(); then what was posted before it has run
  void stop();                             // any thread
  void post(UniqueFunction<void()> task);  // any thread; in order
  // Calls `handler` on the loop for each signal of the list (SIGTERM, SIGHUP, …). Once a process.
  void on_signal(std::initializer_list<int> signals, std::function<void(int)> handler);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Fires once, on the loop. Setting it again, cancel() and destruction take back what was set before: an old handler never runs.
class Timer {
 public:
  explicit Timer(EventLoop& loop);
  ~Timer();
  void after(Nanos delay, UniqueFunction<void()> handler);
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Tells, on the loop, whenever there is something to read at a descriptor that it owns (a netlink socket, say); the handler reads it empty.
// Destruction closes it, and no handler is called afterwards.
class Readable {
 public:
  Readable(EventLoop& loop, UniqueFd fd, std::function<void(int fd)> handler);
  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// A connected, ordered byte stream. Owned by one object; destruction closes it at once, and no handler is called afterwards.
class Stream {
 public:
  using ReadHandler = UniqueFunction<void(Result<std::string_view>)>;  // bytes, valid during the call; an empty view: the peer's end
  using WriteHandler = UniqueFunction<void(Status)>;

  virtual ~Stream() = default;
  virtual void read(ReadHandler handler) = 0;                       // one at a time
  virtual void write(std::string bytes, WriteHandler handler) = 0;  // queued in order; the handler runs when handed to the kernel
  virtual void shutdown() = 0;                                      // sends what is queued, then ends our direction
  virtual std::size_t queued_bytes() const = 0;                     // not yet written; the caller bounds it
  virtual std::string peer() const = 0;                             // "192.0.2.1:443", "unix"
  // Of a TLS peer's certificate: its common name; empty without TLS.
  virtual std::string peer_name() const { return {}; }
};

using AcceptHandler = std::function<void(std::unique_ptr<Stream>)>;
using ConnectHandler = UniqueFunction<void(Result<std::unique_ptr<Stream>>)>;

// Listens while it lives.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual std::uint16_t port() const = 0;  // the real one where 0 was asked for; 0 for Unix sockets
  // Accepts that failed for want of descriptors or memory; each is followed by a pause of 100 ms. The connections wait in the kernel.
  virtual std::uint64_t accept_failures() const { return 0; }
};

// TCP. Errors name the address: "listen on 127.0.0.1:7400: Address already in use".
Result<std::unique_ptr<Acceptor>> listen_tcp(EventLoop& loop, const HostPort& address, AcceptHandler handler);
// Resolves, tries each address, gives up after `timeout`. The handler runs once, on the loop, never inside this call.
void connect_tcp(EventLoop& loop, const HostPort& address, Nanos timeout, ConnectHandler handler);

// Unix sockets. A stale socket file (nobody listens) is replaced; mode 0660.
Result<std::unique_ptr<Acceptor>> listen_unix(EventLoop& loop, const std::string& path, AcceptHandler handler);
void connect_unix(EventLoop& loop, const std::string& path, Nanos timeout, ConnectHandler handler);

// Whether the address is of the loopback (127.0.0.0/8, ::1, "localhost").
bool is_loopback(const std::string& host);

}  // namespace nezu::net
