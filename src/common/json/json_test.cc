#include "common/json/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/random.h"
#include "common/base/utf8.h"

namespace nezu::json {
namespace {

using testing::HasSubstr;

Value any_value(Random& random, int depth) {
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0: return nullptr;
    case 1: return random.below(2) == 0;
    case 2: return static_cast<std::int64_t>(random.next_u64());
    case 3: return random.next_u64();
    case 4: {
      const double d = std::ldexp(random.next_unit() - 0.5, static_cast<int>(random.below(600)) - 300);
      // A whole number that is written without a point reads back as an integer.
      return d == std::floor(d) ? 0.5 : d;
    }
    case 5: {
      std::string text;
      for (std::uint64_t n = random.below(10); n > 0; --n) {
        const auto c = static_cast<char32_t>(random.below(random.below(2) == 0 ? 0x80 : 0x110000));
        append_utf8(text, c >= 0xd800 && c < 0xe000 ? U'寝' : c);
      }
      return text;
    }
    case 6: {
      Array array;
      for (std::uint64_t n = random.below(5); n > 0; --n) array.push_back(any_value(random, depth - 1));
      return array;
    }
    default: {
      Value object(Members{});
      for (std::uint64_t n = random.below(5); n > 0; --n)
        object.set(std::string(1, static_cast<char>('a' + random.below(20))), any_value(random, depth - 1));
      return object;
    }
  }
}

TEST(Json, WhatIsWrittenReadsBackTheSame) {
  SeededRandom random(1);
  for (int round = 0; round < 20'000; ++round) {
    const Value v = any_value(random, 4);
    for (const std::string& text : {to_string(v), to_pretty_string(v)}) {
      auto back = parse(text);
      ASSERT_TRUE(back.ok()) << text << "\n" << back.error().message();
      ASSERT_EQ(*back, v) << text;
    }
  }
}

TEST(Json, ReadsNumbersAsTheyAre) {
  EXPECT_EQ(parse("9223372036854775807")->int_or(0), INT64_MAX);
  EXPECT_EQ(parse("-9223372036854775808")->int_or(0), INT64_MIN);
  EXPECT_EQ(parse("18446744073709551615")->uint_or(0), UINT64_MAX);
  EXPECT_EQ(parse("18446744073709551615")->int_or(-7), -7);
  EXPECT_EQ(parse("-1")->uint_or(9), 9U);
  EXPECT_TRUE(parse("1.0")->is_number());
  EXPECT_FALSE(parse("1.0")->is_integer());
  EXPECT_EQ(parse("1e3")->number_or(0), 1000.0);
  EXPECT_EQ(parse("3")->number_or(0), 3.0);
}

TEST(Json, ErrorsSayWhere) {
  EXPECT_THAT(parse("{\"a\": 1,\n  \"寝\": x}").error().message(), HasSubstr("line 2, column 8: no JSON"));
  EXPECT_THAT(parse("{\"a\": 1, \"a\": 2}").error().message(), HasSubstr("the key 'a' is there twice"));
  EXPECT_THAT(parse("[1] x").error().message(), HasSubstr("line 1, column 5: more text"));
  for (const char* text : {"",        " ",   "{",   "[1,]",  "{a:1}",    "'x'",         "01",  "+1",      ".5",    "1.", "\"\x01\"",
                           "\"\\x\"", "nul", "[1}", "1e999", "\"\xff\"", "\"\\ud800\"", "NaN", "// c\n1", "[1 2]", "-"}) {
    const auto v = parse(text);
    EXPECT_FALSE(v.ok()) << text;
    if (!v.ok()) { EXPECT_EQ(v.error().code(), ErrorCode::invalid_argument); }
  }
}

TEST(Json, LimitsHold) {
  std::string deep(32, '['), deeper(33, '[');
  EXPECT_TRUE(parse(deep + std::string(32, ']')).ok());
  EXPECT_THAT(parse(deeper + std::string(33, ']')).error().message(), HasSubstr("more than 32 levels"));
  EXPECT_FALSE(parse(std::string(10'000'000, '['), {.max_bytes = 20'000'000, .max_depth = 32}).ok());
  EXPECT_THAT(parse("[1,2,3]", {.max_bytes = 5, .max_depth = 32}).error().message(), HasSubstr("at most 5"));
}

TEST(Json, ChainsAreSafe) {
  const Value v = *parse(R"({"store": {"chunks": 7, "names": ["a", "b"]}})");
  EXPECT_EQ(v["store"]["chunks"].uint_or(0), 7U);
  EXPECT_EQ(v["store"]["names"][1].string_or(""), "b");
  EXPECT_EQ(v["store"]["names"][2].string_or("none"), "none");
  EXPECT_TRUE(v["nothing"]["there"][0].is_null());
  EXPECT_EQ(v.find("nothing"), nullptr);
}

TEST(Json, WriterPutsCommasAndEscapes) {
  std::string out;
  Writer w(out);
  w.begin_object().member("name", "a\"\\\b\x1f/寝\x7f").member("n", 1).member("u", UINT64_MAX).member("d", 0.1).member("ok", true);
  w.key("none")
      .null()
      .key("list")
      .begin_array()
      .value(1)
      .begin_array()
      .end_array()
      .begin_object()
      .end_object()
      .value(std::optional<int>())
      .end_array();
  w.key("raw").raw("{}").key("v").value(*parse("[1,{\"a\":null}]")).end_object();
  EXPECT_EQ(out, R"({"name":"a\"\\\u0008\u001f/寝\u007f","n":1,"u":18446744073709551615,"d":0.1,"ok":true,"none":null,)"
                 R"("list":[1,[],{},null],"raw":{},"v":[1,{"a":null}]})");
  EXPECT_TRUE(parse(out).ok());
}

TEST(Json, WriterRefusesMisuse) {
  std::string out;
  EXPECT_DEATH(Writer(out).begin_object().value(1), "BUG");
  EXPECT_DEATH(Writer(out).begin_array().end_object(), "BUG");
  EXPECT_DEATH(Writer(out).begin_object().key("a").end_object(), "BUG");
  EXPECT_DEATH(Writer(out).begin_array().key("a"), "BUG");
}

TEST(Json, NumbersAreShortestAndNeverInvalid) {
  const auto shown = [](double d) {
    std::string out;
    append_number(out, d);
    return out;
  };
  EXPECT_EQ(shown(0.1), "0.1");
  EXPECT_EQ(shown(1.0), "1");
  EXPECT_EQ(shown(1e300), "1e+300");
  EXPECT_EQ(shown(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(shown(-std::numeric_limits<double>::infinity()), "null");
  std::string text;
  append_quoted(text, "a\xff");
  EXPECT_EQ(text, "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace nezu::json
