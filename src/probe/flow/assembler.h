// Assembler: puts a connection's segments into two ordered streams, with holes marked, and hands each byte over once.
//
// Order within a stream is that of sequence numbers; the first copy of a byte wins. Between the streams it is that of cause: a payload
// that acknowledges bytes of the other direction waits until these have been handed over, so that a request always comes before its
// response, also where the capture has mixed them up.
//
// Missing bytes are waited for. They are declared a hole
//   - by proof: their receiver has acknowledged them, so they were lost in the capture. On a mirror port an acknowledgement can be seen
//     before what it acknowledges, so a while is waited after it: kPayloadTolerance when it came with payload (the receiver has acted
//     upon the bytes), kAckTolerance when it came alone (a late copy may still fill the hole);
//   - at the limit of held bytes, if there is a proof; without one the segment is dropped instead (buffer_full);
//   - where the capture shows only one direction, after kOneWayPatience.
// A segment that the receiver never acknowledges is never waited for beyond the connection's end (held_at_end): forged ones do no harm.
//
// Handler is told, for connection c, direction d:
//   opaque(c, d)          how many bytes from stream[d].next on have contents that it doesn't need (it may be ~0)
//   deliver(c, d, piece)  bytes in order; data is null where they are opaque
//   hole(c, d, n, bound)  n bytes are missing; their receiver had them by `bound`
//   finished(c, d, time)  the FIN, after all bytes
//   conflict(c)           two copies of the same bytes differ
//   left_over(c, d)       bytes of d are dropped that were never handed over: there was more than has been told
//   capture_lost()        bytes that their receiver had are missing in the capture (not because of the snap length)
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "model/window/counters.h"
#include "probe/decode/segment.h"
#include "probe/flow/connection.h"
#include "probe/flow/held.h"

namespace nezu::probe::flow {

constexpr std::int64_t kPayloadTolerance = 5'000'000;
constexpr std::int64_t kAckTolerance = 250'000'000;
constexpr std::int64_t kOneWayPatience = 1'000'000'000;
constexpr std::int64_t kLateTolerance = 100'000;  // a byte seen within this after its acknowledgement was merely overtaken
constexpr std::int32_t kMaxDistance = 1 << 30;    // TCP's largest window
constexpr std::size_t kMaxPieces = 2048;          // per stream
constexpr std::uint64_t kMaxHeldBytes = 1 << 20;  // per stream

struct Piece {
  const std::uint8_t* data = nullptr;
  std::uint32_t length = 0;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::int64_t first_time = 0;  // of the earliest and
  std::int64_t last_time = 0;   // of the latest byte. A late piece's is that of its acknowledgement: it was there by then
  std::uint32_t quiet = 0;      // ticks since its sender was last seen at the front of its stream; ~0: never
  bool late = false;
  // Before this came, its receiver had sent something after having received everything before it, and what was sent lies before `ack`.
  bool acted = false;

  void advance(std::uint32_t n) {
    if (data != nullptr) data += n;
    length -= n;
    seq += n;
  }
};

template <class Connection, class Handler>
class Assembler {
 public:
  Assembler(Handler& handler, window::Counters& counters) : handler_(handler), counters_(counters) {}

  // Bytes that may be held altogether.
  void set_limit(std::uint64_t bytes) { limit_ = bytes; }
  const HeldStore& store() const { return store_; }

  // A segment of direction d, not SYN nor RST, at time t.
  void segment(Connection& c, int d, const Segment& s, std::int64_t t) {
    Stream& me = c.stream[d];
    const std::uint32_t quiet = me.seen ? ticks(t) - me.moved : ~std::uint32_t{0};
    me.seen = true;
    if ((s.flags & tcp_ack) != 0) acknowledge(c, d, s, t);
    if (c.trouble) settle(c, t);
    if (s.length != 0) payload(c, d, s, t, quiet);
    if (at_or_after(s.seq + s.length, me.next)) me.moved = ticks(t);
    if ((s.flags & tcp_fin) != 0 && !me.has_fin) {
      me.has_fin = true;
      me.fin = s.seq + s.length;
    }
    if (c.trouble) drain(c);
    if (me.has_fin) finish(c, d, t);
  }

