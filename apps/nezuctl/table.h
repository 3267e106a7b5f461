// A table for terminals: columns as wide as their widest cell, also with wide East Asian characters. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nezuctl {

enum class Style { plain, good, warning, bad, dim, strong };

struct Cell {
  Cell(std::string t, Style s = Style::plain) : text(std::move(t)), style(s) {}  // NOLINT: implicit on purpose
  Cell(std::string_view t, Style s = Style::plain) : text(t), style(s) {}        // NOLINT
  Cell(const char* t, Style s = Style::plain) : text(t), style(s) {}             // NOLINT
  std::string text;
  Style style;
};

struct Column {
  std::string title;
  bool right = false;  // numbers
};

std::string styled(std::string_view text, Style style, bool colour);

class Table {
 public:
  Table(std::vector<Column> columns, bool colour) : columns_(std::move(columns)), colour_(colour) {}
  // REQUIRES: as many cells as columns.
  void row(std::vector<Cell> cells);
  void line() { rows_.emplace_back(); }  // a rule across
  bool empty() const { return rows_.empty(); }
  // With a header; lines without trailing spaces. max_columns: longer lines are cut with "…" (0: never).
  std::string text(int max_columns = 0) const;

 private:
  std::string render(const std::vector<Cell>& cells, const std::vector<int>& widths, int max_columns) const;

  std::vector<Column> columns_;
  bool colour_;
  std::vector<std::vector<Cell>> rows_;
};

// "name: value" lines, values in one column; for one thing shown in full.
class Sheet {
 public:
  explicit Sheet(bool colour) : colour_(colour) {}
  void heading(std::string text) { lines_.push_back({std::move(text), Cell(""), true}); }
  void line(std::string name, Cell value) { lines_.push_back({std::move(name), std::move(value), false}); }
  std::string text() const;

 private:
  struct Line {
    std::string name;
    Cell value;
    bool heading;
  };
  bool colour_;
  std::vector<Line> lines_;
};

}  // namespace nezuctl
