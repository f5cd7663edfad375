#pragma once

#include "api/ecs_requests.h"
#include "api/ecs_responses.h"
#include "controlplane/controller.h"
#include "controlplane/lookup.h"
#include "http/aws_json.h"

#include <functional>
#include <map>
#include <string>

// The ECS API's operations. Each parses its request on a worker thread, does its work in one command on the
// state thread, and answers when that is durable.

namespace gantry::controlplane {

struct OperationsOptions {
  std::string
      endpoint_url;     // what agents are told to connect to; empty: the Host they called, and our scheme
  bool secure = false;  // served over TLS
  size_t services_per_cluster = 5000;
  int tasks_per_service = 5000;
  size_t instances_per_cluster = 5000;
  size_t clusters = 10000;
};

struct OperationContext {
  Controller& controller;
  OperationsOptions options;
};

// Operation name → what answers it.
using OperationTable = std::map<std::string, http::AwsOperation>;

template <class Request>
using OperationFunction = AwsResult<std::string> (*)(const OperationContext& context, const Request& request,
                                                     const http::AwsCall& call);

template <class Request>
void add_operation(OperationTable& table, const OperationContext& context, const std::string& name,
                   OperationFunction<Request> function) {
  table[name] = [&context, function](const http::AwsCall& call) -> AwsResult<std::string> {
    const auto request = api::parse_request<Request>(call.body);
    if (!request) return http::serialization_error(request.error());
    return function(context, *request, call);
  };
}

// `context` must outlive the table.
void add_cluster_operations(OperationTable& table, const OperationContext& context);
void add_task_definition_operations(OperationTable& table, const OperationContext& context);
void add_task_operations(OperationTable& table, const OperationContext& context);
void add_run_task_operations(OperationTable& table, const OperationContext& context);
void add_service_operations(OperationTable& table, const OperationContext& context);
void add_service_query_operations(OperationTable& table, const OperationContext& context);
void add_service_deployment_operations(OperationTable& table, const OperationContext& context);
void add_instance_operations(OperationTable& table, const OperationContext& context);
void add_agent_operations(OperationTable& table, const OperationContext& context);
void add_attribute_operations(OperationTable& table, const OperationContext& context);
void add_tag_operations(OperationTable& table, const OperationContext& context);
// The names of ECS that aren't built: UnsupportedFeatureException.
void add_unsupported_operations(OperationTable& table);

// All of ECS, and EventBridge's PutEvents, on one dispatcher.
void add_operations(http::AwsJsonDispatcher& dispatcher, const OperationContext& context);

// AWSEvents.PutEvents: services that follow an image's tag are deployed anew when it is pushed.
AwsResult<std::string> put_events(const OperationContext& context, const http::AwsCall& call);

}  // namespace gantry::controlplane
