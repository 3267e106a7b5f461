// BatchFiller: how sources fill a FrameBatch. Internal to capture.
#pragma once

#include "probe/capture/frame.h"

namespace nezu::probe {

// How the records of a pcap file are written.
struct RecordFormat {
  std::uint32_t header = 16;
  std::uint32_t record_max = 0;
  std::int32_t fraction_ns = 1000;
  std::int64_t offset_ns = 0;
  LinkType link = LinkType::ethernet;
  bool swapped = false;
};

class BatchFiller {
 public:
  static bool has_array(const FrameBatch& batch) { return batch.array_ != batch.array_end_; }
  static const std::uint8_t* cursor(const FrameBatch& batch) { return batch.cursor_; }

  static void set_array(FrameBatch& batch, const Frame* first, std::size_t count) {
    batch.array_ = first;
    batch.array_end_ = first + count;
  }
  static void set_records(FrameBatch& batch, const RecordFormat& format, const std::uint8_t* begin, const std::uint8_t* end) {
    batch.cursor_ = begin;
    batch.soft_end_ = end;
    batch.hard_end_ = end;
    batch.ahead_ = begin;
    batch.header_ = format.header;
    batch.record_max_ = format.record_max;
    batch.fraction_ns_ = format.fraction_ns;
    batch.offset_ns_ = format.offset_ns;
    batch.link_ = format.link;
    batch.swapped_ = format.swapped;
  }
  static void clear(FrameBatch& batch) {
    batch.array_ = batch.array_end_ = nullptr;
    batch.cursor_ = batch.soft_end_ = batch.hard_end_ = nullptr;
  }
  static void set_watermark(FrameBatch& batch, std::optional<PacketTime> watermark) { batch.watermark_ = watermark; }
};

}  // namespace nezu::probe
