#include "engine/context.h"
#include "engine/log_config.h"

#include <algorithm>

namespace gantry::engine {

namespace {

TimePoint time_or_epoch(const std::string& text) {
  if (text.empty()) return {};
  return parse_rfc3339(text).value_or({});
}

ContainerState translate(const runtime::MonitorStatus& status) {
  switch (status.state) {
    case runtime::MonitorState::created:
      return ContainerState::created;
    case runtime::MonitorState::running:
      return ContainerState::running;
    case runtime::MonitorState::restarting:
      return ContainerState::restarting;
    case runtime::MonitorState::exited:
      // One that never ran stays "created", with the reason and docker's code.
      return status.started_at.empty() ? ContainerState::created : ContainerState::exited;
  }
  return ContainerState::exited;
}

void add_status(ContainerInfo& info, const runtime::MonitorStatus& status) {
  info.state = translate(status);
  info.pid = status.state == runtime::MonitorState::running ? status.pid : 0;
  info.exit_code = status.exit_code;
  info.oom_killed = status.oom_killed;
  info.error = status.error;
  info.started_at = time_or_epoch(status.started_at);
  info.finished_at = time_or_epoch(status.finished_at);
  info.restart_count = status.restart_count;
  info.lost_log_lines = status.lost_log_lines;
}

HealthState translate(runtime::HealthState state) {
  switch (state) {
    case runtime::HealthState::starting:
      return HealthState::starting;
    case runtime::HealthState::healthy:
      return HealthState::healthy;
    case runtime::HealthState::unhealthy:
      return HealthState::unhealthy;
  }
  return HealthState::none;
}

void add_health(ContainerInfo& info, const ContainerRecord& record) {
  if (!record.health) return;
  info.health = HealthState::starting;
  const auto health = runtime::read_health_status(info.directory);
  if (!health) return;
  info.health = translate(health->status);
  info.health_failing_streak = health->failing_streak;
  if (!health->log.empty()) info.health_output = health->log.back().output;
}

void add_network(ContainerInfo& info, const ContainerPaths& paths) {
  const auto text = read_file(paths.network());
  if (!text) return;
  info.network = parse_network_info(*text, paths.network()).value_or({});
}

ContainerInfo from_record(const Context& context, const ContainerRecord& record) {
  ContainerInfo info;
  info.id = record.id;
  info.name = record.name;
  info.image_id = record.image_id;
  info.spec = record.spec;
  info.arguments = record.arguments;
  info.environment = record.environment;
  info.user = record.user;
  info.working_directory = record.working_directory;
  info.stop_signal = record.stop_signal;
  info.mounts = record.mounts;
  info.created_at = time_or_epoch(record.created_at);
  info.cgroup_path = cgroup_path(record);
  info.directory = context.layout.container(record.id).directory;
  info.log_path = log_path(info.directory, record);
  return info;
}

}  // namespace

std::string cgroup_path(const ContainerRecord& record) {
  const std::string& parent = record.spec.cgroup_parent;
  if (parent.empty()) return "/gantry/" + record.id;
  return format("{}{}/{}", parent[0] == '/' ? "" : "/", parent, record.id);
}

bool is_lost(const ContainerPaths& paths) {
  // The lock is asked first: a monitor writes its last state before it lets go of it.
  if (runtime::monitor_is_alive(paths.directory)) return false;
  const auto status = runtime::read_monitor_status(paths.directory);
  return status && status->state != runtime::MonitorState::exited;
}

Result<ContainerInfo> read_info(const Context& context, const std::string& id) {
  const ContainerPaths paths = context.layout.container(id);
  const auto record = read_record(paths);
  if (!record && record.error().kind() == ErrorKind::not_found) return no_such_container(id);
  ContainerInfo info = from_record(context, TRY(record));
  const bool monitored = runtime::monitor_is_alive(paths.directory);
  const auto status = runtime::read_monitor_status(paths.directory);
  if (!status) {
    if (status.error().kind() != ErrorKind::not_found) return Error(status.error());
    return info;
  }
  add_status(info, *status);
  const bool done = status->state == runtime::MonitorState::exited;
  if (!monitored && !done) {
    info.state = ContainerState::exited;
    info.pid = 0;
    info.exit_code = 255;
    info.error = "its monitor was killed, so nobody saw how it ended";
  }
  add_health(info, *record);
  if (info.state == ContainerState::running || info.state == ContainerState::restarting) {
    add_network(info, paths);
  }
  return info;
}

Result<ContainerInfo> Engine::inspect(const std::string& reference) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  return read_info(*context_, id);
}

Result<std::vector<ContainerInfo>> Engine::list() const {
  std::vector<ContainerInfo> infos;
  for (const auto& id : TRY(container_ids(*context_))) {
    auto info = read_info(*context_, id);
    // Gone between the listing and the reading, or not wholly made yet.
    if (!info && info.error().kind() == ErrorKind::not_found) continue;
    infos.push_back(TRY(std::move(info)));
  }
  std::sort(infos.begin(), infos.end(), [](const ContainerInfo& left, const ContainerInfo& right) {
    return left.created_at > right.created_at;
  });
  return infos;
}

}  // namespace gantry::engine
