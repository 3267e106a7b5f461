#include "model/definition/rules.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/utf8.h"

namespace nezu::definition::rules {
namespace {

constexpr std::size_t kMaxNameCharacters = 63;

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_token_character(char c) { return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos; }
bool is_path_character(char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) { return (is_alnum(c) && !(c >= 'A' && c <= 'Z')) || c == '-' || c == '_'; });
}

bool is_domain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_bracketed_v6(std::string_view text) {
  if (text.size() < 4 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  return text.find(':') != std::string_view::npos && text.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

bool has_controls(std::string_view text) {
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    // U+2028, U+2029 and U+FEFF are line breaks and marks to YAML.
    if (c == kInvalidCodePoint || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff) return true;
  }
  return false;
}

}  // namespace

std::string name(std::string_view text) {
  std::string_view rest = text;
  bool well = !text.empty() && text != "." && text != ".." && text.size() <= 4 * kMaxNameCharacters &&
              count_code_points(text) <= kMaxNameCharacters;
  while (well && !rest.empty()) {
    const char32_t c = take_code_point(rest);
    well = is_name_character(c) || c == '.' || c == '_' || c == '-';
  }
  return well ? "" : fmt::format("a name: 1–{} letters and digits of any script, and . _ -", kMaxNameCharacters);
}

std::string transaction_name(std::string_view text) {
  if (text == kAllWebAccess) return fmt::format("another name: '{}' is the target that counts every request", kAllWebAccess);
  return name(text);
}

std::string host(std::string_view text) {
  const std::string_view domain = text.substr(0, 2) == "*." ? text.substr(2) : text;
  if (is_domain(domain) || is_bracketed_v6(text)) return "";
  if (text == "*") return "a host (leave hosts out for any)";
  return "a host without port, as shop.example.net, *.example.net, 192.0.2.1 or [2001:db8::1]; an international name in its xn-- form";
}

std::string path_prefix(std::string_view text) {
  if (!text.empty() && text.front() == '/' && path_part(text).empty()) return "";
  return fmt::format("a path that begins with / , at most {} visible ASCII characters without ? and # (others as %XX)", kMaxTextBytes);
}

std::string path_part(std::string_view text) {
  if (!text.empty() && text.size() <= kMaxTextBytes && std::all_of(text.begin(), text.end(), is_path_character)) return "";
  return fmt::format("a part of a path, 1–{} visible ASCII characters without ? and # (others as %XX)", kMaxTextBytes);
}

std::string method(std::string_view text) {
  const auto fits = [](char c) { return is_token_character(c) && !(c >= 'a' && c <= 'z'); };
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), fits) ? "" : "an HTTP method, as GET or POST";
}

std::string token(std::string_view text) {
  const bool well = !text.empty() && text.size() <= 256 && std::all_of(text.begin(), text.end(), is_token_character);
  return well ? "" : "a name of 1–256 letters, digits and !#$%&'*+-.^_`|~";
}

std::string parameter(std::string_view text) {
  const bool well = !text.empty() && text.size() <= 256 && !has_controls(text) && text.find_first_of(" &=#") == std::string_view::npos;
  return well ? "" : "a parameter's name: 1–256 bytes without spaces, & = and #";
}

std::string value(std::string_view text) {
  const bool well = text.size() <= kMaxTextBytes && !has_controls(text);
  return well ? "" : fmt::format("a text of at most {} bytes without control characters", kMaxTextBytes);
}

std::string lowered(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string raised(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

const char* to_string(PathCondition::Kind kind) {
  switch (kind) {
    case PathCondition::Kind::any: return "any";
    case PathCondition::Kind::exact: return "exact";
    case PathCondition::Kind::prefix: return "prefix";
    case PathCondition::Kind::suffix: return "suffix";
    case PathCondition::Kind::contains: return "contains";
  }
  return "unknown";
}

}  // namespace nezu::definition::rules
