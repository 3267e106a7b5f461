#include "common/http/target.h"

#include "common/http/client.h"

namespace nezu::http {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad_escape(std::string_view text) {
  return Error(ErrorCode::invalid_argument,
               "\"" + std::string(text) + "\" in the target: a percent sign is followed by two hexadecimal digits, not 00");
}

Status parse_query(std::string_view query, Request& request) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (request.query.size() == kQueryParametersMax) {
      return Error(ErrorCode::invalid_argument, "more than " + std::to_string(kQueryParametersMax) + " query parameters");
    }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = url_decode(pair.substr(0, equals), true);
    auto value = url_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return bad_escape(pair);
    request.query.emplace(std::move(*name), std::move(*value));
  }
  return {};
}

}  // namespace

std::optional<std::string> url_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 1 < text.size() ? hex(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string url_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

Status parse_target(Request& request) {
  std::string_view target = request.target;
  if (target == "*") {
    request.path = "/";
    return {};
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.substr(0, scheme.size()) != scheme) continue;
    target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
    if (target.empty() || target.front() == '?') {
      request.path = "/";
      return parse_query(target.empty() ? target : target.substr(1), request);
    }
  }
  if (target.empty() || target.front() != '/') {
    return Error(ErrorCode::invalid_argument, "target \"" + request.target + "\": wanted one that begins with \"/\"");
  }
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  auto path = url_decode(target.substr(0, question), false);
  if (!path) return bad_escape(target.substr(0, question));
  request.path = std::move(*path);
  return question == std::string_view::npos ? Status() : parse_query(target.substr(question + 1), request);
}

std::string Request::query_or(const std::string& name, const std::string& otherwise) const {
  const auto [first, last] = query.equal_range(name);
  return first == last ? otherwise : first->second;
}

}  // namespace nezu::http
