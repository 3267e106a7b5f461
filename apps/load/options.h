// What nezu-load is asked to do: where to, how often, with which requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::load {

// One kind of request of the mix. "{n}" in the path is replaced by the request's number, so that a witness can tell requests apart.
struct Request {
  std::string method;
  std::string path;      // begins with "/"; may hold a query
  double weight = 1;     // above 0
  std::size_t body = 0;  // bytes
};

struct Options {
  std::string host;  // IP address of the server
  std::uint16_t port = 0;
  std::string host_header;  // empty: host:port
  std::string bind;         // source address; empty: the system's choice
  std::vector<Request> mix;
  unsigned connections = 10;   // at once, over all threads
  double rate = 0;             // requests per second, over all threads; 0: as fast as possible
  bool poisson = false;        // gaps between requests are random (exponential) instead of even
  double close_share = 0;      // this share of the requests says "Connection: close"
  Nanos duration{};            // 0: until a signal comes
  Nanos timeout{};             // of one request
  std::uint64_t requests = 0;  // at most so many; 0: no limit
  std::uint64_t seed = 1;
  std::uint64_t first_number = 1;  // of "{n}"
  unsigned threads = 1;
};

// "GET:/path", "GET:/path:3" (weight), "POST:/path:3:512" (bytes of body). The path itself must not hold a colon.
Result<Request> parse_request(std::string_view text);

// One request a line; empty lines and lines that begin with "#" are passed over. Error: "FILE:LINE: …".
Result<std::vector<Request>> read_requests(const std::string& file);

// Whether the values fit together. Error names the option.
Status validate(const Options& options);

}  // namespace nezu::load
