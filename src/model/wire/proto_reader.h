// Protobuf's wire format, field by field. Only for this module: the one message that is worth it is the record, which comes every second
// with thousands of figures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/window/record.h"

namespace nezu::wire {

// Reads a varint as protobuf does: at most ten bytes, what is beyond 64 bits falls off. False: it is cut, or longer.
inline bool take_varint(const char*& at, const char* end, std::uint64_t& value) {
  if (at != end && static_cast<std::uint8_t>(*at) < 0x80) {
    value = static_cast<std::uint8_t>(*at++);
    return true;
  }
  value = 0;
  for (int shift = 0; shift < 70 && at != end; shift += 7) {
    const auto b = static_cast<std::uint8_t>(*at++);
    value |= static_cast<std::uint64_t>(b & 0x7f) << shift;
    if (b < 0x80) return true;
  }
  return false;
}

class ProtoReader {
 public:
  enum class Type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  explicit ProtoReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // The next field into number(), type() and value() or bytes(). False: no more, or it is no protobuf (groups aren't either): see broken().
  bool next() {
    if (at_ == end_) return false;
    std::uint64_t tag = 0;
    if (!take_varint(at_, end_, tag) || tag > 0xffffffffu || tag < 8) return fail();
    number_ = static_cast<std::uint32_t>(tag >> 3);
    type_ = static_cast<Type>(tag & 7);
    switch (type_) {
      case Type::varint: return take_varint(at_, end_, value_) || fail();
      case Type::fixed64: return take_fixed(8);
      case Type::fixed32: return take_fixed(4);
      case Type::bytes: {
        std::uint64_t size = 0;
        if (!take_varint(at_, end_, size) || size > static_cast<std::uint64_t>(end_ - at_)) return fail();
        bytes_ = std::string_view(at_, static_cast<std::size_t>(size));
        at_ += size;
        return true;
      }
    }
    return fail();
  }
  bool broken() const { return broken_; }
  bool at_end() const { return at_ == end_; }

  std::uint32_t number() const { return number_; }
  Type type() const { return type_; }
  std::uint64_t value() const { return value_; }
  std::int64_t signed_value() const { return static_cast<std::int64_t>(value_); }
  std::string_view bytes() const { return bytes_; }

 private:
  bool fail() {
    broken_ = true;
    at_ = end_;
    return false;
  }
  bool take_fixed(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) return fail();
    value_ = 0;
    for (std::size_t i = 0; i < size; ++i) value_ |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(at_[i])) << (8 * i);
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  std::uint32_t number_ = 0;
  Type type_ = Type::varint;
  std::uint64_t value_ = 0;
  std::string_view bytes_;
  bool broken_ = false;
};

// Of record_view.cc, for the record's codec too. False: no protobuf.
bool read_span(std::string_view bytes, window::Spans& into);  // one more
bool read_target_id(std::string_view target, window::TargetId& id);

}  // namespace nezu::wire
