#include "api/task_definition_rules.h"
#include "base/format.h"
#include "base/text.h"
#include "controlplane/operations.h"
#include "controlplane/pages.h"
#include "controlplane/placement.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

using api::TaskDefinitionStatus;

constexpr size_t largest_definition = 64 << 10;  // bytes of its JSON
constexpr int last_possible_revision = 1'000'000;

AwsResult<TaskDefinition> add_revision(Transaction& transaction,
                                       const api::RegisterTaskDefinitionRequest& request,
                                       const std::string& registered_by) {
  Family family;
  if (const auto found = transaction->family(request.definition.family)) family = *found;
  family.name = request.definition.family;
  if (++family.last_revision > last_possible_revision) {
    return http::AwsError{"LimitExceededException", "The family has the greatest possible revision."};
  }
  TaskDefinition definition;
  static_cast<api::TaskDefinition&>(definition) = request.definition;
  definition.revision = family.last_revision;
  definition.task_definition_arn =
      transaction.identity().task_definition_arn(family.name, family.last_revision);
  definition.status = TaskDefinitionStatus::active;
  definition.registered_at = transaction.now();
  definition.registered_by = registered_by;
  definition.tags = request.tags;
  transaction.put(family);
  transaction.put(definition);
  return definition;
}

AwsResult<std::string> register_task_definition(const OperationContext& context, const http::AwsCall& call) {
  if (call.body.size() > largest_definition)
    return client_error("A task definition can't be larger than 64 KiB.");
  auto parsed = api::parse_register_task_definition(call.body, "request");
  if (!parsed) return http::serialization_error(parsed.error());
  auto& request = *parsed;
  TRY(api::complete_task_definition(request));
  if (const auto placement = check_placement(request.definition.placement_constraints, {}); !placement) {
    return client_error(placement.error().message());
  }
  const auto by = context.controller.identity();
  const auto registered_by = format("arn:aws:iam::{}:user/{}", by.account, call.identity.access_key_id);
  auto definition = TRY(context.controller.run(
      [&](Transaction& transaction) { return add_revision(transaction, request, registered_by); }));
  return to_json_text(api::TaskDefinitionResponse{definition, definition.tags});
}

AwsResult<std::string> describe_task_definition(const OperationContext& context,
                                                const api::TaskDefinitionRequest& request,
                                                const http::AwsCall&) {
  TRY(check_include(request.include, {"TAGS"}));
  const auto run = [&request](Transaction& transaction) -> AwsResult<Ptr<TaskDefinition>> {
    auto definition = find_task_definition(transaction.state(), request.task_definition);
    if (!definition) return client_error("Unable to describe task definition.");
    return definition;
  };
  const auto definition = TRY(context.controller.run(run));
  api::TaskDefinitionResponse response{*definition, {}};
  if (includes(request.include, "TAGS")) response.tags = definition->tags;
  return to_json_text(response);
}

AwsResult<void> check_revision(const std::string& reference) {
  const auto arn = api::parse_arn(reference);
  const auto name = arn ? arn->name : reference;
  const auto colon = name.rfind(':');
  if (colon == std::string::npos) return client_error("Revision is missing.");
  const auto number = name.substr(colon + 1);
  if (parse_integer("revision", number, 1, INT32_MAX)) return {};
  return invalid_parameter(format("Invalid revision number. Number: {}", number));
}

AwsResult<std::string> deregister_task_definition(const OperationContext& context,
                                                  const api::TaskDefinitionRequest& request,
                                                  const http::AwsCall&) {
  TRY(check_revision(request.task_definition));
  const auto run = [&request](Transaction& transaction) -> AwsResult<TaskDefinition> {
    const auto found = find_task_definition(transaction.state(), request.task_definition);
    if (!found) return client_error("The specified task definition does not exist.");
    TaskDefinition definition = *found;
    if (definition.status != TaskDefinitionStatus::active) return definition;
    definition.status = TaskDefinitionStatus::inactive;
    definition.deregistered_at = transaction.now();
    transaction.put(definition);
    return definition;
  };
  return to_json_text(api::TaskDefinitionResponse{TRY(context.controller.run(run)), {}});
}

// Marks one as to be deleted, or says why not.
void delete_one(Transaction& transaction, const std::string& reference,
                api::DeleteTaskDefinitionsResponse& response) {
  if (!check_revision(reference)) {
    response.failures.push_back(
        {reference,
         "The specified task definition identifier is invalid. Specify a valid name or ARN and try again.",
         ""});
    return;
  }
  const auto found = find_task_definition(transaction.state(), reference);
  if (!found) {
    response.failures.push_back(
        {reference,
         "The specified task definition does not exist. Specify a valid account, family, "
         "revision and try again.",
         ""});
    return;
  }
  if (found->status == TaskDefinitionStatus::active) {
    response.failures.push_back(
        {found->task_definition_arn,
         "The specified task definition is still in ACTIVE status. Please deregister the "
         "target and try again.",
         ""});
    return;
  }
  TaskDefinition definition = *found;
  definition.status = TaskDefinitionStatus::delete_in_progress;
  definition.delete_requested_at = transaction.now();
  transaction.put(definition);
  response.task_definitions.push_back(std::move(definition));
}

