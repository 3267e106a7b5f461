#include "probe/http1/head.h"

#include <cstring>

namespace nezu::probe::http1 {
namespace {

constexpr std::size_t kMaxMethod = 32;
constexpr std::uint64_t kMaxLength = std::uint64_t{1} << 62;

bool is_token(unsigned char c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return true;
  return c == '-' || c == '_' || c == '!' || c == '#' || c == '$' || c == '%' || c == '&' || c == '\'' || c == '*' || c == '+' ||
         c == '.' || c == '^' || c == '`' || c == '|' || c == '~';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t'; }

// `lower` in small letters.
bool same(const char* p, const char* lower, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const char c = p[i];
    if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != lower[i]) return false;
  }
  return true;
}
bool same(std::string_view s, std::string_view lower) { return s.size() == lower.size() && same(s.data(), lower.data(), s.size()); }

std::string_view trim(std::string_view s) {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

const char* find_line_end(const char* p, const char* end) {
  return p < end ? static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p))) : nullptr;
}

// "HTTP/1.1", "HTTP/1.0": the version, or empty.
std::string_view version_of(std::string_view s) {
  if (s.size() != 8 || std::memcmp(s.data(), "HTTP/1.", 7) != 0 || !is_digit(s[7])) return {};
  return s.substr(5);
}

