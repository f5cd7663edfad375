#pragma once

#include "base/result.h"
#include "engine/container_info.h"
#include "engine/container_spec.h"
#include "engine/layout.h"

#include <string>
#include <vector>

namespace gantry::engine {

// What is decided when a container is created, kept as container.json. The image's share is resolved here, so
// that the container starts the same way for as long as it lives.
struct ContainerRecord {
  std::string id;
  std::string name;
  std::string image_id;
  std::string created_at;  // RFC 3339
  ContainerSpec spec;      // as asked
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string user;
  std::string working_directory;
  std::string stop_signal;
  std::optional<HealthSpec> health;            // the spec's or the image's; absent: none
  std::vector<PortSpec> ports;                 // with those of publish_all_ports
  std::vector<MountSpec> mounts;               // with the image's volumes, anonymous ones named
  std::vector<std::string> anonymous_volumes;  // names of those made for this container
};

Result<ContainerRecord> parse_container_record(std::string_view text, std::string_view source);
std::string to_json_text(const ContainerRecord& record);

// Errors: not_found when the container doesn't exist (any more).
Result<ContainerRecord> read_record(const ContainerPaths& paths);
Result<void> write_record(const ContainerPaths& paths, const ContainerRecord& record);

Result<NetworkInfo> parse_network_info(std::string_view text, std::string_view source);
std::string to_json_text(const NetworkInfo& network);

}  // namespace gantry::engine
