#pragma once

#include "base/fd.h"
#include "base/lock.h"
#include "engine/engine.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::engine {

struct BuildMountTarget {
  std::string path;   // absolute
  bool file = false;  // else a folder
};

struct BuildRootOptions {
  std::vector<std::string> lower;  // layers' folders, topmost first; none: an empty root
  bool for_run = false;            // run() may be called
  // for_run: where things will be mounted, so that these places needn't be made in the root.
  std::vector<BuildMountTarget> mount_targets;
};

// A program to run on a build's root.
struct BuildStepSpec {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // NAME=VALUE
  std::string user;                      // as in ContainerSpec
  std::string working_directory = "/";
  std::string network = "bridge";  // bridge, host, none
  std::vector<std::string> extra_hosts;
  std::vector<MountSpec> mounts;
  int cancel_fd = -1;  // once it is readable, the program is killed
};

// Pieces of output as they come, from the thread that called run().
using BuildOutput = std::function<void(LogStream, std::string_view)>;

// An overlay over layers that a step of a build changes: a folder of ROOT/containers without a record, locked
// for as long as this lives. It takes everything away at its end; what a killed build left, the next sweep
// takes away as it does a half-made container.
class BuildRoot {
 public:
  BuildRoot(BuildRoot&& other) noexcept;
  BuildRoot& operator=(BuildRoot&&) = delete;
  BuildRoot(const BuildRoot&) = delete;
  BuildRoot& operator=(const BuildRoot&) = delete;
  ~BuildRoot();

  std::string rootfs() const { return folder_ + "/rootfs"; }    // the mount
  std::string upper() const { return folder_ + "/upper"; }      // what changed; read it after unmount()
  std::string scratch() const { return folder_ + "/scratch"; }  // an empty folder on the same file system

  // Runs a program in a container with the same isolation as `gantry run` and returns its exit code (137 when
  // it was cancelled). Errors: those of a container's start but for what the runtime itself says, which goes
  // to the output.
  Result<int> run(const BuildStepSpec& spec, const BuildOutput& output);
  Result<void> unmount();

 private:
  friend class Engine;
  BuildRoot(const Context& context, std::string id, FileLock lock);
  Result<void> mount(const BuildRootOptions& options);
  Result<std::vector<std::string>> make_mount_points(const BuildRootOptions& options) const;

  const Context* context_;
  std::string id_;
  std::string folder_;  // empty: moved from
  FileLock lock_;
  std::string network_;  // of the run that must be torn down; empty: none
};

}  // namespace gantry::engine
