// A FrameSource that hands over only the frames that a filter expression takes: for files, where no kernel does it.
#pragma once

#include <memory>
#include <string>

#include "probe/capture/filter.h"
#include "probe/capture/frame.h"

namespace nezu::probe {

// `program`: the filter compiler (filter_program()). The expression is compiled for each link type that comes up; where it makes no sense
// for one (`ether host` on raw IP), poll() fails with invalid_argument.
std::unique_ptr<FrameSource> filter_frames(std::unique_ptr<FrameSource> source, std::string expression, std::string program);

}  // namespace nezu::probe