// One number, or a list of the same one.
void content_length(std::string_view value, Framing& out) {
  for (bool more = true; more;) {
    const std::size_t comma = value.find(',');
    const std::string_view one = trim(value.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) value.remove_prefix(comma + 1);
    std::uint64_t n = 0;
    bool right = !one.empty();
    for (const char c : one) {
      right = right && is_digit(c) && n < kMaxLength / 10;
      if (!right) break;
      n = n * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (!right || (out.has_length && out.length != n)) {
      out.ambiguous = true;
      return;
    }
    out.has_length = true;
    out.length = n;
  }
}

// The codings in order; chunked may stand once, and last.
void transfer_encoding(std::string_view value, Framing& out) {
  for (bool more = true; more;) {
    const std::size_t comma = value.find(',');
    const std::string_view one = trim(value.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) value.remove_prefix(comma + 1);
    if (out.chunked) out.ambiguous = true;
    if (same(one, "chunked")) {
      out.chunked = true;
      out.other_coding = false;
    } else if (same(one, "gzip") || same(one, "deflate") || same(one, "compress") || same(one, "x-gzip") || same(one, "x-compress")) {
      out.other_coding = true;
    } else {
      out.ambiguous = true;
    }
  }
}

// "host:port" → host, "[v6]:port" → v6.
std::string_view without_port(std::string_view s) {
  if (!s.empty() && s.front() == '[') {
    const std::size_t close = s.find(']');
    return close == std::string_view::npos ? s : s.substr(1, close - 1);
  }
  return s.substr(0, s.find(':'));
}

// The value of the header line [p, end) if its name is `lower`; spaces before the colon make it ambiguous.
bool header_is(std::string_view line, std::string_view lower, std::string_view& value, bool& spaced) {
  if (line.size() <= lower.size() || !same(line.data(), lower.data(), lower.size())) return false;
  std::size_t i = lower.size();
  while (i < line.size() && is_space(line[i])) ++i;
  if (i == line.size() || line[i] != ':') return false;
  spaced = i != lower.size();
  value = trim(line.substr(i + 1));
  return true;
}

// Header lines from `p` on. Gives the byte after the empty line, or null where `end` comes first. `host` may be null (responses).
const char* headers(const char* p, const char* end, Framing& framing, std::string_view* host) {
  bool length_line = false;  // the line before was one that folding would change
  bool host_seen = false;
  for (;;) {
    const char* nl = find_line_end(p, end);
    if (nl == nullptr) return nullptr;
    std::string_view line(p, static_cast<std::size_t>(nl - p));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    p = nl + 1;
    if (line.empty()) return p;
    std::string_view value;
    bool spaced = false;
    switch (line[0] | 0x20) {
      case ' ':
      case '\t' | 0x20:
        if (is_space(line[0])) {
          if (length_line) framing.ambiguous = true;
          continue;
        }
        break;
      case 'h':
        if (host != nullptr && !host_seen && header_is(line, "host", value, spaced)) {
          *host = without_port(value);
          host_seen = true;
        }
        break;
      case 'c':
        if (header_is(line, "content-length", value, spaced)) {
          content_length(value, framing);
          framing.ambiguous |= spaced;
          length_line = true;
          continue;
        }
        break;
      case 't':
        if (header_is(line, "transfer-encoding", value, spaced)) {
          transfer_encoding(value, framing);
          framing.ambiguous |= spaced;
          length_line = true;
          continue;
        }
        break;
      default: break;
    }
    length_line = false;
  }
}

void judge(Framing& framing, std::string_view version) {
  const bool coded = framing.chunked || framing.other_coding;
  if (coded && (framing.has_length || version == "1.0")) framing.ambiguous = true;
}

// The length of the method in front, or 0. `size` may end within it: then `open` is set.
std::size_t method_length(const char* data, std::size_t size, bool& open) {
  std::size_t n = 0;
  while (n < size && n <= kMaxMethod && is_token(static_cast<unsigned char>(data[n]))) ++n;
  open = n == size && n <= kMaxMethod;
  return n > kMaxMethod ? 0 : n;
}

// Absolute form: the authority gives the host, and is taken off.
void split_target(RequestHead& out) {
  std::string_view& uri = out.uri;
  const std::size_t scheme = uri.size() > 7 && same(uri.data(), "http://", 7)    ? 7
                             : uri.size() > 8 && same(uri.data(), "https://", 8) ? 8
                                                                                 : 0;
  if (scheme == 0) return;
  const std::size_t slash = uri.find_first_of("/?#", scheme);
  std::string_view authority = uri.substr(scheme, slash == std::string_view::npos ? slash : slash - scheme);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  out.host = without_port(authority);
  uri = slash == std::string_view::npos ? std::string_view("/") : uri.substr(slash);
}

// The request line [data, line_end), which `line_end` (a LF) ends.
bool request_line(const char* data, const char* line_end, RequestHead& out) {
  std::string_view line(data, static_cast<std::size_t>(line_end - data));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  bool open = false;
  const std::size_t method = method_length(line.data(), line.size(), open);
  if (method == 0 || method + 11 > line.size() || line[method] != ' ') return false;
  const std::size_t last = line.size() - 9;
  out.version = line[last] == ' ' ? version_of(line.substr(last + 1)) : std::string_view();
  if (out.version.empty()) return false;
  out.method = line.substr(0, method);
  out.uri = trim(line.substr(method + 1, last - method - 1));
  for (const char ch : out.uri) {
    const unsigned char c = static_cast<unsigned char>(ch);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return !out.uri.empty();
}

bool status_line(const char* data, const char* line_end, ResponseHead& out) {
  std::string_view line(data, static_cast<std::size_t>(line_end - data));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.size() < 12) return false;
  out.version = version_of(line.substr(0, 8));
  if (out.version.empty() || line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) return false;
  if (line[9] == '0' || (line.size() > 12 && line[12] != ' ')) return false;
  out.status = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  return true;
}

// Could these bytes, which hold no line end, become a start line?
bool request_may_come(const char* data, std::size_t size) {
  bool open = false;
  const std::size_t method = method_length(data, size, open);
  if (open) return true;
  return method != 0 && data[method] == ' ' && line_may_go_on(data + method, size - method);
}
bool response_may_come(const char* data, std::size_t size) {
  static constexpr char start[] = "HTTP/1.";
  return std::memcmp(data, start, size < 7 ? size : 7) == 0;
}

}  // namespace

bool line_may_go_on(const char* data, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned char c = static_cast<unsigned char>(data[i]);
    if ((c < 0x20 && c != '\t' && !(c == '\r' && i + 1 == size)) || c == 0x7f) return false;
  }
  return true;
}

