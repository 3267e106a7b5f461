// For tests: conversations of a client and a server as packets, with the truth beside them, made from a seed.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "probe/decode/segment.h"
#include "probe/pipeline/pipeline.h"

namespace nezu::probe::testing {

struct Packet {
  std::int64_t time = 0;
  int direction = 0;  // 0: client to server
  std::uint32_t seq = 0, ack = 0;
  std::uint8_t flags = tcp_ack;
  std::string payload;
};

struct Truth {
  std::uint32_t request_seq = 0, response_seq = 0;
  std::int64_t begin = 0, end = 0;
  std::size_t request_bytes = 0, response_bytes = 0;
  int status = 0;
  std::vector<std::size_t> head_packets;  // those that hold bytes of either head
};

struct Style {
  int depth = 1;             // requests that are sent before the first of them is answered
  bool evil_bodies = false;  // bodies hold what looks like heads, also at the beginnings of segments
  bool early = false;        // the server answers before an upload has ended
  bool handshake = true;
  std::size_t first_cut = 24;  // bytes that a head's first segment has at least
  int exchanges = 6;
};

// An Ethernet frame with an IPv4 or IPv6 TCP segment.
inline std::string frame_of(const Packet& p, std::uint16_t client_port = 40000, std::uint16_t server_port = 80) {
  std::string f("\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", 14);
  const std::size_t total = 40 + p.payload.size();
  const auto put16 = [&f](std::size_t v) {
    f += static_cast<char>(v >> 8 & 255);
    f += static_cast<char>(v & 255);
  };
  const auto put32 = [&](std::uint32_t v) {
    put16(v >> 16);
    put16(v & 0xffff);
  };
  const std::string client("\x0a\0\0\x07", 4), server("\xc0\0\x02\x01", 4);
  f += "\x45";
  f += '\0';
  put16(total);
  f.append("\0\1\x40\0\x40\x06\0\0", 8);
  f += p.direction == 0 ? client + server : server + client;
  put16(p.direction == 0 ? client_port : server_port);
  put16(p.direction == 0 ? server_port : client_port);
  put32(p.seq);
  put32(p.ack);
  f += '\x50';
  f += static_cast<char>(p.flags);
  put16(65535);
  put32(0);
  f += p.payload;
  return f;
}

class Conversation {
 public:
  Conversation(std::uint64_t seed, const Style& style) : random_(seed), style_(style) {
    seq_[0] = random(3) == 0 ? 0xffffff00u : static_cast<std::uint32_t>(random_());
    seq_[1] = random(3) == 0 ? 0xfffffe00u : static_cast<std::uint32_t>(random_());
    if (style_.handshake) {
      send(0, tcp_syn, "");
      send(1, tcp_syn | tcp_ack, "");
      send(0, tcp_ack, "");
    }
    for (int left = style_.exchanges; left > 0;) {
      const int n = std::min(left, style_.depth);
      left -= n;
      batch(n, left == 0);
    }
    if (!closed_) send(0, tcp_fin | tcp_ack, "");
    send(1, tcp_fin | tcp_ack, "");
    if (closed_) send(0, tcp_fin | tcp_ack, "");
    send(1 - (closed_ ? 0 : 1), tcp_ack, "");
  }

  std::vector<Packet> packets;
  std::vector<Truth> truth;

 private:
  unsigned random(unsigned n) { return static_cast<unsigned>(random_() % n); }

  void send(int d, unsigned flags, const std::string& payload) {
    now_ += 10'000 + random(400'000);
    Packet p;
    p.time = now_;
    p.direction = d;
    p.seq = seq_[d];
    p.ack = (flags & tcp_ack) != 0 ? seq_[1 - d] : 0;
    p.flags = static_cast<std::uint8_t>(flags);
    p.payload = payload;
    seq_[d] += static_cast<std::uint32_t>(payload.size()) + ((flags & (tcp_syn | tcp_fin)) != 0 ? 1 : 0);
    packets.push_back(p);
  }

