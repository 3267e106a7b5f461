// One thread of nezu-load: its connections, their requests, one epoll. Open loop: requests are due at instants that don't depend on
// the answers; one that is due while every connection is busy waits, and its time runs.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "load/options.h"
#include "load/response_reader.h"
#include "load/stats.h"

namespace nezu::load {

class Worker {
 public:
  // `share`: options with this thread's part of connections, rate and requests. The numbers of "{n}" are first, first + step, …
  // `stop` ends the sending; what is under way is still awaited, up to the time-out.
  Worker(Options share, std::uint64_t first, std::uint64_t step, const std::atomic<bool>& stop);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Error: the addresses are no addresses, or the system has no epoll for us.
  Status open();
  Stats run();

 private:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  enum class State { closed, connecting, idle, busy };
  struct Connection {
    int fd = -1;
    State state = State::closed;
    bool last = false;  // this request says "Connection: close"
    bool wants_write = false;
    std::string out;
    std::size_t written = 0;
    std::size_t kind = 0;  // of the mix
    Time due{}, sent{}, retry{};
    ResponseReader reader;
  };

  void connect(std::size_t which, Time now);
  void connected(std::size_t which, Time now);
  void close(std::size_t which, Time retry);
  void make_due(Time now);
  void dispatch(Time now);
  void send(std::size_t which, Time due, Time now);
  void write(std::size_t which, Time now);
  void read(std::size_t which, Time now);
  void answered(std::size_t which, Time now);
  void failed(std::size_t which, std::uint64_t Stats::*how, Time retry);
  void event(std::size_t which, std::uint32_t events, Time now);
  void look_for_timeouts(Time now);
  void wait(Time now);
  void watch(std::size_t which, bool for_write);
  std::size_t pick();
  Clock::duration gap();
  bool may_send() const;

  Options options_;
  std::uint64_t number_, step_;
  const std::atomic<bool>& stop_;
  sockaddr_storage server_{}, source_{};
  socklen_t server_length_ = 0, source_length_ = 0;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;
  std::deque<Time> waiting_;
  std::size_t busy_ = 0;
  std::uint64_t to_send_ = 0;
  bool stopping_ = false;
  Time next_due_{}, next_look_{};
  std::vector<double> cumulative_;
  std::mt19937_64 random_;
  std::string host_line_;
  Stats stats_;
};

}  // namespace nezu::load
