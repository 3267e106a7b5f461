#include <fmt/core.h>

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <set>

#include "common/base/utf8.h"
#include "common/json/json.h"

namespace nezu::json {
namespace {

namespace bj = boost::json;

// Builds our values from the parser's events; refuses keys that are there twice.
class Handler {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using Code = bj::error_code;
  using Text = bj::string_view;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return open(true); }
  bool on_object_end(std::size_t, Code&) {
    Frame frame = take_frame();
    add(Value(std::move(frame.members)));
    return true;
  }
  bool on_array_begin(Code&) { return open(false); }
  bool on_array_end(std::size_t, Code&) {
    Frame frame = take_frame();
    add(Value(std::move(frame.items)));
    return true;
  }
  bool on_key_part(Text part, std::size_t, Code&) { return append(part); }
  bool on_key(Text part, std::size_t, Code& code) {
    append(part);
    Frame& frame = frames_.back();
    if (!frame.keys.insert(text_).second) {
      twice = text_;
      code = bj::error::syntax;
      return false;
    }
    frame.members.push_back({std::exchange(text_, {}), Value()});
    return true;
  }
  bool on_string_part(Text part, std::size_t, Code&) { return append(part); }
  bool on_string(Text part, std::size_t, Code&) {
    append(part);
    add(Value(std::exchange(text_, {})));
    return true;
  }
  bool on_number_part(Text part, Code&) { return append(part); }
  bool on_int64(std::int64_t v, Text, Code&) {
    text_.clear();
    return add(Value(v));
  }
  bool on_uint64(std::uint64_t v, Text, Code&) {
    text_.clear();
    return add(Value(v));
  }
  // Boost 1.81 reads some doubles one unit in the last place off; a figure must come back as it was written.
  bool on_double(double rough, Text part, Code& code) {
    append(part);
    double exact = 0;
    const auto result = std::from_chars(text_.data(), text_.data() + text_.size(), exact);
    text_.clear();
    // Out of range: too small to be told from 0, or too large.
    const double v = result.ec == std::errc() ? exact : rough;
    if (!std::isfinite(v)) {
      code = bj::error::exponent_overflow;
      return false;
    }
    return add(Value(v));
  }
  bool on_bool(bool v, Code&) { return add(Value(v)); }
  bool on_null(Code&) { return add(Value()); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  Value root;
  std::string twice;

 private:
  struct Frame {
    bool object = false;
    Members members;
    std::set<std::string> keys;
    Array items;
  };

  bool open(bool object) {
    frames_.emplace_back();
    frames_.back().object = object;
    return true;
  }
  Frame take_frame() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    return frame;
  }
  bool append(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool add(Value value) {
    if (frames_.empty())
      root = std::move(value);
    else if (frames_.back().object)
      frames_.back().members.back().value = std::move(value);
    else
      frames_.back().items.push_back(std::move(value));
    return true;
  }

  std::vector<Frame> frames_;
  std::string text_;
};

Error fault_at(std::string_view text, std::size_t offset, const std::string& why) {
  const std::string_view before = text.substr(0, offset);
  std::size_t line = 1, begin = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] != '\n') continue;
    ++line;
    begin = i + 1;
  }
  return Error(ErrorCode::invalid_argument, fmt::format("line {}, column {}: {}", line, count_code_points(before.substr(begin)) + 1, why));
}

}  // namespace

Result<Value> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error(ErrorCode::invalid_argument, fmt::format("{} bytes of JSON; wanted at most {}", text.size(), limits.max_bytes));
  }
  bj::parse_options options;
  options.max_depth = limits.max_depth;
  bj::basic_parser<Handler> parser(options);
  bj::error_code code;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
  if (!parser.handler().twice.empty() && code) {
    return fault_at(text, used, fmt::format("the key '{}' is there twice", parser.handler().twice));
  }
  if (code == bj::error::too_deep) return fault_at(text, used, fmt::format("more than {} levels", limits.max_depth));
  if (code) return fault_at(text, used, "no JSON: " + code.message());
  const std::size_t rest = text.find_first_not_of(" \t\r\n", used);
  if (rest != std::string_view::npos) return fault_at(text, rest, "more text after the end of the JSON value");
  return std::move(parser.handler().root);
}

}  // namespace nezu::json
