#include "cgroups/limits.h"

#include "base/files.h"
#include "base/text.h"
#include "cgroups/device_program.h"

#include <fcntl.h>

namespace gantry::cgroups {

namespace {

constexpr const char* devices_path = "$.linux.resources.devices";

Error refusal(const DroppedLimit& limit) {
  return Error::make(ErrorKind::unsupported,
                     "{} can't be enforced: {} (--cgroup-limits best-effort goes without)", limit.json_path,
                     limit.reason);
}

// Keeps the limit out, or fails for it.
Result<void> drop(DroppedLimit limit, Enforcement enforcement, std::vector<DroppedLimit>& dropped) {
  if (enforcement == Enforcement::required) return refusal(limit);
  dropped.push_back(std::move(limit));
  return {};
}

Result<void> plan_setting(Setting setting, const HostSupport& host, Enforcement enforcement,
                          LimitPlan& plan) {
  if (setting.file.empty()) {
    return drop({setting.json_path, {}, "cgroup v2 has nothing like it"}, enforcement, plan.dropped);
  }
  if (setting.controller.empty() || host.offers(setting.controller)) {
    if (!setting.controller.empty()) plan.controllers.insert(setting.controller);
    plan.settings.push_back(std::move(setting));
    return {};
  }
  if (setting.missing_is_fine) return {};
  auto reason = format("controller {} is missing: {}", setting.controller, host.describe());
  return drop({setting.json_path, setting.controller, std::move(reason)}, enforcement, plan.dropped);
}

Result<void> write_lines(const std::string& file, const std::string& value) {
  if (value.empty()) return write_existing(file, "\n");
  for (const auto& line : split(value, '\n')) {
    if (!line.empty()) TRY(write_existing(file, line));
  }
  return {};
}

Result<void> write_setting(const std::string& directory, const Setting& setting) {
  if (!setting.preferred_file.empty()) {
    const auto preferred = join_path(directory, setting.preferred_file);
    if (path_exists(preferred)) return write_lines(preferred, setting.preferred_value);
  }
  return write_lines(join_path(directory, setting.file), setting.value);
}

Result<void> settle(const std::string& directory, const Setting& setting, Enforcement enforcement,
                    std::vector<DroppedLimit>& dropped) {
  auto written = write_setting(directory, setting);
  if (written) return {};
  if (written.error().kind() != ErrorKind::not_found) {
    return std::move(written).error().context("{}: write \"{}\"", setting.json_path, trim(setting.value));
  }
  if (setting.missing_is_fine) return {};
  return drop({setting.json_path, setting.controller, format("this kernel has no {}", setting.file)},
              enforcement, dropped);
}

Result<void> guard_devices(BorrowedFd cgroup, const LimitPlan& plan) {
  if (plan.device_program.empty()) return detach_device_programs(cgroup);
  return attach_device_program(cgroup, plan.device_program);
}

}  // namespace

Result<LimitPlan> plan_limits(const oci::LinuxResources& resources, const HostSupport& host,
                              Enforcement enforcement) {
  LimitPlan plan;
  for (auto& setting : TRY(settings_for(resources))) {
    TRY(plan_setting(std::move(setting), host, enforcement, plan));
  }
  plan.guards_devices = true;
  plan.devices_asked = asks_for_devices(resources.devices);
  (void)TRY(compile_device_program(resources.devices));  // checks the rules under their own numbers
  if (!allows_everything(resources.devices)) {
    plan.device_program = TRY(compile_device_program(effective_rules(resources.devices)));
  }
  return plan;
}

Result<std::vector<DroppedLimit>> write_limits(const std::string& directory, BorrowedFd cgroup,
                                               LimitPlan plan, Enforcement enforcement) {
  std::vector<const Setting*> again;
  for (const auto& setting : plan.settings) {
    if (setting.again_at_the_end) {
      const auto written = write_setting(directory, setting);
      if (!written) again.push_back(&setting);
    } else {
      TRY(settle(directory, setting, enforcement, plan.dropped));
    }
  }
  for (const auto* setting : again) TRY(settle(directory, *setting, enforcement, plan.dropped));
  if (!plan.guards_devices) return std::move(plan.dropped);
  const auto guarded = guard_devices(cgroup, plan);
  if (!guarded && !plan.device_program.empty()) {
    const auto wanted = plan.devices_asked ? enforcement : Enforcement::best_effort;
    TRY(drop({devices_path, {}, guarded.error().message()}, wanted, plan.dropped));
  }
  return std::move(plan.dropped);
}

Result<void> check_memory_update(const std::string& directory, const oci::LinuxResources& resources) {
  if (!resources.memory || !resources.memory->check_before_update.value_or(false)) return {};
  const int64_t limit = resources.memory->limit.value_or(0);
  if (limit <= 0) return {};
  const auto current = read_file(join_path(directory, "memory.current"));
  if (!current) return {};  // without the controller the limit is refused anyway
  const auto used = TRY(parse_unsigned("memory.current", trim(*current)));
  if (used <= static_cast<uint64_t>(limit)) return {};
  return Error::make(ErrorKind::conflict,
                     "$.linux.resources.memory.limit: {} bytes are in use, more than the new limit {}", used,
                     limit);
}

}  // namespace gantry::cgroups
