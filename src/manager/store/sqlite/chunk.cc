#include "manager/store/sqlite/chunk.h"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "manager/store/sqlite/range_coder.h"

namespace nezu::store::sqlite {

namespace {

using sketch::Histogram;
using window::Figures;

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kFigures = 0;
constexpr std::uint8_t kCoverage = 1;
constexpr std::size_t kPrefix = 6;  // version, kind, checksum

// 2^((j + 0.5) / 32) in 1/65536: where a bucket's values lie on average. Integers, so that every machine predicts the same.
constexpr std::array<std::uint64_t, 32> kMiddle = {66250,  67700,  69183,  70698,  72246,  73828,  75444,  77096,  78785,  80510,  82273,
                                                   84074,  85915,  87796,  89719,  91684,  93691,  95743,  97839,  99982,  102171, 104408,
                                                   106694, 109031, 111418, 113858, 116351, 118899, 121502, 124163, 126882, 129660};

std::uint64_t predicted(int bucket) {
  const auto b = static_cast<std::size_t>(bucket);
  return (kMiddle[b % 32] << (b / 32)) >> 6;
}

std::size_t density(std::uint64_t remaining) { return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(remaining)), 11); }

// A histogram of which the number of values is known: the gaps between buckets in use, and their counts, until all values are placed.
class HistogramColumns {
 public:
  template <class Coder>
  bool code(Coder& coder, std::uint64_t count, Histogram& histogram, std::uint64_t& middle_sum, int& top) {
    middle_sum = 0;
    top = 0;
    if (count == 0) return true;
    const std::vector<std::uint64_t>& counts = histogram.counts();
    std::size_t at = 0;
    int bucket = static_cast<int>(unzigzag(first_.code(coder, zigzag(histogram.first_bucket() - last_first_)))) + last_first_;
    last_first_ = bucket;
    std::size_t last_width = 0;
    for (std::uint64_t remaining = count;;) {
      if (bucket < 0 || bucket >= Histogram::kBuckets) return false;
      std::uint64_t here = 1;
      if (remaining > 1) {
        const std::uint64_t wanted = counts.empty() || at >= counts.size() ? 1 : counts[at];
        here = 1 + count_[std::min<std::size_t>(density(remaining), 7)][last_width].code(coder, wanted - 1);
      }
      if (here > remaining || here == 0) return false;
      place(coder, histogram, bucket, here);
      middle_sum += predicted(bucket) * here;
      top = bucket;
      remaining -= here;
      if (remaining == 0) return true;
      last_width = std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(here)) - 1, 3);
      std::size_t next = at + 1;
      while (next < counts.size() && counts[next] == 0) ++next;
      const std::uint64_t gap = 1 + gap_[density(remaining)].code(coder, next - at - 1);
      if (gap > static_cast<std::uint64_t>(Histogram::kBuckets)) return false;
      bucket += static_cast<int>(gap);
      at = next;
    }
  }

 private:
  static void place(RangeEncoder&, Histogram&, int, std::uint64_t) {}
  static void place(RangeDecoder&, Histogram& histogram, int bucket, std::uint64_t here) { histogram.add_bucket(bucket, here); }

  SmallNumber first_;
  std::array<ShortNumber, 12> gap_;
  std::array<std::array<TinyNumber, 4>, 8> count_;
  int last_first_ = 0;
};

// What was coded goes into the value when decoding; when encoding the value is only read (others may be reading it at the same time).
template <class Coder, class T>
void set(T& field, T value) {
  if constexpr (Coder::kDecodes) field = std::move(value);
}
template <class Coder>
void set(Nanos& field, std::uint64_t value) {
  if constexpr (Coder::kDecodes) field = Nanos(static_cast<std::int64_t>(value));
}

// Difference to what was predicted; wraps, so that any two values come back exactly.
template <class Coder, class Number>
std::uint64_t code_rest(Coder& coder, Number& number, std::uint64_t value, std::uint64_t prediction) {
  return prediction + static_cast<std::uint64_t>(unzigzag(number.code(coder, zigzag(static_cast<std::int64_t>(value - prediction)))));
}

