#include "model/definition/service.h"

#include <fmt/core.h>

#include <set>

#include "model/definition/rules.h"

namespace nezu::definition {
namespace {

using Rule = std::string (*)(std::string_view);

// Collects the first rule that is broken.
class Checker {
 public:
  void text(const std::string& where, std::string_view value, Rule rule) {
    if (const std::string wanted = rule(value); !wanted.empty()) fail(fmt::format("{}: '{}': wanted {}", where, value, wanted));
  }
  void texts(const std::string& where, const std::vector<std::string>& values, Rule rule) {
    count(where, values.size(), kMaxItems);
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < values.size() && well(); ++i) {
      text(fmt::format("{}[{}]", where, i), values[i], rule);
      if (!seen.insert(values[i]).second) fail(fmt::format("{}[{}]: '{}' is there twice", where, i, values[i]));
    }
  }
  void numbers(const std::string& where, const std::vector<std::uint16_t>& values, std::int64_t min, std::int64_t max) {
    count(where, values.size(), kMaxItems);
    std::set<std::uint16_t> seen;
    for (std::size_t i = 0; i < values.size() && well(); ++i) {
      if (values[i] < min || values[i] > max) fail(fmt::format("{}[{}]: {}: wanted a whole number, {}–{}", where, i, values[i], min, max));
      if (!seen.insert(values[i]).second) fail(fmt::format("{}[{}]: {} is there twice", where, i, values[i]));
    }
  }
  void pairs(const std::string& where, const std::map<std::string, std::string>& values, Rule key_rule) {
    count(where, values.size(), kMaxItems);
    for (const auto& [key, value] : values) {
      text(where, key, key_rule);
      text(where + '.' + key, value, rules::value);
    }
  }
  void count(const std::string& where, std::size_t n, std::size_t max) {
    if (n > max) fail(fmt::format("{}: {} items; wanted at most {}", where, n, max));
  }
  void fail(std::string why) {
    if (well()) why_ = std::move(why);
  }
  bool well() const { return why_.empty(); }
  Status status() const { return well() ? Status() : Status(Error(ErrorCode::invalid_argument, why_)); }

 private:
  std::string why_;
};

std::string lower_token(std::string_view text) {
  const std::string wanted = rules::token(text);
  return wanted.empty() && rules::lowered(std::string(text)) != text ? "lower case" : wanted;
}

void check(Checker& checker, const std::string& where, const WebTransaction& t) {
  checker.text(where + ".name", t.name, rules::transaction_name);
  checker.texts(where + ".methods", t.methods, rules::method);
  switch (t.path.kind) {
    case PathCondition::Kind::any:
      if (!t.path.value.empty()) checker.fail(fmt::format("{}.path: '{}': wanted no text where any path fits", where, t.path.value));
      break;
    case PathCondition::Kind::exact:
    case PathCondition::Kind::prefix: checker.text(where + ".path", t.path.value, rules::path_prefix); break;
    case PathCondition::Kind::suffix:
    case PathCondition::Kind::contains: checker.text(where + ".path", t.path.value, rules::path_part); break;
  }
  checker.pairs(where + ".query", t.query, rules::parameter);
  checker.pairs(where + ".headers", t.headers, lower_token);
  checker.pairs(where + ".cookies", t.cookies, rules::token);
}

Status as_status(std::string_view text, Rule rule) {
  const std::string wanted = rule(text);
  if (wanted.empty()) return {};
  return Error(ErrorCode::invalid_argument, fmt::format("'{}': wanted {}", text, wanted));
}

}  // namespace

std::string Service::full_name() const { return group.empty() ? name : group + '/' + name; }

Status validate(const Service& s) {
  Checker checker;
  if (!s.group.empty()) checker.text("group", s.group, rules::name);
  checker.text("name", s.name, rules::name);
  checker.texts("probes", s.probes, rules::name);
  checker.texts("hosts", s.hosts, rules::host);
  checker.numbers("ports", s.ports, rules::kMinPort, rules::kMaxPort);
  checker.texts("paths", s.paths, rules::path_prefix);
  checker.numbers("errors", s.errors, rules::kMinError, rules::kMaxError);
  checker.count("transactions", s.transactions.size(), kMaxTransactions);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < s.transactions.size() && checker.well(); ++i) {
    const std::string where = fmt::format("transactions[{}]", i);
    check(checker, where, s.transactions[i]);
    if (!names.insert(s.transactions[i].name).second)
      checker.fail(fmt::format("{}.name: '{}' is there twice", where, s.transactions[i].name));
  }
  return checker.status();
}

Status check_name(std::string_view name) { return as_status(name, rules::name); }
Status check_host_pattern(std::string_view pattern) { return as_status(pattern, rules::host); }

}  // namespace nezu::definition