  // Declares what is due at time t. For connections without packets: called by the clock.
  void settle(Connection& c, std::int64_t t) {
    for (int d = 0; d < 2; ++d) {
      Stream& me = c.stream[d];
      while (me.deadline != 0 && t >= me.deadline && !c.closed) {
        if (!declare(c, d)) {
          me.deadline = 0;
          rearm(c, d, t);
          break;
        }
        drain(c);
        rearm(c, d, t);
      }
    }
    drain(c);
    for (int d = 0; d < 2; ++d) {
      if (c.stream[d].has_fin) finish(c, d, t);
    }
  }

  // The connection ends: every hole that is proven is declared; what is still held then is dropped.
  void flush(Connection& c, std::int64_t t) {
    while (c.trouble) {
      drain(c);
      for (int d = 0; d < 2; ++d) rearm(c, d, t);
      if (!declare(c, 0) && !declare(c, 1)) break;
    }
    for (int d = 0; d < 2; ++d) {
      if (c.stream[d].has_fin) finish(c, d, t);
    }
    drop(c, window::SegmentFate::held_at_end);
  }

  // Forgets what is held. The fate says why.
  void drop(Connection& c, window::SegmentFate fate) {
    for (int d = 0; d < 2; ++d) {
      Stream& stream = c.stream[d];
      stream.deadline = 0;
      if (stream.held == 0) continue;
      HeldList& list = store_.at(stream.held);
      for (std::size_t i = list.first; i < list.pieces.size(); ++i) count(fate, list.pieces[i].segments);
      store_.close(stream.held);
      stream.held = 0;
      handler_.left_over(c, d);
    }
    c.trouble = false;
  }

  // Is there something to wait for?
  static bool waiting(const Connection& c) { return c.stream[0].deadline != 0 || c.stream[1].deadline != 0; }

 private:
  void count(window::SegmentFate fate, std::uint64_t n = 1) { counters_.segment_fate[static_cast<std::size_t>(fate)] += n; }

  // What s, of direction d, says of the bytes that the other direction has sent.
  void acknowledge(Connection& c, int d, const Segment& s, std::int64_t t) {
    Stream& sender = c.stream[1 - d];
    if (const std::int32_t news = distance(s.ack, sender.acked); news > 0) {
      if (news > kMaxDistance) return;
      sender.prev_acked = sender.acked;
      sender.prev_acked_from = sender.acked_from;
      sender.acked = s.ack;
      sender.acked_from = after(s.seq, c.stream[d].next) ? s.seq : c.stream[d].next;
      sender.acked_time = t;
      if (s.length == 0 && (s.flags & tcp_fin) == 0) sender.bare_acked = s.ack;
      if (s.ack == sender.next) sender.acked_even = s.ack;
    }
    if (!after(s.ack, sender.next) || distance(s.ack, sender.next) > kMaxDistance) return;
    if (sender.has_fin && !after(sender.fin, sender.next)) return;
    wait_for(c, sender, s.ack, t + (s.length != 0 ? kPayloadTolerance : kAckTolerance));
  }

  void wait_for(Connection& c, Stream& stream, std::uint32_t proof, std::int64_t deadline) {
    if (stream.deadline == 0 || deadline < stream.deadline) {
      stream.deadline = deadline;
      stream.proof = proof;
      c.trouble = true;
    }
  }
  // After a hole was declared or filled there may be another one.
  void rearm(Connection& c, int d, std::int64_t t) {
    Stream& me = c.stream[d];
    if (me.deadline != 0 && !after(me.proof, me.next)) me.deadline = 0;
    if (me.deadline == 0 && after(me.acked, me.next) && !(me.has_fin && !after(me.fin, me.next))) {
      wait_for(c, me, me.acked, t + (me.bare_acked == me.acked ? kAckTolerance : kPayloadTolerance));
    }
    if (me.deadline == 0 && me.held != 0 && !c.stream[1 - d].seen) wait_for(c, me, store_.at(me.held).front().seq, t + kOneWayPatience);
  }

  // May a payload that acknowledges `ack` be handed over?
  static bool caused(const Connection& c, int d, std::uint32_t ack) {
    const Stream& other = c.stream[1 - d];
    return !after(ack, other.next) || (other.has_fin && other.next == other.fin);
  }

  static bool has_acted(const Stream& me, const Segment& s) {
    return (at_or_after(me.acked, s.seq) && after(s.ack, me.acked_from)) ||
           (at_or_after(me.prev_acked, s.seq) && after(s.ack, me.prev_acked_from));
  }
  // Has the receiver acknowledged the byte before `end` well before time t? Then it was seen late; `t` becomes the bound.
  static bool is_late(const Stream& me, std::uint32_t end, std::int64_t& t) {
    if (after(end, me.acked)) return false;
    const bool late = t - me.acked_time > kLateTolerance || !after(end, me.prev_acked);
    t = std::min(t, me.acked_time);
    return late;
  }

