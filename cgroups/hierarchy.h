#pragma once

#include "base/result.h"
#include "cgroups/host.h"

#include <set>
#include <string>
#include <vector>

namespace gantry::cgroups {

// "/a/b" in its parts. Errors: invalid unless the path begins with "/", names at least one folder, and has no
// empty,
// "." or ".." part.
Result<std::vector<std::string>> path_parts(const std::string& path);

// Folders made on the way to a cgroup, removed again unless kept, the deepest first.
class CreatedFolders {
 public:
  CreatedFolders() = default;
  CreatedFolders(CreatedFolders&& other) noexcept : folders_(std::move(other.folders_)) {
    other.folders_.clear();
  }
  CreatedFolders& operator=(CreatedFolders&&) = delete;
  CreatedFolders(const CreatedFolders&) = delete;
  CreatedFolders& operator=(const CreatedFolders&) = delete;
  ~CreatedFolders();

  void add(std::string folder) { folders_.push_back(std::move(folder)); }
  void keep() { folders_.clear(); }

 private:
  std::vector<std::string> folders_;
};

// Makes the folder of `path` below the host's mount and those on the way, each 0755.
// Errors: exists when it is there with processes, or frozen; denied.
Result<CreatedFolders> make_folders(const HostSupport& host, const std::string& path);

// Writes the missing ones of `needed`, and of `wanted` where that works, to cgroup.subtree_control of each
// folder above the cgroup. Writes nothing when the cgroup already has all of them. Errors: conflict when a
// folder on the way has processes of its own (the kernel's EBUSY), denied, system.
Result<void> enable_controllers(const HostSupport& host, const std::string& path,
                                const std::set<std::string>& needed, const std::set<std::string>& wanted);

// What the cgroup at `path` can have when some folders above it aren't ours to change: their children have
// what cgroup.subtree_control gives them already, and no more.
HostSupport within_delegation(HostSupport host, const std::string& path);

}  // namespace gantry::cgroups
