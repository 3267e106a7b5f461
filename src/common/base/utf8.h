// UTF-8: whether bytes are it, how many characters they are, how wide a terminal shows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nezu {

// Takes one code point off the front. Gives kInvalidCodePoint, and takes one byte, where the front isn't well-formed UTF-8 (overlong forms,
// surrogates and values above U+10FFFF aren't). REQUIRES: !text.empty()
inline constexpr char32_t kInvalidCodePoint = 0xffffffff;
char32_t take_code_point(std::string_view& text);

bool is_utf8(std::string_view text);
std::size_t count_code_points(std::string_view text);  // an invalid byte counts as one
void append_utf8(std::string& out, char32_t code_point);
// Bytes that aren't UTF-8 become U+FFFD.
std::string to_utf8(std::string_view bytes);

// What names are made of, in any script: letters, digits, marks. No space, punctuation, symbol, control, surrogate or private use.
// An approximation by blocks, good to a few characters: no table of Unicode's is carried along.
bool is_name_character(char32_t code_point);

// Columns on a terminal: 2 for wide East Asian characters and emoji, 0 for combining marks and controls, else 1.
int display_width(char32_t code_point);
int display_width(std::string_view text);
// `text` in exactly `columns` columns: padded with spaces (at the left where `right` is set), or cut with "…" at the end.
std::string fit_to_width(std::string_view text, int columns, bool right = false);

}  // namespace nezu
