#include "load/worker.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "common/base/text.h"

namespace nezu::load {
namespace {

constexpr std::size_t kWaitingMax = 100'000;
constexpr auto kRetryAfter = std::chrono::milliseconds(100);
constexpr auto kLookEvery = std::chrono::milliseconds(50);
constexpr std::size_t kReadSize = 64 * 1024;

Result<socklen_t> parse_address(const std::string& host, std::uint16_t port, sockaddr_storage& out) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return static_cast<socklen_t>(sizeof(*v4));
  }
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return static_cast<socklen_t>(sizeof(*v6));
  }
  return Error(ErrorCode::invalid_argument, fmt::format("\"{}\": wanted an IP address", host));
}

}  // namespace

Worker::Worker(Options share, std::uint64_t first, std::uint64_t step, const std::atomic<bool>& stop)
    : options_(std::move(share)), number_(first), step_(step), stop_(stop), random_(options_.seed + first) {
  double sum = 0;
  for (const auto& request : options_.mix) cumulative_.push_back(sum += request.weight);
  stats_.by_request.resize(options_.mix.size());
  to_send_ = options_.requests == 0 ? std::numeric_limits<std::uint64_t>::max() : options_.requests;
  host_line_ = options_.host_header.empty() ? format_host_port({options_.host, options_.port}) : options_.host_header;
}

Worker::~Worker() {
  for (const auto& connection : connections_) {
    if (connection.fd >= 0) ::close(connection.fd);
  }
  if (epoll_ >= 0) ::close(epoll_);
}

Status Worker::open() {
  const auto server = parse_address(options_.host, options_.port, server_);
  if (!server) return server.error().in("server");
  server_length_ = *server;
  if (!options_.bind.empty()) {
    const auto source = parse_address(options_.bind, 0, source_);
    if (!source) return source.error().in("--bind");
    source_length_ = *source;
  }
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return Error::from_errno(errno, "epoll_create1");
  connections_.resize(options_.connections);
  return {};
}

Stats Worker::run() {
  const Time start = Clock::now();
  next_due_ = start;
  for (std::size_t i = 0; i < connections_.size(); ++i) connect(i, start);
  Time drain_until{};
  for (;;) {
    const Time now = Clock::now();
    if (!stopping_ && !may_send()) {
      stopping_ = true;
      stats_.elapsed = now - start;
      stats_.skipped += waiting_.size();
      waiting_.clear();
      drain_until = now + options_.timeout;
    }
    if (stopping_ && busy_ == 0) break;
    if (stopping_ && now >= drain_until) {
      stats_.abandoned += busy_;
      break;
    }
    if (!stopping_) {
      make_due(now);
      dispatch(now);
    }
    if (now >= next_look_) look_for_timeouts(now);
    wait(now);
  }
  return std::move(stats_);
}

bool Worker::may_send() const { return to_send_ > 0 && !stop_.load(std::memory_order_relaxed); }

