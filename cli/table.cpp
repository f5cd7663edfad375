#include "cli/table.h"

#include "base/json.h"
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

}  // namespace

void Table::print_columns(const std::vector<Column>& columns) const {
  std::vector<size_t> widths;
  for (const auto& column : columns) {
    size_t width = width_of(column.title);
    for (const auto& row : rows_) width = std::max(width, width_of(cell(row, column.key)));
    widths.push_back(width + 3);
  }
  const auto print_row = [&](const auto& text_of) {
    std::string line;
    for (size_t i = 0; i < columns.size(); ++i) line += padded(text_of(columns[i]), widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  };
  print_row([](const Column& column) { return column.title; });
  for (const auto& row : rows_) {
    print_row([&](const Column& column) { return cell(row, column.key); });
  }
}

Result<void> Table::print(const std::string& format) const {
  if (format.empty() || format == "table") {
    print_columns(columns_);
    return {};
  }
  const auto json_rows = [&] {
    std::vector<std::string> texts;
    for (const auto& row : rows_) texts.push_back(to_json(row));
    return texts;
  };
  if (format == "json") {
    for (const auto& text : json_rows()) fmt::print("{}\n", text);
    return {};
  }
  const std::string text = format.rfind("table ", 0) == 0 ? format.substr(6) : format;
  for (const auto& row : json_rows()) fmt::print("{}\n", TRY(render_template(text, row)));
  return {};
}

}  // namespace gantry::cli
