#include "probe/capture/filtered_source.h"

#include <fmt/core.h>

#include <array>
#include <map>

#include "probe/capture/batch_filler.h"
#include "probe/capture/format_reader.h"

namespace nezu::probe {
namespace {

class FilteredSource final : public FrameSource {
 public:
  FilteredSource(std::unique_ptr<FrameSource> source, std::string expression, std::string program)
      : source_(std::move(source)), expression_(std::move(expression)), program_(std::move(program)) {}

  Result<Polled> poll(FrameBatch& batch, Nanos wait) override {
    if (BatchFiller::has_array(batch)) return Polled::frames;
    for (;;) {
      std::size_t count = 0;
      for (Frame frame; count < frames_.size() && unfiltered_.next(frame);) {
        Result<bool> taken = takes(frame);
        if (!taken.ok()) return taken.error();
        if (*taken) frames_[count++] = frame;
      }
      if (count > 0) {
        BatchFiller::set_array(batch, frames_.data(), count);
        return Polled::frames;
      }
      // The inner batch is used up, and nothing points into it any more.
      Result<Polled> polled = source_->poll(unfiltered_, wait);
      if (!polled.ok() || *polled != Polled::frames) return polled;
    }
  }

  void stop() override { source_->stop(); }
  SourceStatistics statistics() override { return source_->statistics(); }

 private:
  Result<bool> takes(const Frame& frame) {
    if (!is_readable(static_cast<std::uint32_t>(frame.link))) return false;
    auto found = filters_.find(frame.link);
    if (found == filters_.end()) {
      Result<Filter> compiled = compile_filter(program_, expression_, frame.link, kRecordMax);
      if (!compiled.ok())
        return compiled.error().in(fmt::format("filter '{}' for {}", expression_, link_name(static_cast<std::uint32_t>(frame.link))));
      found = filters_.emplace(frame.link, std::move(*compiled)).first;
    }
    return run_filter(found->second, frame.data, frame.captured, frame.original) != 0;
  }

  std::unique_ptr<FrameSource> source_;
  std::string expression_;
  std::string program_;
  std::map<LinkType, Filter> filters_;  // one a link type: ten at most
  FrameBatch unfiltered_;
  std::array<Frame, 64> frames_{};
};

}  // namespace

std::unique_ptr<FrameSource> filter_frames(std::unique_ptr<FrameSource> source, std::string expression, std::string program) {
  return std::make_unique<FilteredSource>(std::move(source), std::move(expression), std::move(program));
}

}  // namespace nezu::probe