// Durations: histogram, maximum, sum.
class DurationColumns {
 public:
  template <class Coder>
  bool code(Coder& coder, std::uint64_t timed, Histogram& histogram, Nanos& sum, Nanos& max) {
    std::uint64_t count = histogram.count();
    if (coder.bit(count_differs_, count != timed)) {
      count = count_.code(coder, count);
    } else {
      count = timed;
    }
    std::uint64_t middle_sum = 0;
    int top = 0;
    if (!buckets_.code(coder, count, histogram, middle_sum, top)) return false;
    const std::uint64_t top_middle = count == 0 ? 0 : predicted(top);
    const std::uint64_t m = code_rest(coder, max_, static_cast<std::uint64_t>(max.count()), top_middle);
    const std::uint64_t s =
        code_rest(coder, count == 1 ? single_sum_ : sum_, static_cast<std::uint64_t>(sum.count()), middle_sum - top_middle + m);
    set<Coder>(max, m);
    set<Coder>(sum, s);
    return true;
  }

 private:
  Prob count_differs_;
  WideNumber count_, max_, sum_, single_sum_;
  HistogramColumns buckets_;
};

// Bytes: predicted from the mean so far.
class ByteColumn {
 public:
  template <class Coder>
  std::uint64_t code(Coder& coder, std::uint64_t transactions, std::uint64_t value) {
    const std::uint64_t mean = n_ == 0 ? 0 : sum_ / n_;
    const std::uint64_t v = code_rest(coder, rest_[std::min<std::size_t>(density(transactions), 3)], value, mean * transactions);
    sum_ += v;
    n_ += transactions;
    return v;
  }

 private:
  std::array<WideNumber, 4> rest_;
  std::uint64_t sum_ = 0, n_ = 0;
};

class FigureColumns {
 public:
  template <class Coder>
  bool code(Coder& coder, Figures& f) {
    set<Coder>(f.timed, timed_.code(coder, f.timed));
    code_outcomes(coder, f);
    code_status(coder, f);
    if (!response_.code(coder, f.timed, f.response_time, f.response_time_sum, f.response_time_max)) return false;
    const bool same = f.ttfb_sum == f.response_time_sum && f.ttfb_max == f.response_time_max && f.ttfb == f.response_time;
    if (coder.bit(ttfb_same_, same)) {
      set<Coder>(f.ttfb, f.response_time);
      set<Coder>(f.ttfb_sum, f.response_time_sum);
      set<Coder>(f.ttfb_max, f.response_time_max);
    } else {
      if (!ttfb_) ttfb_.emplace();
      if (!ttfb_->code(coder, f.timed, f.ttfb, f.ttfb_sum, f.ttfb_max)) return false;
    }
    // Unsigned: what a damaged chunk says may be any number.
    const auto whole = static_cast<std::uint64_t>(f.response_time_sum.count()) - static_cast<std::uint64_t>(f.ttfb_sum.count());
    set<Coder>(f.transfer_sum, code_rest(coder, transfer_, static_cast<std::uint64_t>(f.transfer_sum.count()), whole));
    set<Coder>(f.request_bytes, request_bytes_.code(coder, f.transactions, f.request_bytes));
    set<Coder>(f.response_bytes, response_bytes_.code(coder, f.transactions, f.response_bytes));
    code_network(coder, f);
    return true;
  }

 private:
  // The usual case, every transaction answered and timed, is one bit.
  template <class Coder>
  void code_outcomes(Coder& coder, Figures& f) {
    const bool odd = f.transactions != f.timed || f.failed_reset != 0 || f.failed_closed != 0 || f.failed_timeout != 0 ||
                     f.unmeasured != 0 || f.timing_only != 0;
    if (!coder.bit(odd_, odd)) {
      set<Coder>(f.transactions, f.timed);
      return;
    }
    set<Coder>(f.failed_reset, outcome_[0].code(coder, f.failed_reset));
    set<Coder>(f.failed_closed, outcome_[1].code(coder, f.failed_closed));
    set<Coder>(f.failed_timeout, outcome_[2].code(coder, f.failed_timeout));
    set<Coder>(f.unmeasured, outcome_[3].code(coder, f.unmeasured));
    set<Coder>(f.timing_only, outcome_[4].code(coder, f.timing_only));
    set<Coder>(f.transactions, code_rest(coder, outcome_[5], f.transactions, f.timed + failed(f)));
  }

  static std::uint64_t failed(const Figures& f) { return f.failed_reset + f.failed_closed + f.failed_timeout; }

