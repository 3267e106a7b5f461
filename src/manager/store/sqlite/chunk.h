// Chunk: the slots of one series (a target, or a service's coverage, at one logical probe) over a span of time, packed in columns.
// Format: docs/formats/store.md. Exact: decode(encode(x)) == x. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "manager/store/slots.h"

namespace nezu::store::sqlite {

// More than any resolution has in its longest chunk.
inline constexpr std::size_t kMaxChunkSlots = 20'000;

// Slots in order, each second a whole multiple of `step`. REQUIRES: not empty, at most kMaxChunkSlots
std::string encode_chunk(std::span<const FigureSlot> slots, SlotSecond step);
std::string encode_chunk(std::span<const CoverSlot> slots, SlotSecond step);

// corrupt: checksum, version, kind or content is wrong; nothing of it is used.
Result<std::vector<FigureSlot>> decode_figures(std::string_view bytes);
Result<std::vector<CoverSlot>> decode_coverage(std::string_view bytes);

// 32-bit checksum of bytes, as chunks and journal rows carry it.
std::uint32_t checksum(std::string_view bytes);

}  // namespace nezu::store::sqlite
