// Request: one that has been seen and isn't decided yet, with what is known of its response. RequestPool: all of them, used again.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "probe/http1/head.h"

namespace nezu::probe::http1 {

// What is wrong with a message.
enum Flaw : std::uint8_t {
  late_begin = 1,    // its first byte was seen after its acknowledgement
  late_end = 2,      // likewise what determines its end
  body_hole = 4,     // bytes of the body are missing
  head_hole = 8,     // bytes of the head are missing
  end_lost = 16,     // its last byte is missing: its end is a bound
  end_unknown = 32,  // … that may be far off
  // No flaws by themselves, but what makes the time of a request's first byte doubtful (docs/pairing.md, "A first copy that is missing"):
  may_be_copy = 64,   // a round trip had passed since its sender was last seen: it could have been sent before, unseen
  first_alone = 128,  // nothing is there of what comes behind its first segment, which wasn't acknowledged by itself either
};

struct Request {
  std::uint32_t next = 0;      // in the connection's queue; 0: the last
  std::uint32_t seq = 0;       // its first byte
  std::uint32_t head_end = 0;  // the byte after its head
  std::uint32_t after = 0;
  std::uint32_t ack_first = 0;  // the acknowledgement numbers in its first and in its latest segment
  std::uint32_t ack_last = 0;
  bool contiguous = false;       // nothing is missing between it and the request before
  bool anchored = false;         // its response begins exactly at ack_first or ack_last
  bool tentative = false;        // anchored only because nothing speaks against it: the next request has to confirm it
  bool answered = false;         // tentative, and its response is whole
  bool found = false;            // found after a hole or in the middle of a connection: not counted before it is decided
  bool ended = false;            // its last byte was seen: `after` is the position behind it
  bool unacknowledged = false;   // its server acknowledges requests before it answers them, but was not seen to do so with this one
  bool told_pipelining = false;  // it was this one that made us think so
  bool is_head = false, is_connect = false;
  std::uint8_t flaws = 0;
  std::uint8_t clock = 0;  // which setting of the capture's clock it began under
  std::int64_t begin = 0, end = 0;
  std::uint64_t body = 0;
  // Response.
  std::uint16_t status = 0;
  std::uint8_t response_flaws = 0;
  std::uint32_t response_seq = 0, response_after = 0;
  std::int64_t response_begin = 0, response_end = 0;
  std::uint64_t response_body = 0;

  // The head, or only what is needed of it. Places within it.
  std::string text;
  std::uint32_t method_at = 0, method_size = 0, host_at = 0, host_size = 0, uri_at = 0, uri_size = 0;
  char minor = '1';
  bool whole_head = false;

  std::string_view method() const { return std::string_view(text).substr(method_at, method_size); }
  std::string_view host() const { return std::string_view(text).substr(host_at, host_size); }
  std::string_view uri() const { return std::string_view(text).substr(uri_at, uri_size); }

  // Copies what is needed out of a parsed head, or the whole head, which lies at `head`.
  void keep(const RequestHead& parsed, std::string_view head, bool whole) {
    whole_head = whole;
    minor = parsed.version.size() == 3 ? parsed.version[2] : '1';
    method_size = static_cast<std::uint32_t>(parsed.method.size());
    host_size = static_cast<std::uint32_t>(parsed.host.size());
    uri_size = static_cast<std::uint32_t>(parsed.uri.size());
    const auto at = [&](std::string_view s) {
      const bool inside = s.data() >= head.data() && s.data() <= head.data() + head.size();
      if (whole && inside) return static_cast<std::uint32_t>(s.data() - head.data());
      text.append(s);
      return static_cast<std::uint32_t>(text.size() - s.size());
    };
    if (whole)
      text.assign(head);
    else
      text.clear();
    head_size = static_cast<std::uint32_t>(text.size());
    method_at = at(parsed.method);
    host_at = at(parsed.host);
    uri_at = at(parsed.uri);
  }
  std::string_view head() const { return whole_head ? std::string_view(text).substr(0, head_size) : std::string_view(); }
  std::uint32_t head_size = 0;
};

class RequestPool {
 public:
  RequestPool() : all_(1) {}

  std::uint32_t take() {
    ++open_;
    if (!free_.empty()) {
      const std::uint32_t n = free_.back();
      free_.pop_back();
      std::string text = std::move(all_[n].text);
      all_[n] = Request();
      all_[n].text = std::move(text);
      return n;
    }
    all_.emplace_back();
    bytes_ += sizeof(Request);
    return static_cast<std::uint32_t>(all_.size() - 1);
  }
  void put_back(std::uint32_t number) {
    --open_;
    Request& r = all_[number];
    if (r.text.capacity() > kKeepText) {
      bytes_ -= r.text.capacity();
      r.text = std::string();
      bytes_ += r.text.capacity();
    }
    free_.push_back(number);
  }
  // Around anything that changes a request's text.
  void text_changed(std::size_t before, std::size_t now) { bytes_ += now - before; }

  Request& at(std::uint32_t number) { return all_[number]; }
  std::uint64_t open() const { return open_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kKeepText = 2048;

  std::deque<Request> all_;  // references stay good
  std::vector<std::uint32_t> free_;
  std::uint64_t open_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace nezu::probe::http1
