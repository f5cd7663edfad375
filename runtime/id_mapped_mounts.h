#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/mount_options.h"

#include <list>
#include <string>
#include <vector>

// Mounts that show a file system's owners as other users: uidMappings, gidMappings and the options idmap and
// ridmap. Source: runtime-spec config.md "Linux mount options"; mount_setattr(2) "ID-mapped mounts".

namespace gantry::runtime {

// The user namespaces whose id maps mounts take: the container's own, or one for each pair of maps, made by a
// process that lives as long as it takes to open it.
class MountIdMaps {
 public:
  // Both are used while this lives. `procfs` is trusted.
  MountIdMaps(const oci::Linux& container, BorrowedFd procfs) : container_(container), procfs_(procfs) {}

  static bool wanted(const oci::Mount& mount, const MountOptions& options);
  // Gives the detached `tree` its id map. Errors: invalid, with runc's texts; unsupported by the file system.
  Result<void> apply(const oci::Mount& mount, const MountOptions& options, const UniqueFd& tree);

 private:
  struct Entry {
    std::vector<oci::IdMapping> uids;
    std::vector<oci::IdMapping> gids;
    UniqueFd user_namespace;
  };

  Result<BorrowedFd> namespace_for(const oci::Mount& mount, const MountOptions& options);
  Result<BorrowedFd> container_namespace();
  Result<BorrowedFd> find_or_make(const std::vector<oci::IdMapping>& uids,
                                  const std::vector<oci::IdMapping>& gids);

  const oci::Linux& container_;
  BorrowedFd procfs_;
  std::list<Entry> entries_;
  UniqueFd joined_;
};

// crun's way to give the maps with the option: "uids=0-1000-10#10-5000-1;gids=0-1000-10", each of
// CONTAINER-HOST-SIZE; with "@" before the first number HOST is an id of the container. Errors: invalid.
struct IdMapText {
  std::vector<oci::IdMapping> uids;
  std::vector<oci::IdMapping> gids;
};
Result<IdMapText> parse_id_map_text(const std::string& text, const oci::Linux& container);

}  // namespace gantry::runtime
