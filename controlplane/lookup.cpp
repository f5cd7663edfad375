#include "controlplane/lookup.h"

#include "base/format.h"
#include "base/text.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

AwsResult<std::string> arn_in(const State& state, const Cluster& cluster, std::string_view type,
                              const std::string& id_or_arn) {
  const auto parsed = api::parse_arn(id_or_arn);
  if (!parsed) return state.identity().arn(format("{}/{}/{}", type, cluster.cluster_name, id_or_arn));
  const auto slash = parsed->name.find('/');
  if (parsed->type != type || slash == std::string::npos) {
    return invalid_parameter(format("The identifier '{}' is not a {} ARN.", id_or_arn, type));
  }
  const auto name = parsed->name.substr(0, slash);
  if (name != cluster.cluster_name) {
    return invalid_parameter(
        format("Identifier is for cluster {}. Your cluster is {}", name, cluster.cluster_name));
  }
  return id_or_arn;
}

Ptr<TaskDefinition> latest_active(const State& state, const std::string& family) {
  const auto& revisions = state.revisions_of_family(family);
  for (auto each = revisions.rbegin(); each != revisions.rend(); ++each) {
    auto definition = state.task_definition(each->second);
    if (definition && definition->status == api::TaskDefinitionStatus::active) return definition;
  }
  return nullptr;
}

}  // namespace

http::AwsError invalid_parameter(std::string message) {
  return {"InvalidParameterException", std::move(message)};
}

http::AwsError client_error(std::string message) {
  return {"ClientException", std::move(message)};
}

http::AwsError not_supported(std::string what) {
  return {"UnsupportedFeatureException", what + " is not supported by this control plane."};
}

AwsResult<void> check_supported(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  return not_supported(names.front());
}

AwsResult<Ptr<Cluster>> active_cluster(const State& state, const std::string& name_or_arn) {
  const bool is_arn = name_or_arn.starts_with("arn:");
  const auto arn =
      is_arn ? name_or_arn : state.identity().cluster_arn(name_or_arn.empty() ? "default" : name_or_arn);
  auto cluster = state.cluster(arn);
  if (!cluster || cluster->status != api::ClusterStatus::active) {
    return http::AwsError{"ClusterNotFoundException", "Cluster not found."};
  }
  return cluster;
}

AwsResult<std::string> service_arn_in(const State& state, const Cluster& cluster,
                                      const std::string& name_or_arn) {
  return arn_in(state, cluster, "service", name_or_arn);
}

AwsResult<std::string> task_arn_in(const State& state, const Cluster& cluster, const std::string& id_or_arn) {
  return arn_in(state, cluster, "task", id_or_arn);
}

AwsResult<std::string> instance_arn_in(const State& state, const Cluster& cluster,
                                       const std::string& id_or_arn) {
  return arn_in(state, cluster, "container-instance", id_or_arn);
}

Ptr<TaskDefinition> find_task_definition(const State& state, const std::string& reference) {
  std::string name = reference;
  if (const auto arn = api::parse_arn(reference)) {
    if (arn->type != "task-definition" || state.identity().arn("task-definition/" + arn->name) != reference) {
      return nullptr;
    }
    name = arn->name;
  }
  const auto colon = name.rfind(':');
  if (colon == std::string::npos) return latest_active(state, name);
  const auto revision = parse_integer("revision", name.substr(colon + 1), 1, INT32_MAX);
  if (!revision) return nullptr;
  return state.task_definition(
      state.identity().task_definition_arn(name.substr(0, colon), static_cast<int>(*revision)));
}

AwsResult<Ptr<TaskDefinition>> active_task_definition(const State& state, const std::string& reference) {
  if (reference.empty()) return client_error("TaskDefinition cannot be empty.");
  auto definition = find_task_definition(state, reference);
  if (!definition) return client_error("TaskDefinition not found.");
  if (definition->status != api::TaskDefinitionStatus::active)
    return client_error("TaskDefinition is inactive");
  return definition;
}

bool includes(const std::vector<std::string>& include, std::string_view field) {
  return std::find(include.begin(), include.end(), field) != include.end();
}

AwsResult<void> check_include(const std::vector<std::string>& include,
                              const std::vector<std::string>& known) {
  for (const auto& field : include) {
    if (includes(known, field)) continue;
    return invalid_parameter(format("include '{}' should be one of [{}].", field, join(known, ",")));
  }
  return {};
}

}  // namespace gantry::controlplane
