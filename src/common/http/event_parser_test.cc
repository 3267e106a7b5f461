#include "common/http/event_parser.h"

#include <gtest/gtest.h>

#include "common/http/response.h"

namespace nezu::http {
namespace {

std::string events_of(const std::string& bytes, std::size_t piece) {
  EventParser parser;
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += piece) {
    const auto go_on = parser.feed(std::string_view(bytes).substr(i, piece), [&](std::string_view event, std::string_view data) {
      out.append(event).append("=").append(data).append(";");
      return true;
    });
    EXPECT_TRUE(go_on && *go_on);
  }
  return out;
}

TEST(EventParser, AnyCutAndAnyLineEnd) {
  const std::string bytes =
      "event: a\r\ndata: 1\r\n\r\n: comment\ndata:2\ndata: 3\n\nid: 7\n\ndata\r\rdata: \n\nevent: none\n\ndata: left over";
  for (std::size_t piece = 1; piece < bytes.size(); ++piece)
    EXPECT_EQ(events_of(bytes, piece), "a=1;message=2\n3;message=;message=;") << piece;
}

TEST(EventParser, WhatTheServerWritesComesOutAgain) {
  EXPECT_EQ(events_of(event_bytes("window", "{\"a\":1}") + event_bytes("", "x\ny\r\nz") + event_bytes("e", ""), 3),
            "window={\"a\":1};message=x\ny\nz;e=;");
}

TEST(EventParser, AnEventWithoutEndIsRefused) {
  EventParser parser;
  const auto result = parser.feed("data: " + std::string(5 << 20, 'x'), [](std::string_view, std::string_view) { return true; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::no_space);
}

TEST(Response, HeadersCannotBeForgedAndBodiesAreLeftOutWhereTheyMustBe) {
  Response response;
  response.body = "{}";
  response.headers = {{"Location", "/a\r\nSet-Cookie: x=y"}};
  const std::string bytes = to_bytes(response, false, true, 1795504205);
  EXPECT_EQ(bytes,
            "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 07:10:05 GMT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Location: /a  Set-Cookie: x=y\r\nConnection: keep-alive\r\n\r\n{}");
  EXPECT_NE(to_bytes(response, true, false, 0).find("Content-Length: 2\r\n"), std::string::npos);
  EXPECT_EQ(to_bytes(response, true, false, 0).find("{}"), std::string::npos);
  response.status = 204;
  EXPECT_EQ(to_bytes(response, false, false, 0).find("Content-Length"), std::string::npos);
  EXPECT_EQ(problem(400, "a \"b\"", "c\nd\\").body,
            "{\"type\":\"about:blank\",\"title\":\"a \\\"b\\\"\",\"status\":400,\"detail\":\"c\\u000ad\\\\\"}");
}

}  // namespace
}  // namespace nezu::http
