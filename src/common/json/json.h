// JSON: reading into a small value type, and writing straight into a string. Boost.JSON does the reading, in parse.cc only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/result.h"

namespace nezu::json {

class Value;
struct Member;
using Array = std::vector<Value>;
using Members = std::vector<Member>;  // in the order of the text; keys are unique

// A value type. Numbers keep what they were: whole ones that fit stay whole.
class Value {
 public:
  // Out of line: compiled once, and g++ 12 warns of uninitialised members where it inlines a variant's moves.
  Value();  // null
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  // NOLINTBEGIN: implicit on purpose
  Value(std::nullptr_t);
  Value(bool v);
  Value(double v);
  Value(const char* v);
  Value(std::string_view v);
  Value(std::string v);
  Value(Array v);
  Value(Members v);
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  Value(T v) : Value(of_integer(v)) {}
  // NOLINTEND

  bool is_null() const { return value_.index() == 0; }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<std::uint64_t>(value_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Members>(value_); }

  // The value where it is of that kind (and fits), else `otherwise`.
  bool bool_or(bool otherwise) const;
  std::int64_t int_or(std::int64_t otherwise) const;
  std::uint64_t uint_or(std::uint64_t otherwise) const;
  double number_or(double otherwise) const;
  std::string string_or(std::string_view otherwise) const;
  // REQUIRES: is_string(), is_array(), is_object()
  const std::string& string() const;
  const Array& array() const;
  const Members& members() const;

  // A member's value, or an array's item; null where there is none (or where this is no object, no array). So chains are safe:
  // value["store"]["chunks"].uint_or(0).
  const Value& operator[](std::string_view key) const;
  const Value& operator[](std::size_t index) const;
  const Value* find(std::string_view key) const;  // nullptr: not there
  std::size_t size() const;                       // of an array or object; else 0

  // Sets a member; null becomes an object. REQUIRES: is_null() or is_object()
  Value& set(std::string key, Value value);
  // Appends an item; null becomes an array. REQUIRES: is_null() or is_array()
  Value& push(Value value);

  friend bool operator==(const Value&, const Value&) = default;

 private:
  template <class T>
  static Value of_integer(T v) {
    if constexpr (std::is_signed_v<T>)
      return of_signed(v);
    else
      return of_unsigned(v);
  }
  static Value of_signed(std::int64_t v);
  static Value of_unsigned(std::uint64_t v);

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Members> value_;
};
struct Member {
  std::string key;
  Value value;
  friend bool operator==(const Member&, const Member&) = default;
};

struct Limits {
  std::size_t max_bytes = 16 << 20;
  std::size_t max_depth = 32;
};
// One JSON text (RFC 8259), nothing after it. Errors (invalid_argument): "line 3, column 7: …"; a key twice, text that isn't UTF-8, a number
// beyond a double's range, and what passes the limits are errors too.
Result<Value> parse(std::string_view text, const Limits& limits = {});

// Compact; or with line breaks and two spaces a level.
std::string to_string(const Value& value);
std::string to_pretty_string(const Value& value);

// Appends `text` in quotes, escaped; bytes that aren't UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view text);
// The shortest form that reads back the same; not finite: null.
void append_number(std::string& out, double value);

// Writes JSON into a string, fast; commas come by themselves. Misuse (a value without a key in an object, an end that doesn't fit) is a bug.
//
//   Writer w(out);
//   w.begin_object().member("name", name).key("ports").begin_array().value(80).end_array().end_object();
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return begin('{', true); }
  Writer& end_object() { return end('}', true); }
  Writer& begin_array() { return begin('[', false); }
  Writer& end_array() { return end(']', false); }
  Writer& key(std::string_view name);

  Writer& value(std::string_view v);
  Writer& value(const char* v) { return value(std::string_view(v)); }
  Writer& value(const std::string& v) { return value(std::string_view(v)); }
  Writer& value(double v);
  template <class T>
    requires std::is_integral_v<T>
  Writer& value(T v) {
    if constexpr (std::is_same_v<T, bool>)
      return raw(v ? "true" : "false");
    else if constexpr (std::is_signed_v<T>)
      return integer(static_cast<std::int64_t>(v));
    else
      return unsigned_integer(static_cast<std::uint64_t>(v));
  }
  template <class T>
  Writer& value(const std::optional<T>& v) {
    return v ? value(*v) : null();
  }
  Writer& value(const Value& v);
  Writer& null() { return raw("null"); }
  // Text that is a JSON value already.
  Writer& raw(std::string_view json);

  template <class T>
  Writer& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  Writer& begin(char bracket, bool object);
  Writer& end(char bracket, bool object);
  Writer& integer(std::int64_t v);
  Writer& unsigned_integer(std::uint64_t v);
  void before_value();

  std::string& out_;
  struct Level {
    bool object;
    bool empty = true;
    bool has_key = false;
  };
  std::vector<Level> levels_;
};

}  // namespace nezu::json