  // Sends a message in pieces that end at `cuts` and at random places; gives the times of its first and last piece.
  void message(int d, const std::string& text, std::vector<std::size_t> cuts, std::size_t head, Truth& t, std::int64_t& first,
               std::int64_t& last) {
    const std::size_t some = random(3);
    for (std::size_t i = 0; i < some; ++i) cuts.push_back(1 + random(static_cast<unsigned>(text.size())));
    cuts.push_back(text.size());
    std::sort(cuts.begin(), cuts.end());
    std::size_t at = 0;
    for (const std::size_t cut : cuts) {
      if (cut <= at || (at == 0 && cut < std::min<std::size_t>(style_.first_cut, head))) continue;
      send(d, tcp_ack | tcp_psh, text.substr(at, cut - at));
      if (at == 0) first = now_;
      last = now_;
      if (at < head) t.head_packets.push_back(packets.size() - 1);
      at = cut;
      if (random(3) != 0) send(1 - d, tcp_ack, "");
    }
  }

  std::string body(std::size_t n, std::vector<std::size_t>& cuts, std::size_t before) {
    std::string out;
    while (out.size() < n) {
      if (style_.evil_bodies && random(2) == 0) {
        cuts.push_back(before + out.size());
        out += random(2) == 0 ? "GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n" : "HTTP/1.1 666 Evil\r\nContent-Length: 5\r\n\r\n";
      } else {
        out += static_cast<char>('a' + random(26));
      }
    }
    if (!out.empty()) out += 'z';
    return out;
  }

  void batch(int n, bool last) {
    std::vector<std::string> methods;
    std::vector<Truth> truths;
    for (int i = 0; i < n; ++i) {
      truths.emplace_back();
      methods.push_back(request(truths.back(), n == 1));
    }
    for (int i = 0; i < n; ++i) response(methods[static_cast<std::size_t>(i)], truths[static_cast<std::size_t>(i)], last && i + 1 == n);
    truth.insert(truth.end(), truths.begin(), truths.end());
  }

  std::string request(Truth& t, bool alone) {
    const unsigned kind = random(10);
    const std::string method = kind < 5 ? "GET" : kind < 8 ? "POST" : kind < 9 ? "HEAD" : "PUT";
    const bool upload = method == "POST" || method == "PUT";
    const bool chunked = upload && random(3) == 0;
    const bool expect = upload && alone && random(3) == 0;
    std::string head = method + " /" + std::to_string(number_++) + " HTTP/1.1\r\nHost: a.example:8080\r\n";
    if (expect) head += "Expect: 100-continue\r\n";
    std::vector<std::size_t> cuts;
    std::string content;
    if (upload) {
      head += chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "";
      std::string plain = body(20 + random(300), cuts, 0);
      t.request_bytes = plain.size();
      if (!chunked) head += "Content-Length: " + std::to_string(plain.size()) + "\r\n\r\n";
      content = chunked ? chunk(plain, cuts) : plain;
    } else {
      head += "\r\n";
    }
    t.request_seq = seq_[0];
    std::int64_t end = 0;
    if (expect) {
      message(0, head, {}, head.size(), t, t.begin, end);
      send(1, tcp_ack | tcp_psh, "HTTP/1.1 100 Continue\r\n\r\n");
      t.head_packets.push_back(packets.size() - 1);
      std::int64_t first = 0;
      message(0, content, cuts, 0, t, first, end);
    } else {
      for (std::size_t& cut : cuts) cut += head.size();
      message(0, head + content, cuts, head.size(), t, t.begin, end);
    }
    return method;
  }

