// An adaptive binary range coder: the entropy stage of a chunk (docs/formats/store.md). Encoder and Decoder have the same functions, so that
// one description of a chunk's columns serves both ways. A chunk of a minute is too short for tables that are sent along (zstd's): this one
// learns as it goes and sends none.
//
// The way of LZMA's coder: a 32-bit range, carries propagated through a cached byte. Pure, no allocation but the output.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace nezu::store::sqlite {

// Probability that the next bit is 0, in 1/32768; moves fast while it has seen little.
struct Prob {
  std::uint16_t p = 1u << 14;
  std::uint16_t seen = 0;

  [[gnu::always_inline]] void learn(bool bit) {
    // 65536 / (n + 1.5), not below 1/80.
    static constexpr std::array<std::uint16_t, 80> kRate = [] {
      std::array<std::uint16_t, 80> rate{};
      for (std::size_t n = 0; n < rate.size(); ++n) rate[n] = static_cast<std::uint16_t>(131072 / (2 * n + 3));
      return rate;
    }();
    const std::int32_t target = bit ? 24 : 32768 - 24;
    p = static_cast<std::uint16_t>(p + (((target - p) * kRate[seen]) >> 16));
    seen = static_cast<std::uint16_t>(seen + (seen + 1u < kRate.size() ? 1u : 0u));
  }
};

// Probabilities of sixteen symbols at once: one step of the coder where a tree of bits takes four, and without a branch that nobody can
// predict. Cumulative, in 1/32768; no symbol falls below 1/4096.
class Nibble {
 public:
  static constexpr std::size_t kSymbols = 16;
  std::uint32_t below(std::size_t symbol) const { return static_cast<std::uint16_t>(below_[symbol]); }
  std::uint32_t above(std::size_t symbol) const { return symbol + 1 < kSymbols ? below(symbol + 1) : 32768u; }
  // The symbol in whose part `at` (below 32768) lies.
  std::size_t find(std::uint32_t at) const {
    std::size_t symbol = 0;
    for (std::size_t half = kSymbols / 2; half > 0; half /= 2) symbol += below(symbol + half) <= at ? half : 0;
    return symbol;
  }
  // A step towards a symbol that is certain: a fourth of the way while little was seen, at last a 64th.
  [[gnu::always_inline]] void learn(std::size_t symbol) {
    below_ += (kTargets[symbol] - below_) >> kShift[seen_];
    seen_ = static_cast<std::uint16_t>(seen_ + (seen_ + 1u < kShift.size() ? 1u : 0u));
  }

 private:
  using Vector [[gnu::vector_size(32)]] = std::int16_t;  // what the compiler makes of it: two or one instructions a step
  static constexpr std::int16_t kLeast = 12;
  static constexpr std::array<Vector, kSymbols> kTargets = [] {
    std::array<Vector, kSymbols> targets{};
    for (std::size_t symbol = 0; symbol < kSymbols; ++symbol) {
      Vector v{};
      const auto target = [&](std::size_t i) {
        return static_cast<std::int16_t>(static_cast<int>(i) * kLeast + (i > symbol ? 32768 - static_cast<int>(kSymbols) * kLeast : 0));
      };
      v = Vector{target(0), target(1), target(2),  target(3),  target(4),  target(5),  target(6),  target(7),
                 target(8), target(9), target(10), target(11), target(12), target(13), target(14), target(15)};
      targets[symbol] = v;
    }
    return targets;
  }();
  static constexpr std::array<std::uint8_t, 64> kShift = [] {
    std::array<std::uint8_t, 64> shift{};
    for (std::size_t n = 0; n < shift.size(); ++n) shift[n] = n < 4 ? 2 : n < 12 ? 3 : n < 28 ? 4 : n < 63 ? 5 : 6;
    return shift;
  }();
  Vector below_ = {0, 2048, 4096, 6144, 8192, 10240, 12288, 14336, 16384, 18432, 20480, 22528, 24576, 26624, 28672, 30720};
  std::uint16_t seen_ = 0;
};

class RangeEncoder {
 public:
  static constexpr bool kDecodes = false;
  explicit RangeEncoder(std::string& out) : out_(out), at_(out.size()) {}

