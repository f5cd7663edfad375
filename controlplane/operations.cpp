#include "controlplane/operations.h"

#include "api/events.h"
#include "base/log.h"

#include <chrono>

namespace gantry::controlplane {
namespace {

constexpr const char* ecs_target_prefix = "AmazonEC2ContainerServiceV20141113";
constexpr const char* ecs_service = "ecs";

// The model's other names, API version 2014-11-13.
constexpr const char* unsupported[] = {
    "ContinueServiceDeployment",
    "CreateCapacityProvider",
    "CreateDaemon",
    "CreateExpressGatewayService",
    "CreateTaskSet",
    "DeleteAccountSetting",
    "DeleteCapacityProvider",
    "DeleteDaemon",
    "DeleteDaemonTaskDefinition",
    "DeleteExpressGatewayService",
    "DeleteTaskSet",
    "DescribeCapacityProviders",
    "DescribeDaemon",
    "DescribeDaemonDeployments",
    "DescribeDaemonRevisions",
    "DescribeDaemonTaskDefinition",
    "DescribeExpressGatewayService",
    "DescribeServiceRevisions",
    "DescribeTaskSets",
    "ExecuteCommand",
    "GetTaskProtection",
    "ListAccountSettings",
    "ListDaemonDeployments",
    "ListDaemonTaskDefinitions",
    "ListDaemons",
    "ListServicesByNamespace",
    "PutAccountSetting",
    "PutAccountSettingDefault",
    "PutClusterCapacityProviders",
    "RegisterDaemonTaskDefinition",
    "StopServiceDeployment",
    "UpdateCapacityProvider",
    "UpdateDaemon",
    "UpdateExpressGatewayService",
    "UpdateServicePrimaryTaskSet",
    "UpdateTaskProtection",
    "UpdateTaskSet",
};

// One line a call, for a developer; bodies may hold secrets and aren't shown.
http::AwsOperation logged(http::AwsOperation operation) {
  return [operation = std::move(operation)](const http::AwsCall& call) -> AwsResult<std::string> {
    const auto begin = std::chrono::steady_clock::now();
    auto answer = operation(call);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    log::debug("call operation={} key={} from={} request={} ms={:.1f} error={}", call.operation,
               call.identity.access_key_id, call.remote_address, call.request_id, took.count(),
               answer ? "" : answer.error().name);
    return answer;
  };
}

}  // namespace

void add_unsupported_operations(OperationTable& table) {
  for (const auto* name : unsupported) {
    table[name] = [](const http::AwsCall& call) -> AwsResult<std::string> {
      return not_supported(call.operation);
    };
  }
}

void add_operations(http::AwsJsonDispatcher& dispatcher, const OperationContext& context) {
  OperationTable table;
  add_unsupported_operations(table);
  add_cluster_operations(table, context);
  add_task_definition_operations(table, context);
  add_task_operations(table, context);
  add_run_task_operations(table, context);
  add_service_operations(table, context);
  add_service_query_operations(table, context);
  add_service_deployment_operations(table, context);
  add_instance_operations(table, context);
  add_agent_operations(table, context);
  add_attribute_operations(table, context);
  add_tag_operations(table, context);
  for (auto& [name, handler] : table)
    dispatcher.add(ecs_target_prefix, ecs_service, name, logged(std::move(handler)));
  dispatcher.add(std::string(api::events_target_prefix), std::string(api::events_service), "PutEvents",
                 logged([&context](const http::AwsCall& call) { return put_events(context, call); }));
}

}  // namespace gantry::controlplane
