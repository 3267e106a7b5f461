// Live: watchers of stored records and of changed states, as server-sent events. On the loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/http/server.h"
#include "manager/api/backend.h"

namespace nezu::api {

struct Counters;

class Live {
 public:
  // The Backend must outlive this. It is watched only while somebody looks.
  Live(Backend& backend, std::size_t max_streams) : backend_(backend), max_streams_(max_streams) {}

  // Begins a stream, with the present states. False: there are too many; nothing was sent.
  bool add(http::Responder& responder);
  // Sends what has changed of services' and probes' states since the last time; drops watchers that have gone.
  void tick();
  void count(Counters& counters) const;

 private:
  void on_record(const LiveRecord& record);
  void send(const char* event, const std::string& data);
  std::map<std::string, std::string> states() const;

  Backend& backend_;
  const std::size_t max_streams_;
  std::vector<std::shared_ptr<http::EventStream>> streams_;
  std::shared_ptr<void> watch_;
  std::map<std::string, std::string> states_;  // by service or probe: what was last sent
  std::uint64_t added_ = 0, refused_ = 0, events_ = 0;
};

}  // namespace nezu::api
