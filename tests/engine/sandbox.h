#pragma once

#include "base/files.h"
#include "base/result.h"

#include <string>

namespace gantry::test {

// Moves this process into a network namespace of its own with its loopback up, and a mount namespace of its
// own: no bridge or mount of a test is ever seen on the host, and all go away with the last process. Once a
// program; later calls do nothing.
Result<void> isolate();

// A root for containers and images, a run root, and a folder with a root file system of one static busybox.
class Sandbox {
 public:
  static Result<Sandbox> make();

  const std::string& folder() const { return folder_.path(); }
  std::string root() const { return join_path(folder(), "root"); }
  std::string run_root() const { return join_path(folder(), "run"); }
  std::string busybox() const { return join_path(folder(), "busybox"); }

 private:
  explicit Sandbox(TemporaryDirectory folder) : folder_(std::move(folder)) {}
  TemporaryDirectory folder_;
};

// False where /bin/busybox isn't static or we aren't root.
bool can_run_containers();
// Whether this host enforces memory limits.
bool host_enforces_memory();

}  // namespace gantry::test
