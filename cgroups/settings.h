#pragma once

#include "base/result.h"
#include "oci/linux_resources.h"

#include <string>
#include <vector>

namespace gantry::cgroups {

// One write to a file of the cgroup.
struct Setting {
  std::string file;               // "memory.max"; empty: cgroup v2 has nothing for this field
  std::string value;              // each line is written by a write(2) of its own
  std::string controller;         // "memory"; empty: none is needed
  std::string json_path;          // "$.linux.resources.memory.limit"
  bool missing_is_fine = false;   // no such file means that the value holds anyway
  bool again_at_the_end = false;  // refused with EINVAL until other files are written: cpu.max.burst
  std::string preferred_file;     // written instead of `file` where it exists: io.bfq.weight
  std::string preferred_value;
};

// The writes that `resources` asks for, in their order, devices excepted. What cgroup v2 can't do gives a
// Setting without a file, unless its value asks for nothing. Errors: invalid, naming the JSON path.
Result<std::vector<Setting>> settings_for(const oci::LinuxResources& resources);

}  // namespace gantry::cgroups