Parsed parse_request(const char* data, std::size_t size, RequestHead& out, std::size_t& used) {
  const char* end = data + size;
  const char* nl = find_line_end(data, end);
  if (nl == nullptr) return request_may_come(data, size) ? Parsed::incomplete : Parsed::invalid;
  if (!request_line(data, nl, out)) return Parsed::invalid;
  std::string_view host;
  const char* after = headers(nl + 1, end, out.framing, &host);
  if (after == nullptr) return Parsed::incomplete;
  out.host = host;
  split_target(out);
  if (out.host.empty() && out.method == "CONNECT") out.host = without_port(out.uri);
  judge(out.framing, out.version);
  if (out.framing.other_coding) out.framing.ambiguous = true;
  used = static_cast<std::size_t>(after - data);
  return Parsed::complete;
}

Parsed parse_response(const char* data, std::size_t size, ResponseHead& out, std::size_t& used) {
  const char* end = data + size;
  const char* nl = find_line_end(data, end);
  if (nl == nullptr) return response_may_come(data, size) ? Parsed::incomplete : Parsed::invalid;
  if (!status_line(data, nl, out)) return Parsed::invalid;
  const char* after = headers(nl + 1, end, out.framing, nullptr);
  if (after == nullptr) return Parsed::incomplete;
  judge(out.framing, out.version);
  used = static_cast<std::size_t>(after - data);
  return Parsed::complete;
}

bool parse_request_start(const char* data, std::size_t size, RequestHead& out) {
  const char* nl = find_line_end(data, data + size);
  if (nl == nullptr || !request_line(data, nl, out)) return false;
  std::string_view host;
  headers(nl + 1, data + size, out.framing, &host);
  out.host = host;
  split_target(out);
  return true;
}

bool parse_response_start(const char* data, std::size_t size, ResponseHead& out) {
  const char* nl = find_line_end(data, data + size);
  return nl != nullptr && status_line(data, nl, out);
}

bool looks_like_request(const char* data, std::size_t size) {
  bool open = false;
  const std::size_t method = method_length(data, size, open);
  if (method < 3 || open || data[method] != ' ' || method + 1 >= size) return false;
  for (std::size_t i = 0; i < method; ++i) {
    if (data[i] < 'A' || data[i] > 'Z') return false;
  }
  std::size_t i = method + 1;
  const char first = data[i];
  if (first != '/' && first != '*' && first != 'h' && first != 'H' && std::memcmp(data, "CONNECT", method < 7 ? method : 7) != 0)
    return false;
  while (i<size&& static_cast<unsigned char>(data[i])> 0x20 && data[i] != 0x7f) ++i;
  if (i == size) return true;
  static constexpr char rest[] = " HTTP/1.";
  const std::size_t left = size - i;
  if (std::memcmp(data + i, rest, left < 8 ? left : 8) != 0) return false;
  if (left <= 8) return true;
  if (!is_digit(data[i + 8])) return false;
  return left == 9 || data[i + 9] == '\r' || data[i + 9] == '\n';
}

bool looks_like_response(const char* data, std::size_t size) {
  if (size < 12 || std::memcmp(data, "HTTP/1.", 7) != 0 || !is_digit(data[7]) || data[8] != ' ') return false;
  if (data[9] < '1' || data[9] > '9' || !is_digit(data[10]) || !is_digit(data[11])) return false;
  return size == 12 || data[12] == ' ' || data[12] == '\r' || data[12] == '\n';
}

std::size_t head_end(const char* data, std::size_t size, std::size_t from) {
  // A line end that was searched before may be the one in front of the empty line: go back over "\n\r".
  const char* p = data + (from > 2 ? from - 2 : 0);
  const char* end = data + size;
  for (;;) {
    const char* nl = find_line_end(p, end);
    if (nl == nullptr) return 0;
    p = nl + 1;
    if (p < end && *p == '\n') return static_cast<std::size_t>(p + 1 - data);
    if (p + 1 < end && p[0] == '\r' && p[1] == '\n') return static_cast<std::size_t>(p + 2 - data);
  }
}

}  // namespace nezu::probe::http1
