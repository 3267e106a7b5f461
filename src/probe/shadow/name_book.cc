#include "probe/shadow/name_book.h"

#include <algorithm>
#include <bit>

namespace nezu::probe::shadow {

void NameBook::Bucket::add(const Entry& entry, bool is_expected) {
  entries.push_back(entry);
  seen.push_back(false);
  expected.push_back(is_expected);
  const auto slot = static_cast<std::uint32_t>(entries.size());
  add_slot(entry.request, slot);
  add_slot(entry.response, slot);
}

void NameBook::Bucket::add_slot(std::uint64_t name, std::uint32_t slot) {
  if (name == 0) return;
  const std::size_t mask = slots.size() - 1;
  std::size_t i = name & mask;
  while (slots[i] != 0) i = (i + 1) & mask;
  slots[i] = slot;
}

std::optional<std::uint32_t> NameBook::Bucket::find(std::uint64_t name) const {
  if (name == 0 || slots.empty()) return std::nullopt;
  const std::size_t mask = slots.size() - 1;
  for (std::size_t i = name & mask; slots[i] != 0; i = (i + 1) & mask) {
    const Entry& e = entries[slots[i] - 1];
    if (e.request == name || e.response == name) return slots[i] - 1;
  }
  return std::nullopt;
}

// Whether it is among what ended at or after `from`. The oldest first: of a whole ledger in parts each finds its names where it begins, and
// the first time looks nowhere.
bool NameBook::known_name(std::uint64_t name, PacketTime from) const {
  const auto first = std::lower_bound(buckets_.begin(), buckets_.end(), from, [](const Bucket& b, PacketTime t) { return b.end < t; });
  return std::any_of(first, buckets_.end(), [&](const Bucket& b) { return b.find(name).has_value(); });
}

// A whole ledger also tells of what is on its way to the disk, and is told of again when it is there: it needn't be seen twice. (The newer
// entry stands where the record's end says, so the older one can't do for both.)
bool NameBook::still_expected(const Entry& entry, PacketTime stored_until) {
  for (Bucket& b : buckets_) {
    if (!b.whole || b.end < stored_until) continue;
    auto before = b.find(entry.request);
    if (!before) before = b.find(entry.response);
    if (!before) continue;
    const bool expected = b.expected[*before] && !b.seen[*before];
    b.expected[*before] = false;
    return expected;
  }
  return true;
}

void NameBook::learn(const window::Ledger& ledger, PacketTime stored_until, std::optional<PacketTime> since, const window::Span& watched) {
  if (since) known_ = known_ && *since <= told_ ? std::min(*known_, *since) : *since;
  if (!known_) known_ = stored_until;
  const bool again = since.has_value() && told_;  // a whole ledger: some of it was told before
  told_ = std::max(told_.value_or(stored_until), stored_until);
  doubt_ = std::max(doubt_, ledger.left_out_until);
  if (!ledger.entries.empty()) {
    Bucket b;
    b.end = stored_until;
    b.whole = since.has_value();
    b.slots.resize(std::bit_ceil(ledger.entries.size() * 3));
    b.entries.reserve(ledger.entries.size());
    for (const window::LedgerEntry& e : ledger.entries) {
      if (again && (known_name(e.request, *since) || known_name(e.response, *since))) continue;
      const Entry entry{e.request, e.response};
      b.add(entry, (since || still_expected(entry, stored_until)) && e.decided >= watched.begin && e.decided < watched.end);
    }
    size_ += b.entries.size();
    if (b.entries.empty()) return forget();
    const auto after = std::find_if(buckets_.begin(), buckets_.end(), [&](const Bucket& o) { return o.end > b.end; });
    buckets_.insert(after, std::move(b));
  }
  forget();
}

void NameBook::stored(PacketTime until) {
  if (!told_) return;
  told_ = std::max(*told_, until);
  forget();
}

void NameBook::set_reach(Nanos reach) {
  limits_.kept += reach - limits_.reach;
  limits_.reach = reach;
}

void NameBook::settle(Bucket& b) {
  if (std::exchange(b.settled, true)) return;
  for (std::size_t i = 0; i < b.seen.size(); ++i) not_seen_ += b.expected[i] && !b.seen[i] ? 1 : 0;
}

void NameBook::forget() {
  for (Bucket& b : buckets_) {
    if (b.end >= *told_ - limits_.reach) break;
    settle(b);
  }
  while (!buckets_.empty() && (buckets_.front().end < *told_ - limits_.kept || size_ > limits_.names)) {
    Bucket& b = buckets_.front();
    settle(b);
    if (b.end >= *told_ - limits_.kept) known_ = std::max(*known_, b.end);
    // Younger than what nobody may count any more: that its names are gone mustn't look as if nobody had named anything.
    if (b.end >= *told_ - limits_.reach) doubt_ = std::max(doubt_, b.end);
    size_ -= b.entries.size();
    buckets_.pop_front();
  }
}

bool NameBook::contains(std::uint64_t request, std::uint64_t response, PacketTime from) {
  for (auto b = buckets_.rbegin(); b != buckets_.rend() && b->end >= from; ++b) {
    auto entry = b->find(request);
    if (!entry) entry = b->find(response);
    if (!entry) continue;
    b->seen[*entry] = true;
    return true;
  }
  return false;
}

}  // namespace nezu::probe::shadow
