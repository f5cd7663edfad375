#pragma once

#include "api/ecs_requests.h"
#include "controlplane/lookup.h"

namespace gantry::controlplane {

// RegisterContainerInstance inside a command: a new record, or the known one (by ARN) with new attributes and
// resources. All attributes sent come back, because an agent that misses one gives up for good.
// Source: amazon-ecs-agent 1.105.1, api/ecsclient.
AwsResult<Ptr<ContainerInstance>> register_instance(Transaction& transaction,
                                                    const api::RegisterContainerInstanceRequest& request,
                                                    size_t most_instances);

}  // namespace gantry::controlplane
