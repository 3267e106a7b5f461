// Backlog: what is durable in the journal and not folded into chunks yet. The records' bytes as they came, and where in them the figures of
// each target lie: a twentieth of what the figures take in memory. Slots of 1 s. Not for sharing between threads.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "manager/store/slots.h"
#include "manager/store/sqlite/levels.h"
#include "model/wire/record_view.h"

namespace nezu::store::sqlite {

// Room for slots that is used again: figures keep the memory of their histograms.
class SlotBuffer {
 public:
  void clear() { used_ = 0; }
  FigureSlot& add();
  std::span<FigureSlot> slots() { return {slots_.data(), used_}; }
  std::span<const FigureSlot> slots() const { return {slots_.data(), used_}; }

 private:
  std::vector<FigureSlot> slots_;
  std::size_t used_ = 0;
};

class Backlog {
 public:
  // One target's figures of one second: a piece of a record's bytes.
  struct Slice {
    SlotSecond second = 0;
    std::string_view bytes;
  };
  using Slices = std::vector<Slice>;
  struct Probe {
    std::unordered_map<TargetId, Slices> figures;
    std::unordered_map<ServiceId, std::vector<CoverSlot>> coverage;
  };

  // `record`: bytes that wire::decode_record() accepts. `outline`: of these bytes; its coverage is taken over.
  void add(const std::string& probe, std::shared_ptr<const std::string> record, wire::RecordOutline& outline);
  // Takes out what lies before `second`.
  Backlog split_before(SlotSecond second);
  void erase(const std::string& probe, Kind kind, std::uint32_t object);

  bool empty() const { return held_.empty(); }        // not even a record of nothing
  std::uint64_t windows() const { return windows_; }  // of targets
  SlotSecond newest() const { return newest_; }       // of any slot; meaningless while empty()
  const std::map<std::string, Probe>& probes() const { return probes_; }

  // Slots with from <= second < to, in order, each second once.
  std::vector<FigureSlot> figures(const std::string& probe, TargetId target, SlotSecond from, SlotSecond to) const;
  std::vector<CoverSlot> coverage(const std::string& probe, ServiceId service, SlotSecond from, SlotSecond to) const;

 private:
  struct Held {
    std::shared_ptr<const std::string> record;
    SlotSecond newest = 0;
  };
  std::map<std::string, Probe> probes_;
  std::vector<Held> held_;
  std::uint64_t windows_ = 0;
  SlotSecond newest_ = std::numeric_limits<SlotSecond>::min();
};

// The figures of slices, in order of seconds, each once.
void read_slices(const Backlog::Slices& slices, SlotSecond from, SlotSecond to, SlotBuffer& into);
// The same in steps of `step` seconds. REQUIRES: in order
void roll_up(std::span<const FigureSlot> slots, SlotSecond step, SlotBuffer& into);

// The second in which the last slot of a record lies.
SlotSecond newest_of(const wire::RecordOutline& outline);

}  // namespace nezu::store::sqlite
