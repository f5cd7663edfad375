#include "controlplane/registration.h"

#include "base/format.h"
#include "controlplane/instance_identity.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

void set_attribute(std::vector<api::Attribute>& attributes, const api::Attribute& attribute) {
  for (auto& each : attributes) {
    if (each.name != attribute.name) continue;
    each.value = attribute.value;
    return;
  }
  attributes.push_back({attribute.name, attribute.value, "", ""});
}

const api::Attribute* find_attribute(const std::vector<api::Attribute>& attributes, std::string_view name) {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const auto& attribute) { return attribute.name == name; });
  return found == attributes.end() ? nullptr : &*found;
}

void set_default(std::vector<api::Attribute>& attributes, const std::string& name, const std::string& value) {
  if (!value.empty() && find_attribute(attributes, name) == nullptr)
    attributes.push_back({name, value, "", ""});
}

AwsResult<void> check_resources(const std::vector<api::Resource>& resources) {
  for (const auto& resource : resources) {
    if (resource.type == "INTEGER" && resource.integer_value >= 0) continue;
    if (resource.type == "STRINGSET") continue;
    return invalid_parameter(
        format("Resource {} must be an INTEGER of at least 0, or a STRINGSET.", resource.name));
  }
  return {};
}

// The ARN to register under: the one the agent knows, else a new one.
AwsResult<std::string> arn_to_use(const State& state, const Cluster& cluster, const std::string& known) {
  if (known.empty()) return state.identity().container_instance_arn(cluster.cluster_name, new_id());
  return instance_arn_in(state, cluster, known);
}

AwsResult<void> check_same_type(const ContainerInstance& known, const std::vector<api::Attribute>& sent) {
  const auto* before = find_attribute(known.attributes, "ecs.instance-type");
  const auto* now = find_attribute(sent, "ecs.instance-type");
  if (before == nullptr || now == nullptr || before->value == now->value) return {};
  return client_error("Container instance type changes are not supported.");
}

void fill_in(ContainerInstance& instance, const InstanceIdentity& identity, const std::string& region) {
  auto& attributes = instance.attributes;
  set_default(attributes, "ecs.availability-zone",
              identity.availability_zone.empty() ? region + "a" : identity.availability_zone);
  set_default(attributes, "ecs.instance-type", identity.instance_type);
  set_default(attributes, "ecs.ami-id", identity.image_id);
  set_default(attributes, "ecs.os-type", "linux");
  if (!identity.instance_id.empty()) instance.ec2_instance_id = identity.instance_id;
  if (instance.ec2_instance_id.empty()) instance.ec2_instance_id = "mi-" + instance.id().substr(0, 17);
}

}  // namespace

AwsResult<Ptr<ContainerInstance>> register_instance(Transaction& transaction,
                                                    const api::RegisterContainerInstanceRequest& request,
                                                    size_t most_instances) {
  const auto& state = transaction.state();
  const auto cluster = TRY(active_cluster(state, request.cluster));
  TRY(check_resources(request.total_resources));
  const auto arn = TRY(arn_to_use(state, *cluster, request.container_instance_arn));
  ContainerInstance instance;
  if (const auto known = state.instance(arn)) {
    TRY(check_same_type(*known, request.attributes));
    instance = *known;
  } else {
    if (state.instances_of_cluster(cluster->cluster_arn).size() >= most_instances) {
      return http::AwsError{"LimitExceededException",
                            "The cluster has no room for more container instances."};
    }
    instance.registered_at = transaction.now();
    instance.tags = request.tags;
  }
  instance.container_instance_arn = arn;
  instance.cluster_arn = cluster->cluster_arn;
  // A deregistered host that comes back is a host again; DRAINING stays.
  if (instance.status == api::ContainerInstanceStatus::inactive) {
    instance.status = api::ContainerInstanceStatus::active;
    instance.deregistered_at.reset();
  }
  if (!instance.agent_connected && !instance.disconnected_at) instance.disconnected_at = transaction.now();
  if (request.version_info) instance.version_info = *request.version_info;
  instance.registered_resources = request.total_resources;
  for (const auto& attribute : request.attributes) set_attribute(instance.attributes, attribute);
  fill_in(instance, parse_instance_identity(request.instance_identity_document), state.identity().region);
  transaction.put(std::move(instance));
  return state.instance(arn);
}

}  // namespace gantry::controlplane
