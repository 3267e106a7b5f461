#include <array>
#include <charconv>
#include <cmath>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/json/json.h"

namespace nezu::json {
namespace {

template <class T>
void append_chars(std::string& out, T value) {
  std::array<char, 32> buffer{};
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  NEZU_CHECK(code == std::errc());
  out.append(buffer.data(), end);
}

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u00";
  out += digits[c >> 4];
  out += digits[c & 15];
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  // Runs of plain ASCII are most of all text: they are copied in one go.
  std::size_t begin = 0, i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    out.append(text, begin, i - begin);
    if (c < 0x80) {
      append_escape(out, c);
      ++i;
    } else {
      std::string_view rest = text.substr(i);
      const char32_t point = take_code_point(rest);
      append_utf8(out, point == kInvalidCodePoint ? 0xfffd : point);
      i = text.size() - rest.size();
    }
    begin = i;
  }
  out.append(text, begin, text.size() - begin);
  out += '"';
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  append_chars(out, value);
}

void Writer::before_value() {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (level.object) {
    NEZU_CHECK(level.has_key);
    level.has_key = false;
  } else {
    if (!level.empty) out_ += ',';
    level.empty = false;
  }
}

Writer& Writer::key(std::string_view name) {
  NEZU_CHECK(!levels_.empty() && levels_.back().object && !levels_.back().has_key);
  if (!levels_.back().empty) out_ += ',';
  levels_.back().empty = false;
  levels_.back().has_key = true;
  append_quoted(out_, name);
  out_ += ':';
  return *this;
}

Writer& Writer::begin(char bracket, bool object) {
  before_value();
  out_ += bracket;
  levels_.push_back({object, true, false});
  return *this;
}

Writer& Writer::end(char bracket, bool object) {
  NEZU_CHECK(!levels_.empty() && levels_.back().object == object && !levels_.back().has_key);
  out_ += bracket;
  levels_.pop_back();
  return *this;
}

Writer& Writer::value(std::string_view v) {
  before_value();
  append_quoted(out_, v);
  return *this;
}

Writer& Writer::value(double v) {
  before_value();
  append_number(out_, v);
  return *this;
}

Writer& Writer::integer(std::int64_t v) {
  before_value();
  append_chars(out_, v);
  return *this;
}

Writer& Writer::unsigned_integer(std::uint64_t v) {
  before_value();
  append_chars(out_, v);
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  before_value();
  out_ += json;
  return *this;
}

Writer& Writer::value(const Value& v) {
  if (v.is_null()) return null();
  if (v.is_bool()) return raw(v.bool_or(false) ? "true" : "false");
  if (v.is_string()) return value(std::string_view(v.string()));
  if (v.is_integer()) return v.int_or(-1) >= 0 || v.uint_or(0) == 0 ? integer(v.int_or(0)) : unsigned_integer(v.uint_or(0));
  if (v.is_number()) return value(v.number_or(0));
  if (v.is_array()) {
    begin_array();
    for (const Value& item : v.array()) value(item);
    return end_array();
  }
  begin_object();
  for (const Member& m : v.members()) key(m.key).value(m.value);
  return end_object();
}

}  // namespace nezu::json
