// Pipeline: one worker's way from frames to decided transactions: decode, flow, http1, pairing, all in one thread, nothing shared.
//
//   Pipeline pipeline(options, key, sink);
//   while (source.poll(batch, wait) gives frames) {
//     pipeline.process(batch);                                   // sink.transaction() is called from within
//     if (batch.watermark()) pipeline.advance(*batch.watermark());
//   }
//   pipeline.finish();                                           // what is still open is decided: capture_end
//
// Transactions are handed over as they are decided, within a connection in the order of their requests. Memory is bounded by Options;
// what the limits refuse is counted. No lock, and in-order traffic causes no allocation and no copy of payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/time.h"
#include "model/window/counters.h"
#include "probe/capture/frame.h"
#include "probe/transaction/sink.h"

namespace nezu::probe {

class Pipeline {
 public:
  struct Options {
    std::uint32_t connections = 200'000;                   // followed at the same time; ≥ 16
    std::uint64_t memory = std::uint64_t{256} << 20;       // bytes of everything that grows with traffic; ≥ 4 MiB
    Nanos transaction_timeout = std::chrono::seconds(60);  // of packet time, from the request's last byte; > 0
    Nanos idle_timeout = std::chrono::seconds(900);        // a connection without a packet for so long is forgotten; > 0
    std::uint32_t head = 64 * 1024;                        // longest message head, bytes; 256 … 1 MiB
    std::vector<std::uint16_t> ports;                      // watched: frames with neither port among them are `filtered`; empty: all
    bool keep_request_head = false;                        // fill Transaction::request_head (conditions on headers and cookies need it)
  };
  // Random bits, new with each start: strangers choose the addresses that go into our hash table.
  struct Key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
  };

  // `sink` must outlive the pipeline. Options out of range are brought into it.
  Pipeline(const Options& options, const Key& key, TransactionSink& sink);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Takes all frames of the batch. Their bytes are needed only during the call.
  void process(FrameBatch& batch);
  void process(const Frame* frames, std::size_t count);

  // Packet time has come as far as `now`, though perhaps no frame came (live: the ring's watermark): time-outs are decided.
  void advance(PacketTime now);

  // Everything up to this packet time has been processed: the latest stamp so far (single stamps that can't be are left out), or what
  // advance() said. Never goes back, except when the capture's clock was set back. Zero before the first frame. What is handed over
  // later has `decided` at or after it.
  PacketTime watermark() const;

  // No more frames will come: what is open is decided (Reason::capture_end), and all connections are forgotten. The pipeline may then
  // be used again, for another capture.
  void finish();

  // From the next frame on. A smaller table or memory takes effect as connections end.
  void set_options(const Options& options);

  // Values since the start. `kernel_drops`, `interface_drops` and `late` belong to others and stay 0.
  const window::Counters& counters() const;
  // What is undecided now, so that window::reconcile(counters(), open()) is empty at any time between calls.
  window::Open open() const;
  std::uint32_t connections() const;  // followed now
  std::uint64_t memory() const;       // bytes held now for connections, held segments, partial heads and open requests

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace nezu::probe
