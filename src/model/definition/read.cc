// From text to values: one strict reader for YAML and JSON.
#include <fmt/core.h>

#include <set>

#include "common/config/config.h"
#include "model/definition/rules.h"
#include "model/definition/service.h"

namespace nezu::definition {
namespace {

using config::Node;
using Rule = std::string (*)(std::string_view);

void check(const Node& node, const std::string& text, Rule rule) {
  if (const std::string wanted = rule(text); !wanted.empty()) node.wanted(wanted);
}

bool few_enough(const Node& node, std::size_t count, std::size_t max) {
  if (count <= max) return true;
  node.error(fmt::format("{} items; wanted at most {}", count, max));
  return false;
}

std::vector<std::string> read_texts(const Node& node, Rule rule, std::string (*normal)(std::string)) {
  std::vector<std::string> texts;
  std::set<std::string> seen;
  const std::vector<Node> items = node.list();
  if (!few_enough(node, items.size(), kMaxItems)) return texts;
  for (const Node& item : items) {
    std::string text = item.required().string();
    if (!item.is_scalar()) continue;
    if (normal != nullptr) text = normal(std::move(text));
    check(item, text, rule);
    if (!seen.insert(text).second) item.error(fmt::format("'{}' is there twice", text));
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<std::uint16_t> read_numbers(const Node& node, std::int64_t min, std::int64_t max) {
  std::vector<std::uint16_t> numbers;
  std::set<std::uint16_t> seen;
  const std::vector<Node> items = node.list();
  if (!few_enough(node, items.size(), kMaxItems)) return numbers;
  for (const Node& item : items) {
    const auto number = static_cast<std::uint16_t>(item.required().integer(min, min, max));
    if (item.given() && !seen.insert(number).second) item.error(fmt::format("{} is there twice", number));
    numbers.push_back(number);
  }
  return numbers;
}

std::map<std::string, std::string> read_pairs(const Node& node, Rule key_rule, bool lower_keys) {
  std::map<std::string, std::string> pairs;
  const auto entries = node.entries();
  if (!few_enough(node, entries.size(), kMaxItems)) return pairs;
  for (const auto& entry : entries) {
    const std::string key = lower_keys ? rules::lowered(entry.key) : entry.key;
    if (const std::string wanted = key_rule(key); !wanted.empty())
      entry.value.error(fmt::format("the key '{}': wanted {}", entry.key, wanted));
    const std::string text = entry.value.required().string();
    check(entry.value, text, rules::value);
    if (!pairs.emplace(key, text).second) entry.value.error(fmt::format("'{}' is there twice", key));
  }
  return pairs;
}

PathCondition read_path(const Node& node) {
  PathCondition path;
  if (!node.given()) return path;
  int given = 0;
  for (const auto kind :
       {PathCondition::Kind::exact, PathCondition::Kind::prefix, PathCondition::Kind::suffix, PathCondition::Kind::contains}) {
    const Node value = node[rules::to_string(kind)];
    if (!value.given()) continue;
    ++given;
    path.kind = kind;
    path.value = value.string();
    const bool from_start = kind == PathCondition::Kind::exact || kind == PathCondition::Kind::prefix;
    if (value.is_scalar()) check(value, path.value, from_start ? rules::path_prefix : rules::path_part);
  }
  if (node.is_map() && given != 1) node.error("wanted one of {exact: …}, {prefix: …}, {suffix: …}, {contains: …}");
  return path;
}

WebTransaction read_transaction(const Node& node) {
  WebTransaction t;
  const Node name = node["name"].required();
  t.name = name.string();
  if (name.is_scalar()) check(name, t.name, rules::transaction_name);
  t.methods = read_texts(node["methods"], rules::method, rules::raised);
  t.path = read_path(node["path"]);
  t.query = read_pairs(node["query"], rules::parameter, false);
  t.headers = read_pairs(node["headers"], rules::token, true);
  t.cookies = read_pairs(node["cookies"], rules::token, false);
  return t;
}

Service read_service(const Node& node) {
  Service s;
  const Node group = node["group"];
  s.group = group.string();
  if (group.is_scalar() && !s.group.empty()) check(group, s.group, rules::name);
  const Node name = node["name"].required();
  s.name = name.string();
  if (name.is_scalar()) check(name, s.name, rules::name);
  s.probes = read_texts(node["probes"], rules::name, nullptr);
  s.hosts = read_texts(node["hosts"], rules::host, rules::lowered);
  s.ports = read_numbers(node["ports"], rules::kMinPort, rules::kMaxPort);
  s.paths = read_texts(node["paths"], rules::path_prefix, nullptr);
  s.errors = read_numbers(node["errors"], rules::kMinError, rules::kMaxError);

  std::set<std::string> names;
  const std::vector<Node> transactions = node["transactions"].list();
  if (!few_enough(node["transactions"], transactions.size(), kMaxTransactions)) return s;
  for (const Node& item : transactions) {
    WebTransaction t = read_transaction(item.required());
    if (!names.insert(t.name).second && !t.name.empty()) item["name"].error(fmt::format("'{}' is there twice in this service", t.name));
    s.transactions.push_back(std::move(t));
  }
  return s;
}

}  // namespace

Result<std::vector<Service>> parse_yaml(std::string_view text, const std::string& file) {
  auto document = config::Document::parse(text, file);
  if (!document) return document.error();
  const Node root = document->root();
  const Node version = root["apiVersion"].required();
  if (version.is_scalar() && version.string() != "nezuban/v1") version.wanted("nezuban/v1");

  std::vector<Service> services;
  std::set<std::string> names;
  const std::vector<Node> items = root["services"].required().list();
  if (few_enough(root["services"], items.size(), kMaxServices)) {
    for (const Node& item : items) {
      Service s = read_service(item.required());
      if (!s.name.empty() && !names.insert(s.full_name()).second) item["name"].error(fmt::format("'{}' is there twice", s.full_name()));
      services.push_back(std::move(s));
    }
  }
  if (Status well = document->finish(); !well) return well.error();
  return services;
}

Result<Service> from_value(const json::Value& value) {
  auto document = config::Document::from_json(value);
  if (!document) return document.error();
  if (!document->root().is_map()) return Error(ErrorCode::invalid_argument, "wanted a JSON object with a service's keys");
  Service s = read_service(document->root());
  if (Status well = document->finish(); !well) return well.error();
  return s;
}

Result<Service> parse_json(std::string_view text) {
  auto value = json::parse(text);
  if (!value) return value.error();
  return from_value(*value);
}

}  // namespace nezu::definition
