#pragma once

#include "base/lock.h"
#include "engine/engine.h"
#include "engine/layout.h"
#include "engine/record.h"
#include "images/image_store.h"
#include "netns/network.h"
#include "runtime/monitor_client.h"

#include <memory>
#include <string>

namespace gantry::engine {

// What the functions of this module work on. All of it may be used by several threads at once.
struct Context {
  EngineOptions options;  // with the programs found
  Layout layout;
  mutable images::ImageStore images;  // guards itself

  // A value without state of its own: made anew for each use.
  Result<netns::Network> network() const {
    netns::NetworkOptions network_options;
    network_options.state_directory = layout.network_state();
    network_options.bridge = options.bridge;
    network_options.subnet = options.subnet;
    network_options.dynamic_ports = {options.dynamic_port_first, options.dynamic_port_last};
    return netns::Network::open(network_options);
  }
};

std::string cgroup_path(const ContainerRecord& record);
Error no_such_container(const std::string& reference);

// resolve.cpp
Result<std::string> resolve_reference(const Context& context, const std::string& reference);
Result<std::vector<std::string>> container_ids(const Context& context);

// file_changes.cpp
// Places below the root that the runtime makes where an image has none, to mount on.
const std::vector<std::string>& mount_points();

// create.cpp
// A container's folder and its lock, which appear together for everyone who sweeps.
Result<FileLock> claim_directory(const Context& context, const std::string& id);

// info.cpp
// Whether its monitor is gone though its status says that it isn't done: somebody killed it, or the host
// went down.
bool is_lost(const ContainerPaths& paths);
Result<ContainerInfo> read_info(const Context& context, const std::string& id);

// launch.cpp
// Runs the monitor, which starts the container. `attach` may be empty.
Result<void> launch_monitor(const Context& context, const ContainerRecord& record, UniqueFd attach);
// Runs a monitor on `directory` with this configuration, and returns its word on the start: pid 0 says why
// not, and the monitor is gone by then.
Result<runtime::SyncMessage> run_monitor(const Context& context, const std::string& directory,
                                         const runtime::MonitorConfig& config, UniqueFd attach);

// runtime_call.cpp
// gantry-oci with its global flags.
std::vector<std::string> runtime_command(const Context& context);
std::vector<std::string> runtime_limit_flags(const Context& context);
// An error whose kind says docker's exit code: not_found 127, denied 126, others 125. Source: moby's
// translation of a runtime's messages.
Error start_error(const std::string& message, int exit_code);
Error classify_runtime_message(const std::string& message);

// tear_down.cpp
// Takes back what a run used on the host: processes, runtime state, network, mounts, cgroup. May be repeated
// at any time; the container's lock must be held and no monitor may live. The caller removes the dirty
// marker.
Result<void> tear_down(const Context& context, const ContainerRecord& record);
// The last state of a container whose monitor was killed: ends what is left of it, and writes it down.
Result<void> settle_lost(const Context& context, const ContainerRecord& record);
// Removes all of it, in an order that can be taken up again anywhere. The lock must be held.
Result<void> erase_container(const Context& context, const ContainerRecord& record, bool anonymous_volumes);

// wait.cpp
// While it is held, an ended container that is to be removed by itself stays, so that its exit code can be
// read. Whoever lets go of it calls clean_up_container().
Result<FileLock> hold_files(const Context& context, const std::string& id);
// Returns the exit code once it runs no more. Errors: timeout.
Result<int> wait_for_end(const Context& context, const std::string& id,
                         std::optional<std::chrono::milliseconds> limit);

// clean_up.cpp
enum class Contention { wait, leave };
// Settles, tears down and, with auto_remove or after a removal that was cut off, erases a container that
// doesn't run. `leave`: does nothing when another works on it.
Result<void> clean_up_container(const Context& context, const std::string& id, Contention contention);

// Engine::sweep(), unless another is at it.
Result<void> sweep_if_free(const Context& context);

// start.cpp
Result<void> start_container(const Context& context, const std::string& id, UniqueFd attach);

}  // namespace gantry::engine
