// Link: one connection of a probe, as far as bytes go: frames in, messages out, a bound on what waits to be sent. It knows no rules.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/net/net.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"

namespace nezu::session {

class Link {
 public:
  struct Hooks {
    std::function<void(Link&, wire::Message, std::string_view bytes)> message;  // `bytes`: as it came; only during the call
    std::function<void(Link&, const Error&)> broken;                            // what came is no message; the link still can send
    std::function<void(Link&, bool cleanly)> ended;                             // the peer's end, or a reset; nothing follows
  };
  Link(std::uint64_t id, std::unique_ptr<net::Stream> stream, std::size_t queue_bytes, Hooks hooks);

  void start();
  // Errors, where nothing was queued: no_space, the peer doesn't read, its queue is full; invalid_argument, a message longer than a frame.
  // What tells of all ledgers (at an announcement, an admission) doesn't count for the queue: it is as long as what is stored says.
  Status send(const wire::Message& message);
  // Sends what is queued, then ends; what still comes is thrown away.
  void finish();

  std::uint64_t id() const { return id_; }
  std::string peer() const { return stream_->peer(); }
  std::string peer_name() const { return stream_->peer_name(); }
  void set_frame_limit(std::size_t bytes) { reader_.set_limit(bytes); }
  bool finished() const { return finished_; }
  bool flushed() const { return stream_->queued_bytes() == 0; }
  std::uint64_t bytes_in() const { return bytes_in_; }

  // What the driver notes about it.
  bool greeted = false;
  bool resend = false;                // records were held back: it is to connect again and send them again …
  std::optional<MonoTime> resend_at;  // … at this time; none: when the store can be written again
  MonoTime opened{}, finishing_since{};
  std::string logical_probe;
  wire::InstanceId instance;

 private:
  void read();
  void take(std::string_view bytes);
  std::uint64_t id_;
  std::unique_ptr<net::Stream> stream_;
  std::size_t queue_bytes_;
  Hooks hooks_;
  wire::FrameReader reader_{wire::kMaxHelloBytes};
  bool finished_ = false, ended_ = false;
  std::shared_ptr<std::size_t> ledgers_ = std::make_shared<std::size_t>(0);  // bytes in the queue that tell of all ledgers
  std::uint64_t bytes_in_ = 0;
};

}  // namespace nezu::session
