// From values to text. What is empty is left out, as people leave it out.
#include <algorithm>
#include <array>

#include "common/base/utf8.h"
#include "model/definition/rules.h"
#include "model/definition/service.h"

namespace nezu::definition {
namespace {

// Whether a text can stand in YAML without quotes, as a text, in a list too.
bool is_plain(std::string_view text) {
  constexpr std::array<std::string_view, 9> words{"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  if (text.empty() || std::find(words.begin(), words.end(), rules::lowered(std::string(text))) != words.end()) return false;
  // Digits and dots first may make a number of it; a dash a list.
  const char first = text.front();
  if ((first >= '0' && first <= '9') || first == '.' || first == '-' || first == '_') return false;
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    if (!is_name_character(c) && c != '.' && c != '_' && c != '-' && c != '/') return false;
  }
  return true;
}

void append_scalar(std::string& out, std::string_view text) {
  if (is_plain(text))
    out += text;
  else
    json::append_quoted(out, text);
}

// The value in flow form: [a, b], {a: b}.
void append_flow(std::string& out, const json::Value& value) {
  if (value.is_string()) {
    append_scalar(out, value.string());
  } else if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      append_flow(out, value.array()[i]);
    }
    out += ']';
  } else if (value.is_object()) {
    out += '{';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      append_scalar(out, value.members()[i].key);
      out += ": ";
      append_flow(out, value.members()[i].value);
    }
    out += '}';
  } else {
    out += json::to_string(value);
  }
}

// The members of a service or web transaction as an item of a list: "- key: …" and the rest below it.
void append_item(std::string& out, const json::Value& item, const std::string& indent) {
  bool first = true;
  for (const json::Member& member : item.members()) {
    out += indent + (first ? "- " : "  ") + member.key + ':';
    first = false;
    if (member.key == "transactions") {
      out += '\n';
      for (const json::Value& transaction : member.value.array()) append_item(out, transaction, indent + "    ");
      continue;
    }
    out += ' ';
    append_flow(out, member.value);
    out += '\n';
  }
}

template <class T>
json::Value list_of(const std::vector<T>& items) {
  json::Array array;
  for (const T& item : items) array.emplace_back(item);
  return array;
}

json::Value map_of(const std::map<std::string, std::string>& pairs) {
  json::Members members;
  for (const auto& [key, value] : pairs) members.push_back({key, value});
  return members;
}

json::Value to_value(const WebTransaction& t) {
  json::Value v;
  v.set("name", t.name);
  if (!t.methods.empty()) v.set("methods", list_of(t.methods));
  if (t.path.kind != PathCondition::Kind::any) v.set("path", json::Members{{rules::to_string(t.path.kind), t.path.value}});
  if (!t.query.empty()) v.set("query", map_of(t.query));
  if (!t.headers.empty()) v.set("headers", map_of(t.headers));
  if (!t.cookies.empty()) v.set("cookies", map_of(t.cookies));
  return v;
}

}  // namespace

json::Value to_value(const Service& s) {
  json::Value v;
  if (!s.group.empty()) v.set("group", s.group);
  v.set("name", s.name);
  if (!s.probes.empty()) v.set("probes", list_of(s.probes));
  if (!s.hosts.empty()) v.set("hosts", list_of(s.hosts));
  if (!s.ports.empty()) v.set("ports", list_of(s.ports));
  if (!s.paths.empty()) v.set("paths", list_of(s.paths));
  if (!s.errors.empty()) v.set("errors", list_of(s.errors));
  if (!s.transactions.empty()) {
    json::Array transactions;
    for (const WebTransaction& t : s.transactions) transactions.push_back(to_value(t));
    v.set("transactions", std::move(transactions));
  }
  return v;
}

std::string to_json(const Service& service) { return json::to_string(to_value(service)); }

std::string to_yaml(const std::vector<Service>& services) {
  std::string out = "apiVersion: nezuban/v1\n";
  if (services.empty()) return out + "services: []\n";
  out += "services:\n";
  for (const Service& service : services) append_item(out, to_value(service), "  ");
  return out;
}

namespace {

std::string shown(const json::Value* value) {
  if (value == nullptr) return "any";
  std::string text;
  append_flow(text, *value);
  return text;
}

// Keys of both, in the order of the writers.
void compare(const json::Value& before, const json::Value& after, const std::string& prefix, std::vector<std::string>& lines) {
  constexpr std::array<std::string_view, 12> keys{"group",  "name",    "probes", "hosts", "ports",   "paths",
                                                  "errors", "methods", "path",   "query", "headers", "cookies"};
  for (const std::string_view key : keys) {
    const json::Value* a = before.find(key);
    const json::Value* b = after.find(key);
    const bool same = (a == nullptr) == (b == nullptr) && (a == nullptr || *a == *b);
    if (same) continue;
    const bool none = key == "errors" || key == "group";
    const auto text = [&](const json::Value* v) { return v == nullptr && none ? "none" : shown(v); };
    lines.push_back(prefix + std::string(key) + ": " + text(a) + " → " + text(b));
  }
}

const WebTransaction* find(const std::vector<WebTransaction>& all, const std::string& name) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const WebTransaction& t) { return t.name == name; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

std::vector<std::string> differences(const Service& before, const Service& after) {
  std::vector<std::string> lines;
  compare(to_value(before), to_value(after), "", lines);
  std::vector<std::string> stayed_before, stayed_after;
  for (const WebTransaction& t : before.transactions) {
    const WebTransaction* now = find(after.transactions, t.name);
    if (now == nullptr) {
      lines.push_back("transactions." + t.name + ": removed");
      continue;
    }
    compare(to_value(t), to_value(*now), "transactions." + t.name + ".", lines);
    stayed_before.push_back(t.name);
  }
  for (const WebTransaction& t : after.transactions) {
    if (find(before.transactions, t.name) != nullptr)
      stayed_after.push_back(t.name);
    else
      lines.push_back("transactions." + t.name + ": added");
  }
  if (stayed_before != stayed_after) lines.push_back("transactions: in another order");
  return lines;
}

}  // namespace nezu::definition
