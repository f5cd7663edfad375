#pragma once

#include "base/result.h"

#include <map>
#include <string>
#include <vector>

namespace gantry::cli {

// A list as verbs print it: a table like docker's, or for each row a JSON object or a template.
class Table {
 public:
  struct Column {
    std::string title;  // "CONTAINER ID"
    std::string key;    // of the JSON object and of templates: "ID"
  };

  // `hidden` keys are in JSON and templates only.
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::map<std::string, std::string> row) { rows_.push_back(std::move(row)); }

  // "" or "table", "json", or a template such as "{{.ID}} {{.Names}}" or "table {{.ID}}".
  // Errors: invalid for a template that can't be understood.
  Result<void> print(const std::string& format) const;

 private:
  void print_columns(const std::vector<Column>& columns) const;

  std::vector<Column> columns_;
  std::vector<std::map<std::string, std::string>> rows_;
};

}  // namespace gantry::cli
