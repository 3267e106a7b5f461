#include "common/base/utf8.h"

#include <algorithm>
#include <array>

namespace nezu {
namespace {

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, char32_t c) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c, [](char32_t v, const Range& r) { return v < r.first; });
  return after != ranges.begin() && c <= std::prev(after)->last;
}

// Blocks that terminals show two columns wide (East Asian Width W and F, UAX #11), joined where only unassigned ones lie between.
constexpr std::array<Range, 40> kWide{{
    {0x1100, 0x115f}, {0x231a, 0x231b}, {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},   {0x23f3, 0x23f3}, {0x25fd, 0x25fe},
    {0x2614, 0x2615}, {0x2648, 0x2653}, {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab}, {0x26bd, 0x26be},
    {0x26c4, 0x26c5}, {0x26ce, 0x26ce}, {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f5},   {0x26fa, 0x26fa}, {0x26fd, 0x26fd},
    {0x2705, 0x2705}, {0x270a, 0x270b}, {0x2728, 0x2728},   {0x274c, 0x274e},   {0x2753, 0x2757},   {0x2795, 0x2797}, {0x2e80, 0x303e},
    {0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
    {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1faff}, {0x20000, 0x3fffd},
}};

// Marks that take no column of their own: combining ones, joiners, variation selectors.
constexpr std::array<Range, 17> kZeroWidth{{
    {0x0300, 0x036f},
    {0x0483, 0x0489},
    {0x0591, 0x05bd},
    {0x0610, 0x061a},
    {0x064b, 0x065f},
    {0x0e31, 0x0e31},
    {0x0e34, 0x0e3a},
    {0x0e47, 0x0e4e},
    {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff},
    {0x200b, 0x200f},
    {0x202a, 0x202e},
    {0x2060, 0x2064},
    {0x20d0, 0x20ff},
    {0x3099, 0x309a},
    {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},
}};

// Above ASCII: what no name may hold. Controls, spaces, separators, punctuation and symbols (also full-width ones), direction marks,
// surrogates, private use, pictures, tags. Letters, digits, marks, numerals in circles and the katakana middle dot are left.
constexpr std::array<Range, 38> kNoName{{
    {0x0080, 0x00a9},   {0x00ab, 0x00b1},    {0x00b4, 0x00b4},   {0x00b6, 0x00b8},   {0x00bb, 0x00bb},   {0x00bf, 0x00bf},
    {0x00d7, 0x00d7},   {0x00f7, 0x00f7},    {0x1680, 0x1680},   {0x180e, 0x180e},   {0x2000, 0x206f},   {0x20a0, 0x20cf},
    {0x2190, 0x23ff},   {0x2500, 0x2bff},    {0x2e00, 0x2e7f},   {0x3000, 0x3004},   {0x3008, 0x3020},   {0x3030, 0x3030},
    {0x3036, 0x3037},   {0x303d, 0x303f},    {0xd800, 0xf8ff},   {0xfd3e, 0xfd3f},   {0xfdd0, 0xfdef},   {0xfe10, 0xfe1f},
    {0xfe30, 0xfe6f},   {0xfeff, 0xff0f},    {0xff1a, 0xff20},   {0xff3b, 0xff40},   {0xff5b, 0xff65},   {0xffa0, 0xffa0},
    {0xffe0, 0xffff},   {0x1d000, 0x1d2ff},  {0x1f000, 0x1fbff}, {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0x3fffe, 0x3ffff},
    {0x40000, 0xdffff}, {0xe0000, 0x10ffff},
}};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

char32_t take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) {
    text.remove_prefix(1);
    return lead;
  }
  const std::size_t length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : 2;
  char32_t c = length == 4 ? lead & 0x07U : length == 3 ? lead & 0x0fU : lead & 0x1fU;
  bool well = lead >= 0xc2 && lead < 0xf5 && text.size() >= length;
  for (std::size_t i = 1; well && i < length; ++i) {
    well = is_continuation(text[i]);
    c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  well = well && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) && c >= (length == 4 ? 0x10000U : length == 3 ? 0x800U : 0x80U);
  text.remove_prefix(well ? length : 1);
  return well ? c : kInvalidCodePoint;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_code_point(text) == kInvalidCodePoint) return false;
  }
  return true;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t n = 0;
  for (; !text.empty(); ++n) take_code_point(text);
  return n;
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string to_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const char32_t c = take_code_point(bytes);
    append_utf8(out, c == kInvalidCodePoint ? 0xfffd : c);
  }
  return out;
}

bool is_name_character(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return c <= 0x10ffff && !contains(kNoName, c);
}

int display_width(char32_t c) {
  if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return 0;
  if (c < 0x300) return 1;
  if (contains(kZeroWidth, c)) return 0;
  return contains(kWide, c) ? 2 : 1;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) width += display_width(take_code_point(text));
  return width;
}

std::string fit_to_width(std::string_view text, int columns, bool right) {
  if (columns <= 0) return {};
  int width = display_width(text);
  std::string out;
  if (width > columns) {
    std::string_view rest = text;
    width = 0;
    while (!rest.empty()) {
      const std::string_view before = rest;
      const int w = display_width(take_code_point(rest));
      if (width + w > columns - 1) break;
      out.append(before.substr(0, before.size() - rest.size()));
      width += w;
    }
    out += "…";
    ++width;
  } else {
    out = std::string(text);
  }
  const auto padding = static_cast<std::size_t>(columns - width);
  return right ? std::string(padding, ' ') + out : out + std::string(padding, ' ');
}

}  // namespace nezu