  template <class Coder>
  void code_status(Coder& coder, Figures& f) {
    static constexpr std::array<std::size_t, 5> kRare = {0, 1, 3, 4, 5};
    std::uint64_t rest = f.transactions - failed(f);
    bool plain = f.status_class[2] == rest && f.errors == failed(f);
    for (const std::size_t i : kRare) plain = plain && f.status_class[i] == 0;
    if (!coder.bit(status_odd_, !plain)) {
      set<Coder>(f.status_class[2], rest);
      set<Coder>(f.errors, failed(f));
      return;
    }
    for (const std::size_t i : kRare) {
      set<Coder>(f.status_class[i], status_[i].code(coder, f.status_class[i]));
      rest -= f.status_class[i];
    }
    set<Coder>(f.status_class[2], code_rest(coder, status_[2], f.status_class[2], rest));
    set<Coder>(f.errors, code_rest(coder, errors_, f.errors, f.status_class[5] + failed(f)));
  }

  template <class Coder>
  void code_network(Coder& coder, Figures& f) {
    const bool any = f.handshakes != 0 || f.handshake_rtt_sum.count() != 0 || f.handshake_rtt_max.count() != 0 || f.retransmissions != 0 ||
                     f.zero_windows != 0 || f.resets != 0;
    if (!coder.bit(network_, any)) return;
    set<Coder>(f.handshakes, net_[0].code(coder, f.handshakes));
    set<Coder>(f.retransmissions, net_[1].code(coder, f.retransmissions));
    set<Coder>(f.zero_windows, net_[2].code(coder, f.zero_windows));
    set<Coder>(f.resets, net_[3].code(coder, f.resets));
    const std::uint64_t m = code_rest(coder, rtt_max_, static_cast<std::uint64_t>(f.handshake_rtt_max.count()), last_rtt_);
    const std::uint64_t s = code_rest(coder, rtt_sum_, static_cast<std::uint64_t>(f.handshake_rtt_sum.count()), m * f.handshakes);
    last_rtt_ = m;
    set<Coder>(f.handshake_rtt_max, m);
    set<Coder>(f.handshake_rtt_sum, s);
  }

  SmallNumber timed_;
  Prob odd_, status_odd_, ttfb_same_, network_;
  std::array<TinyNumber, 6> outcome_;
  std::array<TinyNumber, 6> status_;
  TinyNumber errors_;
  DurationColumns response_;
  std::optional<DurationColumns> ttfb_;  // made when it is needed: its models are the larger half
  WideNumber transfer_;
  ByteColumn request_bytes_, response_bytes_;
  std::array<TinyNumber, 4> net_;
  WideNumber rtt_max_, rtt_sum_;
  std::uint64_t last_rtt_ = 0;
};

class CoverageColumns {
 public:
  explicit CoverageColumns(SlotSecond step) : step_(step) {}

  template <class Coder>
  bool code(Coder& coder, CoverSlot& slot) {
    const window::Span whole{time_of(slot.second), time_of(slot.second + step_)};
    const bool partly = slot.covered.size() != 1 || slot.covered.front() != whole;
    if (!coder.bit(partly_, partly)) {
      set<Coder>(slot.covered, window::Spans{whole});
      return true;
    }
    const std::uint64_t n = spans_.code(coder, slot.covered.size());
    if (n > kMaxSpans) return false;
    if constexpr (Coder::kDecodes) slot.covered.resize(static_cast<std::size_t>(n));
    PacketTime at = whole.begin;
    for (window::Span& span : slot.covered) {
      const std::uint64_t skip = skip_.code(coder, static_cast<std::uint64_t>((span.begin - at).count()));
      const std::uint64_t length = length_.code(coder, static_cast<std::uint64_t>(span.length().count()));
      if (skip > kMaxNanos || length > kMaxNanos) return false;
      set<Coder>(span.begin, at + Nanos(static_cast<std::int64_t>(skip)));
      set<Coder>(span.end, span.begin + Nanos(static_cast<std::int64_t>(length)));
      at = span.end;
    }
    return true;
  }

 private:
  static constexpr std::uint64_t kMaxSpans = 1'000'000;
  static constexpr std::uint64_t kMaxNanos = 100'000'000'000'000;  // more than a day
  SlotSecond step_;
  Prob partly_;
  SmallNumber spans_;
  WideNumber skip_, length_;
};

void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}

