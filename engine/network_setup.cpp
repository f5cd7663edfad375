#include "engine/network_setup.h"

#include "netns/namespace.h"

namespace gantry::engine {

namespace {

std::vector<netns::PortMapping> to_mappings(const std::vector<PortSpec>& ports) {
  std::vector<netns::PortMapping> mappings;
  for (const auto& port : ports) {
    const auto protocol = port.protocol == Protocol::udp ? netns::Protocol::udp : netns::Protocol::tcp;
    mappings.push_back({port.host_ip, port.host_port, port.container_port, protocol});
  }
  return mappings;
}

std::vector<PortSpec> from_mappings(const std::vector<netns::PortMapping>& mappings) {
  std::vector<PortSpec> ports;
  for (const auto& mapping : mappings) {
    const auto protocol = mapping.protocol == netns::Protocol::udp ? Protocol::udp : Protocol::tcp;
    ports.push_back({mapping.host_ip, mapping.host_port, mapping.container_port, protocol});
  }
  return ports;
}

Result<NetworkPlace> join_other(const Context& context, const std::string& other) {
  const auto info = TRY(read_info(context, other));
  if (info.state != ContainerState::running) {
    return Error::make(ErrorKind::conflict, "cannot join network of a non running container: {}",
                       other.substr(0, 12));
  }
  NetworkPlace place;
  place.shared_with = other;
  place.host = info.spec.network == "host";
  if (!place.host) place.namespace_path = format("/proc/{}/ns/net", info.pid);
  return place;
}

Result<NetworkPlace> make_own(const Context& context, const ContainerRecord& record) {
  NetworkPlace place;
  place.namespace_path = TRY(netns::create_namespace(context.layout.run_root, record.id));
  if (record.spec.network == "none") return place;
  auto network = TRY(context.network());
  const auto attachment =
      TRY(network.attach({record.id, record.name, place.namespace_path, to_mappings(record.ports)}));
  place.info.ip = attachment.address.string();
  place.info.gateway = attachment.gateway.string();
  place.info.prefix_length = static_cast<unsigned>(attachment.prefix);
  place.info.mac = attachment.mac;
  place.info.ports = from_mappings(attachment.ports);
  return place;
}

Result<NetworkPlace> make_place(const Context& context, const ContainerRecord& record) {
  constexpr std::string_view prefix = "container:";
  const std::string& mode = record.spec.network;
  if (mode.rfind(prefix, 0) == 0) return join_other(context, mode.substr(prefix.size()));
  if (mode != "host") return make_own(context, record);
  NetworkPlace place;
  place.host = true;
  return place;
}

}  // namespace

Result<NetworkPlace> set_up_network(const Context& context, const ContainerRecord& record) {
  auto place = TRY(make_place(context, record).context("network of container {}", record.name));
  TRY(write_file(context.layout.container(record.id).network(), to_json_text(place.info)));
  return place;
}

Result<void> take_down_network(const Context& context, const ContainerRecord& record) {
  const bool bridge = record.spec.network == "bridge";
  if (bridge) {
    auto network = TRY(context.network());
    TRY(network.detach(record.id));
  }
  if (bridge || record.spec.network == "none") {
    TRY(netns::remove_namespace(context.layout.run_root, record.id));
  }
  return remove_file(context.layout.container(record.id).network());
}

}  // namespace gantry::engine
