#include "model/wire/scan.h"

#include <cstdint>

namespace nezu::wire {
namespace {

bool take_varint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 70 && !bytes.empty(); shift += 7) {
    const auto b = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (shift < 64) value |= static_cast<std::uint64_t>(b & 0x7f) << shift;
    if (b < 0x80) return true;
  }
  return false;
}

// What isn't protobuf ends the look here: the parser will say so, or it was a text.
void count(std::string_view bytes, int levels, std::size_t& pieces) {
  while (!bytes.empty() && pieces <= kMaxPieces) {
    std::uint64_t tag = 0, length = 0;
    if (!take_varint(bytes, tag)) return;
    switch (tag & 7) {
      case 0:
        if (!take_varint(bytes, length)) return;
        continue;
      case 1: length = 8; break;
      case 5: length = 4; break;
      case 2:
        ++pieces;
        if (!take_varint(bytes, length)) return;
        if (length <= bytes.size() && levels > 1) count(bytes.substr(0, length), levels - 1, pieces);
        break;
      default: return;
    }
    if (length > bytes.size()) return;
    bytes.remove_prefix(length);
  }
}

}  // namespace

bool too_many_pieces(std::string_view bytes, int levels) {
  std::size_t pieces = 0;
  count(bytes, levels, pieces);
  return pieces > kMaxPieces;
}

}  // namespace nezu::wire
