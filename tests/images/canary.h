#pragma once

#include <string>

namespace gantry::images::test {

// A tree beside which something hostile runs, with what would show if it were touched.
class Canary {
 public:
  // Makes FOLDER/canary: a file, a folder with a file, a link to it.
  explicit Canary(const std::string& folder);
  // One line for each thing in and beside the tree, FOLDER/root aside: type, mode, owner, size, links, times
  // of change, content. The same text as before: nothing was done to it.
  std::string look() const;

 private:
  std::string folder_;
};

}  // namespace gantry::images::test
