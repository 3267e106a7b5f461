#include "manager/store/slots.h"

#include <algorithm>
#include <utility>

namespace nezu::store {

namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

void combine(FigureSlot& into, FigureSlot&& from) { into.figures.merge(from.figures); }
void combine(CoverSlot& into, CoverSlot&& from) { into.covered = window::unite(into.covered, from.covered); }

template <class Slot>
void merge_one(std::vector<Slot>& list, Slot&& slot) {
  if (list.empty() || list.back().second < slot.second) {
    list.push_back(std::move(slot));
    return;
  }
  auto at = std::lower_bound(list.begin(), list.end(), slot.second, [](const Slot& s, SlotSecond second) { return s.second < second; });
  if (at != list.end() && at->second == slot.second) {
    combine(*at, std::move(slot));
  } else {
    list.insert(at, std::move(slot));
  }
}

template <class Slot>
void merge_all(std::vector<Slot>& list, std::vector<Slot>&& more) {
  if (list.empty()) {
    list = std::move(more);
    return;
  }
  if (more.empty() || list.back().second < more.front().second) {
    list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return;
  }
  std::vector<Slot> merged;
  merged.reserve(list.size() + more.size());
  auto a = list.begin();
  auto b = more.begin();
  while (a != list.end() && b != more.end()) {
    if (a->second < b->second) {
      merged.push_back(std::move(*a++));
    } else if (b->second < a->second) {
      merged.push_back(std::move(*b++));
    } else {
      combine(*a, std::move(*b++));
      merged.push_back(std::move(*a++));
    }
  }
  std::move(a, list.end(), std::back_inserter(merged));
  std::move(b, more.end(), std::back_inserter(merged));
  list = std::move(merged);
}

template <class Slot>
std::vector<Slot> copy_range(const std::vector<Slot>& list, SlotSecond from, SlotSecond to) {
  const auto before = [](const Slot& s, SlotSecond second) { return s.second < second; };
  const auto first = std::lower_bound(list.begin(), list.end(), from, before);
  const auto last = std::lower_bound(first, list.end(), to, before);
  return std::vector<Slot>(first, last);
}

}  // namespace

SlotSecond floor_second(SlotSecond second, SlotSecond step) {
  const SlotSecond r = second % step;
  return r < 0 ? second - r - step : second - r;
}
SlotSecond second_of(PacketTime t) { return to_ns(floor_to(t, Nanos(kNanosPerSecond))) / kNanosPerSecond; }
SlotSecond first_step_from(PacketTime t, SlotSecond step) { return floor_second(second_of(t - Nanos(1)), step) + step; }
PacketTime time_of(SlotSecond second) { return packet_time_ns(second * kNanosPerSecond); }
SlotSecond seconds_of(Resolution resolution) { return length(resolution).count() / kNanosPerSecond; }

void merge_into(std::vector<FigureSlot>& list, FigureSlot slot) { merge_one(list, std::move(slot)); }
void merge_into(std::vector<CoverSlot>& list, CoverSlot slot) { merge_one(list, std::move(slot)); }
void merge_lists(std::vector<FigureSlot>& list, std::vector<FigureSlot> more) { merge_all(list, std::move(more)); }
void merge_lists(std::vector<CoverSlot>& list, std::vector<CoverSlot> more) { merge_all(list, std::move(more)); }

std::vector<FigureSlot> roll_up(std::vector<FigureSlot> list, SlotSecond step) {
  std::vector<FigureSlot> out;
  for (FigureSlot& slot : list) {
    slot.second = floor_second(slot.second, step);
    if (!out.empty() && out.back().second == slot.second) {
      out.back().figures.merge(slot.figures);
    } else {
      out.push_back(std::move(slot));
    }
  }
  return out;
}

