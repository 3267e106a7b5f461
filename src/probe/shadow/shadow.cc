#include "probe/shadow/shadow.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "common/base/check.h"
#include "model/wire/messages.h"

namespace nezu::probe::shadow {
namespace {

using aggregate::Hit;
using aggregate::Item;
using aggregate::Slice;

constexpr PacketTime kFree{}, kGone = PacketTime::max();
constexpr Nanos kGuard = std::chrono::milliseconds(50);  // how far two instances' stamps of one event may lie apart
constexpr Nanos kMargin = std::chrono::seconds(2);       // less of the reach than there is: clocks that aren't compared yet
constexpr std::size_t kCompared = 500;                   // about so many of a ledger's transactions serve to compare clocks
constexpr Nanos kEarlier = std::chrono::seconds(3);  // how much earlier than it began a transaction may be stored, by a clock that is off

std::uint64_t memory_of(const Slice& s) {
  return sizeof s + s.items.capacity() * (sizeof(Item) + sizeof(PacketTime)) + s.hits.capacity() * sizeof(Hit) +
         s.tenures.capacity() * sizeof(aggregate::Tenure);
}

}  // namespace

struct Shadow::Building {
  struct Part {
    std::uint64_t version = 0;
    window::Spans covered;
    std::vector<window::TargetFigures> targets;
  };
  window::Record record;
  std::map<window::ServiceId, Part> parts;
  std::unordered_map<window::TargetId, std::pair<Part*, std::size_t>> targets;
  window::Ledger otherwise;  // names of what was decided otherwise than by its last byte