  void payload(Connection& c, int d, const Segment& s, std::int64_t t, std::uint32_t quiet) {
    Stream& me = c.stream[d];
    std::uint32_t seq = s.seq, length = s.length, captured = s.captured;
    const std::uint8_t* data = s.payload;
    std::int32_t ahead = distance(seq, me.next);
    if (ahead > kMaxDistance || ahead < -kMaxDistance || (s.flags & tcp_ack) == 0 || distance(s.ack, c.stream[1 - d].next) > kMaxDistance) {
      return count(window::SegmentFate::out_of_window);
    }
    if (ahead < 0) {
      const std::uint32_t old = static_cast<std::uint32_t>(-ahead);
      if (old >= length) return duplicate(c, d);
      seq += old;
      length -= old;
      const std::uint32_t cut = std::min(old, captured);
      data += cut;
      captured -= cut;
      ahead = 0;
    }
    std::int64_t time = t;
    const bool late = is_late(me, seq + length, time);
    const bool acted = has_acted(me, s);
    if (late) handler_.retransmitted(c, d);
    // What is in order needs no place among the held ones, as long as it doesn't overlap them.
    const bool free = me.held == 0 || !after(seq + length, store_.at(me.held).front().seq);
    if (ahead == 0 && free && (caused(c, d, s.ack) || length <= handler_.opaque(c, d))) {
      count(window::SegmentFate::delivered);
      hand_over(c, d, {data, length, seq, s.ack, time, time, quiet, late, acted}, captured);
      return;
    }
    hold(c, d, {data, length, seq, s.ack, time, time, quiet, late, acted}, captured, t);
  }

  void duplicate(Connection& c, int d) {
    count(window::SegmentFate::duplicate);
    handler_.retransmitted(c, d);
  }

  // `captured` bytes of the piece are at hand; the rest was cut by the snap length.
  void hand_over(Connection& c, int d, Piece piece, std::uint32_t captured) {
    Stream& me = c.stream[d];
    if (captured >= piece.length) {
      pass(c, d, piece);
      return;
    }
    Piece head = piece;
    head.length = captured;
    if (captured != 0) pass(c, d, head);
    piece.data = nullptr;
    piece.length -= captured;
    piece.seq += captured;
    const std::uint32_t opaque = static_cast<std::uint32_t>(std::min<std::uint64_t>(piece.length, handler_.opaque(c, d)));
    if (opaque != 0) {
      Piece known = piece;
      known.length = opaque;
      pass(c, d, known);
    }
    const std::uint32_t missing = piece.length - opaque;
    if (missing != 0) {
      me.payload_ack = piece.ack;
      make_hole(c, d, missing, piece.last_time);
    }
  }
  void pass(Connection& c, int d, const Piece& piece) {
    Stream& me = c.stream[d];
    handler_.deliver(c, d, piece);
    me.next = piece.seq + piece.length;
    me.payload_ack = piece.ack;
  }
  void make_hole(Connection& c, int d, std::uint32_t length, std::int64_t bound) {
    ++counters_.holes;
    counters_.hole_bytes += length;
    c.stream[d].next += length;
    handler_.hole(c, d, length, bound);
  }

  // Declares the hole at the front of stream d, if there is one that is proven or whose time is up. False: nothing was done.
  bool declare(Connection& c, int d) {
    Stream& me = c.stream[d];
    if (me.deadline == 0) return false;
    if (me.held != 0 && !after(store_.at(me.held).front().seq, me.next)) {
      // Not a hole: it waits for its cause. If that waits for this one, the numbers are forged: go on.
      const Stream& other = c.stream[1 - d];
      const bool circle = other.held != 0 && !after(store_.at(other.held).front().seq, other.next);
      if (circle || other.deadline == 0) return force(c, d);
      return false;
    }
    std::uint32_t end = me.proof;
    if (me.held != 0) {
      const std::uint32_t first = store_.at(me.held).front().seq;
      if (!after(end, me.next) || after(end, first)) end = first;
    }
    if (me.has_fin && after(end, me.fin)) end = me.fin;
    if (!after(end, me.next)) return false;
    handler_.capture_lost();
    make_hole(c, d, end - me.next, me.acked_time != 0 ? me.acked_time : me.deadline);
    if (!after(me.proof, me.next)) me.deadline = 0;
    return true;
  }
  bool force(Connection& c, int d) {
    take_front(c, d);
    return true;
  }