  std::string chunk(const std::string& plain, std::vector<std::size_t>& cuts) {
    cuts.clear();
    std::string out;
    for (std::size_t at = 0; at < plain.size();) {
      const std::size_t n = std::min<std::size_t>(plain.size() - at, 1 + random(100));
      char line[32];
      std::snprintf(line, sizeof line, random(4) == 0 ? "%zx;ext=1\r\n" : "%zX\r\n", n);
      out += line;
      if (style_.evil_bodies && random(3) == 0) cuts.push_back(out.size());
      out += plain.substr(at, n) + "\r\n";
      at += n;
    }
    return out + (random(3) == 0 ? "0\r\nTrailer: x\r\n\r\n" : "0\r\n\r\n");
  }

  void response(const std::string& method, Truth& t, bool last) {
    const unsigned kind = random(10);
    const bool none = method == "HEAD" || kind == 0;
    t.status = kind == 0 ? (random(2) == 0 ? 204 : 304) : 200 + static_cast<int>(random(4)) * 100 + 1;
    std::string head = "HTTP/1.1 " + std::to_string(t.status) + " Why\r\n";
    std::vector<std::size_t> cuts;
    std::string plain = body(random(400), cuts, 0), content;
    if (none) {
      if (kind != 0) head += "Content-Length: " + std::to_string(plain.size()) + "\r\n";
      head += "\r\n";
    } else if (random(2) == 0) {
      content = chunk(plain, cuts);
      head += "Transfer-Encoding: chunked\r\n\r\n";
    } else if (last && random(2) == 0) {
      content = plain;
      head += "Connection: close\r\n\r\n";
      closed_ = true;
    } else {
      content = plain;
      head += "Content-Length: " + std::to_string(plain.size()) + "\r\n\r\n";
    }
    if (content.empty()) cuts.clear();
    if (!none) t.response_bytes = plain.size();
    if (random(8) == 0) {
      send(1, tcp_ack | tcp_psh, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
      t.head_packets.push_back(packets.size() - 1);
    }
    now_ += 1'000'000 + random(30'000'000);
    t.response_seq = seq_[1];
    for (std::size_t& cut : cuts) cut += head.size();
    std::int64_t first = 0;
    message(1, head + content, cuts, head.size(), t, first, t.end);
  }

  std::mt19937_64 random_;
  Style style_;
  std::uint32_t seq_[2] = {0, 0};
  std::int64_t now_ = std::int64_t{1'800'000'000} * 1'000'000'000;
  int number_ = 0;
  bool closed_ = false;
};

// What a pipeline made of packets.
struct Outcome {
  std::vector<Transaction> transactions;  // their views are empty
  window::Counters counters;
};

inline Outcome run(const std::vector<Packet>& packets, std::size_t batch = 0) {
  Pipeline::Options options;
  options.connections = 64;
  struct Sink final : TransactionSink {
    void transaction(const Transaction& t) override {
      list.push_back(t);
      Transaction& kept = list.back();
      kept.method = kept.host = kept.uri = kept.version = kept.request_head = {};
    }
    std::vector<Transaction> list;
  } sink;
  Pipeline pipeline(options, {11, 22}, sink);
  std::vector<std::string> bytes;
  for (const Packet& p : packets) bytes.push_back(frame_of(p));
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    Frame f;
    f.time = packet_time_ns(packets[i].time);
    f.data = reinterpret_cast<const std::uint8_t*>(bytes[i].data());
    f.captured = f.original = static_cast<std::uint32_t>(bytes[i].size());
    frames.push_back(f);
  }
  std::string wrong;
  for (std::size_t i = 0; i < frames.size();) {
    const std::size_t n = std::min(batch == 0 ? frames.size() : batch, frames.size() - i);
    pipeline.process(&frames[i], n);
    if (wrong.empty()) wrong = window::reconcile(pipeline.counters(), pipeline.open());
    i += n;
  }
  pipeline.finish();
  if (wrong.empty()) wrong = window::reconcile(pipeline.counters(), pipeline.open());
  NEZU_CHECK(wrong.empty());
  return {sink.list, pipeline.counters()};
}

}  // namespace nezu::probe::testing