Worker::Clock::duration Worker::gap() {
  double seconds = 1 / options_.rate;
  if (options_.poisson) seconds *= std::exponential_distribution<double>(1)(random_);
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void Worker::make_due(Time now) {
  if (options_.rate == 0) return;
  while (next_due_ <= now) {
    if (waiting_.size() < kWaitingMax) {
      waiting_.push_back(next_due_);
    } else {
      ++stats_.skipped;
    }
    next_due_ += gap();
  }
}

void Worker::dispatch(Time now) {
  while (!idle_.empty() && to_send_ > 0) {
    Time due = now;
    if (options_.rate > 0) {
      if (waiting_.empty()) return;
      due = waiting_.front();
      waiting_.pop_front();
    }
    const std::size_t which = idle_.front();
    idle_.pop_front();
    if (connections_[which].state == State::idle) {
      send(which, due, now);
    } else if (options_.rate > 0) {
      waiting_.push_front(due);  // the connection was closed while it waited in the list
    }
  }
}

std::size_t Worker::pick() {
  const double at = std::uniform_real_distribution<double>(0, cumulative_.back())(random_);
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
  return std::min(cumulative_.size() - 1, static_cast<std::size_t>(found - cumulative_.begin()));
}

void Worker::send(std::size_t which, Time due, Time now) {
  Connection& c = connections_[which];
  c.kind = pick();
  const Request& request = options_.mix[c.kind];
  std::string path = request.path;
  if (const auto at = path.find("{n}"); at != std::string::npos) path.replace(at, 3, fmt::format("{}", number_));
  number_ += step_;
  c.last = options_.close_share > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < options_.close_share;
  c.out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: nezu-load\r\nAccept: */*\r\n", request.method, path, host_line_);
  if (c.last) c.out += "Connection: close\r\n";
  if (request.body > 0 || request.method == "POST" || request.method == "PUT") {
    c.out += fmt::format("Content-Length: {}\r\n\r\n", request.body);
    c.out.append(request.body, 'x');
  } else {
    c.out += "\r\n";
  }
  c.written = 0;
  c.due = due;
  c.sent = now;
  c.state = State::busy;
  c.reader.begin(request.method == "HEAD");
  ++busy_;
  --to_send_;
  ++stats_.sent;
  ++stats_.by_request[c.kind].sent;
  write(which, now);
}

void Worker::write(std::size_t which, Time now) {
  Connection& c = connections_[which];
  while (c.written < c.out.size()) {
    const ssize_t n = ::send(c.fd, c.out.data() + c.written, c.out.size() - c.written, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return watch(which, true);
    if (n < 0) return failed(which, &Stats::reset, now);
    c.written += static_cast<std::size_t>(n);
  }
  if (c.wants_write) watch(which, false);
}

void Worker::read(std::size_t which, Time now) {
  Connection& c = connections_[which];
  std::array<char, kReadSize> buffer;
  for (;;) {
    const ssize_t n = ::recv(c.fd, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (c.state != State::busy) return close(which, now);  // the server ended an idle connection
    if (n < 0) return failed(which, &Stats::reset, now);
    const auto state = n == 0 ? c.reader.end_of_stream() : c.reader.take({buffer.data(), static_cast<std::size_t>(n)});
    if (state == ResponseReader::State::malformed) return failed(which, &Stats::malformed, now);
    if (state == ResponseReader::State::complete) {
      answered(which, now);
      if (n == 0 && c.state != State::closed) close(which, now);
      return;
    }
    if (n == 0) return failed(which, &Stats::closed, now);
    if (static_cast<std::size_t>(n) < buffer.size()) return;
  }
}

void Worker::answered(std::size_t which, Time now) {
  Connection& c = connections_[which];
  --busy_;
  ++stats_.answered;
  ++stats_.statuses[c.reader.status()];
  stats_.response_bytes += c.reader.body_bytes();
  stats_.service.add(now - c.sent);
  stats_.by_request[c.kind].service.add(now - c.sent);
  stats_.schedule.add(now - c.due);
  if (c.last || !c.reader.keeps_alive()) {
    close(which, now);
  } else {
    c.state = State::idle;
    idle_.push_back(which);
  }
}

void Worker::failed(std::size_t which, std::uint64_t Stats::*how, Time retry) {
  --busy_;
  ++(stats_.*how);
  close(which, retry);
}

void Worker::look_for_timeouts(Time now) {
  next_look_ = now + kLookEvery;
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    Connection& c = connections_[i];
    if (c.state == State::busy && now - c.sent >= options_.timeout) failed(i, &Stats::timed_out, now);
    if (c.state == State::closed && now >= c.retry && !stopping_) connect(i, now);
  }
}

void Worker::wait(Time now) {
  Time until = next_look_;
  if (!stopping_ && options_.rate > 0 && waiting_.empty()) until = std::min(until, next_due_);
  const auto left = std::max(Clock::duration::zero(), until - now);
  timespec timeout{};
  timeout.tv_nsec = std::chrono::duration_cast<Nanos>(left).count();  // kLookEvery bounds it below one second
  std::array<epoll_event, 256> events;
  const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  const Time then = Clock::now();
  for (int i = 0; i < count; ++i) {
    const auto& e = events[static_cast<std::size_t>(i)];
    event(static_cast<std::size_t>(e.data.u64), e.events, then);
  }
}

void Worker::event(std::size_t which, std::uint32_t events, Time now) {
  Connection& c = connections_[which];
  if (c.state == State::closed) return;
  if (c.state == State::connecting) return connected(which, now);
  if ((events & EPOLLOUT) != 0) write(which, now);
  if (c.state != State::closed && c.state != State::connecting && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(which, now);
}

void Worker::watch(std::size_t which, bool for_write) {
  Connection& c = connections_[which];
  epoll_event e{};
  e.events = EPOLLIN;
  if (for_write) e.events |= EPOLLOUT;
  e.data.u64 = which;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &e);
  c.wants_write = for_write;
}

void Worker::connect(std::size_t which, Time now) {
  Connection& c = connections_[which];
  c.fd = socket(server_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  bool ok = c.fd >= 0;
  if (ok) setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (ok && source_length_ > 0) {
    setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    ok = ::bind(c.fd, reinterpret_cast<const sockaddr*>(&source_), source_length_) == 0;
  }
  if (ok) ok = ::connect(c.fd, reinterpret_cast<const sockaddr*>(&server_), server_length_) == 0 || errno == EINPROGRESS;
  epoll_event e{};
  e.events = EPOLLIN | EPOLLOUT;
  e.data.u64 = which;
  if (ok) ok = epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e) == 0;
  if (!ok) {
    ++stats_.connect_failures;
    return close(which, now + kRetryAfter);
  }
  c.state = State::connecting;
  c.wants_write = true;
}

void Worker::connected(std::size_t which, Time now) {
  Connection& c = connections_[which];
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
    ++stats_.connect_failures;
    return close(which, now + kRetryAfter);
  }
  ++stats_.connections;
  c.state = State::idle;
  watch(which, false);
  idle_.push_back(which);
}

void Worker::close(std::size_t which, Time retry) {
  Connection& c = connections_[which];
  if (c.fd >= 0) ::close(c.fd);
  c.fd = -1;
  c.state = State::closed;
  c.retry = retry;
  if (!stopping_ && retry <= Clock::now()) connect(which, retry);
}

}  // namespace nezu::load
