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
    std::string title;    // "CONTAINER ID"
    std::string key;      // of the JSON object and of templates: "ID"
    bool hidden = false;  // in JSON and templates only
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::map<std::string, std::string> row) { rows_.push_back(std::move(row)); }

  // "" or "table", "json", a template for each row such as "{{.ID}} {{.Names}}", or "table
  // {{.ID}}\t{{.Names}}": with a header, and columns where the tabs are. Errors: invalid for a template that
  // can't be understood, also when there are no rows.
  Result<void> print(const std::string& format) const;

 private:
  std::string titles() const;  // a row whose values are the columns' titles, as JSON
  Result<void> print_template(const std::string& text, bool with_header) const;

  std::vector<Column> columns_;
  std::vector<std::map<std::string, std::string>> rows_;
};

}  // namespace gantry::cli
