// gen_capture KIND BYTES SEED OUT.pcap [LOSS]: a capture of about BYTES bytes, the same for the same arguments on every machine, with its
// truth beside it: OUT.pcap.truth.csv (a line a transaction, fields as `nezu-probe analyze --transactions --csv` has them) and
// OUT.pcap.json (totals). KIND: web (bodies of 8 KB and a heavy tail), api (small ones on connections that stay), conns (a connection for
// each request), junk (floods and garbage, with few transactions in them). LOSS: the share of frames left out, 0.01 for 1 %; the traffic
// is the same without, and the truth is of the traffic.
//
// Connections: handshake, bursts of a growing window, one acknowledgement for two segments, 3 % of inner segments late by some places,
// 0.5 % sent twice, FIN or RST, a tenth over IPv6. No byte is acknowledged before the capture has shown it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "dice.h"
#include "junk.h"
#include "messages.h"
#include "packets.h"

namespace nezu::bench {
namespace {

constexpr std::uint64_t kEpochUs = 1'767'225'600ull * 1'000'000;  // 2026-01-01
constexpr std::size_t kNobody = SIZE_MAX;

struct Connection {
  Address client, server;
  std::uint32_t client_seq = 0, server_seq = 0;
  std::uint64_t rtt_us = 0;
  std::uint64_t left = 0;  // requests to come
  bool open = false;
  bool server_closes = false;
};

// A frame on its way to the file; or (no bytes) a connection's next step.
struct Event {
  std::uint64_t at_us;
  std::uint64_t order;
  std::size_t connection;
  std::string frame;
  bool operator<(const Event& other) const { return at_us != other.at_us ? at_us > other.at_us : order > other.order; }
};

struct Span {
  std::uint64_t begin_us, end_us;
};

class Generator {
 public:
  Generator(Kind kind, std::uint64_t bytes, std::uint64_t seed, double loss, std::FILE* out, std::FILE* truth)
      : kind_(kind),
        bytes_wanted_(bytes),
        loss_(loss),
        out_(out),
        truth_(truth),
        dice_(seed),
        loss_dice_(seed ^ 0x5eed),
        messages_(kind, dice_) {}

