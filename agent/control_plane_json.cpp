#include "agent/control_plane_json.h"

#include "api/ecs_requests_members.h"
#include "base/random.h"

namespace gantry::agent {

namespace {

struct RegisterRequest {
  api::RegisterContainerInstanceRequest request;
  std::string client_token = random_uuid();
  std::string no_signature;
};

template <class Visitor>
void members(Visitor& visit, RegisterRequest& wrapped) {
  visit.always("instanceIdentityDocumentSignature", wrapped.no_signature);
  visit("clientToken", wrapped.client_token);
  members(visit, wrapped.request);
}

struct InstanceAnswer {
  std::string arn;
  std::vector<api::Attribute> attributes;
};

struct RegisterAnswer {
  InstanceAnswer instance;
};

template <class Visitor>
void members(Visitor& visit, InstanceAnswer& answer) {
  visit.required("containerInstanceArn", answer.arn);
  visit("attributes", answer.attributes);
}

template <class Visitor>
void members(Visitor& visit, RegisterAnswer& answer) {
  visit.required("containerInstance", answer.instance);
}

struct EndpointsAnswer {
  PollEndpoints endpoints;
};

template <class Visitor>
void members(Visitor& visit, EndpointsAnswer& answer) {
  visit.required("endpoint", answer.endpoints.endpoint);
  visit("telemetryEndpoint", answer.endpoints.telemetry_endpoint);
}

}  // namespace

std::string to_json_text(const api::RegisterContainerInstanceRequest& request) {
  return to_json(RegisterRequest{request});
}

std::string to_json_text(const api::SubmitTaskStateChangeRequest& request) {
  return to_json(request);
}

std::string create_cluster_text(const std::string& name) {
  return to_json(api::CreateClusterRequest{name, {}, {}, {}});
}

std::string discover_text(const std::string& cluster, const std::string& instance) {
  return to_json(api::DiscoverPollEndpointRequest{cluster, instance});
}

Result<Registered> parse_registered(std::string_view answer) {
  auto parsed = TRY(parse_json<RegisterAnswer>(answer, "RegisterContainerInstance"));
  return Registered{std::move(parsed.instance.arn), std::move(parsed.instance.attributes)};
}

Result<PollEndpoints> parse_endpoints(std::string_view answer) {
  return TRY(parse_json<EndpointsAnswer>(answer, "DiscoverPollEndpoint")).endpoints;
}

}  // namespace gantry::agent
