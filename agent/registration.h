#pragma once

#include "agent/config.h"
#include "agent/container_driver.h"
#include "agent/control_plane.h"
#include "agent/state_store.h"
#include "agent/stopping.h"

namespace gantry::agent {

// What the host offers: CPU in units, MEMORY in MiB without what is reserved, reserved PORTS and PORTS_UDP.
std::vector<api::Resource> total_resources(const Config& config, const HostCapabilities& host);

// Attributes, capabilities only where they are true of this host and agent, and the operator's own.
std::vector<api::Attribute> instance_attributes(const Config& config, const HostCapabilities& host);

api::RegisterContainerInstanceRequest registration_request(const Config& config, const HostCapabilities& host,
                                                           const InstanceState& known);

// Registers until it succeeds, waiting longer from try to try while the control plane can't be reached or
// says "later"; saves the instance's ARN. Cluster "default" is made if it isn't there. Errors: final answers
// (wrong credentials, a refused registration, an attribute that didn't come back), and unavailable when
// `stopping` was set.
Result<InstanceState> register_host(const Config& config, const HostCapabilities& host, ControlPlane& control,
                                    const StateStore& store, Stopping& stopping);

}  // namespace gantry::agent
