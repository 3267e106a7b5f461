#include "manager/store/sqlite/journal.h"

#include <fmt/core.h>

#include <cstdint>

#include "manager/store/sqlite/chunk.h"
#include "model/wire/messages.h"

namespace nezu::store::sqlite {

namespace {

constexpr char kVersion = 1;
constexpr std::size_t kPrefix = 5;  // version, checksum

void put_u32(std::string& out, std::size_t at, std::uint32_t v) {
  for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<char>(v >> (8 * i));
}
std::uint32_t get_u32(std::string_view in, std::size_t at) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < 4; ++i) v |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(in[at + i])) << (8 * i);
  return v;
}
void append_sized(std::string& out, std::string_view bytes) {
  const std::size_t at = out.size();
  out.append(4, '\0');
  put_u32(out, at, static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
}
bool take_sized(std::string_view& in, std::string_view& bytes) {
  if (in.size() < 4) return false;
  const std::size_t size = get_u32(in, 0);
  if (in.size() - 4 < size) return false;
  bytes = in.substr(4, size);
  in.remove_prefix(4 + size);
  return true;
}
Error corrupt(const char* what) { return Error(ErrorCode::corrupt, fmt::format("journal row: {}", what)); }

}  // namespace

std::string encode_journal(const std::vector<JournalEntry>& records, std::size_t padding) {
  std::size_t size = kPrefix + 4 + padding;
  for (const JournalEntry& entry : records) size += 8 + entry.logical_probe.size() + entry.record.size();
  std::string out;
  out.reserve(size);
  out.assign(kPrefix + 4, '\0');
  out[0] = kVersion;
  put_u32(out, kPrefix, static_cast<std::uint32_t>(records.size()));
  for (const JournalEntry& entry : records) {
    append_sized(out, entry.logical_probe);
    append_sized(out, entry.record);
  }
  out.append(padding, '\0');
  put_u32(out, 1, checksum(std::string_view(out).substr(kPrefix)));
  return out;
}

Result<std::vector<JournalEntry>> decode_journal(std::string_view bytes) {
  if (bytes.size() < kPrefix + 4) return corrupt("shorter than its head");
  if (bytes[0] != kVersion) return corrupt("unknown version");
  if (checksum(bytes.substr(kPrefix)) != get_u32(bytes, 1)) return corrupt("checksum is wrong");
  std::uint32_t count = get_u32(bytes, kPrefix);
  bytes.remove_prefix(kPrefix + 4);
  std::vector<JournalEntry> out;
  for (; count > 0; --count) {
    std::string_view probe, record;
    if (!take_sized(bytes, probe) || !take_sized(bytes, record)) return corrupt("content is cut");
    if (auto decoded = wire::decode_record(record); !decoded) return decoded.error().in("journal row");
    out.push_back({probe, record});
  }
  return out;
}

}  // namespace nezu::store::sqlite
