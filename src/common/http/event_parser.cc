#include "common/http/event_parser.h"

namespace nezu::http {

namespace {
constexpr std::size_t kEventMax = 4 << 20;
}

bool EventParser::on_line(std::string_view line, const EventHandler& handler) {
  if (line.empty()) {
    bool go_on = true;
    if (has_data_) go_on = handler(event_.empty() ? std::string_view("message") : event_, data_);
    event_.clear();
    data_.clear();
    has_data_ = false;
    return go_on;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "event") {
    event_ = value;
  } else if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  }
  return true;
}

Result<bool> EventParser::feed(std::string_view bytes, const EventHandler& handler) {
  for (const char c : bytes) {
    if (c == '\n' && after_cr_) {  // the second half of "\r\n"
      after_cr_ = false;
      continue;
    }
    after_cr_ = c == '\r';
    if (c != '\n' && c != '\r') {
      if (line_.size() + data_.size() >= kEventMax) return Error(ErrorCode::no_space, "an event of more than 4 MiB");
      line_ += c;
      continue;
    }
    const std::string line = std::move(line_);
    line_.clear();
    if (!on_line(line, handler)) return false;
  }
  return true;
}

}  // namespace nezu::http
