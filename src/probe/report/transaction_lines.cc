#include "probe/report/transaction_lines.h"

#include <algorithm>

#include "common/base/utf8.h"
#include "probe/report/numbers.h"

namespace nezu::probe::report {
namespace {

constexpr std::size_t kFixed = 512;       // room for everything of a line but its four strings
constexpr std::size_t kPiece = 8 * 1024;  // of a string at a time: six characters a byte at worst still fit a reservation

// Any of eight bytes is a control, a quote, a backslash, or outside of ASCII.
bool needs_escape(std::uint64_t v) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t x) { return (x - kOnes) & ~x; };
  const std::uint64_t control = v - kOnes * 0x20;
  return ((control | has_zero(v ^ kOnes * '"') | has_zero(v ^ kOnes * '\\') | v) & kHigh) != 0;
}

char* put_escape(char* out, std::uint8_t byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"': return put(out, "\\\"");
    case '\\': return put(out, "\\\\");
    case '\n': return put(out, "\\n");
    case '\r': return put(out, "\\r");
    case '\t': return put(out, "\\t");
    default:
      out = put(out, "\\u00");
      *out++ = kHex[byte >> 4];
      *out++ = kHex[byte & 15];
      return out;
  }
}

// The slow way: at least one byte needs care. Takes one code point or one bad byte.
char* put_careful(char* out, std::string_view& rest) {
  const auto byte = static_cast<std::uint8_t>(rest.front());
  if (byte < 0x80) {
    rest.remove_prefix(1);
    if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f) {
      *out++ = static_cast<char>(byte);
      return out;
    }
    return put_escape(out, byte);
  }
  const std::string_view before = rest;
  if (take_code_point(rest) == kInvalidCodePoint) return put_escape(out, byte);
  return put(out, before.substr(0, before.size() - rest.size()));
}

char* put_string_piece(char* out, std::string_view& text, std::size_t limit) {
  const std::size_t stop = text.size() > limit ? text.size() - limit : 0;
  while (text.size() > stop) {
    if (text.size() >= 8) {
      std::uint64_t v;
      std::memcpy(&v, text.data(), 8);
      if (!needs_escape(v)) {
        std::memcpy(out, &v, 8);
        out += 8;
        text.remove_prefix(8);
        continue;
      }
    }
    out = put_careful(out, text);
  }
  return out;
}

// The times of a line: has `value` (a span) where it is known.
char* put_optional_seconds(char* out, bool known, Nanos value, std::string_view absent) {
  return known ? put_seconds(out, value.count()) : put(out, absent);
}

PacketTime stamp_of(const Transaction& t) { return t.has_request ? t.request_begin : t.response_begin; }
bool has_ttfb(const Transaction& t) { return t.has_times && t.has_response; }

char* put_endpoint(char* out, const Endpoint& endpoint) { return out + format(endpoint, out); }

void append_csv_field(LineBuffer& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return out.append(text);
  out.append("\"");
  while (!text.empty()) {
    const std::size_t quote = text.find('"');
    out.append(text.substr(0, quote));
    if (quote == std::string_view::npos) break;
    out.append("\"\"");
    text.remove_prefix(quote + 1);
  }
  out.append("\"");
}

}  // namespace

void append_json_string(LineBuffer& out, std::string_view bytes) {
  out.append("\"");
  while (!bytes.empty()) out.commit(put_string_piece(out.reserve(6 * kPiece + 64), bytes, kPiece));
  out.append("\"");
}

void append_json(LineBuffer& out, const Transaction& t) {
  // The usual line is short enough to be written without asking for room in between.
  const std::size_t strings = t.method.size() + t.host.size() + t.uri.size() + t.version.size();
  const bool small = strings <= kPiece;
  char* p = out.reserve(small ? kFixed + 6 * strings + 64 : kFixed);
  const auto string = [&](std::string_view text) {
    if (text.empty()) {  // not known: no request, or its head is missing
      p = put(p, "null");
    } else if (small) {
      *p++ = '"';
      p = put_string_piece(p, text, text.size());
      *p++ = '"';
    } else {
      out.commit(p);
      append_json_string(out, text);
      p = out.reserve(kFixed);
    }
  };
  p = put_seconds(put(p, "{\"ts\":"), to_ns(stamp_of(t)));
  p = put_endpoint(put(p, ",\"client\":\""), t.client);
  p = put_endpoint(put(p, "\",\"server\":\""), t.server);
  p = put(p, "\",\"method\":");
  string(t.method);
  p = put(p, ",\"host\":");
  string(t.host);
  p = put(p, ",\"uri\":");
  string(t.uri);
  p = put(p, ",\"version\":");
  string(t.version);
  p = put(p, ",\"status\":");
  p = t.status != 0 ? put_u64(p, t.status) : put(p, "null");
  p = put_optional_seconds(put(p, ",\"response_time\":"), t.has_times, t.response_time(), "null");
  p = put_optional_seconds(put(p, ",\"ttfb\":"), has_ttfb(t), t.ttfb(), "null");
  p = put_u64(put(p, ",\"request_bytes\":"), t.request_bytes);
  p = put_u64(put(p, ",\"response_bytes\":"), t.response_bytes);
  p = put(put(p, ",\"completeness\":\""), name(t.completeness));
  if (t.reason == Reason::none) {
    p = put(p, "\",\"reason\":null}\n");
  } else {
    p = put(put(put(p, "\",\"reason\":\""), name(t.reason)), "\"}\n");
  }
  out.commit(p);
}

void append_csv_header(LineBuffer& out) {
  out.append("ts,client,server,method,host,uri,version,status,response_time,ttfb,request_bytes,response_bytes,completeness,reason\r\n");
}

void append_csv(LineBuffer& out, const Transaction& t) {
  char* p = out.reserve(kFixed);
  p = put_seconds(p, to_ns(stamp_of(t)));
  *p++ = ',';
  p = put_endpoint(p, t.client);
  *p++ = ',';
  p = put_endpoint(p, t.server);
  *p++ = ',';
  out.commit(p);
  for (const std::string_view text : {t.method, t.host, t.uri, t.version}) {
    append_csv_field(out, text);
    out.append(",");
  }
  p = out.reserve(kFixed);
  if (t.status != 0) p = put_u64(p, t.status);
  *p++ = ',';
  p = put_optional_seconds(p, t.has_times, t.response_time(), "");
  *p++ = ',';
  p = put_optional_seconds(p, has_ttfb(t), t.ttfb(), "");
  *p++ = ',';
  p = put_u64(p, t.request_bytes);
  *p++ = ',';
  p = put_u64(p, t.response_bytes);
  *p++ = ',';
  p = put(p, name(t.completeness));
  *p++ = ',';
  if (t.reason != Reason::none) p = put(p, name(t.reason));
  out.commit(put(p, "\r\n"));
}

}  // namespace nezu::probe::report
