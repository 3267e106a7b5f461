#include "common/base/utf8.h"

#include <gtest/gtest.h>

namespace nezu {
namespace {

TEST(Utf8, EveryCodePointGoesAround) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    append_utf8(text, c);
    std::string_view rest = text;
    ASSERT_EQ(take_code_point(rest), c);
    ASSERT_TRUE(rest.empty());
  }
}

TEST(Utf8, RefusesWhatIsNotWellFormed) {
  const std::string_view bad[] = {
      "\x80", "\xc0\x80", "\xc1\xbf",  "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80",
      "\xff", "\xe3\x81", "\xe3\x81z", "\xf0\x9f\x98", "\xc3"};
  for (const std::string_view text : bad) {
    EXPECT_FALSE(is_utf8(text));
    const std::string clean = to_utf8(text);
    EXPECT_TRUE(is_utf8(clean));
    EXPECT_NE(clean.find("\xef\xbf\xbd"), std::string::npos);
  }
  EXPECT_TRUE(is_utf8("寝ずの番 🌙 é"));
  EXPECT_EQ(to_utf8("寝\xff番"), "寝\xef\xbf\xbd番");
}

TEST(Utf8, CountsCharacters) {
  EXPECT_EQ(count_code_points(""), 0U);
  EXPECT_EQ(count_code_points("寝ずの番"), 4U);
  EXPECT_EQ(count_code_points("a\xff"), 2U);
}

TEST(Utf8, WidthOnATerminal) {
  EXPECT_EQ(display_width("checkout"), 8);
  EXPECT_EQ(display_width("寝ずの番"), 8);
  EXPECT_EQ(display_width("ｶﾅ"), 2);
  EXPECT_EQ(display_width("ＡＢ"), 4);
  EXPECT_EQ(display_width("e\xcc\x81"), 1);
  EXPECT_EQ(display_width("か\xe3\x82\x99"), 2);
  EXPECT_EQ(display_width("🌙"), 2);
  EXPECT_EQ(display_width("한글"), 4);
  EXPECT_EQ(display_width("→–"), 2);
}

TEST(Utf8, FitsIntoColumns) {
  EXPECT_EQ(fit_to_width("ab", 4), "ab  ");
  EXPECT_EQ(fit_to_width("ab", 4, true), "  ab");
  EXPECT_EQ(fit_to_width("寝番", 5), "寝番 ");
  EXPECT_EQ(fit_to_width("寝ずの番", 8), "寝ずの番");
  EXPECT_EQ(fit_to_width("寝ずの番", 7), "寝ずの…");
  EXPECT_EQ(fit_to_width("寝ずの番", 6), "寝ず… ");
  EXPECT_EQ(fit_to_width("abc", 0), "");
  for (int columns = 1; columns < 12; ++columns) EXPECT_EQ(display_width(fit_to_width("a寝bずcの", columns)), columns);
}

TEST(Utf8, NameCharacters) {
  for (const char32_t c : U"azAZ09é寝ずカー々〇ーＡ１한ßдα①Ⅱ・") {
    if (c != 0) { EXPECT_TRUE(is_name_character(c)) << static_cast<unsigned>(c); }
  }
  for (const char32_t c : U" /\\._-\"'\t\u0085\u00a0\u00ad\u2028\u200b\u202e\u3000。、（）「」！／＿→€\ufeff\ufffd\U0001f319\ue000") {
    EXPECT_FALSE(is_name_character(c)) << static_cast<unsigned>(c);
  }
  EXPECT_FALSE(is_name_character(kInvalidCodePoint));
}

}  // namespace
}  // namespace nezu
