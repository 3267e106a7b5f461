#include "manager/ingest/ledgers.h"

#include <algorithm>

namespace nezu::ingest {
namespace {

constexpr std::size_t kDigits = 16;  // of one 64-bit number

void put(std::string& out, std::uint64_t value) {
  static constexpr char digits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(digits[(value >> shift) & 15]);
}

bool take(std::string_view& text, std::uint64_t& value) {
  value = 0;
  for (const char c : text.substr(0, kDigits)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    value = value << 4 | static_cast<std::uint64_t>(digit);
  }
  text.remove_prefix(kDigits);
  return true;
}

}  // namespace

std::vector<PacketTime> Ledgers::passed(PacketTime stored_until) const {
  std::vector<PacketTime> ends;
  for (const Kept& kept : kept_) {
    if (kept.end < stored_until - reach_) ends.push_back(kept.end);
  }
  return ends;
}

std::vector<PacketTime> Ledgers::add(PacketTime end, const window::Ledger& ledger, PacketTime stored_until) {
  std::vector<PacketTime> ends = passed(stored_until);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.end < stored_until - reach_; });
  const bool says_something = !ledger.entries.empty() || ledger.left_out_until != PacketTime{};
  if (says_something && end >= stored_until - reach_) kept_.push_back({end, ledger});
  return ends;
}

std::vector<Ledgers::Part> Ledgers::parts(std::size_t names, PacketTime since, PacketTime until) const {
  std::vector<const Kept*> newest_first;
  for (const Kept& kept : kept_) newest_first.push_back(&kept);
  std::stable_sort(newest_first.begin(), newest_first.end(), [](const Kept* a, const Kept* b) { return a->end > b->end; });
  std::vector<Part> all{{since, until, {}}};
  std::vector<std::vector<const Kept*>> ledgers(1);
  std::size_t size = 0;
  for (const Kept* kept : newest_first) {
    const std::size_t more = kept->ledger.entries.size();
    const bool other_end = !ledgers.back().empty() && kept->end < ledgers.back().back()->end;
    if (other_end && size + more > names) {
      all.back().since = kept->end;
      all.push_back({since, kept->end, {}});
      ledgers.emplace_back();
      size = 0;
    }
    ledgers.back().push_back(kept);
    size += more;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    window::Ledger& into = all[i].ledger;
    for (auto kept = ledgers[i].rbegin(); kept != ledgers[i].rend(); ++kept) {
      const window::Ledger& from = (*kept)->ledger;
      into.entries.insert(into.entries.end(), from.entries.begin(), from.entries.end());
      into.left_out_until = std::max(into.left_out_until, from.left_out_until);
    }
    // Who is admitted looks at what the last one says of names that are left out.
    all.front().ledger.left_out_until = std::max(all.front().ledger.left_out_until, into.left_out_until);
  }
  std::reverse(all.begin(), all.end());
  return all;
}

std::string encode_ledger(const window::Ledger& ledger) {
  std::string out;
  out.reserve(ledger.entries.size() * 3 * kDigits + kDigits);
  for (const window::LedgerEntry& entry : ledger.entries) {
    put(out, entry.request);
    put(out, entry.response);
    put(out, static_cast<std::uint64_t>(to_ns(entry.decided)));
  }
  put(out, static_cast<std::uint64_t>(to_ns(ledger.left_out_until)));
  return out;
}

Result<window::Ledger> decode_ledger(std::string_view text) {
  const Error damaged(ErrorCode::corrupt, "ledger: wanted 48 hexadecimal digits for each name and 16 at the end");
  if (text.size() % (3 * kDigits) != kDigits) return damaged;
  window::Ledger ledger;
  std::uint64_t number = 0;
  while (text.size() > kDigits) {
    window::LedgerEntry entry;
    if (!take(text, entry.request) || !take(text, entry.response) || !take(text, number)) return damaged;
    entry.decided = packet_time_ns(static_cast<std::int64_t>(number));
    ledger.entries.push_back(entry);
  }
  if (!take(text, number)) return damaged;
  ledger.left_out_until = packet_time_ns(static_cast<std::int64_t>(number));
  return ledger;
}

}  // namespace nezu::ingest
