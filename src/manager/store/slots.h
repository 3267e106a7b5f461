// Slots: figures and coverage cut into steps, per logical probe. What both stores keep in memory, and how one resolution becomes the
// next. Pure values; a SlotTable belongs to one thread or stands behind its owner's lock.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "manager/store/store.h"

namespace nezu::store {

// Start of a step in whole seconds since 1970. Every resolution is a whole number of seconds.
using SlotSecond = std::int64_t;
SlotSecond second_of(PacketTime t);  // floor
PacketTime time_of(SlotSecond second);
SlotSecond seconds_of(Resolution resolution);
SlotSecond floor_second(SlotSecond second, SlotSecond step);
SlotSecond first_step_from(PacketTime t, SlotSecond step);  // the first start of a step that is not before t

struct FigureSlot {
  SlotSecond second = 0;
  window::Figures figures;
  friend bool operator==(const FigureSlot&, const FigureSlot&) = default;
};
// Coverage: exact spans at 1 s; at coarser steps the covered length, as one span from the step's start.
struct CoverSlot {
  SlotSecond second = 0;
  window::Spans covered;
  friend bool operator==(const CoverSlot&, const CoverSlot&) = default;
};

// Lists in order of `second`, no second twice. merge_into() adds one slot; the usual case (it is the newest) costs O(1).
void merge_into(std::vector<FigureSlot>& list, FigureSlot slot);
void merge_into(std::vector<CoverSlot>& list, CoverSlot slot);
// Adds `more` (in order) to `list`.
void merge_lists(std::vector<FigureSlot>& list, std::vector<FigureSlot> more);
void merge_lists(std::vector<CoverSlot>& list, std::vector<CoverSlot> more);

// The same figures in steps of `step` seconds. Coverage turns into one span of the covered length from each step's start.
std::vector<FigureSlot> roll_up(std::vector<FigureSlot> list, SlotSecond step);
std::vector<CoverSlot> roll_up(std::vector<CoverSlot> list, SlotSecond step);

// Adds `more` to `list`, both in steps of `step`: coverage of coarse steps is a length, which adds up; that of seconds is spans, which unite.
std::vector<FigureSlot> add_up(std::vector<FigureSlot> list, std::vector<FigureSlot> more, SlotSecond step);
std::vector<CoverSlot> add_up(std::vector<CoverSlot> list, std::vector<CoverSlot> more, SlotSecond step);

// A record's coverage of one service, cut at whole seconds.
std::vector<CoverSlot> cut_by_second(const window::Spans& covered);

// One probe's slots of 1 s.
struct ProbeSlots {
  std::unordered_map<TargetId, std::vector<FigureSlot>> figures;
  std::unordered_map<ServiceId, std::vector<CoverSlot>> coverage;
};

class SlotTable {
 public:
  // Takes the record's figures over; they count for the second in which its span begins.
  void add(const std::string& probe, window::Record record);
  void clear();

  const std::map<std::string, ProbeSlots>& probes() const { return probes_; }
  std::uint64_t windows() const { return windows_; }  // target windows added since clear()
  bool empty() const { return probes_.empty(); }
  SlotSecond newest() const { return newest_; }  // of any slot; meaningless while empty()

  // Slots with from <= second < to.
  std::vector<FigureSlot> figures(const std::string& probe, TargetId target, SlotSecond from, SlotSecond to) const;
  std::vector<CoverSlot> coverage(const std::string& probe, ServiceId service, SlotSecond from, SlotSecond to) const;

 private:
  std::map<std::string, ProbeSlots> probes_;
  std::uint64_t windows_ = 0;
  SlotSecond newest_ = std::numeric_limits<SlotSecond>::min();
};

// Slots of one probe in the store's answer form, appended to `out`.
void append_pieces(const std::string& probe, std::vector<FigureSlot> slots, std::vector<Piece>& out);
void append_pieces(const std::string& probe, std::vector<CoverSlot> slots, std::vector<CoveragePiece>& out);
// In order of start, then of probe.
void sort_pieces(std::vector<Piece>& pieces);
void sort_pieces(std::vector<CoveragePiece>& pieces);

}  // namespace nezu::store
