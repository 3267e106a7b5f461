// A blocking HTTP client for nezuctl and tests, on libcurl. No redirects, no proxies; an answer has at most 256 MiB.
// Threads: calls may run at the same time in several.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::http {

struct ClientResponse {
  int status = 0;
  std::string content_type;
  std::string body;
};

class Client {
 public:
  // `base`: "http://127.0.0.1:7480", without a trailing slash.
  explicit Client(std::string base, Nanos timeout = std::chrono::seconds(30)) : base_(std::move(base)), timeout_(timeout) {}
  // An Error only where no answer came (ErrorCode::unavailable, with URL and reason); any status is an answer.
  Result<ClientResponse> request(const std::string& method, const std::string& path_and_query, const std::string& body = {},
                                 const std::string& content_type = "application/json") const;
  // Server-sent events; `handler` gives false to end, and so does `keep_going` (asked about ten times a second). Ends with an Error where the
  // connection breaks or can't be made, or where the answer is no event stream (its status and beginning are in the message).
  Status events(const std::string& path_and_query, const std::function<bool(std::string_view event, std::string_view data)>& handler,
                const std::function<bool()>& keep_going = {}) const;
  const std::string& base() const { return base_; }

 private:
  std::string base_;
  Nanos timeout_;
};

// Percent-encodes a path segment or query value.
std::string url_encode(std::string_view text);

}  // namespace nezu::http
