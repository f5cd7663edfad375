#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "engine/layout.h"
#include "engine/record.h"
#include "engine/user.h"
#include "oci/runtime_config.h"

#include <string>

// The OCI bundle of a container: from its record, its mounted root and its network to config.json.

namespace gantry::engine {

struct BundleInputs {
  const Layout& layout;
  const ContainerRecord& record;
  ContainerPaths paths;
  ResolvedUser user;
  std::string network_namespace;  // path; empty: the host's
  std::string cgroup_path;
  std::string etc_directory;  // holds resolv.conf, hosts and hostname to be bound; empty: none
};

// docker's defaults, then what the spec asks for.
Result<oci::RuntimeConfig> make_runtime_config(const BundleInputs& inputs);

// The parts, each in a file of its own.
std::vector<oci::Mount> default_mounts(const ContainerSpec& spec);
Result<std::vector<oci::Mount>> requested_mounts(const BundleInputs& inputs);
Result<oci::LinuxResources> requested_resources(const ResourceSpec& resources);
// The image's, the spec's, and PATH, HOSTNAME, HOME, TERM where nobody set them.
std::vector<std::string> process_environment(const ContainerRecord& record, const ResolvedUser& user);

// The host's init program to run as process 1. Errors: unsupported, naming what was looked for.
Result<std::string> find_init_program();

std::string container_hostname(const ContainerRecord& record);

}  // namespace gantry::engine
