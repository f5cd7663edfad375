#include "engine/image_defaults.h"

#include "base/random.h"
#include "base/text.h"
#include "engine/signals.h"

#include <algorithm>

namespace gantry::engine {

namespace {

// Docker: entrypoint and command each come from the spec or else the image; a new entrypoint drops the
// image's command.
Result<void> set_arguments(ContainerRecord& record, const oci::ContainerConfig& image) {
  const ContainerSpec& spec = record.spec;
  std::vector<std::string> entrypoint =
      spec.entrypoint.value_or(image.entrypoint.value_or(std::vector<std::string>()));
  if (entrypoint.size() == 1 && entrypoint[0].empty()) entrypoint.clear();
  std::vector<std::string> command = spec.command;
  if (command.empty() && !spec.entrypoint) command = image.cmd.value_or(std::vector<std::string>());
  record.arguments = entrypoint;
  record.arguments.insert(record.arguments.end(), command.begin(), command.end());
  if (record.arguments.empty()) {
    return Error::make(ErrorKind::invalid, "no command specified: image {} has none either", spec.image);
  }
  return {};
}

std::string variable_name(const std::string& variable) {
  return variable.substr(0, variable.find('='));
}

void set_environment(ContainerRecord& record, const oci::ContainerConfig& image) {
  record.environment = image.env;
  for (const auto& variable : record.spec.environment) {
    const std::string name = variable_name(variable);
    const auto same = std::find_if(record.environment.begin(), record.environment.end(),
                                   [&](const std::string& old) { return variable_name(old) == name; });
    const bool removes = variable.find('=') == std::string::npos;
    if (same != record.environment.end()) {
      if (removes) {
        record.environment.erase(same);
      } else {
        *same = variable;
      }
    } else if (!removes) {
      record.environment.push_back(variable);
    }
  }
}

HealthSpec from_image(const oci::HealthCheck& check) {
  HealthSpec health;
  health.test = check.test;
  if (check.interval.count() > 0) health.interval = check.interval;
  if (check.timeout.count() > 0) health.timeout = check.timeout;
  if (check.start_period.count() > 0) health.start_period = check.start_period;
  if (check.start_interval.count() > 0) health.start_interval = check.start_interval;
  if (check.retries > 0) health.retries = static_cast<uint32_t>(check.retries);
  return health;
}

void set_health(ContainerRecord& record, const oci::ContainerConfig& image) {
  std::optional<HealthSpec> health = record.spec.health;
  const bool image_has = image.health_check && !image.health_check->test.empty();
  if (health && health->test.empty() && image_has) health->test = image.health_check->test;
  if (!health && image_has) health = from_image(*image.health_check);
  if (health && !health->test.empty() && health->test[0] != "NONE") record.health = health;
}

// "80/tcp", "53/udp", "8000-8010/tcp".
Result<std::vector<PortSpec>> parse_exposed(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  const std::string range = text.substr(0, slash);
  const size_t dash = range.find('-');
  const uint64_t first = TRY(parse_unsigned("port", range.substr(0, dash), 65535));
  const uint64_t last =
      dash == std::string::npos ? first : TRY(parse_unsigned("port", range.substr(dash + 1), 65535));
  if (protocol != "tcp" && protocol != "udp") {
    return Error::make(ErrorKind::unsupported, "protocol {} (tcp and udp are supported)", protocol);
  }
  std::vector<PortSpec> ports;
  for (uint64_t port = first; port <= last && port != 0; ++port) {
    PortSpec spec;
    spec.container_port = static_cast<uint16_t>(port);
    spec.protocol = protocol == "udp" ? Protocol::udp : Protocol::tcp;
    ports.push_back(spec);
  }
  return ports;
}

Result<void> set_ports(ContainerRecord& record, const oci::ContainerConfig& image) {
  record.ports = record.spec.ports;
  if (!record.spec.publish_all_ports) return {};
  for (const auto& [text, empty] : image.exposed_ports) {
    for (const auto& port : TRY(parse_exposed(text).context("image's exposed port {}", text))) {
      const bool published = std::any_of(record.ports.begin(), record.ports.end(), [&](const PortSpec& own) {
        return own.container_port == port.container_port && own.protocol == port.protocol;
      });
      if (!published) record.ports.push_back(port);
    }
  }
  return {};
}

void add_anonymous_volume(ContainerRecord& record, MountSpec mount) {
  mount.type = MountType::volume;
  mount.source = random_hex(32);
  record.anonymous_volumes.push_back(mount.source);
  record.mounts.push_back(std::move(mount));
}

Result<void> set_mounts(ContainerRecord& record, const oci::ContainerConfig& image) {
  for (const auto& mount : record.spec.mounts) {
    if (mount.type == MountType::volume && mount.source.empty()) {
      add_anonymous_volume(record, mount);
    } else {
      record.mounts.push_back(mount);
    }
  }
  for (const auto& [path, empty] : image.volumes) {
    if (path.empty() || path[0] != '/' || path == "/") {
      return Error::make(ErrorKind::invalid, "image's volume \"{}\" must be an absolute path", path);
    }
    const bool mounted =
        std::any_of(record.mounts.begin(), record.mounts.end(),
                    [&, &path = path](const MountSpec& mount) { return mount.destination == path; });
    MountSpec mount;
    mount.destination = path;
    if (!mounted) add_anonymous_volume(record, mount);
  }
  return {};
}

}  // namespace

Result<void> apply_image(ContainerRecord& record, const oci::ContainerConfig& image) {
  const ContainerSpec& spec = record.spec;
  TRY(set_arguments(record, image));
  set_environment(record, image);
  record.user = spec.user.empty() ? image.user : spec.user;
  record.working_directory = spec.working_directory.empty() ? image.working_dir : spec.working_directory;
  if (record.working_directory.empty()) record.working_directory = "/";
  record.stop_signal = spec.stop_signal.empty() ? image.stop_signal : spec.stop_signal;
  if (record.stop_signal.empty()) record.stop_signal = "SIGTERM";
  TRY(parse_signal(record.stop_signal).context("image's stop signal"));
  for (const auto& [key, value] : image.labels) record.spec.labels.emplace(key, value);
  set_health(record, image);
  TRY(set_ports(record, image));
  return set_mounts(record, image);
}

}  // namespace gantry::engine
