#pragma once

#include "base/process.h"
#include "tests/engine/sandbox.h"

#include <memory>
#include <string>
#include <vector>

namespace gantry::test {

// Runs the real `gantry` in a sandbox.
class GantryRunner {
 public:
  explicit GantryRunner(const Sandbox& sandbox) : sandbox_(sandbox) {}

  std::vector<std::string> command(std::vector<std::string> words) const;
  // status 255 and the error's text when it can't be run.
  CommandResult run(std::vector<std::string> words, const std::string& input = {}) const;
  // In the background; its stdout and stderr go to `output`. Returns its pid.
  pid_t start(std::vector<std::string> words, const std::string& output) const;
  // The last line of stdout, trimmed: an id.
  std::string id_of(std::vector<std::string> words) const;

 private:
  const Sandbox& sandbox_;
};

}  // namespace gantry::test
