#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace gantry::cgroups {

// What the host's kernel and its set-up let us enforce.
struct HostSupport {
  std::string mount;                  // where cgroup2 is mounted as we see it; empty: nowhere
  bool unified = false;               // cgroup2 alone, at /sys/fs/cgroup; false: hybrid, v1 or nothing
  std::set<std::string> controllers;  // in cgroup.controllers of that mount: "cpu", "memory", "pids", …
  std::string giver = {};             // the folder that gives them, where it isn't the mount

  bool offers(std::string_view controller) const { return controllers.count(std::string(controller)) != 0; }
  // "/sys/fs/cgroup/unified offers hugetlb", "no cgroup2 mount": for errors.
  std::string describe() const;
};

// Reads /proc/self/mountinfo and the mount's cgroup.controllers, anew at each call. A cgroup2 mount at
// /sys/fs/cgroup is preferred to /sys/fs/cgroup/unified, and that to any other. Never fails: no cgroup2 is an
// answer. cgroups(7).
HostSupport detect_host();
// The same without the controllers, for who only wants to find a cgroup.
HostSupport detect_mount();

// The mount point and `unified` from the text of a mountinfo file (proc(5)), without the controllers.
HostSupport parse_mountinfo(std::string_view mountinfo);

// The cgroup2 path in the text of a /proc/PID/cgroup file: of the line "0::PATH". Empty when there is none.
std::optional<std::string> parse_cgroup_membership(std::string_view text);

}  // namespace gantry::cgroups
