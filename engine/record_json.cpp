#include "base/files.h"
#include "engine/container_spec_members.h"
#include "engine/record.h"

namespace gantry::engine {

template <class Visitor>
void members(Visitor& visit, ContainerRecord& record) {
  visit.required("id", record.id);
  visit.required("name", record.name);
  visit.required("imageId", record.image_id);
  visit.required("createdAt", record.created_at);
  visit.required("spec", record.spec);
  visit("arguments", record.arguments);
  visit("environment", record.environment);
  visit("user", record.user);
  visit("workingDirectory", record.working_directory);
  visit("stopSignal", record.stop_signal);
  visit("health", record.health);
  visit("ports", record.ports);
  visit("mounts", record.mounts);
  visit("anonymousVolumes", record.anonymous_volumes);
}

template <class Visitor>
void members(Visitor& visit, NetworkInfo& network) {
  visit("ip", network.ip);
  visit("gateway", network.gateway);
  visit("prefixLength", network.prefix_length);
  visit("mac", network.mac);
  visit("ports", network.ports);
}

Result<ContainerRecord> parse_container_record(std::string_view text, std::string_view source) {
  return parse_json<ContainerRecord>(text, source);
}

std::string to_json_text(const ContainerRecord& record) {
  return to_json(record, 2);
}

Result<NetworkInfo> parse_network_info(std::string_view text, std::string_view source) {
  return parse_json<NetworkInfo>(text, source);
}

std::string to_json_text(const NetworkInfo& network) {
  return to_json(network, 2);
}

Result<ContainerRecord> read_record(const ContainerPaths& paths) {
  const std::string text = TRY(read_file(paths.record()));
  return parse_container_record(text, paths.record());
}

Result<void> write_record(const ContainerPaths& paths, const ContainerRecord& record) {
  return write_file(paths.record(), to_json_text(record), 0600, Durability::durable);
}

}  // namespace gantry::engine