  window::Figures* figures(const Hit& hit) {
    const auto known = targets.find(hit.target);
    if (known != targets.end()) {
      Part& p = *known->second.first;
      return p.version == hit.version ? &p.targets[known->second.second].figures : nullptr;
    }
    const auto part = parts.find(hit.service);
    if (part == parts.end() || part->second.version != hit.version) return nullptr;
    targets[hit.target] = {&part->second, part->second.targets.size()};
    part->second.targets.push_back({hit.target, {}});
    return &part->second.targets.back().figures;
  }
};

Shadow::Shadow(const Options& options) : options_(options), coverage_(options.workers), book_(options.book) {
  NEZU_CHECK(options.workers > 0 && options.window > Nanos(0));
}

void Shadow::set_bugs(const PlantedBugs& bugs) {
  bugs_ = bugs;
  if (bugs.own_clock) clock_.stop();
}

// ---- what comes in

void Shadow::take(std::unique_ptr<Slice> slice, MonoTime now) {
  slice->covered = window::subtract(slice->covered, {{PacketTime::min(), std::max(thrown_away_until_, forgotten_until_)}});
  coverage_.take(*slice, now);
  Batch b;
  b.in.assign(slice->items.size(), kFree);
  b.free = slice->items.size();
  for (const Item& item : slice->items) b.earliest = std::min(b.earliest, item.decided);
  b.bytes = memory_of(*slice);
  b.slice = std::move(slice);
  bytes_ += b.bytes;
  if (thrown_away_until_ != PacketTime{}) {
    for (std::size_t i = 0; i < b.in.size(); ++i) {
      if (b.slice->items[i].decided >= thrown_away_until_) continue;
      ++counters_.thrown_away;
      drop(b, i);
    }
  }
  batches_.push_back(std::move(b));
  if (bytes_ > options_.memory) shrink();
}

void Shadow::drop(Batch& b, std::size_t i) {
  PacketTime& in = b.in[i];
  if (in == kGone) return;
  --(in == kFree ? b.free : b.held);
  in = kGone;
}

void Shadow::prune() {
  while (!batches_.empty()) {
    const Batch& b = batches_.front();
    if (b.free > 0 || b.held > 0 || b.counters_in != kGone) break;
    bytes_ -= b.bytes;
    batches_.pop_front();
  }
}

std::size_t Shadow::kept() const {
  std::size_t n = 0;
  for (const Batch& b : batches_) n += b.free + b.held;
  return n;
}

// ---- what is stored

void Shadow::set_stored_until(PacketTime t) {
  if (t <= stored_until_) return;
  stored_until_ = t;
  learnt_ = true;
}

void Shadow::learn(const window::Ledger& ledger, PacketTime stored_until, std::optional<PacketTime> since) {
  set_stored_until(stored_until);
  if (!options_.names) return;
  const PacketTime own_until = coverage_.watermark();
  window::Span watched;  // the last that was, and of it not what lies at its edges: stamps differ
  if (own_until != PacketTime{}) {
    const window::Spans measured = coverage_.measured({forgotten_until_, own_until});
    if (!measured.empty()) watched = {clock_.logical(measured.back().begin) + kGuard, clock_.logical(measured.back().end) - kGuard};
  }
  book_.learn(ledger, stored_until, bugs_.known_late ? std::nullopt : since, watched);
  learnt_ = true;
}

std::vector<Nanos> Shadow::differences(const window::Ledger& ledger) const {
  std::vector<Nanos> out;
  if (ledger.entries.empty()) return out;
  std::unordered_map<std::uint64_t, PacketTime> decided;
  const std::size_t step = std::max<std::size_t>(1, ledger.entries.size() / kCompared);
  for (std::size_t i = 0; i < ledger.entries.size(); i += step) {
    const window::LedgerEntry& e = ledger.entries[i];
    if (e.request != 0) decided[e.request] = e.decided;
    if (e.response != 0) decided[e.response] = e.decided;
  }
  for (const Batch& b : batches_) {
    for (std::size_t i = 0; i < b.in.size(); ++i) {
      const Item& item = b.slice->items[i];
      if (b.in[i] == kGone || !item.by_last_byte) continue;
      auto found = item.request_name != 0 ? decided.find(item.request_name) : decided.end();
      if (found == decided.end() && item.response_name != 0) found = decided.find(item.response_name);
      if (found != decided.end()) out.push_back(item.decided - found->second);
    }
  }
  return out;
}

// Whether it is ours to count: not stored yet, under whichever of its names.
Shadow::Whose Shadow::whose(const Item& item) {
  // Decided otherwise, and begun before everything was thrown away: another instance may have counted it.
  if (!item.by_last_byte && item.began < thrown_away_until_) {
    ++counters_.thrown_away;
    return Whose::theirs;
  }
  const PacketTime decided = clock_.logical(item.decided);
  const bool named = options_.names && (item.request_name != 0 || item.response_name != 0);
  if (!named || bugs_.ledger_ignored) {
    if (decided >= (cut_ ? seam_ : stored_until_)) return Whose::ours;
    ++counters_.thrown_away;
    return Whose::theirs;
  }
  if (book_.contains(item.request_name, item.response_name, clock_.logical(item.began) - kEarlier)) {
    ++counters_.left_out;
    return Whose::theirs;
  }
  if (stored_until_ != PacketTime{} && decided < stored_until_ - book_.reach() + std::min(kMargin, book_.reach() / 2)) {
    ++(cut_ ? counters_.thrown_away : counters_.only_here);  // one that is admitted compares with nobody
    return Whose::theirs;
  }
  // What wasn't decided by its last byte may have been stored at any time since it began.
  const PacketTime when = item.by_last_byte ? decided : clock_.logical(item.began);
  const bool doubtful = book_.doubt() != PacketTime{} && when < book_.doubt() + kGuard;
  const bool unknown = !item.by_last_byte && book_.known() && when < *book_.known() + kMargin;
  return doubtful || unknown ? Whose::unknown : Whose::ours;
}

void Shadow::sweep() {
  if (!std::exchange(learnt_, false)) return;
  for (Batch& b : batches_) {
    if (b.free > 0) {
      for (std::size_t i = 0; i < b.in.size(); ++i) {
        // What isn't known may still be told of.
        if (b.in[i] == kFree && whose(b.slice->items[i]) == Whose::theirs) drop(b, i);
      }
    }
    if (b.counters_in == kFree && clock_.logical(b.slice->span.end) <= stored_until_) b.counters_in = kGone;
  }
  coverage_.forget(clock_.own(stored_until_ - options_.window));
  prune();
}

// ---- coverage

// Own time. Where the workers haven't come to the end of what is stored yet, their last instant speaks for what follows.
window::Span Shadow::after_stored() const {
  const PacketTime until = coverage_.watermark();
  return {std::min(clock_.own(stored_until_), until - Nanos(1)), until};
}

std::optional<PacketTime> Shadow::since() const {
  if (coverage_.watermark() == PacketTime{}) return std::nullopt;
  const window::Spans measured = coverage_.measured(after_stored());
  if (measured.empty()) return std::nullopt;
  return std::max(clock_.logical(measured.front().begin), stored_until_);
}

bool Shadow::whole() const {
  return coverage_.watermark() != PacketTime{} && stored_until_ != PacketTime{} && coverage_.whole(after_stored());
}

// ---- records

void Shadow::begin(PacketTime from, bool doubtful) {
  cut_ = seam_ = from;
  first_ = true;
  doubtful_ = doubtful;
}

PacketTime Shadow::next_edge() const { return floor_to(*cut_, options_.window) + options_.window; }

// Whether what is missing of a window up to `end` isn't waited for any more. All own times.
bool Shadow::stuck(PacketTime end, MonoTime now, PacketTime own_now) const {
  return own_now - end >= options_.grace && now - awake_since_ >= options_.grace && coverage_.stuck(end, now - options_.grace);
}

std::optional<window::Record> Shadow::cut(MonoTime now, PacketTime own_now) {
  if (asked_ != MonoTime{} && now - asked_ > options_.grace / 2) awake_since_ = now;
  asked_ = now;
  while (cut_) {
    const PacketTime until = coverage_.watermark();
    if (until == PacketTime{}) return std::nullopt;
    PacketTime end = next_edge();
    bool partly = false;
    if (until < clock_.own(end)) {
      if (!stuck(clock_.own(end), now, own_now)) return std::nullopt;
      partly = true;
    }
    if (!partly) {
      // Where nothing is covered there are no records: on to where it begins again.
      const window::Spans measured = coverage_.measured({clock_.own(*cut_), until});
      const PacketTime next = floor_to(clock_.logical(measured.empty() ? until : measured.front().begin), options_.window);
      if (next >= end) {
        skip_to(next);
        continue;
      }
    }
    // In a warm pair a record ends where its coverage ends, so that what follows is left to the other one, which may have watched.
    if (!partly && options_.names && !bugs_.coverage_full) {
      const window::Spans captured = coverage_.captured({clock_.own(*cut_), clock_.own(end)});
      if (!captured.empty()) end = clock_.logical(captured.back().end);
    }
    const PacketTime begin = *cut_;
    auto record = this->record(begin, end, partly, clock_.own(end));
    cut_ = end;
    if (record) return record;
  }
  return std::nullopt;
}

// Where something was to be measured, the next record has what there is of it. What was counted while nothing was, belongs to none.
void Shadow::skip_to(PacketTime next) {
  if (!coverage_.services({clock_.own(*cut_), clock_.own(next)}).empty()) {
    ++counters_.uncovered;
  } else {
    forget_counters(next);
  }
  cut_ = next;
}

void Shadow::forget_counters(PacketTime until) {
  for (Batch& b : batches_) {
    if (b.counters_in == kFree && clock_.logical(b.slice->span.end) <= until) b.counters_in = kGone;
  }
  prune();
}

std::optional<window::Record> Shadow::cut_short() {
  if (!cut_) return std::nullopt;
  const PacketTime until = coverage_.watermark();
  if (until == PacketTime{} || clock_.logical(until) <= *cut_) return std::nullopt;
  const PacketTime begin = *cut_, end = std::min(next_edge(), clock_.logical(until));
  // The last words: also what was decided at the very end, or after what all workers have come to.
  const bool last = coverage_.ended() && end == clock_.logical(until);
  auto r = record(begin, end, false, last ? kGone : clock_.own(end));
  cut_ = end;
  return r;
}

std::optional<window::Record> Shadow::record(PacketTime begin, PacketTime end, bool partly, PacketTime decided_before) {
  Building b;
  window::Record& r = b.record;
  r.span = {begin, end};
  const window::Span own{clock_.own(begin), clock_.own(end)};
  const auto logical = [&](const window::Spans& spans) {
    window::Spans out = spans;
    for (window::Span& s : out) s = {clock_.logical(s.begin), clock_.logical(s.end)};
    return out;
  };
  const auto services = coverage_.services(own);
  if (services.empty()) {
    forget_counters(end);
    return std::nullopt;
  }
  r.covered = bugs_.coverage_full ? window::Spans{r.span} : logical(coverage_.captured(own));
  if (r.covered.empty()) {
    ++counters_.uncovered;  // the next record has what there is of it
    return std::nullopt;
  }
  for (const auto& [id, service] : services) {
    auto& part = b.parts[id];
    part.version = service.version;
    part.covered = bugs_.coverage_full ? r.covered : logical(service.covered);
  }
  if (partly) ++counters_.partly;
  r.partly = partly;
  r.seam_doubtful = std::exchange(doubtful_, false);
  if (options_.names) whole_.insert(begin);
  fill(b, decided_before);
  first_ = false;
  for (auto& [id, part] : b.parts) r.services.push_back({id, part.version, std::move(part.covered), std::move(part.targets)});
  name(b);
  return std::move(r);
}

void Shadow::fill(Building& building, PacketTime decided_before) {
  for (Batch& batch : batches_) {
    if (batch.free > 0 && batch.earliest < decided_before) fill(building, batch, decided_before);
    if (batch.counters_in == kFree && clock_.logical(batch.slice->span.end) <= building.record.span.end) add_counters(building, batch);
  }
  prune();
}

void Shadow::fill(Building& building, Batch& batch, PacketTime decided_before) {
  for (std::size_t i = 0; i < batch.in.size(); ++i) {
    if (batch.in[i] != kFree || batch.slice->items[i].decided >= decided_before) continue;
    const Whose whose = this->whose(batch.slice->items[i]);
    if (whose == Whose::ours) {
      // What was decided otherwise is never left out of a ledger, and a ledger must fit into its message: a server that hangs may make a
      // million requests time out at once. They are late in the next record; until then they are nobody's, named by nobody.
      const bool named_otherwise = options_.names && !batch.slice->items[i].by_last_byte;
      if (!named_otherwise || building.otherwise.entries.size() < options_.otherwise) add(building, batch, i);
      continue;
    }
    if (whose == Whose::unknown) {
      ++counters_.thrown_away;
      building.record.seam_doubtful = true;
    }
    drop(batch, i);
  }
}

void Shadow::add(Building& building, Batch& batch, std::size_t i) {
  const Item& item = batch.slice->items[i];
  bool counted = false;
  for (std::uint32_t h = 0; h < item.hits; ++h) {
    const Hit& hit = batch.slice->hits[item.first_hit + h];
    if (window::Figures* figures = building.figures(hit)) {
      add_figures(item.outcome, hit.is_error, *figures);
      counted = true;
    }
  }
  const PacketTime decided = clock_.logical(item.decided);
  const bool before = decided < building.record.span.begin;
  if (!counted) {
    ++counters_.not_measured;
    if (before && !first_) ++building.record.counters.late;
    return drop(batch, i);
  }
  if (before && first_) ++counters_.put_in;
  if (before && !first_) {
    ++counters_.late;
    ++building.record.counters.late;
  }
  if (!options_.names) return drop(batch, i);
  if (item.request_name != 0 || item.response_name != 0) {
    window::Ledger& ledger = item.by_last_byte ? building.record.ledger : building.otherwise;
    if (!bugs_.ledger_short || decided > building.record.span.end - std::chrono::milliseconds(20))
      ledger.entries.push_back({item.request_name, item.response_name, decided});
  }
  const PacketTime record = building.record.span.begin;
  batch.in[i] = record;
  batch.held_from = batch.held == 0 ? record : std::min(batch.held_from, record);
  batch.held_to = batch.held == 0 ? record : std::max(batch.held_to, record);
  --batch.free;
  ++batch.held;
}

void Shadow::add_counters(Building& building, Batch& batch) {
  // What was captured before the record's time, by an instance that wasn't admitted, is in no record.
  const bool ours = !first_ || clock_.logical(batch.slice->span.end) > building.record.span.begin;
  if (ours) {
    building.record.counters += batch.slice->counters;
    batch.counters_in = options_.names ? building.record.span.begin : kGone;
  } else {
    batch.counters_in = kGone;
  }
}

// What was decided otherwise is never left out; of the rest the oldest are, where there is no room in the ledger or in the record's message.
void Shadow::name(Building& building) {
  window::Ledger& ledger = building.record.ledger;
  const std::size_t others = building.otherwise.entries.size();
  const std::size_t room = wire::room_for_names(building.record, std::min(ledger.entries.size(), options_.ledger) + others);
  const std::size_t most = std::min(options_.ledger, room - std::min(room, others));
  if (ledger.entries.size() > most) {
    const std::size_t out = ledger.entries.size() - most;
    const auto older = [](const window::LedgerEntry& a, const window::LedgerEntry& b) { return a.decided < b.decided; };
    const auto first_in = ledger.entries.begin() + static_cast<std::ptrdiff_t>(out);
    if (most > 0) std::nth_element(ledger.entries.begin(), first_in, ledger.entries.end(), older);
    ledger.left_out_until =
        most > 0 ? first_in->decided : std::max_element(ledger.entries.begin(), ledger.entries.end(), older)->decided + Nanos(1);
    ledger.entries.erase(ledger.entries.begin(), ledger.entries.begin() + static_cast<std::ptrdiff_t>(out));
    counters_.names_left_out += out;
  }
  ledger.entries.insert(ledger.entries.end(), building.otherwise.entries.begin(), building.otherwise.entries.end());
}

// ---- what becomes of records

bool Shadow::take_back(const window::Span& span) {
  if (whole_.erase(span.begin) == 0) return false;
  for (Batch& b : batches_) {
    if (b.counters_in == span.begin) b.counters_in = kFree;
    if (!b.may_hold(span.begin)) continue;
    for (PacketTime& in : b.in) {
      if (in != span.begin) continue;
      in = kFree;
      ++b.free;
      --b.held;
    }
  }
  return true;
}

// The record's transactions aren't needed any more.
void Shadow::release(PacketTime begin) {
  if (whole_.erase(begin) == 0) return;
  for (Batch& b : batches_) {
    if (b.counters_in == begin) b.counters_in = kGone;
    if (!b.may_hold(begin)) continue;
    for (std::size_t i = 0; i < b.in.size(); ++i) {
      if (b.in[i] == begin) drop(b, i);
    }
  }
}

void Shadow::stored(const window::Span& span) {
  set_stored_until(span.end);
  book_.stored(span.end);
  release(span.begin);
  coverage_.forget(clock_.own(stored_until_ - options_.window));
  prune();
}

void Shadow::uncover(PacketTime before) {
  forgotten_until_ = std::max(forgotten_until_, clock_.own(before));
  coverage_.forget(forgotten_until_);
  for (Batch& b : batches_) {
    // Where records are cut the next one has them.
    if (!cut_ && b.counters_in == kFree && b.slice->span.end <= forgotten_until_) b.counters_in = kGone;
    if (b.free == 0 || b.earliest >= forgotten_until_) continue;
    for (std::size_t i = 0; i < b.in.size(); ++i) {
      if (b.in[i] != kFree || b.slice->items[i].decided >= forgotten_until_) continue;
      ++counters_.thrown_away;
      drop(b, i);
    }
  }
  prune();
}

void Shadow::throw_away(PacketTime own_now) {
  thrown_away_until_ = std::max(thrown_away_until_, own_now);
  coverage_.forget(own_now);
  for (Batch& b : batches_) {
    for (std::size_t i = 0; i < b.in.size(); ++i) {
      if (b.in[i] == kGone || b.slice->items[i].decided >= own_now) continue;
      ++counters_.thrown_away;
      drop(b, i);
    }
    b.counters_in = kGone;
  }
  whole_.clear();
  prune();
}

// ---- memory

// Records that wait for their acknowledgement needn't be taken apart again: the oldest give their transactions up first. Where records are
// cut the rest waits for a worker that is stuck.
void Shadow::shrink() {
  while (bytes_ > options_.memory && !whole_.empty()) {
    release(*whole_.begin());
    prune();
  }
  while (cut_ && bytes_ > options_.memory && !batches_.empty()) give_up_oldest();
}

// REQUIRES: no record is whole
void Shadow::give_up_oldest() {
  Batch& oldest = batches_.front();
  PacketTime before = oldest.slice->span.end;
  for (const Item& item : oldest.slice->items) before = std::max(before, item.decided + Nanos(1));
  oldest.counters_in = kGone;
  uncover(clock_.logical(before));
}

void Shadow::given_up(const window::Span& span) {
  release(span.begin);
  uncover(span.end);
}

std::optional<window::Record> Shadow::add_up() {
  if (cut_ || bytes_ <= options_.memory || batches_.empty()) return std::nullopt;
  const auto from = since();
  if (!from) {  // nobody covers what is here
    while (bytes_ > options_.memory && !batches_.empty() && whole_.empty()) give_up_oldest();
    return std::nullopt;
  }
  const PacketTime begin = std::max(*from, stored_until_), end = floor_to(begin, options_.window) + options_.window;
  if (end > watermark() - book_.reach()) {  // too young: what is beyond the memory goes
    uncover(end);
    return std::nullopt;
  }
  first_ = true;
  doubtful_ = true;
  auto r = record(begin, end, false, clock_.own(end));
  first_ = doubtful_ = false;
  if (r) release(r->span.begin);  // it isn't to be taken apart again
  uncover(end);
  return r;
}

}  // namespace nezu::probe::shadow
