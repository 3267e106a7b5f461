#include "common/base/check.h"
#include "common/json/json.h"

namespace nezu::json {

Value::Value() = default;
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

Value::Value(std::nullptr_t) {}
Value::Value(bool v) : value_(v) {}
Value::Value(double v) : value_(v) {}
Value::Value(const char* v) : value_(std::string(v)) {}
Value::Value(std::string_view v) : value_(std::string(v)) {}
Value::Value(std::string v) : value_(std::move(v)) {}
Value::Value(Array v) : value_(std::move(v)) {}
Value::Value(Members v) : value_(std::move(v)) {}

Value Value::of_signed(std::int64_t v) {
  Value value;
  value.value_ = v;
  return value;
}

// One number has one form: what fits the signed one is kept so.
Value Value::of_unsigned(std::uint64_t v) {
  Value value;
  if (v <= static_cast<std::uint64_t>(INT64_MAX))
    value.value_ = static_cast<std::int64_t>(v);
  else
    value.value_ = v;
  return value;
}

bool Value::bool_or(bool otherwise) const {
  const bool* v = std::get_if<bool>(&value_);
  return v != nullptr ? *v : otherwise;
}

std::int64_t Value::int_or(std::int64_t otherwise) const {
  const std::int64_t* v = std::get_if<std::int64_t>(&value_);
  return v != nullptr ? *v : otherwise;
}

std::uint64_t Value::uint_or(std::uint64_t otherwise) const {
  if (const std::uint64_t* v = std::get_if<std::uint64_t>(&value_)) return *v;
  const std::int64_t* v = std::get_if<std::int64_t>(&value_);
  return v != nullptr && *v >= 0 ? static_cast<std::uint64_t>(*v) : otherwise;
}

double Value::number_or(double otherwise) const {
  if (const double* v = std::get_if<double>(&value_)) return *v;
  if (const std::int64_t* v = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*v);
  if (const std::uint64_t* v = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*v);
  return otherwise;
}

std::string Value::string_or(std::string_view otherwise) const { return is_string() ? string() : std::string(otherwise); }

const std::string& Value::string() const {
  NEZU_CHECK(is_string());
  return std::get<std::string>(value_);
}
const Array& Value::array() const {
  NEZU_CHECK(is_array());
  return std::get<Array>(value_);
}
const Members& Value::members() const {
  NEZU_CHECK(is_object());
  return std::get<Members>(value_);
}

namespace {
const Value& null_value() {
  static const Value null;
  return null;
}
}  // namespace

const Value* Value::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const Member& member : members()) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

const Value& Value::operator[](std::string_view key) const {
  const Value* v = find(key);
  return v != nullptr ? *v : null_value();
}

const Value& Value::operator[](std::size_t index) const { return is_array() && index < array().size() ? array()[index] : null_value(); }

std::size_t Value::size() const { return is_array() ? array().size() : is_object() ? members().size() : 0; }

Value& Value::set(std::string key, Value value) {
  if (is_null()) value_ = Members();
  NEZU_CHECK(is_object());
  auto& all = std::get<Members>(value_);
  for (Member& member : all) {
    if (member.key != key) continue;
    member.value = std::move(value);
    return *this;
  }
  all.push_back({std::move(key), std::move(value)});
  return *this;
}

Value& Value::push(Value value) {
  if (is_null()) value_ = Array();
  NEZU_CHECK(is_array());
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

namespace {

void append_value(std::string& out, const Value& value, int indent);

void append_break(std::string& out, int indent) {
  if (indent < 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(indent) * 2, ' ');
}

// `indent`: the level, or -1 for the compact form.
void append_value(std::string& out, const Value& value, int indent) {
  const int inner = indent < 0 ? -1 : indent + 1;
  if (value.is_object() && value.size() > 0) {
    out += '{';
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Member& member = value.members()[i];
      if (i > 0) out += ',';
      append_break(out, inner);
      append_quoted(out, member.key);
      out += indent < 0 ? ":" : ": ";
      append_value(out, member.value, inner);
    }
    append_break(out, indent);
    out += '}';
  } else if (value.is_array() && value.size() > 0) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ',';
      append_break(out, inner);
      append_value(out, value.array()[i], inner);
    }
    append_break(out, indent);
    out += ']';
  } else {
    Writer(out).value(value);
  }
}

}  // namespace

std::string to_string(const Value& value) {
  std::string out;
  append_value(out, value, -1);
  return out;
}

std::string to_pretty_string(const Value& value) {
  std::string out;
  append_value(out, value, 0);
  return out;
}

}  // namespace nezu::json
