// Two byte streams, with split points and holes. Where nothing is missing, the answered transactions are the same whole, one byte at a time and
// in fives; whatever is missing, no request is told twice. What is left of a stream that is no HTTP is not compared.
#include <algorithm>
#include <set>

#include "common/base/check.h"
#include "probe/pipeline/conversation.h"

using namespace nezu;
using namespace nezu::probe;
using namespace nezu::probe::testing;

namespace {

// Lines of the input: the first byte of each says whose it is (C or S), or that what follows is missing (c, s).
std::vector<Packet> packets_of(const std::uint8_t* data, std::size_t size, std::size_t step, bool with_holes) {
  std::vector<Packet> out;
  std::uint32_t seq[2] = {1000, 5000};
  std::int64_t now = std::int64_t{1'800'000'000} * 1'000'000'000;
  const auto send = [&](int d, unsigned flags, const std::string& payload, bool lost) {
    Packet p;
    p.time = now += 1'000'000;
    p.direction = d;
    p.seq = seq[d];
    p.ack = seq[1 - d];
    p.flags = static_cast<std::uint8_t>(flags);
    p.payload = payload;
    seq[d] += static_cast<std::uint32_t>(payload.size()) + ((flags & 3) != 0 ? 1 : 0);
    if (!lost) out.push_back(p);
  };
  send(0, tcp_syn, "", false);
  send(1, tcp_syn | tcp_ack, "", false);
  for (std::size_t i = 0; i < size;) {
    const char kind = static_cast<char>(data[i++]);
    if (i == size) break;
    const std::size_t wanted = data[i++] * std::size_t{4};
    std::size_t n = std::min(wanted, size - i);
    const int d = kind == 'S' || kind == 's' ? 1 : 0;
    const bool lost = with_holes && (kind == 's' || kind == 'c');
    while (n != 0) {
      const std::size_t part = std::min(n, step);
      send(d, tcp_ack, std::string(reinterpret_cast<const char*>(data + i), part), lost);
      i += part;
      n -= part;
    }
  }
  send(1, tcp_fin | tcp_ack, "", false);
  send(0, tcp_fin | tcp_ack, "", false);
  return out;
}

std::vector<Transaction> answered(const Outcome& o) {
  std::vector<Transaction> out;
  for (const Transaction& t : o.transactions) {
    if (t.has_request && t.has_response) out.push_back(t);
  }
  return out;
}

// Something was seen that is no HTTP: when that is noticed, and what is still paired after it, depends on the segments.
bool in_doubt(const Outcome& o) {
  for (const auto fate : {window::SegmentFate::passed_over, window::SegmentFate::no_connection}) {
    if (o.counters.segment_fate[static_cast<std::size_t>(fate)] != 0) return true;
  }
  return std::any_of(o.transactions.begin(), o.transactions.end(), [](const Transaction& t) {
    return t.completeness == Completeness::no_request || t.reason == Reason::ambiguous_framing;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  const Outcome together = run(packets_of(data, size, 1 << 16, false));
  const auto whole = answered(together);
  for (const std::size_t step : {std::size_t{1}, std::size_t{5}}) {
    const Outcome split = run(packets_of(data, size, step, false));
    if (in_doubt(together) || in_doubt(split)) continue;
    const auto fine = answered(split);
    NEZU_CHECK(fine.size() == whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const Transaction &a = whole[i], &b = fine[i];
      NEZU_CHECK(a.request_seq == b.request_seq && a.response_seq == b.response_seq && a.status == b.status);
      NEZU_CHECK(a.completeness == b.completeness && a.reason == b.reason && a.response_bytes == b.response_bytes);
    }
  }
  const Outcome holes = run(packets_of(data, size, 1 << 16, true));
  std::set<std::uint32_t> seen;
  for (const Transaction& t : holes.transactions) {
    NEZU_CHECK(t.response_time() >= Nanos(0) || !t.has_times);
    if (t.has_request) NEZU_CHECK(seen.insert(t.request_seq).second);
  }
  return 0;
}
