#pragma once

#include "api/ecs_requests.h"
#include "controlplane/lookup.h"

// What CreateService and UpdateService accept, apart from what depends on state.

namespace gantry::controlplane {

AwsResult<void> check_create_service(const api::CreateServiceRequest& request);
AwsResult<void> check_update_service(const api::UpdateServiceRequest& request);

// A service with the request's settings and the defaults of its scheduling strategy; without ARN and
// deployments.
AwsResult<Service> new_service(const api::CreateServiceRequest& request, int most_tasks);

// Takes the request's settings, all but task definition and desired count. True: one of them calls for a new
// deployment.
AwsResult<bool> apply_update(Service& service, const api::UpdateServiceRequest& request, int most_tasks);

}  // namespace gantry::controlplane