  [[gnu::always_inline]] bool bit(Prob& prob, bool value) {
    const std::uint32_t bound = (range_ >> 15) * prob.p;
    if (value) {
      low_ += bound;
      range_ -= bound;
    } else {
      range_ = bound;
    }
    prob.learn(value);
    normalise();
    return value;
  }

  [[gnu::always_inline]] std::size_t nibble(Nibble& model, std::size_t symbol) {
    const std::uint32_t unit = range_ >> 15;
    const std::uint32_t below = model.below(symbol);
    low_ += static_cast<std::uint64_t>(unit) * below;
    range_ = unit * (model.above(symbol) - below);
    model.learn(symbol);
    normalise();
    return symbol;
  }

  // The low `bits` (0–64) of `value`, each as likely as not.
  std::uint64_t raw(std::uint64_t value, int bits) {
    for (int left = bits; left > 0;) {
      const int n = left > 16 ? 16 : left;
      left -= n;
      range_ >>= n;
      low_ += static_cast<std::uint64_t>(range_) * ((value >> left) & ((1u << n) - 1));
      normalise();
    }
    return value;
  }

  // Once, last. What is cut off at the end are zeros, which the decoder supplies.
  void finish() {
    for (int i = 0; i < 5; ++i) shift();
    while (at_ > base_ && out_[at_ - 1] == '\0') --at_;
    out_.resize(at_);
  }

 private:
  [[gnu::always_inline]] void normalise() {
    while (range_ < (1u << 24)) {
      range_ <<= 8;
      shift();
    }
  }
  [[gnu::noinline]] void shift() {
    if (low_ < 0xFF000000u || low_ > 0xFFFFFFFFu) {
      const auto carry = static_cast<std::uint8_t>(low_ >> 32);
      if (!first_) put(static_cast<char>(cache_ + carry));  // the first byte is always 0
      first_ = false;
      for (; pending_ > 0; --pending_) put(static_cast<char>(0xFF + carry));
      cache_ = static_cast<std::uint8_t>(low_ >> 24);
    } else {
      ++pending_;
    }
    low_ = (low_ & 0x00FFFFFFu) << 8;
  }

  // Room is made by the piece: a string that grows by the byte costs more than the coding.
  void put(char byte) {
    if (at_ == out_.size()) out_.resize(at_ + at_ / 2 + 64);
    out_[at_++] = byte;
  }

  std::string& out_;
  std::size_t at_;
  const std::size_t base_ = at_;
  std::uint64_t low_ = 0;
  std::uint32_t range_ = 0xFFFFFFFFu;
  std::uint64_t pending_ = 0;
  std::uint8_t cache_ = 0;
  bool first_ = true;
};

class RangeDecoder {
 public:
  static constexpr bool kDecodes = true;
  explicit RangeDecoder(std::string_view in) : in_(in) {
    for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next();
  }

  bool bit(Prob& prob, bool) {
    const std::uint32_t bound = (range_ >> 15) * prob.p;
    const bool value = code_ >= bound;
    if (value) {
      code_ -= bound;
      range_ -= bound;
    } else {
      range_ = bound;
    }
    prob.learn(value);
    normalise();
    return value;
  }

  [[gnu::always_inline]] std::size_t nibble(Nibble& model, std::size_t) {
    const std::uint32_t unit = range_ >> 15;
    const std::uint32_t at = code_ / unit;
    const std::size_t symbol = model.find(at < 32768 ? at : 32767);  // more: the rest of the division, or damaged input
    const std::uint32_t below = model.below(symbol);
    code_ -= unit * below;
    range_ = unit * (model.above(symbol) - below);
    model.learn(symbol);
    normalise();
    return symbol;
  }

  std::uint64_t raw(std::uint64_t, int bits) {
    std::uint64_t value = 0;
    for (int left = bits; left > 0;) {
      const int n = left > 16 ? 16 : left;
      left -= n;
      range_ >>= n;
      std::uint32_t part = code_ / range_;
      if (part >> n != 0) part = (1u << n) - 1;  // only in damaged input
      code_ -= part * range_;
      value = value << n | part;
      normalise();
    }
    return value;
  }

  // How far beyond the end it has read: more than a few bytes means that the input isn't what an encoder made.
  std::size_t overrun() const { return at_ > in_.size() ? at_ - in_.size() : 0; }

