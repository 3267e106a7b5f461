// Limits and options: floods, full tables, ports, time-outs driven from outside.
#include "probe/pipeline/pipeline.h"

#include <gtest/gtest.h>

#include "probe/pipeline/conversation.h"

namespace nezu::probe::testing {
namespace {

struct Kept final : TransactionSink {
  void transaction(const Transaction& t) override {
    ++count;
    head = t.request_head;
    uri = t.uri;
    completeness = t.completeness;
    reason = t.reason;
    request_begin = t.request_begin;
    response_time = t.has_times ? t.response_time() : Nanos(-1);
  }
  int count = 0;
  PacketTime request_begin{};
  Nanos response_time{-1};
  std::string head, uri;
  Completeness completeness = Completeness::complete;
  Reason reason = Reason::none;
};

constexpr std::int64_t kBegin = std::int64_t{1'800'000'000} * 1'000'000'000;

Packet packet(std::int64_t ms, int d, std::uint32_t seq, std::uint32_t ack, unsigned flags, const std::string& payload = "") {
  Packet p;
  p.time = kBegin + ms * 1'000'000;
  p.direction = d;
  p.seq = seq;
  p.ack = ack;
  p.flags = static_cast<std::uint8_t>(flags);
  p.payload = payload;
  return p;
}
void feed(Pipeline& pipeline, const Packet& p, std::uint16_t client_port = 40000) {
  const std::string bytes = frame_of(p, client_port);
  Frame f;
  f.time = packet_time_ns(p.time);
  f.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  f.captured = f.original = static_cast<std::uint32_t>(bytes.size());
  pipeline.process(&f, 1);
  EXPECT_EQ(window::reconcile(pipeline.counters(), pipeline.open()), "");
}
const std::string kRequest = "GET /x HTTP/1.1\r\nHost: a\r\nCookie: c=1\r\n\r\n";
const std::string kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
std::uint32_t size(const std::string& s) { return static_cast<std::uint32_t>(s.size()); }

void handshake(Pipeline& pipeline, std::uint16_t port = 40000) {
  feed(pipeline, packet(0, 0, 0, 0, tcp_syn), port);
  feed(pipeline, packet(1, 1, 100, 1, tcp_syn | tcp_ack), port);
  feed(pipeline, packet(2, 0, 1, 101, tcp_ack), port);
}

TEST(Pipeline, SynsAndTheirAnswersMakeNoConnections) {
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  const std::uint64_t before = pipeline.memory();
  for (std::uint16_t port = 1024; port < 60000; ++port) {
    feed(pipeline, packet(port, 0, port, 0, tcp_syn), port);
    feed(pipeline, packet(port, 1, 7, port + 1u, tcp_syn | tcp_ack), port);
  }
  EXPECT_EQ(pipeline.connections(), 0u);
  EXPECT_EQ(pipeline.memory(), before);
}

TEST(Pipeline, ARequestThatCameWithItsSynIsMeasuredFromThere) {  // TCP Fast Open
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  const std::uint32_t end = 1 + size(kRequest);
  feed(pipeline, packet(1, 0, 0, 0, tcp_syn, kRequest));
  feed(pipeline, packet(2, 0, 0, 0, tcp_syn, kRequest));  // sent again
  feed(pipeline, packet(5, 1, 100, end, tcp_syn | tcp_ack));
  feed(pipeline, packet(9, 1, 101, end, tcp_ack, kResponse));  // before the client's answer to the SYN/ACK
  feed(pipeline, packet(10, 0, end, 101 + size(kResponse), tcp_ack));
  pipeline.finish();
  ASSERT_EQ(sink.count, 1);
  EXPECT_EQ(sink.completeness, Completeness::complete);
  EXPECT_EQ(sink.request_begin, packet_time_ns(packet(1, 0, 0, 0, 0).time));
  EXPECT_EQ(sink.response_time, std::chrono::milliseconds(8));
  EXPECT_EQ(pipeline.counters().segment_fate[static_cast<std::size_t>(window::SegmentFate::duplicate)], 1u);
}

TEST(Pipeline, ARequestThatTheServerDidNotTakeWithTheSynIsSentAgain) {
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  const std::uint32_t end = 1 + size(kRequest);
  feed(pipeline, packet(1, 0, 0, 0, tcp_syn, kRequest));
  feed(pipeline, packet(5, 1, 100, 1, tcp_syn | tcp_ack));
  feed(pipeline, packet(6, 0, 1, 101, tcp_ack, kRequest));
  feed(pipeline, packet(9, 1, 101, end, tcp_ack, kResponse));
  pipeline.finish();
  ASSERT_EQ(sink.count, 1);
  EXPECT_EQ(sink.completeness, Completeness::complete);
  EXPECT_EQ(sink.response_time, std::chrono::milliseconds(3));
}

TEST(Pipeline, AFloodOfSynsWithRequestsMakesNothingGrow) {
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  const std::uint64_t before = pipeline.memory();
  for (std::uint16_t port = 1024; port < 60000; ++port) feed(pipeline, packet(port, 0, port, 0, tcp_syn, kRequest), port);
  EXPECT_EQ(pipeline.connections(), 0u);
  EXPECT_EQ(pipeline.memory(), before);
  pipeline.finish();
  EXPECT_EQ(window::reconcile(pipeline.counters(), pipeline.open()), "");
  EXPECT_EQ(sink.count, 0);
}

TEST(Pipeline, TheTableIsBoundedAndSaysSo) {
  Kept sink;
  Pipeline::Options options;
  options.connections = 100;
  Pipeline pipeline(options, {1, 2}, sink);
  for (std::uint16_t port = 1024; port < 1424; ++port) {
    handshake(pipeline, port);
    feed(pipeline, packet(3, 0, 1, 101, tcp_ack, kRequest), port);
  }
  EXPECT_EQ(pipeline.connections(), 100u);
  EXPECT_EQ(pipeline.counters().segment_fate[static_cast<std::size_t>(window::SegmentFate::table_full)], 300u);
}

TEST(Pipeline, OnlyWatchedPorts) {
  Kept sink;
  Pipeline::Options options;
  options.ports = {8080};
  Pipeline pipeline(options, {1, 2}, sink);
  handshake(pipeline);
  EXPECT_EQ(pipeline.counters().frame_fate[static_cast<std::size_t>(window::FrameFate::filtered)], 3u);
}

TEST(Pipeline, TheHeadIsKeptWhereItIsAskedFor) {
  Kept sink;
  Pipeline::Options options;
  options.keep_request_head = true;
  Pipeline pipeline(options, {1, 2}, sink);
  handshake(pipeline);
  feed(pipeline, packet(3, 0, 1, 101, tcp_ack, kRequest));
  feed(pipeline, packet(4, 1, 101, 1 + size(kRequest), tcp_ack, kResponse));
  EXPECT_EQ(sink.count, 1);
  EXPECT_EQ(sink.head, kRequest);
  EXPECT_EQ(sink.uri, "/x");
}

TEST(Pipeline, AdvanceDecidesTimeOuts) {
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  handshake(pipeline);
  feed(pipeline, packet(3, 0, 1, 101, tcp_ack, kRequest));
  pipeline.advance(packet_time_ns(kBegin + 59'000'000'000));
  EXPECT_EQ(sink.count, 0);
  pipeline.advance(packet_time_ns(kBegin + 61'000'000'000));
  ASSERT_EQ(sink.count, 1);
  EXPECT_EQ(sink.reason, Reason::timeout);
  EXPECT_EQ(pipeline.watermark(), packet_time_ns(kBegin + 61'000'000'000));
}

TEST(Pipeline, FinishDecidesTheRest) {
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  handshake(pipeline);
  feed(pipeline, packet(3, 0, 1, 101, tcp_ack, kRequest));
  pipeline.finish();
  EXPECT_EQ(sink.reason, Reason::capture_end);
  EXPECT_EQ(pipeline.connections(), 0u);
  EXPECT_EQ(pipeline.open().requests, 0u);
}

TEST(Pipeline, AHeadWithoutEndIsCutAtTheLimit) {
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  handshake(pipeline);
  std::uint32_t seq = 1;
  std::string part = "GET / HTTP/1.1\r\nX: ";
  for (int i = 0; i < 3000; ++i) {
    feed(pipeline, packet(3 + i, 0, seq, 101, tcp_ack, part));
    seq += size(part);
    part = std::string(100, 'x');
  }
  EXPECT_LT(pipeline.memory(), std::uint64_t{8} << 20);
  EXPECT_GT(pipeline.counters().segment_fate[static_cast<std::size_t>(window::SegmentFate::passed_over)], 2000u);
}

TEST(Pipeline, OneByteFarAheadCostsOneByte) {
  Kept sink;
  Pipeline pipeline({}, {1, 2}, sink);
  handshake(pipeline);
  const std::uint64_t before = pipeline.memory();
  for (std::uint32_t i = 0; i < 10000; ++i) feed(pipeline, packet(3, 0, 1000 + i * 50, 101, tcp_ack, "x"));
  EXPECT_LT(pipeline.memory(), before + 10000);
  EXPECT_GT(pipeline.counters().segment_fate[static_cast<std::size_t>(window::SegmentFate::buffer_full)], 0u);
  feed(pipeline, packet(3, 0, 1, 101, tcp_ack, kRequest));
  feed(pipeline, packet(4, 1, 101, 1 + size(kRequest), tcp_ack, kResponse));
  EXPECT_EQ(sink.count, 1);
  EXPECT_EQ(sink.completeness, Completeness::complete);
}

}  // namespace
}  // namespace nezu::probe::testing
