// Hints: what is remembered of connections that have no entry in the table: the handshake so far (SYN and SYN/ACK make no state that
// grows; the client's answer to them does), and where the last payload of an unknown connection ended. A small table of fixed size; a newer hint overwrites an older one.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace nezu::probe::flow {

struct SynHint {
  std::uint32_t tag = 0;
  std::uint32_t isn = 0;  // the client's
  std::int64_t time = 0;
  std::uint32_t server_isn = 0;  // where the SYN/ACK was seen too
  bool client_is_high = false;
  bool answered = false;
  bool has_acked = false;  // the server has acknowledged bytes of the client that we haven't seen
  std::uint32_t acked = 0;
  std::int64_t acked_time = 0;
};
// Of the payload seen last in one direction of an unknown connection.
struct PayloadHint {
  std::uint32_t tag = 0;
  std::uint32_t end = 0;
  std::uint32_t ack = 0;
};

class Hints {
 public:
  // For a table of so many connections.
  explicit Hints(std::uint32_t connections)
      : sets_(std::bit_ceil(std::clamp<std::size_t>(connections, 64, 16384)) / 2), syns_(sets_ * kWays), payloads_(sets_) {}

  // source_is_high, here and below: see Tuple.
  void syn(std::uint64_t hash, bool source_is_high, std::uint32_t isn, std::int64_t time) {
    SynHint& hint = syn_place(hash);
    const std::uint32_t tag = tag_of(hash);
    if (hint.tag == tag && hint.isn == isn) return;  // sent again: the first one counts
    hint = {tag, isn, time, 0, source_is_high, false, false, 0, 0};
  }
  // The server's answer. Neither makes state that grows: a flood of SYNs is answered by a flood of SYN/ACKs.
  void syn_ack(std::uint64_t hash, bool source_is_high, std::uint32_t isn, std::uint32_t server_isn, std::int64_t time) {
    SynHint& hint = syn_place(hash);
    const std::uint32_t tag = tag_of(hash);
    if (hint.tag != tag || hint.isn != isn || hint.time > time) hint = {tag, isn, time, 0, !source_is_high, false, false, 0, 0};
    hint.server_isn = server_isn;
    hint.answered = true;
  }
  // The SYN that came before a SYN/ACK which acknowledges isn + 1, or null.
  const SynHint* find_syn(std::uint64_t hash) const {
    const SynHint* set = set_of(hash);
    const std::uint32_t tag = tag_of(hash);
    for (std::size_t i = 0; i < kWays; ++i) {
      if (set[i].tag == tag) return set + i;
    }
    return nullptr;
  }
  // A segment without payload of a connection that has no entry yet. The server's acknowledge bytes of the client; the client's own
  // are numbers of the other stream.
  void acknowledged(std::uint64_t hash, bool source_is_high, std::uint32_t ack, std::int64_t time) {
    SynHint& hint = syn_place(hash);
    if (hint.tag != tag_of(hash) || hint.has_acked || source_is_high == hint.client_is_high || ack - hint.isn - 2 > (1u << 20)) return;
    hint.has_acked = true;
    hint.acked = ack;
    hint.acked_time = time;
  }
  // For a handshake's segment, whose hint will be asked for.
  void prefetch(std::uint64_t hash) const {
    const char* set = reinterpret_cast<const char*>(set_of(hash));
    for (std::size_t at = 0; at < kWays * sizeof(SynHint); at += 64) __builtin_prefetch(set + at);
  }
  void payload(std::uint64_t hash, bool source_is_high, std::uint32_t end, std::uint32_t ack) {
    const std::uint64_t h = hash ^ (source_is_high ? kOther : 0);
    payloads_[h & (payloads_.size() - 1)] = {tag_of(h), end, ack};
  }
  const PayloadHint* find_payload(std::uint64_t hash, bool source_is_high) const {
    const std::uint64_t h = hash ^ (source_is_high ? kOther : 0);
    const PayloadHint& hint = payloads_[h & (payloads_.size() - 1)];
    return hint.tag == tag_of(h) ? &hint : nullptr;
  }
  std::uint64_t memory() const { return syns_.size() * sizeof(SynHint) + payloads_.size() * sizeof(PayloadHint); }

 private:
  static constexpr std::uint64_t kOther = 0x5a5a5a5a00000a5a;
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32) | 1; }

  const SynHint* set_of(std::uint64_t hash) const { return &syns_[(hash & (sets_ - 1)) * kWays]; }
  // The hint of this connection, else the one of its set that may go: the oldest.
  SynHint& syn_place(std::uint64_t hash) {
    SynHint* set = &syns_[(hash & (sets_ - 1)) * kWays];
    const std::uint32_t tag = tag_of(hash);
    SynHint* oldest = set;
    for (std::size_t i = 0; i < kWays; ++i) {
      if (set[i].tag == tag) return set[i];
      if (set[i].time < oldest->time) oldest = set + i;
    }
    return *oldest;
  }

  // With a few hundred handshakes under way at the same time, four of them meet in one set once in some 10^9 connections; three once in
  // some 10^5, which is once in a large capture.
  static constexpr std::size_t kWays = 4;
  std::size_t sets_;
  std::vector<SynHint> syns_;
  std::vector<PayloadHint> payloads_;
};

}  // namespace nezu::probe::flow
