// The REST API (docs/api.md; the reference is the OpenAPI document at /api/v1/openapi.json): requests in, JSON out. Everything runs on the
// loop's thread but the queries, which run on a thread of this object and answer through `post`, so that no query delays the loop.
//
// Limits: `max_queries` queries wait, then 503; `max_streams` watchers of /live, then 503; one that doesn't read is cut off by the server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/time.h"
#include "common/base/unique_function.h"
#include "common/http/server.h"
#include "manager/api/backend.h"
#include "manager/store/store.h"

namespace nezu::api {

struct Options {
  std::size_t max_queries = 64;
  std::size_t max_streams = 256;
  // Brings a task to the loop; callable from any thread, also while the Api is destroyed. REQUIRED
  std::function<void(UniqueFunction<void()>)> post;
  // The text of GET /metrics (common/metrics: Registry::text). Empty: 404.
  std::function<std::string()> metrics;
};

struct Counters {
  std::uint64_t requests = 0, problems = 0, queries = 0, queries_refused = 0, streams = 0, streams_refused = 0, live_events = 0;
  std::size_t open_streams = 0;
};

class Api {
 public:
  // All of them must outlive the Api; the Api must outlive the server that calls handler().
  Api(Backend& backend, store::Store& store, const Clock& clock, Options options);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  http::Handler handler();
  // A few times a second, on the loop: tells watchers of /live what has changed of services and probes ("state" events).
  void tick();
  Counters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nezu::api
