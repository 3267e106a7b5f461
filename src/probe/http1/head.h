// Heads: the start line and header lines of an HTTP/1.x message, read in one pass over their bytes.
//
// Read as servers in use read them: line ends are CRLF or a bare LF, methods are any token, obsolete folding is skipped. Where two
// servers might find different message lengths, the head says `ambiguous` and the caller pairs nothing any more on that connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nezu::probe::http1 {

enum class Parsed : std::uint8_t {
  complete,
  incomplete,  // right so far; more bytes are needed
  invalid,     // no head of HTTP/1.x
};

// What a head says of the length of its message's body. Which of it counts depends on method and status too.
struct Framing {
  std::uint64_t length = 0;  // Content-Length; < 2^62
  bool has_length = false;
  bool chunked = false;       // the last transfer coding is chunked
  bool other_coding = false;  // a Transfer-Encoding whose last coding isn't chunked
  bool ambiguous =
      false;  // both, differing lengths, lengths that are no numbers, spaces before the colon, folded lengths, HTTP/1.0 with codings
};

// Views into the bytes that were parsed.
struct RequestHead {
  std::string_view method;
  std::string_view host;     // from the absolute form, else from Host; without port and brackets; empty where there is none
  std::string_view uri;      // as sent; of the absolute form what is after the authority, "/" if there is nothing
  std::string_view version;  // "1.1"
  Framing framing;
};
struct ResponseHead {
  std::uint16_t status = 0;  // 100–999
  std::string_view version;
  Framing framing;
};

// `size` bytes at `data` begin with a head's first byte. complete: `used` bytes are the head, with its empty line.
Parsed parse_request(const char* data, std::size_t size, RequestHead& out, std::size_t& used);
Parsed parse_response(const char* data, std::size_t size, ResponseHead& out, std::size_t& used);

// Whether these bytes may stand in a request's first line, of which the end isn't there yet: no controls, but for a CR at the end.
bool line_may_go_on(const char* data, std::size_t size);

// The same for a head whose end is missing (a hole): what stands in its complete lines. False where the start line isn't complete.
bool parse_request_start(const char* data, std::size_t size, RequestHead& out);
bool parse_response_start(const char* data, std::size_t size, ResponseHead& out);

// Is this the beginning of a head? Asked where nobody knows whether a message begins here, so both are strict: a request line is
// valid up to its end or to the end of the bytes, which hold at least the target's first character; a status line shows its status.
bool looks_like_request(const char* data, std::size_t size);
bool looks_like_response(const char* data, std::size_t size);

// Where the empty line that ends a head is found, the number of bytes up to its end; 0: not yet. `from`: bytes before it have been
// searched already.
std::size_t head_end(const char* data, std::size_t size, std::size_t from);

}  // namespace nezu::probe::http1
