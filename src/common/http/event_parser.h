// Inside of common/http: server-sent events out of a byte stream. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace nezu::http {

class EventParser {
 public:
  using EventHandler = std::function<bool(std::string_view event, std::string_view data)>;

  // Calls `handler` for each event that is complete; false as soon as it gives false. An event without a name is "message"; comments, ids and
  // retry fields are passed over. no_space: an event of more than 4 MiB.
  Result<bool> feed(std::string_view bytes, const EventHandler& handler);

 private:
  bool on_line(std::string_view line, const EventHandler& handler);

  std::string line_, event_, data_;
  bool after_cr_ = false, has_data_ = false;
};

}  // namespace nezu::http