  // Hands over the first held piece of stream d, which begins at or before `next`.
  void take_front(Connection& c, int d) {
    Stream& me = c.stream[d];
    HeldList& list = store_.at(me.held);
    HeldPiece held = std::move(list.front());
    store_.removed(held.kept, held.segments);
    list.pop();
    if (list.empty()) {
      store_.close(me.held);
      me.held = 0;
    }
    const std::uint32_t old = me.next - held.seq;
    if (old >= held.length) {
      count(window::SegmentFate::duplicate, held.segments);
      return;
    }
    count(window::SegmentFate::delivered, held.segments);
    Piece piece{nullptr, held.length - old, held.seq + old, held.ack, held.first_time, held.last_time, held.quiet, held.late, held.acted};
    if (old < held.skipped) {
      // The front is opaque, and was when it was held: it still is.
      Piece front = piece;
      front.length = std::min(held.skipped - old, piece.length);
      const std::uint64_t opaque = handler_.opaque(c, d);
      const std::uint32_t known = static_cast<std::uint32_t>(std::min<std::uint64_t>(front.length, opaque));
      if (known != 0) {
        front.length = known;
        pass(c, d, front);
        piece.advance(known);
      }
      const std::uint32_t lost = held.skipped - old - known;
      if (lost != 0 && piece.length != 0) {
        make_hole(c, d, std::min(lost, piece.length), piece.last_time);
        piece.advance(std::min(lost, piece.length));
      }
      if (piece.length == 0 || c.closed) return;
      piece.data = held.bytes.get();
      hand_over(c, d, piece, held.kept);
      return;
    }
    const std::uint32_t into = std::min(old - held.skipped, held.kept);
    piece.data = held.bytes.get() + into;
    hand_over(c, d, piece, held.kept - into);
  }

  void drain(Connection& c) {
    for (bool moved = true; moved && !c.closed;) {
      moved = false;
      for (int d = 0; d < 2; ++d) {
        Stream& me = c.stream[d];
        while (me.held != 0 && !c.closed) {
          const HeldPiece& front = store_.at(me.held).front();
          if (after(front.seq, me.next)) break;
          if (!caused(c, d, front.ack) && front.end() - me.next > handler_.opaque(c, d)) break;
          take_front(c, d);
          moved = true;
        }
        // What proved the bytes that are here now may have been followed by what proves more: this stream isn't to be passed over.
        if (me.deadline != 0 && !after(me.proof, me.next)) rearm(c, d, c.last_time);
        if (me.has_fin && !me.finished && me.next == me.fin) {
          finish(c, d, c.last_time);
          moved = true;
        }
      }
    }
    c.trouble = !c.closed && (c.stream[0].held | c.stream[1].held) != 0;
    c.trouble |= waiting(c);
  }

  void finish(Connection& c, int d, std::int64_t t) {
    Stream& me = c.stream[d];
    if (me.finished || me.next != me.fin) return;
    me.finished = true;
    me.next = me.fin + 1;
    handler_.finished(c, d, t);
  }