AwsResult<std::string> delete_task_definitions(const OperationContext& context,
                                               const api::DeleteTaskDefinitionsRequest& request,
                                               const http::AwsCall&) {
  const auto count = request.task_definitions.size();
  if (count == 0) return client_error("size of TaskDefinition references list must be greater than 0");
  if (count > 10) return client_error("Size of TaskDefinition references list cannot exceed 10");
  const auto run = [&request](Transaction& transaction) -> AwsResult<api::DeleteTaskDefinitionsResponse> {
    api::DeleteTaskDefinitionsResponse response;
    for (const auto& reference : request.task_definitions) delete_one(transaction, reference, response);
    return response;
  };
  return to_json_text(TRY(context.controller.run(run)));
}

// Families in order, revisions by number.
bool revision_less(const std::string& left, const std::string& right) {
  const auto split_at = [](const std::string& arn) {
    const auto colon = arn.rfind(':');
    return std::pair(arn.substr(0, colon), std::stoll(arn.substr(colon + 1)));
  };
  return split_at(left) < split_at(right);
}

AwsResult<TaskDefinitionStatus> status_filter(const std::string& name) {
  if (name.empty()) return TaskDefinitionStatus::active;
  if (const auto status = enum_value<TaskDefinitionStatus>(name)) return *status;
  return invalid_parameter("Task definition status should be one of [ACTIVE,INACTIVE,DELETE_IN_PROGRESS].");
}

AwsResult<std::string> list_task_definitions(const OperationContext& context,
                                             const api::ListTaskDefinitionsRequest& request,
                                             const http::AwsCall&) {
  const auto status = TRY(status_filter(request.status));
  const bool descending = request.sort == "DESC";
  if (!descending && !request.sort.empty() && request.sort != "ASC") {
    return invalid_parameter("sort should be one of [ASC,DESC].");
  }
  const auto run = [&request, status](Transaction& transaction) -> AwsResult<std::vector<std::string>> {
    std::vector<std::string> arns;
    for (const auto& [arn, definition] : transaction->task_definitions()) {
      const bool fits = request.family_prefix.empty() || definition->family == request.family_prefix;
      if (fits && definition->status == status) arns.push_back(arn);
    }
    return arns;
  };
  auto arns = TRY(context.controller.run(run));
  PageOptions options{.member = "taskDefinitionArns",
                      .filter = request.family_prefix + "\n" + request.status + "\n" + request.sort,
                      .less = revision_less};
  if (descending) {
    options.less = [](const auto& left, const auto& right) { return revision_less(right, left); };
  }
  std::sort(arns.begin(), arns.end(), options.less);
  return to_json_text(TRY(page(arns, request.page, options)));
}

// What a family is: ACTIVE with at least one ACTIVE revision, INACTIVE with only others.
bool has_active_revision(const State& state, const std::string& family) {
  const auto& revisions = state.revisions_of_family(family);
  return std::any_of(revisions.begin(), revisions.end(), [&](const auto& each) {
    return state.task_definition(each.second)->status == TaskDefinitionStatus::active;
  });
}

AwsResult<std::string> list_families(const OperationContext& context,
                                     const api::ListTaskDefinitionsRequest& request, const http::AwsCall&) {
  const auto status = request.status.empty() ? std::string("ACTIVE") : request.status;
  if (status != "ACTIVE" && status != "INACTIVE" && status != "ALL") {
    return invalid_parameter("Task definition family status should be one of [ACTIVE,INACTIVE,ALL].");
  }
  const auto run = [&](Transaction& transaction) -> AwsResult<std::vector<std::string>> {
    std::vector<std::string> names;
    for (const auto& [name, family] : transaction->families()) {
      if (!name.starts_with(request.family_prefix)) continue;
      if (transaction->revisions_of_family(name).empty()) continue;  // all were deleted
      const bool active = has_active_revision(transaction.state(), name);
      if (status == "ALL" || active == (status == "ACTIVE")) names.push_back(name);
    }
    return names;
  };
  const auto names = TRY(context.controller.run(run));
  return to_json_text(TRY(
      page(names, request.page, {.member = "families", .filter = request.family_prefix + "\n" + status})));
}

}  // namespace

void add_task_definition_operations(OperationTable& table, const OperationContext& context) {
  table["RegisterTaskDefinition"] = [&context](const http::AwsCall& call) {
    return register_task_definition(context, call);
  };
  add_operation(table, context, "DescribeTaskDefinition", describe_task_definition);
  add_operation(table, context, "DeregisterTaskDefinition", deregister_task_definition);
  add_operation(table, context, "DeleteTaskDefinitions", delete_task_definitions);
  add_operation(table, context, "ListTaskDefinitions", list_task_definitions);
  add_operation(table, context, "ListTaskDefinitionFamilies", list_families);
}

}  // namespace gantry::controlplane
