// An in-memory pair of Streams on one loop, for tests: what one end writes, the other reads. Same rules as a socket: handlers run from the
// loop, never inside the call; a full pipe makes the writer wait; destroying an end gives the other an end (read) and an error (write).
// Faults: hold (a cable that is silent), cut (a reset), delay, small pieces.
#pragma once

#include <memory>

#include "common/net/net.h"

namespace nezu::net {

struct PipeOptions {
  std::size_t capacity_bytes = 256 * 1024;  // on its way in each direction; beyond it a write waits
  std::size_t piece_bytes = 64 * 1024;      // at most so much in one read
  Nanos delay{0};                           // each piece arrives so much later (a real timer of the loop)
};

class Pipe {
 public:
  explicit Pipe(EventLoop& loop, const PipeOptions& options = {});
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  // The two ends; each can be taken once, and may outlive the Pipe.
  std::unique_ptr<Stream> take_first();
  std::unique_ptr<Stream> take_second();

  void hold();     // nothing arrives any more, in either direction; writes go on until the pipe is full
  void release();  // what was held arrives, in order
  void cut();      // both ends: what is on its way is lost, reads and writes fail with ErrorCode::unavailable

  // Bytes that the second (first) end has been given.
  std::uint64_t bytes_to_second() const;
  std::uint64_t bytes_to_first() const;

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace nezu::net