  // Puts a piece among the held ones; the parts that are there already are left out.
  void hold(Connection& c, int d, Piece piece, std::uint32_t captured, std::int64_t now) {
    Stream& me = c.stream[d];
    if (me.held == 0) me.held = store_.open();
    c.trouble = true;
    Stream& other = c.stream[1 - d];
    if (!other.seen) wait_for(c, me, piece.seq, now + kOneWayPatience);
    if (!caused(c, d, piece.ack)) wait_for(c, other, piece.ack, now + kPayloadTolerance);
    // What is opaque needs no copy.
    const std::uint64_t opaque = handler_.opaque(c, d);
    const std::uint64_t offset = piece.seq - me.next;
    const std::uint32_t skipped = offset >= opaque ? 0 : static_cast<std::uint32_t>(std::min<std::uint64_t>(opaque - offset, piece.length));
    std::uint64_t segments = 1;
    bool any = false;
    while (piece.length != 0) {
      HeldList& list = store_.at(me.held);
      const std::size_t at = find(list, piece.seq, me.next);
      std::uint32_t room = piece.length;
      if (at < list.pieces.size()) room = std::min(room, list.pieces[at].seq - piece.seq);
      if (at > list.first) {
        HeldPiece& before = list.pieces[at - 1];
        if (after(before.end(), piece.seq)) {
          const std::uint32_t same = std::min(before.end() - piece.seq, piece.length);
          if (differs(before, piece, captured, same)) return conflict(c, segments);
          const std::uint32_t cut = std::min(same, captured);
          captured -= cut;
          if (piece.data != nullptr) piece.data += cut;
          piece.length -= same;
          piece.seq += same;
          continue;
        }
      }
      if (room != 0) {
        const std::uint32_t gone = piece.seq - me.next - static_cast<std::uint32_t>(offset);
        const std::uint32_t skip = std::min(skipped > gone ? skipped - gone : 0, room);
        if (!put(c, d, at, piece, room, skip, std::min(captured, room), segments)) {
          if (segments != 0) count(window::SegmentFate::buffer_full, segments);
          if (me.held != 0 && store_.at(me.held).empty()) {
            store_.close(me.held);
            me.held = 0;
          }
          return;
        }
        segments = 0;
        any = true;
        const std::uint32_t cut = std::min(room, captured);
        captured -= cut;
        if (piece.data != nullptr) piece.data += cut;
        piece.length -= room;
        piece.seq += room;
      }
    }
    if (!any) duplicate(c, d);
  }

  // The place of the first held piece that begins after `seq`.
  static std::size_t find(const HeldList& list, std::uint32_t seq, std::uint32_t base) {
    std::size_t low = list.first, high = list.pieces.size();
    if (low == high || list.pieces[high - 1].seq - base <= seq - base) return high;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (list.pieces[middle].seq - base <= seq - base) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  static bool differs(const HeldPiece& held, const Piece& piece, std::uint32_t captured, std::uint32_t same) {
    if (piece.data == nullptr) return false;
    const std::uint32_t into = piece.seq - held.seq;
    for (std::uint32_t i = 0; i < std::min(same, captured); ++i) {
      const std::uint32_t k = into + i;
      if (k < held.skipped || k - held.skipped >= held.kept) continue;
      if (held.bytes[k - held.skipped] != piece.data[i]) return true;
    }
    return false;
  }
  void conflict(Connection& c, std::uint64_t segments) {
    if (segments != 0) count(window::SegmentFate::duplicate, segments);
    ++counters_.conflicts;
    handler_.conflict(c);
  }

  bool put(Connection& c, int d, std::size_t at, const Piece& piece, std::uint32_t length, std::uint32_t skip, std::uint32_t captured,
           std::uint64_t segments) {
    HeldList& list = store_.at(c.stream[d].held);
    const std::uint32_t kept = captured > skip ? captured - skip : 0;
    if (at > list.first && skip == length) {
      HeldPiece& before = list.pieces[at - 1];
      if (before.end() == piece.seq && before.skipped == before.length && before.late == piece.late) {
        before.length += length;
        before.ack = piece.ack;
        before.first_time = std::min(before.first_time, piece.first_time);
        before.last_time = std::max(before.last_time, piece.last_time);
        before.segments += static_cast<std::uint32_t>(segments);
        store_.added(0, segments);
        return true;
      }
    }
    if (list.size() >= kMaxPieces || list.bytes + kept > kMaxHeldBytes || store_.bytes() + kept > limit_) {
      // Full: if the first hole is proven, it will not be filled any more. Declared at the next settle().
      if (c.stream[d].deadline != 0) c.stream[d].deadline = 1;
      return false;
    }
    HeldPiece held;
    held.seq = piece.seq;
    held.length = length;
    held.ack = piece.ack;
    held.skipped = skip;
    held.kept = kept;
    held.segments = static_cast<std::uint32_t>(segments);
    held.first_time = piece.first_time;
    held.last_time = piece.last_time;
    held.quiet = piece.quiet;
    held.late = piece.late;
    held.acted = piece.acted;
    if (kept != 0) {
      held.bytes = std::make_unique<std::uint8_t[]>(kept);
      std::memcpy(held.bytes.get(), piece.data + skip, kept);
    }
    list.bytes += kept;
    store_.added(kept, segments);
    list.pieces.insert(list.pieces.begin() + static_cast<std::ptrdiff_t>(at), std::move(held));
    return true;
  }

  Handler& handler_;
  window::Counters& counters_;
  HeldStore store_;
  std::uint64_t limit_ = std::uint64_t{64} << 20;
};

}  // namespace nezu::probe::flow
