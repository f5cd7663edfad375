#pragma once

#include "base/result.h"
#include "engine/container_info.h"

#include <string>
#include <vector>

namespace gantry::cli {

// ps --filter: several of one key are alternatives, different keys must all match.
class ContainerFilter {
 public:
  // "KEY=VALUE". Errors: unsupported for another key, naming those there are.
  Result<void> add(const std::string& text);
  bool matches(const engine::ContainerInfo& info) const;
  // Whether it picks states itself, so that those not running must be offered to it.
  bool selects_states() const;

 private:
  struct Rule {
    std::string key;
    std::string value;
  };
  std::vector<Rule> rules_;
};

}  // namespace gantry::cli
