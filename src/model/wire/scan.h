// A look over protobuf bytes before they are parsed. Only for this module.
#pragma once

#include <cstddef>
#include <string_view>

namespace nezu::wire {

// An empty submessage takes two bytes on the wire and a hundred in memory: 16 MiB of them would be a gigabyte. So the pieces (length-delimited
// fields, down to `levels` levels) are counted first. More than this is refused.
inline constexpr std::size_t kMaxPieces = std::size_t{1} << 18;

bool too_many_pieces(std::string_view bytes, int levels);

}  // namespace nezu::wire
