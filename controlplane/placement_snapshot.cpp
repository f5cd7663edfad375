#include "controlplane/placement_snapshot.h"

#include "base/text.h"

namespace gantry::controlplane {

namespace {

void add_ports(std::set<int>& used, const std::vector<std::string>& texts) {
  for (const auto& text : texts) {
    if (const auto port = parse_unsigned("port", text, 65535)) used.insert(static_cast<int>(*port));
  }
}

void add_registered(HostSnapshot& host, const std::vector<api::Resource>& resources) {
  for (const auto& resource : resources) {
    if (resource.name == "CPU") host.cpu_total = resource.integer_value;
    if (resource.name == "MEMORY") host.memory_total = resource.integer_value;
    if (resource.name == "PORTS") add_ports(host.tcp_used, resource.string_set_value);
    if (resource.name == "PORTS_UDP") add_ports(host.udp_used, resource.string_set_value);
  }
  host.cpu_remaining = host.cpu_total;
  host.memory_remaining = host.memory_total;
}

// Dynamic ports are known once the agent reported them.
void add_bindings(HostSnapshot& host, const Task& task) {
  for (const auto& container : task.containers) {
    for (const auto& binding : container.network_bindings) {
      if (!binding.host_port) continue;
      (binding.protocol == "udp" ? host.udp_used : host.tcp_used).insert(*binding.host_port);
    }
  }
}

void add_task(HostSnapshot& host, const State& state, const Task& task) {
  if (const auto definition = state.task_definition(task.task_definition_arn)) {
    const auto demand = api::task_demand(*definition, task.overrides);
    host.cpu_remaining -= demand.cpu;
    host.memory_remaining -= demand.memory;
    host.tcp_used.insert(demand.tcp_ports.begin(), demand.tcp_ports.end());
    host.udp_used.insert(demand.udp_ports.begin(), demand.udp_ports.end());
  }
  add_bindings(host, task);
  ++host.running_tasks;
  if (task.wanted()) ++host.tasks_by_group[task.group];
}

api::Resource integer(std::string name, int64_t value) {
  api::Resource resource;
  resource.name = std::move(name);
  resource.type = "INTEGER";
  resource.integer_value = value;
  return resource;
}

api::Resource ports(std::string name, const std::set<int>& used) {
  api::Resource resource;
  resource.name = std::move(name);
  resource.type = "STRINGSET";
  for (const int port : used) resource.string_set_value.push_back(std::to_string(port));
  return resource;
}

}  // namespace

HostSnapshot host_snapshot(const State& state, const ContainerInstance& instance) {
  HostSnapshot host;
  host.arn = instance.container_instance_arn;
  host.active = instance.status == api::ContainerInstanceStatus::active;
  host.connected = instance.agent_connected;
  host.ec2_instance_id = instance.ec2_instance_id;
  host.agent_version = instance.version_info.agent_version;
  host.registered_at = instance.registered_at;
  for (const auto& attribute : instance.attributes) host.attributes[attribute.name] = attribute.value;
  add_registered(host, instance.registered_resources);
  for (const auto& arn : state.tasks_of_instance(instance.container_instance_arn)) {
    const auto task = state.task(arn);
    if (task && !task->stopped()) add_task(host, state, *task);
  }
  return host;
}

std::vector<HostSnapshot> host_snapshots(const State& state, const std::string& cluster_arn) {
  std::vector<HostSnapshot> hosts;
  for (const auto& arn : state.instances_of_cluster(cluster_arn)) {
    const auto instance = state.instance(arn);
    if (instance && instance->status != api::ContainerInstanceStatus::inactive) {
      hosts.push_back(host_snapshot(state, *instance));
    }
  }
  return hosts;
}

std::vector<api::Resource> remaining_resources(const State& state, const ContainerInstance& instance) {
  const auto host = host_snapshot(state, instance);
  return {integer("CPU", host.cpu_remaining), integer("MEMORY", host.memory_remaining),
          ports("PORTS", host.tcp_used), ports("PORTS_UDP", host.udp_used)};
}

TaskRequest task_request(const TaskDefinition& definition, const api::TaskOverride& overrides) {
  const auto demand = api::task_demand(definition, overrides);
  TaskRequest request;
  request.cpu = demand.cpu;
  request.memory = demand.memory;
  request.tcp_ports = demand.tcp_ports;
  request.udp_ports = demand.udp_ports;
  request.required_attributes = definition.requires_attributes;
  request.constraints = definition.placement_constraints;
  return request;
}

}  // namespace gantry::controlplane
