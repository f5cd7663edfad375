#include "cli/table.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/template.h"

#include <algorithm>
#include <fmt/core.h>

namespace gantry::cli {

namespace {

// Characters, not bytes: "…" is one column wide.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, width_of(text)), ' ');
}

std::string cell(const std::map<std::string, std::string>& row, const std::string& key) {
  const auto found = row.find(key);
  return found == row.end() ? std::string() : found->second;
}

void print_aligned(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]) + 3);
  }
  for (const auto& line : lines) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) text += padded(line[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  }
}

}  // namespace

std::string Table::titles() const {
  std::map<std::string, std::string> row;
  for (const auto& column : columns_) row[column.key] = column.title;
  return to_json(row);
}

Result<void> Table::print_template(const std::string& text, bool with_header) const {
  const std::string header = TRY(render_template(text, titles()));
  std::vector<std::string> lines;
  if (with_header) lines.push_back(header);
  for (const auto& row : rows_) {
    const std::string json = to_json(row);
    lines.push_back(TRY(render_template(text, json)));
  }
  std::vector<std::vector<std::string>> cells;
  for (const auto& line : lines) {
    if (with_header) cells.push_back(split(line, '\t'));
    if (!with_header) fmt::print("{}\n", line);
  }
  print_aligned(cells);
  return {};
}

Result<void> Table::print(const std::string& format) const {
  if (format == "json") {
    for (const auto& row : rows_) {
      const std::string json = to_json(row);
      fmt::print("{}\n", json);
    }
    return {};
  }
  if (format.rfind("table ", 0) == 0) return print_template(format.substr(6), true);
  if (!format.empty() && format != "table") return print_template(format, false);
  std::vector<std::vector<std::string>> cells(rows_.size() + 1);
  for (const auto& column : columns_) {
    if (column.hidden) continue;
    cells[0].push_back(column.title);
    for (size_t i = 0; i < rows_.size(); ++i) cells[i + 1].push_back(cell(rows_[i], column.key));
  }
  print_aligned(cells);
  return {};
}

}  // namespace gantry::cli
