#include "probe/http1/head.h"

#include <gtest/gtest.h>

#include <string>

#include "probe/http1/chunk.h"

namespace nezu::probe::http1 {
namespace {

struct Request {
  Parsed parsed = Parsed::invalid;
  RequestHead head;
  std::size_t used = 0;
};
Request request(const std::string& text) {
  Request r;
  r.parsed = parse_request(text.data(), text.size(), r.head, r.used);
  return r;
}

TEST(RequestHead, ReadsWhatIsNeeded) {
  const std::string text = "POST /a?b HTTP/1.1\r\nhost: a.example:80\r\nContent-Length: 12\r\n\r\nrest";
  const Request r = request(text);
  ASSERT_EQ(r.parsed, Parsed::complete);
  EXPECT_EQ(r.used, text.size() - 4);
  EXPECT_EQ(r.head.method, "POST");
  EXPECT_EQ(r.head.uri, "/a?b");
  EXPECT_EQ(r.head.host, "a.example");
  EXPECT_EQ(r.head.version, "1.1");
  EXPECT_TRUE(r.head.framing.has_length);
  EXPECT_EQ(r.head.framing.length, 12u);
  EXPECT_FALSE(r.head.framing.ambiguous);
}

TEST(RequestHead, EveryPrefixIsIncomplete) {
  const std::string text = "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
  for (std::size_t n = 0; n < text.size(); ++n) {
    EXPECT_EQ(request(text.substr(0, n)).parsed, Parsed::incomplete) << n;
    EXPECT_EQ(head_end(text.data(), n, 0), 0u);
  }
  EXPECT_EQ(request(text).parsed, Parsed::complete);
  for (std::size_t from = 0; from < text.size(); ++from) EXPECT_EQ(head_end(text.data(), text.size(), from), text.size()) << from;
}

TEST(RequestHead, WhatIsNone) {
  for (const char* text : {"GET /\r\n\r\n", "GET  HTTP/1.1\r\n\r\n", "G@T / HTTP/1.1\r\n\r\n", " GET / HTTP/1.1\r\n\r\n",
                           "GET / HTTP/2.0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "\x16\x03\x01", "GET / HTTP/1.1x\r\n\r\n"}) {
    EXPECT_EQ(request(text).parsed, Parsed::invalid) << text;
  }
}

TEST(RequestHead, HostFormsWithoutPort) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").head.host, "::1");
  EXPECT_EQ(request("GET https://u:p@B.example:444?q HTTP/1.1\r\nHost: no\r\n\r\n").head.host, "B.example");
  EXPECT_EQ(request("GET https://u:p@B.example:444?q HTTP/1.1\r\nHost: no\r\n\r\n").head.uri, "?q");
  EXPECT_EQ(request("GET http://b.example HTTP/1.1\r\n\r\n").head.uri, "/");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: one\r\nHost: two\r\n\r\n").head.host, "one");
}

TEST(RequestHead, AmbiguousFraming) {
  for (const char* lines :
       {"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: 1, 2\r\n",
        "Content-Length: +1\r\n", "Content-Length: 0x1\r\n", "Content-Length:\r\n", "Content-Length : 1\r\n",
        "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: chunked, gzip\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Content-Length: 1\r\n 2\r\n", "Transfer-Encoding: gzip\r\n"}) {
    EXPECT_TRUE(request(std::string("POST / HTTP/1.1\r\n") + lines + "\r\n").head.framing.ambiguous) << lines;
  }
  EXPECT_TRUE(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").head.framing.ambiguous);
  for (const char* lines : {"Content-Length: 1\r\nContent-Length: 1\r\n", "Content-Length: 1, 1\r\n", "X: a\r\n b\r\n",
                            "Content-Lengths: x\r\n", "Transfer-Encoding: Chunked\r\n"}) {
    EXPECT_FALSE(request(std::string("POST / HTTP/1.1\r\n") + lines + "\r\n").head.framing.ambiguous) << lines;
  }
}

TEST(ResponseHead, StatusAndFraming) {
  ResponseHead head;
  std::size_t used = 0;
  const std::string text = "HTTP/1.0 404\r\nContent-Length: 0\r\n\r\n";
  ASSERT_EQ(parse_response(text.data(), text.size(), head, used), Parsed::complete);
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.version, "1.0");
  EXPECT_TRUE(head.framing.has_length);
  for (const std::string bad :
       {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n"}) {
    EXPECT_EQ(parse_response(bad.data(), bad.size(), head, used), Parsed::invalid) << bad;
  }
}

TEST(Looks, StrictWhereNobodyKnows) {
  const auto asks = [](const std::string& s) { return looks_like_request(s.data(), s.size()); };
  EXPECT_TRUE(asks("GET / HTTP/1.1\r\n"));
  EXPECT_TRUE(asks("GET /a/long/uri/whose/end/comes/later"));
  EXPECT_TRUE(asks("CONNECT a:443 HTTP/1.1\r\n"));
  EXPECT_FALSE(asks("GET "));
  EXPECT_FALSE(asks("get / HTTP/1.1\r\n"));
  EXPECT_FALSE(asks("GET /a b"));
  EXPECT_FALSE(asks("GET / HTTP/2.0\r\n"));
  EXPECT_FALSE(asks("A sentence. "));
  const auto answers = [](const std::string& s) { return looks_like_response(s.data(), s.size()); };
  EXPECT_TRUE(answers("HTTP/1.1 200 OK\r\n"));
  EXPECT_FALSE(answers("HTTP/1.1 2"));
  EXPECT_FALSE(answers("HTTP/1.1 2xx"));
}

TEST(ChunkLine, SizesThatCanBeReadInOneWay) {
  const auto size = [](const std::string& s, std::uint64_t& n) { return parse_chunk_line(s.data(), s.size(), n); };
  std::uint64_t n = 0;
  EXPECT_TRUE(size("1aF\r\n", n));
  EXPECT_EQ(n, 0x1afu);
  EXPECT_TRUE(size("0 ;a=\"b;c\"\r\n", n));
  EXPECT_EQ(n, 0u);
  for (const char* bad : {"\r\n", "0x1\r\n", "1\n", "-1\r\n", "1 2\r\n", "10000000000000000\r\n", ";a\r\n"})
    EXPECT_FALSE(size(bad, n)) << bad;
}

}  // namespace
}  // namespace nezu::probe::http1
