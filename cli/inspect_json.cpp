#include "cli/inspect_json.h"

#include "cli/texts.h"

#include <nlohmann/json.hpp>

namespace gantry::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view never = "0001-01-01T00:00:00Z";

std::string time_text(TimePoint time) {
  return time == TimePoint{} ? std::string(never) : format_rfc3339(time);
}

Json list(const std::vector<std::string>& values) {
  return values.empty() ? Json(nullptr) : Json(values);
}

Json health_of(const engine::ContainerInfo& info) {
  return {{"Status", health_text(info.health)},
          {"FailingStreak", info.health_failing_streak},
          {"Log", Json::array({{{"Output", info.health_output}}})}};
}

Json state_of(const engine::ContainerInfo& info) {
  const bool running = info.state == engine::ContainerState::running;
  Json state = {{"Status", state_text(info)},
                {"Running", running},
                {"Paused", false},
                {"Restarting", info.state == engine::ContainerState::restarting},
                {"OOMKilled", info.oom_killed},
                {"Dead", false},
                {"Pid", info.pid},
                {"ExitCode", info.exit_code},
                {"Error", info.error},
                {"StartedAt", time_text(info.started_at)},
                {"FinishedAt", time_text(info.finished_at)}};
  if (info.health != engine::HealthState::none) state["Health"] = health_of(info);
  return state;
}

std::string port_key(const engine::PortSpec& port) {
  return std::to_string(port.container_port) + "/" + protocol_text(port.protocol);
}

Json ports_of(const std::vector<engine::PortSpec>& ports) {
  Json object = Json::object();
  for (const auto& port : ports) {
    object[port_key(port)].push_back(
        {{"HostIp", port.host_ip}, {"HostPort", port.host_port == 0 ? "" : std::to_string(port.host_port)}});
  }
  return object;
}

std::string restart_name(engine::RestartMode mode) {
  switch (mode) {
    case engine::RestartMode::none:
      return "no";
    case engine::RestartMode::always:
      return "always";
    case engine::RestartMode::on_failure:
      return "on-failure";
    case engine::RestartMode::unless_stopped:
      return "unless-stopped";
  }
  return {};
}

std::string mount_type(engine::MountType type) {
  switch (type) {
    case engine::MountType::bind:
      return "bind";
    case engine::MountType::volume:
      return "volume";
    case engine::MountType::tmpfs:
      return "tmpfs";
  }
  return {};
}

std::string log_driver_name(engine::LogDriver driver) {
  switch (driver) {
    case engine::LogDriver::json_file:
      return "json-file";
    case engine::LogDriver::cri:
      return "cri";
    case engine::LogDriver::journald:
      return "journald";
    case engine::LogDriver::none:
      return "none";
  }
  return {};
}

Json log_config_of(const engine::LogSpec& log) {
  Json options = Json::object();
  if (log.maximum_size != 0) options["max-size"] = std::to_string(log.maximum_size);
  if (log.maximum_files != 1) options["max-file"] = std::to_string(log.maximum_files);
  if (!log.tag.empty()) options["tag"] = log.tag;
  return {{"Type", log_driver_name(log.driver)}, {"Config", options}};
}

Json host_config_of(const engine::ContainerInfo& info) {
  const auto& spec = info.spec;
  const auto& resources = spec.resources;
  return {{"NetworkMode", spec.network},
          {"PortBindings", ports_of(spec.ports)},
          {"RestartPolicy",
           {{"Name", restart_name(spec.restart.mode)}, {"MaximumRetryCount", spec.restart.maximum_retries}}},
          {"AutoRemove", spec.auto_remove},
          {"LogConfig", log_config_of(spec.log)},
          {"CapAdd", list(spec.capabilities_added)},
          {"CapDrop", list(spec.capabilities_dropped)},
          {"Dns", spec.dns},
          {"ExtraHosts", list(spec.extra_hosts)},
          {"Privileged", spec.privileged},
          {"ReadonlyRootfs", spec.read_only_root},
          {"Memory", resources.memory.value_or(0)},
          {"MemoryReservation", resources.memory_reservation.value_or(0)},
          {"MemorySwap", resources.memory_swap.value_or(0)},
          {"NanoCpus", resources.nano_cpus.value_or(0)},
          {"CpuShares", resources.cpu_shares.value_or(0)},
          {"CpuQuota", resources.cpu_quota.value_or(0)},
          {"CpuPeriod", resources.cpu_period.value_or(0)},
          {"CpusetCpus", resources.cpuset_cpus},
          {"PidsLimit", resources.pids_limit.value_or(0)},
          {"CgroupParent", spec.cgroup_parent},
          {"ShmSize", spec.shm_size.value_or(uint64_t{64} << 20)},
          {"Init", spec.init},
          {"Sysctls", spec.sysctls}};
}

