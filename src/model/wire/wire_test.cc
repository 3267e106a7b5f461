#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/base/random.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"
#include "model/wire/record_view.h"
#include "model/wire/scan.h"

namespace nezu::wire {
namespace {

using testing::HasSubstr;

PacketTime any_time(Random& random) { return packet_time_ns(static_cast<std::int64_t>(random.next_u64() >> random.below(64))); }
Nanos any_nanos(Random& random) { return Nanos(static_cast<std::int64_t>(random.next_u64() >> (1 + random.below(60)))); }
std::uint64_t any_count(Random& random) { return random.next_u64() >> random.below(64); }
bool any_bool(Random& random) { return random.below(2) == 0; }
std::string any_text(Random& random) {
  constexpr std::string_view texts[] = {"", "edge", "寝ずの番", "a b \"c\"", "connection closed", "\n"};
  return std::string(texts[random.below(6)]);
}
InstanceId any_id(Random& random) { return {random.next_id()}; }
std::optional<Nanos> any_offset(Random& random) {
  if (any_bool(random)) return std::nullopt;
  return Nanos(static_cast<std::int64_t>(random.next_u64()));
}

window::Figures any_figures(Random& random) {
  window::Figures f;
  for (std::uint64_t n = random.below(30); n > 0; --n) {
    ++f.transactions;
    const std::uint64_t outcome = random.below(9);
    if (outcome > 5) {
      ++f.errors;
      ++(outcome == 6 ? f.failed_reset : outcome == 7 ? f.failed_closed : f.failed_timeout);
      continue;
    }
    ++f.status_class[outcome];
    ++f.timed;
    const Nanos rt(static_cast<std::int64_t>(1 + random.below(70'000'000'000)));
    f.response_time_sum += rt;
    f.response_time_max = std::max(f.response_time_max, rt);
    f.response_time.add(rt);
    f.ttfb.add(rt / 2);
    f.ttfb_sum += rt / 2;
    f.ttfb_max = std::max(f.ttfb_max, rt / 2);
    f.transfer_sum += rt / 3;
  }
  f.timing_only = random.below(f.transactions + 1);
  f.unmeasured = random.below(9);
  f.request_bytes = random.below(1 << 20);
  f.response_bytes = random.below(1 << 20);
  if (any_bool(random)) {
    f.handshakes = 2;
    f.handshake_rtt_sum = Nanos(300);
    f.handshake_rtt_max = Nanos(200);
  }
  f.retransmissions = random.below(9);
  f.zero_windows = random.below(9);
  f.resets = random.below(9);
  return f;
}

window::Ledger any_ledger(Random& random) {
  window::Ledger l;
  for (std::uint64_t n = random.below(20); n > 0; --n) l.entries.push_back({random.next_u64(), any_count(random) | 1, any_time(random)});
  l.left_out_until = any_time(random);
  return l;
}

window::Record any_record(Random& random) {
  window::Record r;
  r.instance = any_id(random);
  r.epoch = any_count(random);
  const auto begin = static_cast<std::int64_t>(random.below(INT64_MAX - 3'600'000'000'000));
  r.span = {packet_time_ns(begin), packet_time_ns(begin + 1000 + static_cast<std::int64_t>(random.below(3'599'000'000'000)))};
  if (any_bool(random)) r.covered = {{r.span.begin, r.span.begin + Nanos(10)}, {r.span.begin + Nanos(20), r.span.end}};
  r.partly = any_bool(random);
  r.seam_doubtful = any_bool(random);
  for (std::uint32_t n = static_cast<std::uint32_t>(random.below(4)); n > 0; --n) {
    window::ServicePart part{n, any_count(random), r.covered, {}};
    for (std::uint32_t k = static_cast<std::uint32_t>(random.below(4)); k > 0; --k)
      part.targets.push_back({n * 100 + k, any_figures(random)});
    r.services.push_back(std::move(part));
  }
  window::Counters& c = r.counters;
  for (std::uint64_t* n :
       {&c.frames, &c.frame_bytes, &c.kernel_drops, &c.interface_drops, &c.segments, &c.bare_segments, &c.requests,
        &c.responses_without_request, &c.holes, &c.hole_bytes, &c.conflicts, &c.late, &c.connections, &c.connections_evicted}) {
    *n = any_count(random);
  }
  for (std::uint64_t& n : c.frame_fate) n = any_count(random);
  for (std::uint64_t& n : c.segment_fate) n = any_count(random);
  for (std::uint64_t& n : c.request_fate) n = any_count(random);
  r.ledger = any_ledger(random);
  return r;
}

definition::Service any_service(Random& random) {
  definition::Service s;
  s.group = any_bool(random) ? "shop" : "";
  s.name = "決済";
  s.ports = {80, 8080};
  for (std::uint64_t n = random.below(3); n > 0; --n) {
    definition::WebTransaction t;
    t.name = "t" + std::to_string(n);
    t.query = {{"step", "2"}};
    s.transactions.push_back(std::move(t));
  }
  return s;
}

// One message of the kind with this index in Message.
Message any_message(Random& random, std::size_t kind) {
  const auto id = [&] { return static_cast<std::uint32_t>(random.next_u64()); };
  switch (kind) {
    case 0:
      return Hello{1,
                   1 + static_cast<std::uint32_t>(random.below(5)),
                   "edge",
                   any_text(random),
                   any_id(random),
                   any_text(random),
                   Nanos(static_cast<std::int64_t>(1 + random.below(3'600'000'000'000))),
                   any_text(random)};
    case 1: {
      Heartbeat h;
      h.promoted = any_bool(random);
      h.claim_age = any_nanos(random);
      h.epoch = any_count(random), h.held = any_count(random), h.was = any_count(random), h.applied = any_count(random);
      for (std::uint64_t n = random.below(5); n > 0; --n)
        h.services.push_back({id(), any_count(random), any_bool(random), any_time(random)});
      h.discovery_job = any_count(random);
      h.packet_clock = any_time(random), h.frame_clock = any_time(random);
      h.clock_known = static_cast<ClockKnown>(random.below(4));
      h.since = any_time(random);
      h.whole = any_bool(random);
      h.capture = {any_bool(random), any_bool(random), any_count(random), any_count(random), any_time(random), any_text(random)};
      h.kept_windows = any_count(random), h.overflow_windows = any_count(random);
      h.compared = any_count(random), h.only_here = any_count(random), h.only_named = any_count(random);
      h.handed_over = any_count(random), h.left_out = any_count(random);
      for (std::uint64_t n = random.below(kMaxClusterSteps + 1); n > 0; --n) {
        const auto age = std::chrono::microseconds(static_cast<std::int64_t>(random.below(3'600'000'001)));
        h.cluster_steps.push_back({static_cast<ClusterStep::Kind>(1 + random.below(3)), age});
      }
      h.superseded = std::min(any_count(random), h.held);
      return h;
    }
    case 2: return any_record(random);
    case 3: return Bye{any_text(random)};
    case 4: {
      DiscoveryEntries d{any_count(random), {}, any_count(random), any_count(random), any_count(random), any_count(random)};
      for (std::uint64_t n = random.below(5); n > 0; --n) {
        const std::uint64_t count = any_count(random);
        d.entries.push_back(
            {any_text(random), static_cast<std::uint16_t>(1 + random.below(65'535)), "/a", "GET", count, any_nanos(random), count / 2});
      }
      return d;
    }
    case 5:
      return Welcome{1,
                     any_id(random),
                     any_text(random),
                     {random.next_u64(), random.next_u64()},
                     Nanos(1 + static_cast<std::int64_t>(random.below(1'000'000)))};
    case 6: return Refusal{static_cast<Refusal::Reason>(random.below(6)), any_text(random), 1, 3};
    case 7: {
      Beat b{std::nullopt, any_time(random), any_bool(random), any_offset(random)};
      if (any_bool(random)) b.holder = any_id(random);
      return b;
    }
    case 8: return Grant{1 + random.below(1000), any_time(random), any_ledger(random), any_time(random), any_offset(random)};
    case 9: return Wait{any_text(random)};
    case 10: return Superseded{any_count(random), any_time(random)};
    case 11: {
      Instruction i{any_count(random), {}, any_count(random), {}, any_nanos(random)};
      if (any_bool(random)) i.discovery_source = *parse_ip_prefix(any_bool(random) ? "192.0.2.0/24" : "2001:db8::1");
      for (std::uint64_t n = random.below(5); n > 0; --n) i.services.push_back({id(), any_count(random)});
      return i;
    }
    case 12: {
      const PacketTime begin = packet_time_ns(static_cast<std::int64_t>(random.below(1'000'000)));
      return Ack{begin, begin + Nanos(1), any_count(random)};
    }
    case 13:
      return Stored{any_time(random), any_ledger(random), any_count(random),
                    random.below(2) == 0 ? std::nullopt : std::optional(any_time(random))};
    case 14: {
      Definitions d;
      for (std::uint64_t n = random.below(3); n > 0; --n) {
        ServiceDefinition s{id(), any_count(random), any_service(random), id(), {}};
        for (std::size_t k = 0; k < s.definition.transactions.size(); ++k) s.transaction_targets.push_back(id());
        d.services.push_back(std::move(s));
      }
      return d;
    }
    default: return DiscoveryAck{any_count(random), any_count(random)};
  }
}

TEST(Codec, EveryMessageComesBackTheSame) {
  SeededRandom random(1);
  for (std::size_t kind = 0; kind < std::variant_size_v<Message>; ++kind) {
    for (int round = 0; round < 300; ++round) {
      const Message m = any_message(random, kind);
      ASSERT_EQ(m.index(), kind);
      const std::string bytes = encode(m);
      auto back = decode(bytes);
      if (bytes.empty()) continue;
      ASSERT_TRUE(back.ok()) << kind << ": " << back.error().message();
      ASSERT_EQ(*back, m) << kind;
    }
  }
}

TEST(Codec, ARecordAloneComesBackTheSame) {
  SeededRandom random(2);
  for (int round = 0; round < 500; ++round) {
    const window::Record r = any_record(random);
    auto back = decode_record(encode_record(r));
    ASSERT_TRUE(back.ok()) << back.error().message();
    ASSERT_EQ(*back, r);
  }
}

TEST(Codec, AnEmptyMessageHasBytes) {
  // So that it can be framed.
  EXPECT_FALSE(encode(Bye{}).empty());
  EXPECT_FALSE(encode(Definitions{}).empty());
  EXPECT_EQ(*decode(encode(Bye{})), Message(Bye{}));
}

TEST(Codec, ARecordsBytesAreKnown) {
  // The journal keeps these, and older probes send them. When this fails, neither can be read.
  window::Record r;
  r.instance.bytes.fill(0xab);
  r.epoch = 3;
  r.span = {packet_time_ns(1'000'000'000), packet_time_ns(2'000'000'000)};
  r.covered = {r.span};
  window::Figures f;
  f.transactions = 1, f.timed = 1, f.status_class[2] = 1;
  f.response_time_sum = f.response_time_max = Nanos(Millis(5));
  f.response_time.add(Millis(5));
  f.ttfb_sum = f.ttfb_max = Nanos(Millis(4));
  f.ttfb.add(Millis(4));
  f.transfer_sum = Millis(1);
  r.services = {{1, 2, r.covered, {{7, f}}}};
  r.counters.frames = 10;
  r.ledger.entries = {{1, 2, packet_time_ns(1'500'000'000)}};
  std::string hex;
  for (const char c : encode_record(r)) {
    constexpr char digits[] = "0123456789abcdef";
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 15];
  }
  EXPECT_EQ(hex,
            "0a10abababababababababababababababab10031900ca9a3b000000002100943577000000002a120900ca9a3b0000000011009435770000"
            "00004250080110021a120900ca9a3b000000001100943577000000002236080710011a06000001000000500158c096b10260c096b1026a05"
            "0288030100708092f401788092f40182010502fd0201008801c0843d4a24080a2a0a00000000000000000000420900000000000000000052"
            "09000000000000000000521b0a080100000000000000120802000000000000001a058094ebdc03");
  EXPECT_EQ(*decode_record(encode_record(r)), r);
}

// What is read in place is what the record holds, also with fields that a newer probe would send, in any place.
TEST(RecordView, ReadsWhatTheRecordHolds) {
  SeededRandom random(11);
  const std::string unknown("\xfa\x3f\x03xyz\xc8\x3e\x07", 9);  // fields 1023 (bytes) and 1001 (a number)
  window::Figures figures;                                      // used again and again
  int targets = 0;
  for (int round = 0; round < 300; ++round) {
    const window::Record r = any_record(random);
    const std::string bytes = unknown + encode_record(r) + unknown;
    RecordOutline outline;
    ASSERT_TRUE(read_outline(bytes, outline).ok());
    EXPECT_EQ(outline.span, r.span);
    EXPECT_EQ(outline.epoch, r.epoch);
    EXPECT_EQ(outline.instance, r.instance);
    ASSERT_EQ(outline.services.size(), r.services.size());
    std::size_t at = 0;
    for (std::size_t i = 0; i < r.services.size(); ++i) {
      EXPECT_EQ(outline.services[i].service, r.services[i].service);
      EXPECT_EQ(outline.services[i].covered, r.services[i].covered);
      for (const auto& target : r.services[i].targets) {
        ASSERT_LT(at, outline.targets.size());
        EXPECT_EQ(outline.targets[at].target, target.target);
        const auto status = read_figures(std::string(outline.targets[at].bytes) + unknown, figures);
        ASSERT_TRUE(status.ok()) << status.error().message();
        EXPECT_EQ(figures, target.figures);
        ++at, ++targets;
      }
    }
    EXPECT_EQ(at, outline.targets.size());
    EXPECT_EQ(*decode_record(bytes), r);
  }
  EXPECT_GT(targets, 100);
}

// Protobuf allows a message within another to come in pieces, which are merged; ours never do, and are found in place.
TEST(RecordView, ARecordInPiecesIsReadToo) {
  SeededRandom random(12);
  const window::Record r = any_record(random);
  const std::string whole = encode(Message(r));
  ASSERT_TRUE(record_in(whole));
  EXPECT_EQ(*record_in(whole), encode_record(r));
  const std::string record = encode_record(r);
  const std::string head = record.substr(0, 18);  // the instance: a field of 2 + 16 bytes
  const std::string rest = record.substr(18);
  std::string pieces("\x1a\x12", 2);
  pieces += head;
  pieces += '\x1a';
  for (std::size_t n = rest.size();; n >>= 7) {
    pieces += static_cast<char>((n & 0x7f) | (n >= 0x80 ? 0x80 : 0));
    if (n < 0x80) break;
  }
  pieces += rest;
  EXPECT_FALSE(record_in(pieces));
  const auto back = decode(pieces);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, Message(r));
}

TEST(RecordView, CutBytesAreRefused) {
  SeededRandom random(13);
  window::Record r = any_record(random);
  while (r.services.empty() || r.services[0].targets.empty()) r = any_record(random);
  const std::string bytes = encode_record(r);
  RecordOutline outline;
  ASSERT_TRUE(read_outline(bytes, outline).ok());
  const std::string target(outline.targets[0].bytes);
  window::Figures figures;
  int refused = 0;
  for (std::size_t n = 0; n < target.size(); ++n) refused += read_figures(target.substr(0, n), figures).ok() ? 0 : 1;
  // A cut between two fields may leave something that can be read; validate() judges it.
  EXPECT_GT(refused, static_cast<int>(target.size() / 2));
  EXPECT_FALSE(read_outline(bytes.substr(0, bytes.size() - 1), outline).ok());
  EXPECT_THAT(read_figures("\x58\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", figures).error().message(), HasSubstr("response_time_sum_ns"));
  EXPECT_THAT(read_figures("\x10\x01", figures).error().message(), HasSubstr("status_class"));
}

TEST(Codec, RefusesWhatCantBeAndNamesTheField) {
  SeededRandom random(3);
  const auto said = [](const Message& m) {
    auto back = decode(encode(m));
    if (back.ok()) return std::string("well");
    EXPECT_EQ(back.error().code(), ErrorCode::corrupt);
    return back.error().message();
  };
  const auto hello = [&](void (*breaks)(Hello&)) {
    Hello h{1, 1, "edge", "n1", any_id(random), "0.1", Seconds(1), "eth1"};
    breaks(h);
    return said(h);
  };
  EXPECT_EQ(hello([](Hello&) {}), "well");
  EXPECT_THAT(hello([](Hello& h) { h.protocol_min = 0; }), HasSubstr("hello.protocol_min"));
  EXPECT_THAT(hello([](Hello& h) { h.protocol_min = 2; }), HasSubstr("hello.protocol_min"));
  EXPECT_THAT(hello([](Hello& h) { h.logical_probe = ""; }), HasSubstr("hello.logical_probe: '': wanted a name"));
  EXPECT_THAT(hello([](Hello& h) { h.logical_probe = "a/b"; }), HasSubstr("hello.logical_probe"));
  EXPECT_THAT(hello([](Hello& h) { h.window = Nanos(0); }), HasSubstr("hello.window_ns"));
  EXPECT_THAT(hello([](Hello& h) { h.window = Nanos(-1); }), HasSubstr("hello.window_ns"));
  EXPECT_THAT(hello([](Hello& h) { h.window = std::chrono::hours(2); }), HasSubstr("hello.window_ns"));

  EXPECT_THAT(said(Welcome{9, {}, "", {}, Nanos(1)}), HasSubstr("welcome.protocol"));
  EXPECT_THAT(said(Grant{}), HasSubstr("grant.epoch"));
  EXPECT_THAT(said(Ack{packet_time_ns(5), packet_time_ns(5), 1}), HasSubstr("ack.begin_ns"));
  EXPECT_THAT(said(DiscoveryEntries{1, {{"h", 0, "/", "GET", 1, Nanos(1), 1}}, 1, 0, 0, 0}), HasSubstr("discovery_entries.port"));
  EXPECT_THAT(said(DiscoveryEntries{1, {{"h", 1, "/", "GET", 1, Nanos(1), 2}}, 1, 0, 0, 0}), HasSubstr("discovery_entries.timed"));
  EXPECT_THAT(said(Definitions{{{1, 1, any_service(random), 1, {1, 2, 3, 4}}}}), HasSubstr("definitions.services[0].transaction_targets"));
  EXPECT_THAT(said(Definitions{{{1, 1, definition::Service{}, 1, {}}}}), HasSubstr("definitions.services[0].definition_json: name: "));
  Instruction instruction;
  instruction.discovery_source = *parse_ip_prefix("192.0.2.0/24");
  std::string bytes = encode(instruction);
  bytes.replace(bytes.find("192.0.2.0/24"), 12, "192.0.2.0/99");
  EXPECT_THAT(decode(bytes).error().message(), HasSubstr("instruction.discovery_source: '192.0.2.0/99': wanted an IP address or a prefix"));
  instruction.discovery_limit = Nanos(-1);
  EXPECT_THAT(said(instruction), HasSubstr("instruction.discovery_limit_ns"));
  Heartbeat beat;
  beat.clock_known = static_cast<ClockKnown>(4);
  EXPECT_THAT(said(beat), HasSubstr("heartbeat.clock_known"));
  const auto steps = [&](std::size_t count, Nanos age) {
    Heartbeat h;
    h.cluster_steps.assign(count, {ClusterStep::Kind::promote, age});
    return said(h);
  };
  EXPECT_EQ(steps(8, std::chrono::hours(1)), "well");
  EXPECT_THAT(steps(9, Nanos(0)), HasSubstr("heartbeat.cluster_steps: 9; wanted at most 8"));
  EXPECT_THAT(steps(1, Nanos(-1)), HasSubstr("heartbeat.cluster_steps.age_us"));
  EXPECT_THAT(steps(1, std::chrono::hours(1) + std::chrono::microseconds(1)), HasSubstr("heartbeat.cluster_steps.age_us"));
  beat.clock_known = ClockKnown::own;
  beat.held = 4, beat.superseded = 4;
  EXPECT_EQ(said(beat), "well");
  beat.superseded = 5;
  EXPECT_THAT(said(beat), HasSubstr("heartbeat.superseded"));

  window::Record r = any_record(random);
  r.span.end = r.span.begin;
  EXPECT_THAT(said(r), HasSubstr("record.span"));
  r = any_record(random);
  r.span.end = r.span.begin + std::chrono::hours(1) + Nanos(1);
  r.covered.clear();
  r.services.clear();
  EXPECT_THAT(said(r), HasSubstr("record.span"));
}

TEST(Codec, StepsOfTheClusterThatALaterVersionInventedArePassedOver) {
  Heartbeat beat;
  beat.cluster_steps = {{static_cast<ClusterStep::Kind>(99), Seconds(3)},
                        {static_cast<ClusterStep::Kind>(0), Seconds(2)},
                        {ClusterStep::Kind::start, Nanos(1'999)}};
  const auto back = decode(encode(beat));
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(std::get<Heartbeat>(*back).cluster_steps, (std::vector<ClusterStep>{{ClusterStep::Kind::start, std::chrono::microseconds(1)}}));
}

TEST(Codec, TextsOfTheNetworkAreMadeFit) {
  const DiscoveryEntries sent{1, {{"ho\xffst", 80, "/" + std::string(5000, 'a'), "GET", 1, Nanos(1), 1}}, 1, 0, 0, 0};
  auto back = decode(encode(sent));
  ASSERT_TRUE(back.ok()) << back.error().message();
  const auto& entry = std::get<DiscoveryEntries>(*back).entries[0];
  EXPECT_EQ(entry.host, "ho\xef\xbf\xbdst");
  EXPECT_EQ(entry.path.size(), 4096U);
  std::string long_name;
  for (int i = 0; i < 100; ++i) long_name += "寝";
  EXPECT_EQ(std::get<Wait>(*decode(encode(Wait{long_name}))).holder_node.size(), 255U);
}

TEST(Codec, UnknownKindsAreUnsupportedAndUnknownFieldsPassedOver) {
  EXPECT_EQ(decode(std::string("\xfa\x07\x00", 3)).error().code(), ErrorCode::unsupported);  // field 127, empty
  std::string bytes = encode(Bye{"x"});
  bytes += std::string("\xf8\x07\x05", 3);  // field 127: 5
  EXPECT_EQ(*decode(bytes), Message(Bye{"x"}));
  EXPECT_EQ(decode("").error().code(), ErrorCode::corrupt);
  EXPECT_EQ(decode("hello").error().code(), ErrorCode::corrupt);
}

TEST(Codec, ChangedBytesAreReadOrRefusedAndNeverMore) {
  SeededRandom random(4);
  int refused = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string bytes = encode(any_message(random, random.below(std::variant_size_v<Message>)));
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    if (random.below(4) == 0) bytes.resize(random.below(bytes.size() + 1));
    auto m = decode(bytes);
    if (!m.ok()) {
      ++refused;
      continue;
    }
    // What was read is a value like any other.
    auto again = decode(encode(*m));
    ASSERT_TRUE(again.ok()) << again.error().message();
    ASSERT_EQ(*again, *m);
  }
  EXPECT_GT(refused, 1000);
}

TEST(Codec, AFloodOfEmptyPiecesIsRefusedBeforeItIsParsed) {
  const auto put_varint = [](std::string& out, std::size_t v) {
    for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
    out += static_cast<char>(v);
  };
  std::string services, record;
  for (std::size_t i = 0; i <= kMaxPieces; ++i) services += std::string("\x42\x00", 2);  // Record.services, empty
  record += '\x1a';                                                                      // Message.record
  put_varint(record, services.size());
  record += services;
  EXPECT_THAT(decode(record).error().message(), HasSubstr("pieces"));
  EXPECT_THAT(decode_record(services).error().message(), HasSubstr("pieces"));
  EXPECT_FALSE(too_many_pieces(services.substr(0, 2 * kMaxPieces), 3));
  EXPECT_TRUE(too_many_pieces(services, 1));
}

// ---- frames

TEST(Frame, KnownBytes) { EXPECT_EQ(frame("hello"), std::string("NZB1\0\0\0\x05hello", 13)); }

TEST(Frame, WholeMessagesHoweverTheBytesCome) {
  SeededRandom random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> messages;
    std::string stream;
    for (std::uint64_t n = random.below(20); n > 0; --n) {
      messages.emplace_back(1 + random.below(300), static_cast<char>(random.below(256)));
      stream += frame(messages.back());
    }
    FrameReader reader(300);
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t n = std::min<std::size_t>(stream.size() - at, 1 + random.below(200));
      reader.append(std::string_view(stream).substr(at, n));
      at += n;
      while (true) {
        auto next = reader.next();
        ASSERT_TRUE(next.ok()) << next.error().message();
        if (!next->ready) break;
        seen.emplace_back(next->bytes);
      }
    }
    ASSERT_EQ(seen, messages);
  }
}

TEST(Frame, ForeignPeersAreToldFromDamageAtTheirFirstBytes) {
  FrameReader http(1000);
  http.append("G");
  EXPECT_EQ(http.next().error().code(), ErrorCode::unsupported);
  FrameReader tls(1000);
  tls.append("\x16\x03\x01");
  EXPECT_EQ(tls.next().error().code(), ErrorCode::unsupported);
  FrameReader later(1000);
  later.append("NZB2");
  EXPECT_EQ(later.next().error().code(), ErrorCode::unsupported);
  FrameReader begun(1000);
  begun.append("NZ");
  EXPECT_FALSE(begun.next()->ready);
}

TEST(Frame, LengthsAreCheckedBeforeAnythingWaits) {
  FrameReader reader(10);
  reader.append(std::string("NZB1\0\0\0\x0b", 8));
  EXPECT_EQ(reader.next().error().code(), ErrorCode::corrupt);
  reader.set_limit(11);
  EXPECT_FALSE(reader.next()->ready);
  FrameReader zero(10);
  zero.append(std::string("NZB1\0\0\0\0", 8));
  EXPECT_EQ(zero.next().error().code(), ErrorCode::corrupt);
  FrameReader huge(kMaxFrameBytes);
  huge.append("NZB1\xff\xff\xff\xff");
  EXPECT_THAT(huge.next().error().message(), HasSubstr("4294967295"));
  EXPECT_DEATH(frame(""), "BUG");
}

// Names as long as they can be on the wire: hashes, and times in no order.
window::Ledger names(std::size_t n) {
  window::Ledger l;
  for (std::size_t i = 0; i < n; ++i) l.entries.push_back({i + 1, i + 2, PacketTime(i % 2 == 0 ? Nanos::max() / 2 : -(Nanos::max() / 2))});
  return l;
}

TEST(Room, AllNamesThatARecordMayHaveFitIntoAFrame) {
  window::Record r;
  r.span = {packet_time_ns(1), packet_time_ns(2)};
  r.ledger = names(kMaxNames + kMaxOtherNames);
  EXPECT_EQ(room_for_names(r, kMaxNames + kMaxOtherNames), kMaxNames + kMaxOtherNames);
  EXPECT_TRUE(can_be_sent(r));
  EXPECT_LE(encode(r).size(), kMaxFrameBytes);
}

TEST(Room, IsLessWhereTheFiguresOfManyTargetsAreThere) {
  SeededRandom random(4);
  window::Record r;
  r.span = {packet_time_ns(1), packet_time_ns(2)};
  r.services.resize(1);
  const window::Figures figures = any_figures(random);
  for (window::TargetId t = 1; t <= 60'000; ++t) r.services[0].targets.push_back({t, figures});
  const std::size_t room = room_for_names(r, kMaxNames + kMaxOtherNames);
  EXPECT_GT(room, 1000u);
  EXPECT_LT(room, kMaxNames + kMaxOtherNames);
  r.ledger = names(room);
  EXPECT_TRUE(can_be_sent(r));
  EXPECT_LE(encode(r).size(), kMaxFrameBytes);
  r.ledger = names(room + 100);
  EXPECT_FALSE(can_be_sent(r));
  EXPECT_GT(encode(r).size() + 200, kMaxFrameBytes) << "no name less than there is room for";
}

TEST(Room, MorePiecesThanAReceiverReadsCannotBeSent) {
  window::Record r;
  r.services.resize(1);
  r.services[0].targets.resize(kMaxPieces / 4 - 100);
  EXPECT_TRUE(can_be_sent(r));
  EXPECT_FALSE(too_many_pieces(encode(r), 4));
  r.services[0].targets.resize(kMaxPieces / 4 + 1);
  EXPECT_FALSE(can_be_sent(r));
}

}  // namespace
}  // namespace nezu::wire