bool take_varint(std::string_view& in, std::uint64_t& v) {
  v = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    v |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

template <class Coder>
bool code_slot(Coder& coder, FigureColumns& columns, FigureSlot& slot) {
  return columns.code(coder, slot.figures);
}
template <class Coder>
bool code_slot(Coder& coder, CoverageColumns& columns, CoverSlot& slot) {
  return columns.code(coder, slot);
}

template <class Slot, class Columns>
std::string encode(std::span<const Slot> slots, SlotSecond step, std::uint8_t kind, Columns&& columns) {
  NEZU_CHECK(!slots.empty() && slots.size() <= kMaxChunkSlots && step > 0);
  std::string out(kPrefix, '\0');
  out.reserve(slots.size() * 24 + 64);
  put_varint(out, slots.size());
  put_varint(out, static_cast<std::uint64_t>(step));
  put_varint(out, zigzag(slots.front().second / step));
  RangeEncoder coder(out);
  SmallNumber skipped;
  SlotSecond last = slots.front().second - step;
  for (const Slot& slot : slots) {
    NEZU_CHECK(slot.second % step == 0 && slot.second > last);
    skipped.code(coder, static_cast<std::uint64_t>((slot.second - last) / step - 1));
    last = slot.second;
    NEZU_CHECK(code_slot(coder, columns, const_cast<Slot&>(slot)));  // read only: see set()
  }
  coder.finish();
  out[0] = static_cast<char>(kVersion);
  out[1] = static_cast<char>(kind);
  const std::uint32_t sum = checksum(std::string_view(out).substr(kPrefix)) ^ kind;
  for (std::size_t i = 0; i < 4; ++i) out[2 + i] = static_cast<char>(sum >> (8 * i));
  return out;
}

Error corrupt(const char* what) { return Error(ErrorCode::corrupt, fmt::format("chunk: {}", what)); }

template <class Slot, class Columns>
Result<std::vector<Slot>> decode(std::string_view bytes, std::uint8_t kind) {
  if (bytes.size() < kPrefix) return corrupt("shorter than its head");
  if (static_cast<std::uint8_t>(bytes[0]) != kVersion) return corrupt("unknown version");
  if (static_cast<std::uint8_t>(bytes[1]) != kind) return corrupt("of another kind");
  std::uint32_t wanted = 0;
  for (std::size_t i = 0; i < 4; ++i) wanted |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[2 + i])) << (8 * i);
  bytes.remove_prefix(kPrefix);
  if ((checksum(bytes) ^ kind) != wanted) return corrupt("checksum is wrong");
  std::uint64_t count = 0, step_bits = 0, first = 0;
  if (!take_varint(bytes, count) || !take_varint(bytes, step_bits) || !take_varint(bytes, first)) return corrupt("head is cut");
  if (count == 0 || count > kMaxChunkSlots || step_bits == 0 || step_bits > 86'400) return corrupt("head is out of range");
  const auto step = static_cast<SlotSecond>(step_bits);
  constexpr SlotSecond kFar = SlotSecond{1} << 33;  // as nanoseconds it fits
  if (unzigzag(first) > kFar / step || unzigzag(first) < -kFar / step) return corrupt("time is out of range");
  RangeDecoder coder(bytes);
  Columns columns = [&] {
    if constexpr (std::is_constructible_v<Columns, SlotSecond>)
      return Columns(step);
    else
      return Columns();
  }();
  SmallNumber skipped;
  std::vector<Slot> slots(static_cast<std::size_t>(count));
  SlotSecond last = unzigzag(first) * step - step;
  for (Slot& slot : slots) {
    const std::uint64_t skip = skipped.code(coder, 0);
    if (skip > 100'000'000 || coder.overrun() > 8) return corrupt("content is cut");
    slot.second = last + static_cast<SlotSecond>(skip + 1) * step;
    last = slot.second;
    if (last > kFar - step) return corrupt("time is out of range");
    if (!code_slot(coder, columns, slot)) return corrupt("content is out of range");
  }
  return slots;
}

}  // namespace

std::uint32_t checksum(std::string_view bytes) { return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size())); }

std::string encode_chunk(std::span<const FigureSlot> slots, SlotSecond step) { return encode(slots, step, kFigures, FigureColumns()); }
std::string encode_chunk(std::span<const CoverSlot> slots, SlotSecond step) {
  return encode(slots, step, kCoverage, CoverageColumns(step));
}
Result<std::vector<FigureSlot>> decode_figures(std::string_view bytes) { return decode<FigureSlot, FigureColumns>(bytes, kFigures); }
Result<std::vector<CoverSlot>> decode_coverage(std::string_view bytes) { return decode<CoverSlot, CoverageColumns>(bytes, kCoverage); }

}  // namespace nezu::store::sqlite
