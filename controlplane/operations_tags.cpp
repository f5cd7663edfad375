#include "api/task_definition_rules.h"
#include "base/format.h"
#include "controlplane/operations.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

constexpr size_t most_tags = 50;

using Tags = std::vector<api::Tag>;
// Looks at, and may change, the tags of a resource. False: leave the record as it is.
using TagChange = std::function<AwsResult<bool>(Tags&)>;

template <class T>
AwsResult<void> change_record(Transaction& transaction, const Ptr<T>& found, bool active, const char* what,
                              const TagChange& change) {
  if (!found) {
    return http::AwsError{"ResourceNotFoundException", format("The specified {} was not found.", what)};
  }
  if (!active) {
    return invalid_parameter(
        format("The specified {} is inactive. Specify an active {} and try again.", what, what));
  }
  T record = *found;
  if (TRY(change(record.tags))) transaction.put(std::move(record));
  return {};
}

AwsResult<void> change_tags(Transaction& transaction, const std::string& arn, const TagChange& change) {
  const auto parsed = api::parse_arn(arn);
  if (!parsed || parsed->service != "ecs") return invalid_parameter("The ARN provided is invalid.");
  const auto& state = transaction.state();
  if (parsed->type == "cluster") {
    const auto found = state.cluster(arn);
    const bool active = found && found->status == api::ClusterStatus::active;
    return change_record(transaction, found, active, "cluster", change);
  }
  if (parsed->type == "service") {
    const auto found = state.service(arn);
    const bool active = found && found->status != api::ServiceStatus::inactive;
    return change_record(transaction, found, active, "service", change);
  }
  if (parsed->type == "task") return change_record(transaction, state.task(arn), true, "task", change);
  if (parsed->type == "task-definition") {
    return change_record(transaction, state.task_definition(arn), true, "task definition", change);
  }
  if (parsed->type == "container-instance") {
    const auto found = state.instance(arn);
    const bool active = found && found->status != api::ContainerInstanceStatus::inactive;
    return change_record(transaction, found, active, "container instance", change);
  }
  return invalid_parameter("The ARN provided is invalid.");
}

AwsResult<bool> add_tags(Tags& tags, const Tags& added) {
  for (const auto& tag : added) {
    std::erase_if(tags, [&](const auto& each) { return each.key == tag.key; });
    tags.push_back(tag);
  }
  if (tags.size() <= most_tags) return true;
  return http::AwsError{"LimitExceededException",
                        format("A resource can't have more than {} tags.", most_tags)};
}

AwsResult<std::string> tag_resource(const OperationContext& context, const api::TagResourceRequest& request,
                                    const http::AwsCall&) {
  TRY(api::check_tags(request.tags));
  const auto run = [&](Transaction& transaction) {
    return change_tags(transaction, request.resource_arn,
                       [&](Tags& tags) { return add_tags(tags, request.tags); });
  };
  TRY(context.controller.run(run));
  return std::string("{}");
}

AwsResult<std::string> untag_resource(const OperationContext& context,
                                      const api::UntagResourceRequest& request, const http::AwsCall&) {
  const auto run = [&](Transaction& transaction) {
    return change_tags(transaction, request.resource_arn, [&](Tags& tags) -> AwsResult<bool> {
      const auto removed = std::erase_if(tags, [&](const auto& tag) {
        return std::find(request.tag_keys.begin(), request.tag_keys.end(), tag.key) != request.tag_keys.end();
      });
      return removed != 0;
    });
  };
  TRY(context.controller.run(run));
  return std::string("{}");
}

AwsResult<std::string> list_tags(const OperationContext& context, const api::UntagResourceRequest& request,
                                 const http::AwsCall&) {
  api::TagsResponse response;
  const auto run = [&](Transaction& transaction) {
    return change_tags(transaction, request.resource_arn, [&](Tags& tags) -> AwsResult<bool> {
      response.tags = tags;
      return false;
    });
  };
  TRY(context.controller.run(run));
  return to_json_text(response);
}

}  // namespace

void add_tag_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "TagResource", tag_resource);
  add_operation(table, context, "UntagResource", untag_resource);
  add_operation(table, context, "ListTagsForResource", list_tags);
}

}  // namespace gantry::controlplane
