// A script of segments of one stream: every byte that is handed over must be the model's byte at that place, each place is handed over
// or declared a hole exactly once and in order, and every segment has exactly one fate.
#include <cstring>
#include <vector>

#include "common/base/check.h"
#include "probe/flow/assembler.h"

using namespace nezu;
using namespace nezu::probe;

namespace {

std::uint8_t model(std::uint32_t position) { return static_cast<std::uint8_t>(position * 2654435761u >> 24); }

struct User {};
using Connection = flow::Connection<User>;

struct Handler {
  std::uint64_t opaque(const Connection&, int) const { return opaque_bytes; }
  void deliver(Connection& c, int d, const flow::Piece& piece) {
    NEZU_CHECK(piece.seq == c.stream[d].next && piece.length != 0);
    NEZU_CHECK(piece.data != nullptr || piece.length <= opaque_bytes);
    for (std::uint32_t i = 0; piece.data != nullptr && i < piece.length; ++i) NEZU_CHECK(piece.data[i] == model(piece.seq + i));
    opaque_bytes -= std::min<std::uint64_t>(opaque_bytes, piece.length);
    total += piece.length;
  }
  void hole(Connection&, int, std::uint32_t length, std::int64_t) {
    NEZU_CHECK(length != 0);
    opaque_bytes -= std::min<std::uint64_t>(opaque_bytes, length);
    total += length;
  }
  void finished(Connection&, int, std::int64_t) {}
  void conflict(Connection&) { NEZU_CHECK(false); }
  void retransmitted(Connection&, int) {}
  void capture_lost() {}
  void left_over(Connection&, int) {}
  std::uint64_t opaque_bytes = 0;
  std::uint64_t total = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  Handler handler;
  window::Counters counters;
  flow::Assembler<Connection, Handler> assembler(handler, counters);
  Connection c;
  std::uint32_t isn = 0;
  std::memcpy(&isn, data, 4);
  handler.opaque_bytes = std::uint64_t{data[4]} * 8;
  for (flow::Stream& s : c.stream) s.next = s.acked = s.prev_acked = s.acked_from = s.prev_acked_from = s.payload_ack = isn;
  std::int64_t now = 1'000'000'000;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 5; i + 6 <= size; i += 6) {
    const std::uint8_t kind = data[i];
    const int d = kind & 1;
    Segment s;
    s.seq = isn + (std::uint32_t{data[i + 1]} << 4) + data[i + 2] % 16u;
    s.length = s.captured = kind & 2 ? 0 : data[i + 3] * (kind & 64 ? 8u : 1u);
    s.ack = isn + (std::uint32_t{data[i + 4]} << 4);
    if ((kind & 4) != 0) s.captured = s.length / 2;
    s.flags = static_cast<std::uint8_t>(tcp_ack | ((kind & 248) == 248 ? tcp_fin : 0));
    bytes.resize(s.captured);
    for (std::uint32_t k = 0; k < s.captured; ++k) bytes[k] = model(s.seq + k);
    s.payload = bytes.empty() ? nullptr : bytes.data();
    now += std::int64_t{data[i + 5]} * (kind & 32 ? 10'000'000 : 10'000);
    counters.segments += s.length != 0 ? 1 : 0;
    assembler.segment(c, d, s, now);
    const std::string wrong = [&] {
      std::uint64_t fates = assembler.store().segments();
      for (const std::uint64_t n : counters.segment_fate) fates += n;
      return fates == counters.segments ? std::string() : "segments without a fate";
    }();
    NEZU_CHECK(wrong.empty());
    NEZU_CHECK(assembler.store().bytes() <= 2 * flow::kMaxHeldBytes);
  }
  assembler.flush(c, now);
  NEZU_CHECK(assembler.store().segments() == 0 && assembler.store().bytes() == 0);
  std::uint64_t passed = 0;
  for (const flow::Stream& s : c.stream) passed += s.next - isn - (s.finished ? 1 : 0);
  NEZU_CHECK(passed == handler.total);
  return 0;
}
