#pragma once

#include "agent/config.h"
#include "agent/task.h"
#include "api/ecs_requests.h"
#include "http/aws_json.h"

#include <memory>
#include <string>
#include <vector>

namespace gantry::agent {

struct Registered {
  std::string container_instance_arn;
  std::vector<api::Attribute> attributes;
};

struct PollEndpoints {
  std::string endpoint;
  std::string telemetry_endpoint;
};

// The ECS operations that an agent calls. Implementations don't retry.
class ControlPlane {
 public:
  virtual ~ControlPlane() = default;
  virtual http::AwsResult<Registered> register_instance(
      const api::RegisterContainerInstanceRequest& request) = 0;
  virtual http::AwsResult<void> create_cluster(const std::string& name) = 0;
  virtual http::AwsResult<PollEndpoints> discover(const std::string& cluster,
                                                  const std::string& instance) = 0;
  virtual http::AwsResult<void> submit(const api::SubmitTaskStateChangeRequest& request) = 0;
};

std::unique_ptr<ControlPlane> make_control_plane(const Config& config, const http::Credentials& credentials);

}  // namespace gantry::agent
