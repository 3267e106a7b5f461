#include "common/http/target.h"

#include <gtest/gtest.h>

#include "common/http/client.h"

namespace nezu::http {
namespace {

Request parsed(const std::string& target) {
  Request request;
  request.target = target;
  const Status status = parse_target(request);
  EXPECT_TRUE(status) << target;
  return request;
}

TEST(Target, PathAndQueryAreDecoded) {
  const Request request = parsed("/services/shop%2Fcheckout%20x?from=2026-11-24T07%3A10Z&target=a+b&empty=&flag&target=second#frag");
  EXPECT_EQ(request.path, "/services/shop/checkout x");
  EXPECT_EQ(request.query_or("from", ""), "2026-11-24T07:10Z");
  EXPECT_EQ(request.query_or("target", ""), "a b");  // the first
  EXPECT_EQ(request.query_or("empty", "x"), "");
  EXPECT_EQ(request.query_or("flag", "x"), "");
  EXPECT_EQ(request.query_or("missing", "x"), "x");
  EXPECT_EQ(request.query.size(), 5u);
}

TEST(Target, OtherForms) {
  EXPECT_EQ(parsed("http://example.net:7480/a?b=c").path, "/a");
  EXPECT_EQ(parsed("http://example.net:7480/a?b=c").query_or("b", ""), "c");
  EXPECT_EQ(parsed("http://example.net").path, "/");
  EXPECT_EQ(parsed("http://example.net?x=y").query_or("x", ""), "y");
  EXPECT_EQ(parsed("*").path, "/");
  EXPECT_EQ(parsed("/+").path, "/+");
}

TEST(Target, BrokenOnesAreRefused) {
  for (const char* target : {"", "a", "/%", "/%4", "/%zz", "/%00", "/?a=%", "/?%g0=1"}) {
    Request request;
    request.target = target;
    EXPECT_FALSE(parse_target(request)) << target;
  }
  Request request;
  request.target = "/?";
  for (std::size_t i = 0; i <= kQueryParametersMax; ++i) request.target += "a&";
  EXPECT_FALSE(parse_target(request));
}

TEST(Target, EncodeIsTheInverseOfDecode) {
  std::string all;
  for (int i = 1; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(url_decode(url_encode(all), true), all);
  EXPECT_EQ(url_encode("shop/決済 1"), "shop%2F%E6%B1%BA%E6%B8%88%201");
}

}  // namespace
}  // namespace nezu::http
