#include "common/base/ip_prefix.h"

#include <gtest/gtest.h>

namespace nezu {
namespace {

IpPrefix prefix(std::string_view text) {
  auto parsed = parse_ip_prefix(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : IpPrefix{};
}
IpAddress address(std::string_view text) { return prefix(text).address; }

TEST(IpPrefix, reads_and_writes_both_families) {
  for (const char* text :
       {"192.0.2.1", "192.0.2.0/24", "0.0.0.0/0", "10.0.0.0/9", "2001:db8::/32", "2001:db8::1", "::/0", "::1", "fe80::/10"})
    EXPECT_EQ(to_string(prefix(text)), text);
  EXPECT_EQ(to_string(prefix("192.0.2.1/32")), "192.0.2.1");
  EXPECT_EQ(to_string(prefix("2001:DB8::1/128")), "2001:db8::1");
}

TEST(IpPrefix, contains_what_begins_like_it) {
  EXPECT_TRUE(prefix("192.0.2.0/24").contains(address("192.0.2.255")));
  EXPECT_FALSE(prefix("192.0.2.0/24").contains(address("192.0.3.0")));
  EXPECT_TRUE(prefix("10.128.0.0/9").contains(address("10.255.1.2")));
  EXPECT_FALSE(prefix("10.128.0.0/9").contains(address("10.127.255.255")));
  EXPECT_TRUE(prefix("192.0.2.7").contains(address("192.0.2.7")));
  EXPECT_FALSE(prefix("192.0.2.7").contains(address("192.0.2.6")));
  EXPECT_TRUE(prefix("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(prefix("2001:db8::/33").contains(address("2001:db8:8000::1")));
}

TEST(IpPrefix, every_address_of_one_family_is_not_of_the_other) {
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(address("203.0.113.9")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(address("2001:db8::1")));
  EXPECT_TRUE(prefix("::/0").contains(address("2001:db8::1")));
  EXPECT_TRUE(prefix("::/0").contains(address("192.0.2.1"))) << "every address there is";
}

TEST(IpPrefix, what_is_none_is_told_with_the_wanted_form) {
  for (const char* text : {"", "shop.example", "192.0.2", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/-1", "192.0.2.1/24x", "2001:db8::/129",
                           "192.0.2.1:80", "[::1]", "1.2.3.4/08/8"}) {
    const auto parsed = parse_ip_prefix(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(parsed.error().message().find("wanted an IP address or a prefix"), std::string::npos) << parsed.error().message();
  }
  const auto behind = parse_ip_prefix("192.0.2.1/24");
  ASSERT_FALSE(behind.ok());
  EXPECT_NE(behind.error().message().find("wanted 192.0.2.0/24"), std::string::npos) << behind.error().message();
}

}  // namespace
}  // namespace nezu
