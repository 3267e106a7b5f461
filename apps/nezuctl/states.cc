#include "nezuctl/states.h"

namespace nezuctl {

Cell monitoring_state(const json::Value& monitoring) {
  const std::string state = monitoring["state"].string_or(kNothing);
  if (monitoring["interrupted"].bool_or(false)) return Cell(state + ", interrupted", Style::bad);
  if (state == "monitoring") return Cell(state, Style::good);
  if (state == "starting" || state == "stopping") return Cell(state, Style::warning);
  return Cell(state, Style::dim);
}

Cell probe_state(const std::string& state) {
  if (state == "connected") return Cell(state, Style::good);
  return Cell(state, state == "interrupted" ? Style::warning : Style::bad);
}

Cell severity(const std::string& text) {
  if (text == "error") return Cell(text, Style::bad);
  return Cell(text, text == "warning" ? Style::warning : Style::plain);
}

Style kind_style(const std::string& kind) {
  if (kind == "gap") return Style::bad;
  return kind == "measured" ? Style::plain : Style::dim;
}

Cell text_or_nothing(const json::Value& value) {
  const std::string text = value.is_string() ? value.string() : value.is_null() ? "" : json::to_string(value);
  return text.empty() ? Cell(kNothing) : Cell(text);
}

Cell count_or_nothing(const json::Value& value) { return value.is_number() ? Cell(json::to_string(value)) : Cell(kNothing); }

Cell seconds_or_nothing(const json::Value& value) { return value.is_number() ? Cell(seconds_text(value.number_or(0))) : Cell(kNothing); }

Cell time_or_nothing(const Zone& zone, const json::Value& value, bool milliseconds) {
  return Cell(zone.text_of(value.string_or(""), milliseconds));
}

namespace {
bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}
}  // namespace

void add_all(Sheet& sheet, const std::string& prefix, const json::Value& value) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.members()) add_all(sheet, prefix.empty() ? key : prefix + "." + key, member);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) add_all(sheet, prefix + "[" + std::to_string(i) + "]", value[i]);
  } else if (value.is_number() && (ends_with(prefix, "bytes") || ends_with(prefix, "size"))) {
    sheet.line(prefix, bytes_text(value.number_or(0)));
  } else {
    sheet.line(prefix, text_or_nothing(value));
  }
}

}  // namespace nezuctl
