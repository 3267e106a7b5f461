// A web server and its client on the loopback interface: the traffic of tests. Each request is counted where it is made.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "common/base/time.h"
#include "common/base/unique_fd.h"

namespace nezu::testing {

class Traffic {
 public:
  Traffic();  // a server on a free port of 127.0.0.1, and a client with one connection kept open
  ~Traffic();
  std::uint16_t port() const { return port_; }
  // One request and its whole answer; every tenth path answers 503.
  void request();
  std::uint64_t requests() const { return requests_; }
  std::uint64_t errors() const { return errors_; }

 private:
  void serve();
  UniqueFd listener_, client_;
  std::uint16_t port_ = 0;
  std::uint64_t requests_ = 0, errors_ = 0;
  std::thread server_;
};

// A capture file (raw IP): one connection to this port, a request each `every` from 1,700,000,000.2 s on, each answered after 3 ms.
void write_capture(const std::string& path, std::uint16_t port, int requests, Nanos every);

}  // namespace nezu::testing
