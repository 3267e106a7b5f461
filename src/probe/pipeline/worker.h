// Pipeline::Worker: the pipeline's parts put together. Frames go through in groups: decode all, ask the memory for their connections,
// then handle them, so that waiting for memory overlaps.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "probe/decode/decode.h"
#include "probe/flow/assembler.h"
#include "probe/flow/hints.h"
#include "probe/flow/table.h"
#include "probe/http1/exchange.h"
#include "probe/pipeline/early_data.h"
#include "probe/pipeline/packet_clock.h"
#include "probe/pipeline/pipeline.h"
#include "probe/pipeline/timers.h"

namespace nezu::probe {

class Pipeline::Worker {
 public:
  Worker(const Options& options, const Key& key, TransactionSink& sink);

  void process(const Frame* frames, std::size_t count);
  void advance(std::int64_t now);
  void finish();
  void set_options(const Options& options);

  const window::Counters& counters() const { return counters_; }
  window::Open open() const { return {exchange_.open_requests(), assembler_.store().segments() + early_.held()}; }
  std::int64_t watermark() const { return clock_.now(); }
  std::uint32_t connections() const { return table_.size() - closed_count_; }
  std::uint64_t memory() const;

  static constexpr std::size_t kGroup = 16;

 private:
  using Connection = http1::Connection;
  struct Item {
    Segment segment;
    flow::Tuple tuple;
    std::uint64_t hash = 0;
    bool decoded = false;
  };

  void group(const Frame* frames, std::size_t count);
  bool decode(const Frame& frame, Item& item);
  bool watched(const Segment& s) const;
  void handle(const Item& item, std::int64_t t);
  void no_connection(const Item& item, std::int64_t t);
  static void take_hint(Connection& c, const flow::SynHint& hint);
  void syn(const Item& item, std::int64_t t);
  void syn_ack(const Item& item, Connection* c, std::int64_t t);
  void reset(const Item& item, Connection& c, std::int64_t t);
  void established(const Item& item, const flow::SynHint& hint, std::int64_t t);
  void established_early(const Item& item, EarlyData::Entry early, std::int64_t t);
  static void begin_whole(Connection& c, std::uint32_t client, std::uint32_t server);
  Connection* create(const Item& item, bool source_is_client, std::int64_t t);
  void handshake_time(Connection& c, const Segment& s, int d, std::int64_t t);
  void after_segment(Connection& c);
  bool make_room();

  void end(Connection& c, Reason reason);
  void close(Connection& c);
  void forget(Connection& c);
  void forget_oldest();
  void run_timers();
  void check(Connection& c);
  void arm(Connection& c);
  void list(Connection& c);
  void count(window::SegmentFate fate) { ++counters_.segment_fate[static_cast<std::size_t>(fate)]; }

  static int direction(const Connection& c, const flow::Tuple& t) { return t.source_is_high == c.flipped ? 0 : 1; }

  Options options_;
  window::Counters counters_;
  PacketClock clock_;
  http1::Exchange exchange_;
  flow::Assembler<Connection, http1::Exchange> assembler_;
  flow::Table<Connection> table_;
  flow::Hints hints_;
  EarlyData early_;
  Timers timers_;
  std::vector<std::uint32_t> waiting_;  // slots of connections with a deadline that is near
  std::int64_t timers_run_ = 0;
  std::int64_t waiting_checked_ = 0;
  struct Closed {
    std::uint32_t slot;
    std::int64_t time;
  };
  std::deque<Closed> closed_;  // in the order of their ends; those that are used again are passed over
  std::uint32_t closed_count_ = 0;
  std::uint32_t hand_ = 0;  // where the search for something to evict goes on
  std::array<Item, kGroup> items_;
  std::vector<bool> ports_;
};

}  // namespace nezu::probe
