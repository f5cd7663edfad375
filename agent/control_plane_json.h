#pragma once

#include "agent/control_plane.h"

namespace gantry::agent {

std::string to_json_text(const api::RegisterContainerInstanceRequest& request);
std::string to_json_text(const api::SubmitTaskStateChangeRequest& request);
std::string create_cluster_text(const std::string& name);
std::string discover_text(const std::string& cluster, const std::string& instance);
Result<Registered> parse_registered(std::string_view answer);
Result<PollEndpoints> parse_endpoints(std::string_view answer);

}  // namespace gantry::agent
