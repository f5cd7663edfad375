#pragma once

#include "base/files.h"

#include <string>

namespace gantry::engine {

// Where a container's files are. All but `rootfs`, a mount, outlive a reboot.
struct ContainerPaths {
  std::string directory;  // ROOT/containers/ID, also the OCI bundle and the monitor's folder

  std::string file(std::string_view name) const { return join_path(directory, name); }
  std::string record() const { return file("container.json"); }  // written last: the container exists
  std::string lock() const { return file("lock"); }              // held while it is started or torn down
  std::string removing() const { return file("removing"); }      // there: removal began, only finish it
  std::string stopped() const { return file("stopped"); }        // there: stopped by a person, not restarted
  std::string dirty() const { return file("dirty"); }  // there: mounts, network or cgroup may need a clean-up
  std::string config() const { return file("config.json"); }
  std::string upper() const { return file("upper"); }
  std::string work() const { return file("work"); }
  std::string rootfs() const { return file("rootfs"); }
  std::string network() const { return file("network.json"); }
};

struct Layout {
  std::string root;
  std::string run_root;

  std::string containers() const { return join_path(root, "containers"); }
  std::string names() const { return join_path(root, "names"); }  // symbolic links: NAME -> ID
  std::string volumes() const { return join_path(root, "volumes"); }
  // Where a container's folder is moved to while its files go.
  std::string removed(const std::string& id) const { return join_path(containers(), ".removed-" + id); }
  std::string lock() const { return join_path(root, "engine.lock"); }
  std::string network_state() const { return join_path(run_root, "network"); }
  std::string runtime_state() const { return join_path(run_root, "runtime"); }
  ContainerPaths container(const std::string& id) const { return {join_path(containers(), id)}; }
};

}  // namespace gantry::engine
