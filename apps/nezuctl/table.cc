#include "nezuctl/table.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "nezuctl/format.h"

namespace nezuctl {

namespace {
constexpr int kSpacing = 2;

const char* code_of(Style style) {
  switch (style) {
    case Style::good: return "\x1b[32m";
    case Style::warning: return "\x1b[33m";
    case Style::bad: return "\x1b[31;1m";
    case Style::dim: return "\x1b[2m";
    case Style::strong: return "\x1b[1m";
    case Style::plain: break;
  }
  return "";
}
}  // namespace

std::string styled(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::plain || text.empty()) return std::string(text);
  return code_of(style) + std::string(text) + "\x1b[0m";
}

void Table::row(std::vector<Cell> cells) {
  NEZU_CHECK(cells.size() == columns_.size());
  for (Cell& cell : cells) cell.text = printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::render(const std::vector<Cell>& cells, const std::vector<int>& widths, int max_columns) const {
  std::string out;
  int used = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool last = i + 1 == cells.size();
    if (i > 0) {
      out.append(kSpacing, ' ');
      used += kSpacing;
    }
    int room = widths[i];
    if (max_columns > 0) room = std::min(room, max_columns - used);
    if (room <= 0) break;
    const int width = nezu::display_width(cells[i].text);
    std::string text = width > room ? nezu::fit_to_width(cells[i].text, room) : cells[i].text;
    const std::string padding(static_cast<std::size_t>(std::max(0, room - width)), ' ');
    if (columns_[i].right) out += padding;
    out += styled(text, cells[i].style, colour_);
    if (!columns_[i].right && !last) out += padding;
    used += room;
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

std::string Table::text(int max_columns) const {
  std::vector<int> widths;
  std::vector<Cell> header;
  for (const Column& column : columns_) {
    widths.push_back(nezu::display_width(column.title));
    header.emplace_back(column.title, Style::strong);
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], nezu::display_width(row[i].text));
  }
  int total = -kSpacing;
  for (const int width : widths) total += width + kSpacing;
  if (max_columns > 0) total = std::min(total, max_columns);
  std::string out = render(header, widths, max_columns);
  for (const auto& row : rows_) {
    if (row.empty()) {
      for (int i = 0; i < total; ++i) out += "─";
      out += "\n";
    } else {
      out += render(row, widths, max_columns);
    }
  }
  return out;
}

std::string Sheet::text() const {
  int width = 0;
  for (const Line& line : lines_) {
    if (!line.heading) width = std::max(width, nezu::display_width(line.name));
  }
  std::string out;
  for (const Line& line : lines_) {
    if (line.heading) {
      out += (out.empty() ? "" : "\n") + styled(line.name, Style::strong, colour_) + "\n";
      continue;
    }
    out += "  " + line.name + std::string(static_cast<std::size_t>(width - nezu::display_width(line.name) + kSpacing), ' ');
    out += styled(printable(line.value.text), line.value.style, colour_) + "\n";
  }
  return out;
}

}  // namespace nezuctl
