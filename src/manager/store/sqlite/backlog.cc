#include "manager/store/sqlite/backlog.h"

#include <algorithm>
#include <utility>

namespace nezu::store::sqlite {

namespace {

template <class Slot>
bool before(const Slot& slot, SlotSecond second) {
  return slot.second < second;
}
template <class Slot>
bool earlier(const Slot& a, const Slot& b) {
  return a.second < b.second;
}

// Takes out what lies before `second`; what stays keeps its room. Slots come in order but for the late ones.
template <class Slot>
std::vector<Slot> take_before(std::vector<Slot>& slots, SlotSecond second) {
  const auto middle = std::is_sorted(slots.begin(), slots.end(), earlier<Slot>)
                          ? std::lower_bound(slots.begin(), slots.end(), second, before<Slot>)
                          : std::stable_partition(slots.begin(), slots.end(), [&](const Slot& s) { return s.second < second; });
  std::vector<Slot> taken(std::make_move_iterator(slots.begin()), std::make_move_iterator(middle));
  slots.erase(slots.begin(), middle);
  return taken;
}

// Splits one of the tables of a probe. Who was there at the last split and has sent nothing since is forgotten.
template <class Table>
std::uint64_t split(Table& from, Table& to, SlotSecond second) {
  std::uint64_t taken = 0;
  for (auto at = from.begin(); at != from.end();) {
    if (at->second.empty()) {
      at = from.erase(at);
      continue;
    }
    if (auto slots = take_before(at->second, second); !slots.empty()) {
      taken += slots.size();
      to.emplace(at->first, std::move(slots));
    }
    ++at;
  }
  return taken;
}

}  // namespace

FigureSlot& SlotBuffer::add() {
  if (used_ == slots_.size()) slots_.emplace_back();
  return slots_[used_++];
}

SlotSecond newest_of(const wire::RecordOutline& outline) {
  SlotSecond newest = second_of(outline.span.begin);
  for (const auto& service : outline.services) {
    if (!service.covered.empty()) newest = std::max(newest, second_of(service.covered.back().end - Nanos(1)));
  }
  return newest;
}

void Backlog::add(const std::string& probe, std::shared_ptr<const std::string> record, wire::RecordOutline& outline) {
  const SlotSecond second = second_of(outline.span.begin);
  const SlotSecond newest = newest_of(outline);
  Probe& slots = probes_[probe];
  for (auto& service : outline.services) {
    auto& list = slots.coverage[service.service];
    for (CoverSlot& slot : cut_by_second(service.covered)) merge_into(list, std::move(slot));
  }
  for (const auto& target : outline.targets) slots.figures[target.target].push_back({second, target.bytes});
  windows_ += outline.targets.size();
  newest_ = std::max(newest_, newest);
  held_.push_back({std::move(record), newest});
}

Backlog Backlog::split_before(SlotSecond second) {
  Backlog taken;
  taken.newest_ = std::min(newest_, second - 1);
  for (auto& [name, probe] : probes_) {
    Probe& to = taken.probes_[name];
    taken.windows_ += split(probe.figures, to.figures, second);
    split(probe.coverage, to.coverage, second);
  }
  windows_ -= taken.windows_;
  taken.held_ = held_;
  held_.erase(std::remove_if(held_.begin(), held_.end(), [&](const Held& h) { return h.newest < second; }), held_.end());
  newest_ = std::numeric_limits<SlotSecond>::min();
  for (const Held& h : held_) newest_ = std::max(newest_, h.newest);
  return taken;
}

void Backlog::erase(const std::string& probe, Kind kind, std::uint32_t object) {
  const auto at = probes_.find(probe);
  if (at == probes_.end()) return;
  if (kind == Kind::figures) {
    const auto found = at->second.figures.find(object);
    if (found == at->second.figures.end()) return;
    windows_ -= found->second.size();
    at->second.figures.erase(found);
  } else {
    at->second.coverage.erase(object);
  }
}

std::vector<FigureSlot> Backlog::figures(const std::string& probe, TargetId target, SlotSecond from, SlotSecond to) const {
  const auto p = probes_.find(probe);
  if (p == probes_.end()) return {};
  const auto s = p->second.figures.find(target);
  if (s == p->second.figures.end()) return {};
  SlotBuffer buffer;
  read_slices(s->second, from, to, buffer);
  const auto slots = buffer.slots();
  return std::vector<FigureSlot>(std::make_move_iterator(slots.begin()), std::make_move_iterator(slots.end()));
}

std::vector<CoverSlot> Backlog::coverage(const std::string& probe, ServiceId service, SlotSecond from, SlotSecond to) const {
  const auto p = probes_.find(probe);
  if (p == probes_.end()) return {};
  const auto s = p->second.coverage.find(service);
  if (s == p->second.coverage.end()) return {};
  const auto& list = s->second;
  const auto first = std::lower_bound(list.begin(), list.end(), from, before<CoverSlot>);
  return std::vector<CoverSlot>(first, std::lower_bound(first, list.end(), to, before<CoverSlot>));
}

void read_slices(const Backlog::Slices& slices, SlotSecond from, SlotSecond to, SlotBuffer& into) {
  const Backlog::Slices* list = &slices;
  Backlog::Slices sorted;
  if (!std::is_sorted(slices.begin(), slices.end(), earlier<Backlog::Slice>)) {
    sorted = slices;
    std::stable_sort(sorted.begin(), sorted.end(), earlier<Backlog::Slice>);
    list = &sorted;
  }
  window::Figures more;
  for (auto at = std::lower_bound(list->begin(), list->end(), from, before<Backlog::Slice>); at != list->end() && at->second < to; ++at) {
    if (!into.slots().empty() && into.slots().back().second == at->second) {
      NEZU_CHECK(wire::read_figures(at->bytes, more).ok());
      into.slots().back().figures.merge(more);
      continue;
    }
    FigureSlot& slot = into.add();
    slot.second = at->second;
    NEZU_CHECK(wire::read_figures(at->bytes, slot.figures).ok());
  }
}

void roll_up(std::span<const FigureSlot> slots, SlotSecond step, SlotBuffer& into) {
  for (const FigureSlot& slot : slots) {
    const SlotSecond start = floor_second(slot.second, step);
    if (!into.slots().empty() && into.slots().back().second == start) {
      into.slots().back().figures.merge(slot.figures);
      continue;
    }
    FigureSlot& sum = into.add();
    sum.second = start;
    sum.figures = slot.figures;
  }
}

}  // namespace nezu::store::sqlite
