// Span arithmetic and the rules of a record, on any numbers.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/base/check.h"
#include "model/window/record.h"

using namespace nezu;
using namespace nezu::window;

namespace {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t n = 0;
    for (; bytes > 0 && size_ > 0; --bytes, --size_) n = n << 8 | *data_++;
    return n;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

// Half of the time near each other, so that they meet.
PacketTime any_time(Bytes& in) {
  return packet_time_ns(in.number(1) % 2 == 0 ? static_cast<std::int64_t>(in.number(1)) : static_cast<std::int64_t>(in.number(8)) / 4);
}
Spans any_spans(Bytes& in) {
  Spans spans;
  for (std::uint64_t n = in.number(1) % 8; n > 0; --n) {
    const PacketTime begin = any_time(in);
    spans.push_back({begin, any_time(in)});
  }
  return spans;
}

void check_spans(Bytes& in) {
  const Spans a = normalise(any_spans(in)), b = normalise(any_spans(in));
  NEZU_CHECK(normalise(a) == a);
  const Spans both = intersect(a, b), only_a = subtract(a, b);
  NEZU_CHECK(both == intersect(b, a));
  NEZU_CHECK(intersect(both, only_a).empty());
  NEZU_CHECK(unite(both, only_a) == a);
  NEZU_CHECK(unite(a, b) == unite(unite(only_a, both), subtract(b, a)));
  NEZU_CHECK(normalise(both) == both && normalise(only_a) == only_a);
}

void check_record(Bytes& in) {
  Record r;
  r.span = {any_time(in), any_time(in)};
  r.covered = any_spans(in);
  while (!in.empty() && r.services.size() < 8) {
    ServicePart part{static_cast<ServiceId>(in.number(1)), 1, any_spans(in), {}};
    for (std::uint64_t n = in.number(1) % 4; n > 0; --n) {
      Figures f;
      for (std::uint64_t* count : {&f.transactions, &f.errors, &f.failed_reset, &f.timed, &f.status_class[2], &f.handshakes}) {
        *count = in.number(in.number(1) % 9);
      }
      for (Nanos* time : {&f.response_time_sum, &f.response_time_max, &f.ttfb_sum, &f.ttfb_max, &f.transfer_sum, &f.handshake_rtt_sum,
                          &f.handshake_rtt_max}) {
        *time = Nanos(static_cast<std::int64_t>(in.number(in.number(1) % 9)));
      }
      f.response_time.add_bucket(static_cast<int>(in.number(1)), f.timed);
      f.ttfb.add_bucket(static_cast<int>(in.number(1)), f.timed);
      part.targets.push_back({static_cast<TargetId>(in.number(1)), f});
    }
    r.services.push_back(std::move(part));
  }
  if (!validate(r, Seconds(1)).empty()) return;
  // What is well can be added up without going wrong.
  for (const ServicePart& part : r.services) {
    Figures sum;
    for (const TargetFigures& t : part.targets) sum.merge(t.figures);
    NEZU_CHECK(sum.response_time.count() == sum.timed && sum.response_time_sum >= Nanos(0) && sum.timed <= sum.transactions);
    NEZU_CHECK(normalise(part.covered) == part.covered && total(subtract(part.covered, {r.span})) == Nanos(0));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes in(data, size);
  check_spans(in);
  check_record(in);
  return 0;
}
