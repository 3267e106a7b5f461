// A manager of a hundred lines, for tests of the probe: blocking, one connection at a time, scripted by the test.
#pragma once

#include <optional>
#include <string>

#include "common/base/unique_fd.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"

namespace nezu::testing {

class FakeManager {
 public:
  FakeManager();  // listens on a free port of 127.0.0.1
  std::uint16_t port() const { return port_; }

  bool accept(int timeout_ms);
  void send(const wire::Message& message);
  // The next message; empty: none within the time, or the connection has ended (ended()).
  std::optional<wire::Message> receive(int timeout_ms);
  bool ended() const { return ended_; }
  void reset();  // drops the connection with a TCP reset

 private:
  UniqueFd listener_, connection_;
  std::uint16_t port_ = 0;
  std::optional<wire::FrameReader> reader_;
  bool ended_ = false;
};

}  // namespace nezu::testing
