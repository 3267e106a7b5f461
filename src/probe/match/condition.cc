#include "probe/match/condition.h"

#include <algorithm>

namespace nezu::probe::match {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A "%" that isn't followed by two digits stands for itself, as servers take it.
void decode_into(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
      i += 2;
    } else {
      out.push_back(c == '+' ? ' ' : c);
    }
  }
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

std::pair<std::string, std::string>& next_slot(std::vector<std::pair<std::string, std::string>>& list, std::size_t& used) {
  if (used == list.size()) list.emplace_back();
  return list[used++];
}

template <class List>
bool pairs_match(const std::map<std::string, std::string>& wanted, const List& list, std::size_t used) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& w) {
    return std::any_of(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(used),
                       [&](const auto& have) { return have.first == w.first && (w.second == "*" || have.second == w.second); });
  });
}

void parse_cookies(std::string_view value, Scratch& s) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(';'), value.size());
    const std::string_view one = trim(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    if (one.empty()) continue;
    const std::size_t eq = std::min(one.find('='), one.size());
    std::string_view v = eq < one.size() ? trim(one.substr(eq + 1)) : std::string_view();
    if (v.size() >= 2 && v.front() == '"' && v.back() == '"') v = v.substr(1, v.size() - 2);
    s.cookies.emplace_back(trim(one.substr(0, eq)), v);
  }
}

}  // namespace

std::string_view path_of(std::string_view uri) { return uri.substr(0, uri.find_first_of("?#")); }

std::string_view query_of(std::string_view uri) {
  uri = uri.substr(0, uri.find('#'));
  const std::size_t mark = uri.find('?');
  return mark == std::string_view::npos ? std::string_view() : uri.substr(mark + 1);
}

void normalise_host(std::string_view host, std::string& out) {
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  out.assign(host);
  for (char& c : out) c = lower(c);
}

bool host_matches(std::string_view pattern, std::string_view host) {
  if (pattern.substr(0, 2) != "*.") return pattern == host;
  const std::string_view tail = pattern.substr(1);
  return host.size() > tail.size() && host.substr(host.size() - tail.size()) == tail;
}

bool path_matches(const definition::PathCondition& condition, std::string_view path) {
  using Kind = definition::PathCondition::Kind;
  const std::string_view v = condition.value;
  switch (condition.kind) {
    case Kind::any: return true;
    case Kind::exact: return path == v;
    case Kind::prefix: return path.substr(0, v.size()) == v;
    case Kind::suffix: return path.size() >= v.size() && path.substr(path.size() - v.size()) == v;
    case Kind::contains: return path.find(v) != std::string_view::npos;
  }
  return false;
}

void forget_request(Scratch& scratch) { scratch.query_parsed = scratch.headers_parsed = false; }

void need_query(const Transaction& transaction, Scratch& s) {
  if (s.query_parsed) return;
  s.query_parsed = true;
  s.query_used = 0;
  std::string_view rest = query_of(transaction.uri);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view one = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (one.empty()) continue;
    const std::size_t eq = std::min(one.find('='), one.size());
    auto& slot = next_slot(s.query, s.query_used);
    decode_into(one.substr(0, eq), slot.first);
    decode_into(eq < one.size() ? one.substr(eq + 1) : std::string_view(), slot.second);
  }
}

void need_headers(const Transaction& transaction, Scratch& s) {
  if (s.headers_parsed) return;
  s.headers_parsed = true;
  s.headers_used = 0;
  s.cookies.clear();
  std::string_view head = transaction.request_head;
  bool first = true;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    if (std::exchange(first, false)) continue;  // the request line
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    auto& slot = next_slot(s.headers, s.headers_used);
    slot.first.assign(line.substr(0, colon));
    for (char& c : slot.first) c = lower(c);
    slot.second.assign(trim(line.substr(colon + 1)));
  }
  for (std::size_t i = 0; i < s.headers_used; ++i) {
    if (s.headers[i].first == "cookie") parse_cookies(s.headers[i].second, s);
  }
}

bool transaction_matches(const definition::WebTransaction& wanted, const Transaction& t, std::string_view path, Scratch& s) {
  if (!wanted.methods.empty() && std::find(wanted.methods.begin(), wanted.methods.end(), t.method) == wanted.methods.end()) return false;
  if (!path_matches(wanted.path, path)) return false;
  if (!wanted.query.empty()) {
    need_query(t, s);
    if (!pairs_match(wanted.query, s.query, s.query_used)) return false;
  }
  if (wanted.headers.empty() && wanted.cookies.empty()) return true;
  need_headers(t, s);
  return pairs_match(wanted.headers, s.headers, s.headers_used) && pairs_match(wanted.cookies, s.cookies, s.cookies.size());
}

}  // namespace nezu::probe::match