Json config_of(const engine::ContainerInfo& info) {
  const auto& spec = info.spec;
  return {{"Hostname", spec.hostname.empty() ? short_id(info.id) : spec.hostname},
          {"User", info.user},
          {"Tty", spec.terminal},
          {"OpenStdin", spec.open_stdin},
          {"Env", info.environment},
          {"Cmd", list(spec.command)},
          {"Entrypoint", spec.entrypoint ? list(*spec.entrypoint) : Json(nullptr)},
          {"Image", spec.image},
          {"WorkingDir", info.working_directory},
          {"Labels", spec.labels},
          {"StopSignal", info.stop_signal}};
}

Json mounts_of(const engine::ContainerInfo& info) {
  Json mounts = Json::array();
  for (const auto& mount : info.mounts) {
    mounts.push_back({{"Type", mount_type(mount.type)},
                      {mount.type == engine::MountType::volume ? "Name" : "Source", mount.source},
                      {"Destination", mount.destination},
                      {"RW", !mount.read_only}});
  }
  return mounts;
}

Json network_of(const engine::ContainerInfo& info) {
  const auto& network = info.network;
  return {{"IPAddress", network.ip},
          {"Gateway", network.gateway},
          {"IPPrefixLen", network.prefix_length},
          {"MacAddress", network.mac},
          {"Ports", ports_of(network.ports)}};
}

std::vector<std::string> names_of(const std::vector<oci::Reference>& references) {
  std::vector<std::string> names;
  for (const auto& reference : references) names.push_back(reference.familiar());
  return names;
}

Json image_config_of(const oci::ContainerConfig& config) {
  Json ports = Json::object();
  for (const auto& [port, empty] : config.exposed_ports) ports[port] = Json::object();
  Json volumes = Json::object();
  for (const auto& [path, empty] : config.volumes) volumes[path] = Json::object();
  Json object = {{"User", config.user},
                 {"ExposedPorts", ports},
                 {"Env", config.env},
                 {"Cmd", config.cmd ? Json(*config.cmd) : Json(nullptr)},
                 {"Entrypoint", config.entrypoint ? Json(*config.entrypoint) : Json(nullptr)},
                 {"Volumes", volumes},
                 {"WorkingDir", config.working_dir},
                 {"Labels", config.labels},
                 {"StopSignal", config.stop_signal}};
  if (config.health_check) {
    const auto& check = *config.health_check;
    object["Healthcheck"] = {{"Test", check.test},
                             {"Interval", check.interval.count()},
                             {"Timeout", check.timeout.count()},
                             {"StartPeriod", check.start_period.count()},
                             {"Retries", check.retries}};
  }
  return object;
}

// Bytes that aren't UTF-8 (a health check's output may hold any) are replaced, not thrown over.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string inspect_text(const engine::ContainerInfo& info) {
  const bool none = info.arguments.empty();
  const std::vector<std::string> arguments(info.arguments.begin() + (none ? 0 : 1), info.arguments.end());
  const Json object = {{"Id", info.id},
                       {"Created", time_text(info.created_at)},
                       {"Path", none ? "" : info.arguments[0]},
                       {"Args", arguments},
                       {"State", state_of(info)},
                       {"Image", info.image_id},
                       {"LogPath", info.log_path},
                       {"LostLogLines", info.lost_log_lines},
                       {"Name", "/" + info.name},
                       {"RestartCount", info.restart_count},
                       {"CgroupPath", info.cgroup_path},
                       {"Directory", info.directory},
                       {"HostConfig", host_config_of(info)},
                       {"Mounts", mounts_of(info)},
                       {"Config", config_of(info)},
                       {"NetworkSettings", network_of(info)}};
  return dump(object, -1);
}

std::string inspect_text(const images::Image& image) {
  std::vector<std::string> diff_ids;
  for (const auto& layer : image.layers) diff_ids.push_back(layer.diff_id.string());
  const Json object = {{"Id", image.id.string()},
                       {"RepoTags", names_of(image.tags)},
                       {"RepoDigests", names_of(image.digests)},
                       {"Created", image.config.created},
                       {"Author", image.config.author},
                       {"Architecture", image.config.platform.architecture},
                       {"Os", image.config.platform.os},
                       {"Variant", image.config.platform.variant},
                       {"Size", image.size},
                       {"CompressedSize", image.compressed_size},
                       {"ManifestDigest", image.manifest_digest.string()},
                       {"ManifestMediaType", image.manifest_media_type},
                       {"Config", image_config_of(image.config.config)},
                       {"RootFS", {{"Type", "layers"}, {"Layers", diff_ids}}}};
  return dump(object, -1);
}

std::string inspect_array(const std::vector<std::string>& objects) {
  Json array = Json::array();
  for (const auto& object : objects) array.push_back(Json::parse(object, nullptr, false));
  return dump(array, 4);
}

}  // namespace gantry::cli