  void run() {
    const std::uint32_t header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
    std::fwrite(header, sizeof header, 1, out_);
    std::fputs("ts,client,server,method,host,uri,version,status,response_time,ttfb,request_bytes,response_bytes\n", truth_);
    connections_.resize(kind_ == Kind::web ? 400 : kind_ == Kind::api ? 500 : kind_ == Kind::conns ? 700 : 20);
    for (std::size_t i = 0; i < connections_.size(); ++i) events_.push({dice_.below(300'000), order_++, i, {}});
    std::uint64_t junk_at = 0;
    while (!events_.empty()) {
      Event event = std::move(const_cast<Event&>(events_.top()));  // it is taken out in the next line
      events_.pop();
      while (kind_ == Kind::junk && junk_at < event.at_us && bytes_ < bytes_wanted_) {
        write(junk_at, junk_frame(dice_));
        junk_at += dice_.between(1, 5);
      }
      if (event.frame.empty()) {
        step(event.connection, event.at_us);
      } else {
        write(event.at_us, event.frame);
      }
    }
  }

  std::string totals(const char* kind) const {
    char text[512];
    std::snprintf(
        text, sizeof text,
        "{\"kind\":\"%s\",\"transactions\":%llu,\"connections\":%llu,\"packets\":%llu,\"bytes\":%llu,\"left_out\":%llu,\"seconds\":%.6f}\n",
        kind, static_cast<unsigned long long>(transactions_), static_cast<unsigned long long>(opened_),
        static_cast<unsigned long long>(packets_), static_cast<unsigned long long>(bytes_), static_cast<unsigned long long>(left_out_),
        static_cast<double>(last_us_) * 1e-6);
    return text;
  }

 private:
  void send(std::uint64_t at_us, std::string frame) { events_.push({at_us, order_++, kNobody, std::move(frame)}); }

  std::uint64_t open(Connection& c, std::uint64_t now) {
    const std::uint64_t id = opened_++;
    const bool six = dice_.chance(0.1);
    const auto port = static_cast<std::uint16_t>(10'000 + id / 30'000 % 50'000);
    const auto host = static_cast<std::uint32_t>(id % 30'000);
    const auto target = static_cast<std::uint32_t>(dice_.below(20));
    c.client = six ? v6(0x1000 + host, port) : v4(0x0a000000u + 256 + host, port);
    c.server = six ? v6(0x10 + target, 80) : v4(0xc0a80a0au + target, 80);
    c.client_seq = static_cast<std::uint32_t>(dice_.next());
    c.server_seq = static_cast<std::uint32_t>(dice_.next());
    c.rtt_us = static_cast<std::uint64_t>(std::clamp(dice_.lognormal(2'500, 1.0), 150.0, 100'000.0));
    c.left = kind_ == Kind::web ? dice_.between(1, 40) : kind_ == Kind::api ? dice_.between(20, 300) : 1;
    c.server_closes = dice_.chance(kind_ == Kind::conns ? 0.5 : 0.1);
    c.open = true;
    send(now, tcp_frame(c.client, c.server, c.client_seq++, 0, kSyn, {}));
    send(now + 30, tcp_frame(c.server, c.client, c.server_seq++, c.client_seq, kSyn | kAck, {}));
    send(now + 40 + c.rtt_us, tcp_frame(c.client, c.server, c.client_seq, c.server_seq, kAck, {}));
    return now + 50 + c.rtt_us;
  }

  // Segments of one message, and the other side's acknowledgements. Gives when its first byte was seen, and when all of it was.
  Span transmit(Connection& c, bool to_server, const std::string& message, std::uint64_t now, std::uint64_t& quiet_us) {
    const Address& from = to_server ? c.client : c.server;
    const Address& to = to_server ? c.server : c.client;
    std::uint32_t& seq = to_server ? c.client_seq : c.server_seq;
    const std::uint32_t other = to_server ? c.server_seq : c.client_seq;
    const std::size_t step = mss(from);
    struct Segment {
      std::uint64_t at_us;
      std::size_t begin, end;
    };
    std::vector<Segment> segments;
    std::size_t burst = 10, in_burst = 0;
    for (std::size_t begin = 0; begin < message.size(); begin += step) {
      const std::size_t end = std::min(begin + step, message.size());
      const bool inner = begin > 0 && end < message.size();
      segments.push_back({now + (inner && dice_.chance(0.03) ? dice_.between(15, 45) : 0), begin, end});
      now += 12;
      if (++in_burst == burst) {
        now += c.rtt_us;
        in_burst = 0;
        burst = std::min<std::size_t>(burst * 2, 160);
      }
    }
    std::stable_sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.at_us < b.at_us; });
    const std::uint64_t ack_delay = to_server ? 20 : c.rtt_us;
    std::vector<bool> seen(segments.size(), false);
    std::size_t whole = 0, unacknowledged = 0;
    for (const Segment& s : segments) {
      const bool last = s.end == message.size();
      const std::string frame =
          tcp_frame(from, to, seq + static_cast<std::uint32_t>(s.begin), other, static_cast<std::uint8_t>(kAck | (last ? kPush : 0)),
                    std::string_view(message).substr(s.begin, s.end - s.begin));
      if (dice_.chance(0.005)) send(s.at_us + ack_delay + 300, frame);  // its acknowledgement was late, and it is sent again
      send(s.at_us, frame);
      seen[s.begin / step] = true;
      while (whole < seen.size() && seen[whole]) ++whole;
      if (++unacknowledged == 2 || whole == seen.size()) {
        const std::size_t up_to = std::min(whole * step, message.size());
        send(s.at_us + ack_delay, tcp_frame(to, from, other, seq + static_cast<std::uint32_t>(up_to), kAck, {}));
        unacknowledged = 0;
      }
    }
    seq += static_cast<std::uint32_t>(message.size());
    quiet_us = segments.back().at_us + ack_delay + 400;
    return {segments.front().at_us, segments.back().at_us};
  }

  void step(std::size_t index, std::uint64_t now) {
    Connection& c = connections_[index];
    if (!c.open) {
      if (bytes_ >= bytes_wanted_) return;
      now = open(c, now);
    }
    const bool last = --c.left == 0 || bytes_ >= bytes_wanted_;
    const Exchange e = messages_.make(last && c.server_closes);
    std::uint64_t quiet = 0;
    const Span q = transmit(c, true, e.request, now, quiet);
    const Span r = transmit(c, false, e.response, std::max(q.end_us + e.think_us, q.end_us + 50), quiet);
    tell(c, e, q, r);
    now = std::max(quiet, q.end_us + 1'000);
    if (last) now = close(c, now);
    const std::uint64_t pause = kind_ == Kind::web ? 30'000 : kind_ == Kind::api ? 4'000 : 15'000;
    events_.push({now + dice_.below(2 * pause) + 50, order_++, index, {}});
  }

  std::uint64_t close(Connection& c, std::uint64_t now) {
    c.open = false;
    if (!c.server_closes && dice_.chance(0.08)) {
      send(now, tcp_frame(c.client, c.server, c.client_seq, c.server_seq, kRst | kAck, {}));
      return now + 10;
    }
    const Address& a = c.server_closes ? c.server : c.client;
    const Address& b = c.server_closes ? c.client : c.server;
    std::uint32_t& a_seq = c.server_closes ? c.server_seq : c.client_seq;
    std::uint32_t& b_seq = c.server_closes ? c.client_seq : c.server_seq;
    send(now, tcp_frame(a, b, a_seq++, b_seq, kFin | kAck, {}));
    send(now + 60 + c.rtt_us, tcp_frame(b, a, b_seq++, a_seq, kFin | kAck, {}));
    send(now + 120 + 2 * c.rtt_us, tcp_frame(a, b, a_seq, b_seq, kAck, {}));
    return now + 130 + 2 * c.rtt_us;
  }

  void tell(const Connection& c, const Exchange& e, const Span& q, const Span& r) {
    ++transactions_;
    const auto seconds = [](std::uint64_t us) {
      char text[40];
      std::snprintf(text, sizeof text, "%llu.%06llu000", static_cast<unsigned long long>(us / 1'000'000),
                    static_cast<unsigned long long>(us % 1'000'000));
      return std::string(text);
    };
    std::fprintf(truth_, "%s,%s,%s,%s,%s,%s,1.1,%d,%s,%s,%zu,%zu\n", seconds(kEpochUs + q.begin_us).c_str(), text(c.client).c_str(),
                 text(c.server).c_str(), e.method.c_str(), e.host.c_str(), e.uri.c_str(), e.status, seconds(r.end_us - q.begin_us).c_str(),
                 seconds(r.begin_us - q.end_us).c_str(), e.request_bytes, e.response_bytes);
  }

  void write(std::uint64_t at_us, const std::string& frame) {
    if (loss_ > 0 && loss_dice_.chance(loss_)) {
      ++left_out_;
      return;
    }
    const std::uint64_t t = kEpochUs + at_us;
    const auto size = static_cast<std::uint32_t>(frame.size());
    const std::uint32_t header[4] = {static_cast<std::uint32_t>(t / 1'000'000), static_cast<std::uint32_t>(t % 1'000'000), size, size};
    std::fwrite(header, sizeof header, 1, out_);
    std::fwrite(frame.data(), 1, frame.size(), out_);
    ++packets_;
    bytes_ += sizeof header + frame.size();
    last_us_ = at_us;
  }

  const Kind kind_;
  const std::uint64_t bytes_wanted_;
  const double loss_;
  std::FILE* out_;
  std::FILE* truth_;
  Dice dice_, loss_dice_;
  Messages messages_;
  std::vector<Connection> connections_;
  std::priority_queue<Event> events_;
  std::uint64_t order_ = 0, opened_ = 0, transactions_ = 0, packets_ = 0, bytes_ = 24, left_out_ = 0, last_us_ = 0;
};

int generate(int argc, char** argv) {
  static const std::pair<const char*, Kind> kKinds[] = {
      {"web", Kind::web}, {"api", Kind::api}, {"conns", Kind::conns}, {"junk", Kind::junk}};
  const auto* kind =
      argc >= 5 ? std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& k) { return std::strcmp(k.first, argv[1]) == 0; })
                : std::end(kKinds);
  if (kind == std::end(kKinds) || argc > 6) {
    std::fprintf(stderr, "usage: gen_capture web|api|conns|junk BYTES SEED OUT.pcap [LOSS]\n");
    return 2;
  }
  const std::string path = argv[4];
  const auto open = [](const std::string& name) {
    return std::unique_ptr<std::FILE, int (*)(std::FILE*)>(std::fopen(name.c_str(), "wb"), std::fclose);
  };
  const auto out = open(path), truth = open(path + ".truth.csv"), json = open(path + ".json");
  if (!out || !truth || !json) {
    std::perror(path.c_str());
    return 1;
  }
  std::setvbuf(out.get(), nullptr, _IOFBF, 4u << 20);
  Generator generator(kind->second, std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10),
                      argc == 6 ? std::atof(argv[5]) : 0, out.get(), truth.get());
  generator.run();
  std::fputs(generator.totals(kind->first).c_str(), json.get());
  for (std::FILE* f : {out.get(), truth.get(), json.get()}) {
    if (std::fflush(f) != 0) {
      std::perror(path.c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace nezu::bench

int main(int argc, char** argv) { return nezu::bench::generate(argc, argv); }
