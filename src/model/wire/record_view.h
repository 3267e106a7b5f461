// A record's bytes (proto/link.proto, Record), read in place and without protobuf's classes: what the manager keeps are the bytes as they
// came, and what it folds it reads out of them. Reading allocates nothing that isn't kept.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "model/window/record.h"

namespace nezu::wire {

// What a record holds, without the figures themselves. Views point into the record's bytes.
struct RecordOutline {
  struct Service {
    window::ServiceId service = 0;
    window::Spans covered;
  };
  struct Target {
    window::TargetId target = 0;
    std::string_view bytes;  // for read_figures()
  };
  window::InstanceId instance;
  std::uint64_t epoch = 0;
  window::Span span;
  std::vector<Service> services;
  std::vector<Target> targets;  // of all services
};

// corrupt: no record. What is inside of the figures isn't looked at, nor is it window::validate()d.
Status read_outline(std::string_view record, RecordOutline& into);

// The figures of one target; `into` is written over, and its room used again. corrupt: names the field.
Status read_figures(std::string_view target, window::Figures& into);

// The record within the bytes of a message (the form of wire::encode); nothing where it isn't one, or is told in pieces.
std::optional<std::string_view> record_in(std::string_view message);

}  // namespace nezu::wire