std::vector<CoverSlot> roll_up(std::vector<CoverSlot> list, SlotSecond step) {
  std::vector<CoverSlot> out;
  for (const CoverSlot& slot : list) {
    const SlotSecond start = floor_second(slot.second, step);
    if (out.empty() || out.back().second != start) out.push_back(CoverSlot{start, {{time_of(start), time_of(start)}}});
    out.back().covered.front().end += window::total(slot.covered);
  }
  return out;
}

std::vector<FigureSlot> add_up(std::vector<FigureSlot> list, std::vector<FigureSlot> more, SlotSecond) {
  merge_all(list, std::move(more));
  return list;
}
std::vector<CoverSlot> add_up(std::vector<CoverSlot> list, std::vector<CoverSlot> more, SlotSecond step) {
  if (step == 1) {
    merge_all(list, std::move(more));
    return list;
  }
  if (more.empty()) return list;
  list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  std::stable_sort(list.begin(), list.end(), [](const CoverSlot& a, const CoverSlot& b) { return a.second < b.second; });
  return roll_up(std::move(list), step);
}

std::vector<CoverSlot> cut_by_second(const window::Spans& covered) {
  std::vector<CoverSlot> out;
  for (const window::Span& span : covered) {
    for (PacketTime at = span.begin; at < span.end;) {
      const SlotSecond second = second_of(at);
      const PacketTime end = std::min(span.end, time_of(second + 1));
      if (out.empty() || out.back().second != second) out.push_back(CoverSlot{second, {}});
      out.back().covered.push_back({at, end});
      at = end;
    }
  }
  return out;
}

void SlotTable::add(const std::string& probe, window::Record record) {
  const SlotSecond second = second_of(record.span.begin);
  ProbeSlots& slots = probes_[probe];
  for (window::ServicePart& part : record.services) {
    for (CoverSlot& slot : cut_by_second(part.covered)) {
      newest_ = std::max(newest_, slot.second);
      merge_into(slots.coverage[part.service], std::move(slot));
    }
    for (window::TargetFigures& target : part.targets) {
      merge_into(slots.figures[target.target], FigureSlot{second, std::move(target.figures)});
      ++windows_;
    }
  }
  newest_ = std::max(newest_, second);
}

void SlotTable::clear() {
  probes_.clear();
  windows_ = 0;
  newest_ = std::numeric_limits<SlotSecond>::min();
}

std::vector<FigureSlot> SlotTable::figures(const std::string& probe, TargetId target, SlotSecond from, SlotSecond to) const {
  const auto p = probes_.find(probe);
  if (p == probes_.end()) return {};
  const auto s = p->second.figures.find(target);
  return s == p->second.figures.end() ? std::vector<FigureSlot>{} : copy_range(s->second, from, to);
}

std::vector<CoverSlot> SlotTable::coverage(const std::string& probe, ServiceId service, SlotSecond from, SlotSecond to) const {
  const auto p = probes_.find(probe);
  if (p == probes_.end()) return {};
  const auto s = p->second.coverage.find(service);
  return s == p->second.coverage.end() ? std::vector<CoverSlot>{} : copy_range(s->second, from, to);
}

void append_pieces(const std::string& probe, std::vector<FigureSlot> slots, std::vector<Piece>& out) {
  for (FigureSlot& slot : slots) out.push_back(Piece{probe, time_of(slot.second), std::move(slot.figures)});
}
void append_pieces(const std::string& probe, std::vector<CoverSlot> slots, std::vector<CoveragePiece>& out) {
  for (CoverSlot& slot : slots) {
    const Nanos length = window::total(slot.covered);
    out.push_back(CoveragePiece{probe, time_of(slot.second), std::move(slot.covered), length});
  }
}

void sort_pieces(std::vector<Piece>& pieces) {
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.start < b.start; });
}
void sort_pieces(std::vector<CoveragePiece>& pieces) {
  std::stable_sort(pieces.begin(), pieces.end(), [](const CoveragePiece& a, const CoveragePiece& b) { return a.start < b.start; });
}

}  // namespace nezu::store
