#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::runtime {

// One option for the file system itself: "size=64k", or a flag without a value.
struct FilesystemOption {
  std::string key;
  std::string value;
  bool has_value = false;
};

struct Propagation {
  uint64_t type = 0;  // MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE
  bool recursive = false;
};

enum class IdMapOption { none, top, recursive };  // idmap, ridmap

// The options of one mount of config.json, sorted by who takes them. Attributes are MOUNT_ATTR_*.
// Source: runtime-spec config.md "Linux mount options"; mount_setattr(2).
struct MountOptions {
  bool bind = false;
  bool recursive_bind = false;
  uint64_t set = 0;
  uint64_t clear = 0;
  uint64_t recursive_set = 0;
  uint64_t recursive_clear = 0;
  std::vector<Propagation> propagation;
  bool copy_up = false;  // tmpcopyup
  bool remount = false;  // what is mounted there gets the other options
  IdMapOption id_map = IdMapOption::none;
  std::string id_map_text;                // "uids=…;gids=…" of idmap=…; empty: mappings decide
  std::vector<FilesystemOption> options;  // what no table names goes to the file system
};

// Errors: invalid.
Result<MountOptions> parse_mount_options(const std::vector<std::string>& options);

// "private", "rslave", …; empty: none. Errors: invalid.
Result<Propagation> parse_propagation(const std::string& name);

// Names that features lists.
std::vector<std::string> known_mount_options();

}  // namespace gantry::runtime