 private:
  void normalise() {
    while (range_ < (1u << 24)) {
      range_ <<= 8;
      code_ = code_ << 8 | next();
    }
  }
  std::uint32_t next() {
    const std::size_t i = at_++;
    return i < in_.size() ? static_cast<std::uint8_t>(in_[i]) : 0u;
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::uint32_t range_ = 0xFFFFFFFFu;
  std::uint32_t code_ = 0;
};

inline std::uint64_t zigzag(std::int64_t v) { return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63); }
inline std::int64_t unzigzag(std::uint64_t v) { return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1); }

// Numbers that are mostly small: the width in unary, then the bits below the leading one (the upper three of them modelled).
// Widths from kWidths - 1 on share their models: a chunk has dozens of these, and a short chunk must not pay for models that it never uses.
template <std::size_t kWidths>
class SmallNumbers {
 public:
  template <class Coder>
  std::uint64_t code(Coder& coder, std::uint64_t value) {
    const int wanted = static_cast<int>(std::bit_width(value));
    int width = 0;
    while (width < 64 && coder.bit(width_[model(width)], width < wanted)) ++width;
    return width <= 1 ? static_cast<std::uint64_t>(width) : mantissa(coder, value, width);
  }

 private:
  static constexpr std::size_t model(int width) {
    return static_cast<std::size_t>(width) < kWidths ? static_cast<std::size_t>(width) : kWidths - 1;
  }

  template <class Coder>
  std::uint64_t mantissa(Coder& coder, std::uint64_t value, int width) {
    const int bits = width - 1;
    const int modelled = bits < 3 ? bits : 3;
    std::size_t node = 1;
    for (int i = 1; i <= modelled; ++i) {
      const bool b = coder.bit(bits_[model(width)][node], (value >> (bits - i) & 1) != 0);
      node = node << 1 | (b ? 1u : 0u);
    }
    const int rest = bits - modelled;
    return rest == 0 ? node : static_cast<std::uint64_t>(node) << rest | coder.raw(value & ((1ull << rest) - 1), rest);
  }

  std::array<Prob, kWidths> width_{};
  std::array<std::array<Prob, 8>, kWidths> bits_{};
};

using SmallNumber = SmallNumbers<16>;
using TinyNumber = SmallNumbers<6>;

// Numbers of any size, such as the rest of a sum after its prediction: the width by a symbol of sixteen and two or three bits, the bit below
// the leading one modelled, the rest raw.
class WideNumber {
 public:
  template <class Coder>
  std::uint64_t code(Coder& coder, std::uint64_t value) {
    const auto wanted = static_cast<std::size_t>(std::bit_width(value));
    const std::size_t fours = coder.nibble(fours_, std::min<std::size_t>(wanted / 4, 15));
    const int bits = fours == 15 ? 3 : 2;  // 60…64
    std::size_t node = 1;
    for (int i = bits - 1; i >= 0; --i) node = node << 1 | (coder.bit(rest_[fours][node], ((wanted - fours * 4) >> i & 1) != 0) ? 1u : 0u);
    const int width = static_cast<int>(fours * 4 + node - (std::size_t{1} << bits));
    if (width <= 1) return static_cast<std::uint64_t>(width);
    if (width > 64) return 0;  // only in damaged input
    const bool lead = coder.bit(lead_[static_cast<std::size_t>(width)], (value >> (width - 2) & 1) != 0);
    const std::uint64_t high = 2u | (lead ? 1u : 0u);
    const int rest = width - 2;
    return rest == 0 ? high : high << rest | coder.raw(value & ((1ull << rest) - 1), rest);
  }

 private:
  Nibble fours_;
  std::array<std::array<Prob, 8>, 16> rest_{};
  std::array<Prob, 65> lead_{};
};

// Numbers that are mostly below fifteen: one symbol, and the rest of a larger one as a small number.
class ShortNumber {
 public:
  template <class Coder>
  std::uint64_t code(Coder& coder, std::uint64_t value) {
    const std::size_t symbol = coder.nibble(symbol_, static_cast<std::size_t>(std::min<std::uint64_t>(value, 15)));
    return symbol < 15 ? symbol : 15 + rest_.code(coder, value - 15);
  }

 private:
  Nibble symbol_;
  TinyNumber rest_;
};

}  // namespace nezu::store::sqlite
