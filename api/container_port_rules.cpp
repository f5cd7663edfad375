#include "api/container_rules.h"
#include "base/format.h"

#include <algorithm>
#include <array>
#include <set>

namespace gantry::api {
namespace {

using http::AwsResult;

constexpr size_t most_mappings = 100;
constexpr size_t longest_port_name = 64;

// A range would need adjacent host ports, which agents here don't look for.
AwsResult<void> check_port_range(const PortMapping& mapping, const std::string& container) {
  if (mapping.container_port_range.empty()) return {};
  if (mapping.container_port != 0) {
    return rule_broken(
        format("Invalid port mapping in container '{}'. containerPort {} and containerPortRange '{}' can't "
               "both be given.",
               container, mapping.container_port, mapping.container_port_range));
  }
  return rule_broken(
      format("portMappings.containerPortRange '{}' of container '{}' is not supported by this control plane. "
             "Map each port with containerPort.",
             mapping.container_port_range, container));
}

// Kept without effect: Service Connect alone uses them, also in ECS.
AwsResult<void> check_port_names(const PortMapping& mapping, const std::string& container) {
  static constexpr std::array<std::string_view, 4> protocols = {"", "http", "http2", "grpc"};
  if (std::find(protocols.begin(), protocols.end(), mapping.app_protocol) == protocols.end()) {
    return rule_broken(
        format("Invalid appProtocol '{}' in container '{}'. It should be one of [http,http2,grpc].",
               mapping.app_protocol, container));
  }
  const auto& name = mapping.name;
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_' || c == '-';
  });
  if (plain && name.size() <= longest_port_name && !name.starts_with('-')) return {};
  return rule_broken(
      format("Invalid port mapping name '{}' in container '{}'. Use up to 64 lower case letters, numbers, "
             "underscores and hyphens; it can't begin with a hyphen.",
             name, container));
}

AwsResult<void> check_numbers(const PortMapping& mapping, const std::string& container) {
  const bool container_fits = mapping.container_port >= 1 && mapping.container_port <= 65535;
  const bool host_fits = *mapping.host_port >= 0 && *mapping.host_port <= 65535;
  if (container_fits && host_fits) return {};
  return rule_broken(
      format("Invalid port in container '{}': ports must be between 1 and 65535, found containerPort {}, "
             "hostPort {}.",
             container, mapping.container_port, *mapping.host_port));
}

AwsResult<void> complete_port(PortMapping& mapping, const std::string& container,
                              const TaskDefinition& task) {
  if (mapping.protocol.empty()) mapping.protocol = "tcp";
  if (mapping.protocol != "tcp" && mapping.protocol != "udp") {
    return rule_broken(format("Invalid protocol '{}' in container '{}'. It should be one of [tcp,udp].",
                              mapping.protocol, container));
  }
  TRY(check_port_range(mapping, container));
  TRY(check_port_names(mapping, container));
  const bool host_network = task.network_mode == "host";
  if (!mapping.host_port) mapping.host_port = host_network ? mapping.container_port : 0;
  TRY(check_numbers(mapping, container));
  if (host_network && *mapping.host_port == 0) mapping.host_port = mapping.container_port;
  if (host_network && *mapping.host_port != mapping.container_port) {
    return rule_broken(
        format("When networkMode=host, the host ports and container ports in port mappings must match. Found "
               "hostPort {} and containerPort {} in container '{}'.",
               *mapping.host_port, mapping.container_port, container));
  }
  return {};
}

}  // namespace

AwsResult<void> complete_ports(ContainerDefinition& container, const TaskDefinition& task) {
  const auto& mappings = container.port_mappings;
  if (mappings.size() > most_mappings) {
    return rule_broken(
        format("Container '{}' has {} port mappings, more than 100.", container.name, mappings.size()));
  }
  if (!mappings.empty() && task.network_mode == "none") {
    return rule_broken(
        format("Port mappings of container '{}' need a network mode other than 'none'.", container.name));
  }
  if (!mappings.empty() && container.disable_networking.value_or(false)) {
    return rule_broken(
        format("Port mappings of container '{}' can't be used with disableNetworking true.", container.name));
  }
  std::set<std::pair<std::string, int>> host_ports;
  for (auto& mapping : container.port_mappings) {
    TRY(complete_port(mapping, container.name, task));
    if (*mapping.host_port != 0 && !host_ports.emplace(mapping.protocol, *mapping.host_port).second) {
      return rule_broken(
          format("Host port {} is mapped twice in container '{}'.", *mapping.host_port, container.name));
    }
  }
  return {};
}

}  // namespace gantry::api
