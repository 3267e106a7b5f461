#include "probe/report/transaction_lines.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace nezu::probe::report {
namespace {

Transaction example() {
  Transaction t;
  t.client = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}, 40000};
  t.server = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 80};
  t.request_begin = packet_time_ns(1'700'000'000'123'456'789);
  t.request_end = packet_time_ns(1'700'000'000'123'456'799);
  t.response_begin = packet_time_ns(1'700'000'000'223'456'800);
  t.response_end = packet_time_ns(1'700'000'001'623'456'790);
  t.has_request = t.has_response = t.has_times = true;
  t.method = "GET";
  t.host = "shop.example";
  t.uri = "/a?b=c";
  t.version = "1.1";
  t.status = 200;
  t.request_bytes = 7;
  t.response_bytes = 8192;
  return t;
}

template <class Append>
std::string text_of(Append append) {
  std::string text;
  LineBuffer out([&](std::string_view block) {
    text += block;
    return true;
  });
  append(out);
  out.flush();
  return text;
}
std::string json(const Transaction& t) {
  return text_of([&](LineBuffer& out) { append_json(out, t); });
}
std::string csv(const Transaction& t) {
  return text_of([&](LineBuffer& out) { append_csv(out, t); });
}

TEST(JsonLine, HasExactlyTheKeysInOrderWithExactTimes) {
  EXPECT_EQ(json(example()),
            R"({"ts":1700000000.123456789,"client":"192.0.2.1:40000","server":"[2001:db8::1]:80","method":"GET","host":"shop.example",)"
            R"("uri":"/a?b=c","version":"1.1","status":200,"response_time":1.500000001,"ttfb":0.100000001,"request_bytes":7,)"
            R"("response_bytes":8192,"completeness":"complete","reason":null})"
            "\n");
}

TEST(JsonLine, WhatIsNotKnownIsNull) {
  Transaction t = example();
  t.has_response = t.has_times = false;
  t.status = 0;
  t.completeness = Completeness::no_response;
  t.reason = Reason::reset;
  const boost::json::object o = boost::json::parse(json(t)).as_object();
  EXPECT_TRUE(o.at("status").is_null());
  EXPECT_TRUE(o.at("response_time").is_null());
  EXPECT_TRUE(o.at("ttfb").is_null());
  EXPECT_EQ(o.at("completeness").as_string(), "no_response");
  EXPECT_EQ(o.at("reason").as_string(), "reset");
}

TEST(JsonLine, AResponseWithoutRequestIsStampedByItsOwnFirstByte) {
  Transaction t = example();
  t.has_request = t.has_times = false;
  t.completeness = Completeness::no_request;
  EXPECT_TRUE(json(t).starts_with("{\"ts\":1700000000.223456800,"));
}

TEST(JsonLine, TimesBefore1970KeepTheirSign) {
  Transaction t = example();
  t.request_begin = packet_time_ns(-1'500'000'000);
  EXPECT_TRUE(json(t).starts_with("{\"ts\":-1.500000000,"));
}

// Every byte, at every place of an eight-byte word, after lengths that end inside and outside of one.
TEST(JsonLine, AnyBytesGiveValidJsonAndCanBeReadBack) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t before = 0; before < 9; ++before) {
      for (std::size_t after : {0u, 3u, 9u}) {
        Transaction t = example();
        const std::string uri = std::string(before, 'a') + static_cast<char>(byte) + std::string(after, 'b');
        t.uri = uri;
        boost::json::error_code error;
        const boost::json::value v = boost::json::parse(json(t), error);
        ASSERT_FALSE(error) << byte;
        std::string wanted = std::string(before, 'a');
        if (byte < 0x80) {
          wanted += static_cast<char>(byte);
        } else {  // U+00XX
          wanted += static_cast<char>(0xc0 | byte >> 6);
          wanted += static_cast<char>(0x80 | (byte & 0x3f));
        }
        EXPECT_EQ(std::string_view(v.at("uri").as_string()), wanted + std::string(after, 'b'));
      }
    }
  }
}

TEST(JsonLine, ValidUtf8StaysAndLongStringsSurviveTheirPieces) {
  Transaction t = example();
  std::string uri;
  for (int i = 0; i < 30'000; ++i) uri += i % 3 == 0 ? "測" : i % 3 == 1 ? "\xff" : "x\"";
  t.uri = uri;
  t.host = "例え.jp";
  const boost::json::value v = boost::json::parse(json(t));
  EXPECT_EQ(v.at("host").as_string(), "例え.jp");
  std::string wanted;
  for (int i = 0; i < 30'000; ++i) wanted += i % 3 == 0 ? "測" : i % 3 == 1 ? "ÿ" : "x\"";
  EXPECT_EQ(std::string_view(v.at("uri").as_string()), wanted);
}

TEST(CsvLine, QuotesOnlyWhatNeedsIt) {
  Transaction t = example();
  EXPECT_EQ(
      csv(t),
      "1700000000.123456789,192.0.2.1:40000,[2001:db8::1]:80,GET,shop.example,/a?b=c,1.1,200,1.500000001,0.100000001,7,8192,complete,\r\n");
  t.uri = "/a,\"b\"\n";
  t.status = 0;
  EXPECT_NE(csv(t).find(",\"/a,\"\"b\"\"\n\",1.1,,"), std::string::npos);
}

TEST(LineBuffer, GoesOutInLargeBlocksAndStopsWhenNobodyReads) {
  std::size_t calls = 0, bytes = 0;
  LineBuffer out([&](std::string_view block) {
    bytes += block.size();
    return ++calls < 2;
  });
  for (int i = 0; i < 5'000; ++i) append_json(out, example());
  out.flush();
  EXPECT_TRUE(out.closed());
  EXPECT_EQ(calls, 2u);
  EXPECT_GT(bytes, 300'000u);
}

}  // namespace
}  // namespace nezu::probe::report
