#include "load/response_reader.h"

#include <algorithm>
#include <charconv>

namespace nezu::load {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

template <class Number>
bool parse_number(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

void ResponseReader::begin(bool head) {
  part_ = Part::head;
  line_.clear();
  line_whole_ = false;
  head_request_ = head;
  first_line_ = true;
  chunked_ = has_length_ = false;
  keep_alive_ = true;
  empty_ = true;
  status_ = 0;
  left_ = body_bytes_ = 0;
}

bool ResponseReader::read_line(std::string_view& bytes) {
  if (line_whole_) {
    line_.clear();
    line_whole_ = false;
  }
  const auto at = bytes.find('\n');
  line_.append(bytes.substr(0, at));
  if (line_.size() > kLineMax) part_ = Part::malformed;
  if (at == std::string_view::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(at + 1);
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  line_whole_ = true;
  return true;
}

void ResponseReader::head_line() {
  const std::string_view line = line_;
  if (first_line_) {
    first_line_ = false;
    if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ' || !parse_number(line.substr(9, 3), status_)) {
      part_ = Part::malformed;
      return;
    }
    keep_alive_ = line[7] == '1';
    return;
  }
  if (line.empty()) return head_ended();
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) {
    part_ = Part::malformed;
    return;
  }
  header(line.substr(0, colon), trimmed(line.substr(colon + 1)));
}

void ResponseReader::header(std::string_view name, std::string_view value) {
  if (equal_ignoring_case(name, "content-length")) {
    has_length_ = parse_number(value, left_);
    if (!has_length_) part_ = Part::malformed;
  } else if (equal_ignoring_case(name, "transfer-encoding")) {
    chunked_ = equal_ignoring_case(value, "chunked");
  } else if (equal_ignoring_case(name, "connection")) {
    if (equal_ignoring_case(value, "close")) keep_alive_ = false;
    if (equal_ignoring_case(value, "keep-alive")) keep_alive_ = true;
  }
}

void ResponseReader::head_ended() {
  if (status_ >= 100 && status_ < 200) {  // not final: the next head follows
    first_line_ = true;
    chunked_ = has_length_ = false;
    status_ = 0;
    left_ = 0;
  } else if (head_request_ || status_ == 204 || status_ == 304) {
    part_ = Part::complete;
  } else if (chunked_) {
    part_ = Part::chunk_size;
  } else if (has_length_) {
    part_ = left_ == 0 ? Part::complete : Part::body;
  } else {
    part_ = Part::until_close;
    keep_alive_ = false;
  }
}

void ResponseReader::chunk_size_line() {
  const std::string_view line = std::string_view(line_).substr(0, line_.find(';'));
  if (!parse_number(trimmed(line), left_, 16)) {
    part_ = Part::malformed;
  } else {
    part_ = left_ == 0 ? Part::trailer : Part::chunk;
  }
}

void ResponseReader::take_body(std::string_view& bytes) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  bytes.remove_prefix(taken);
  left_ -= taken;
  body_bytes_ += taken;
  if (left_ == 0) part_ = part_ == Part::chunk ? Part::chunk_end : Part::complete;
}

ResponseReader::State ResponseReader::take(std::string_view bytes) {
  if (!bytes.empty()) empty_ = false;
  while (!bytes.empty() && part_ != Part::malformed) {
    switch (part_) {
      case Part::head:
        if (read_line(bytes)) head_line();
        break;
      case Part::chunk_size:
        if (read_line(bytes)) chunk_size_line();
        break;
      case Part::chunk_end:
        if (read_line(bytes)) part_ = line_.empty() ? Part::chunk_size : Part::malformed;
        break;
      case Part::trailer:
        if (read_line(bytes) && line_.empty()) part_ = Part::complete;
        break;
      case Part::body:
      case Part::chunk: take_body(bytes); break;
      case Part::until_close:
        body_bytes_ += bytes.size();
        bytes = {};
        break;
      case Part::complete: part_ = Part::malformed; break;
      case Part::malformed: break;
    }
  }
  return state();
}

ResponseReader::State ResponseReader::end_of_stream() {
  if (part_ == Part::until_close) part_ = Part::complete;
  return state();
}

ResponseReader::State ResponseReader::state() const {
  if (part_ == Part::complete) return State::complete;
  return part_ == Part::malformed ? State::malformed : State::reading;
}

}  // namespace nezu::load
