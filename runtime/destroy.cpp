#include "runtime/destroy.h"

#include "cgroups/cgroup.h"
#include "runtime/container_cgroup.h"
#include "runtime/hooks.h"
#include "runtime/intel_rdt.h"
#include "runtime/log.h"
#include "runtime/syscalls.h"

#include <optional>
#include <poll.h>
#include <signal.h>

namespace gantry::runtime {
namespace {

constexpr auto patience = std::chrono::seconds(10);
constexpr auto usual_end = std::chrono::milliseconds(200);

bool ends_within(const UniqueFd& process, std::chrono::milliseconds limit) {
  pollfd wait = {process.get(), POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(limit.count())) > 0;
}

// Longer than `patience` only while their number falls: thousands need processor time to die, too.
bool ends_while_fewer_are_left(const UniqueFd& process, const std::optional<cgroups::Cgroup>& cgroup) {
  const auto count = [&] { return cgroup ? cgroup->processes().value_or({}).size() : 0; };
  for (auto before = count(); !ends_within(process, patience);) {
    const auto left = count();
    if (left >= before) return false;
    before = left;
  }
  return true;
}

Result<void> kill_and_wait(const Record& record) {
  if (record.pid == 0) return {};
  const auto process = open_process(record.process());
  if (!process) return {};
  if (send_signal(*process, SIGKILL) != 0 && errno != ESRCH) {
    return Error::system(errno, "kill the init process {}", record.pid);
  }
  if (ends_within(*process, usual_end)) return {};
  // Among thousands that fork, init's turn to die, and to take them with it, comes late.
  std::optional<cgroups::Cgroup> cgroup;
  if (!record.cgroup.empty()) {
    if (auto opened = cgroups::Cgroup::open(record.cgroup)) cgroup = std::move(*opened);
  }
  if (cgroup) (void)cgroup->kill();
  if (ends_while_fewer_are_left(*process, cgroup)) return {};
  return Error::make(ErrorKind::timeout, "init process {} did not end after SIGKILL", record.pid);
}

}  // namespace

void kill_container(const Record& record) {
  if (!record.cgroup.empty()) {
    if (const auto cgroup = cgroups::Cgroup::open(record.cgroup)) (void)cgroup->kill();
  }
  const auto process = open_process(record.process());
  if (process) (void)send_signal(*process, SIGKILL);
}

Result<void> destroy_container(ContainerFolder& folder, const Record& record,
                               const oci::RuntimeConfig* config) {
  TRY(kill_and_wait(record));
  TRY(remove_cgroup(record, patience));
  if (record.root_mount.exists()) {
    TRY(detach_root(record.rootfs, record.root_mount).context("rootfs {}", record.rootfs));
  }
  TRY(remove_rdt_groups(record.rdt_group, record.rdt_monitor));
  if (config != nullptr && config->hooks && !config->hooks->poststop.empty()) {
    const oci::State state = describe(record, oci::Status::stopped);
    for (const auto& hook : config->hooks->poststop) {
      auto plan = plan_hooks("poststop", {hook}, record.annotations);
      log_result(plan ? run_hooks_here(*plan, state) : Result<void>(plan.error()));
    }
  }
  TRY(folder.remove());
  log_debug("container {}: removed", record.id);
  return {};
}

Result<void> destroy_if_there(ContainerFolder& folder, const Record& record,
                              const oci::RuntimeConfig& config) {
  const auto locked = folder.lock();
  if (!locked) return locked.error().kind() == ErrorKind::not_found ? Result<void>() : locked;
  return destroy_container(folder, record, &config);
}

}  // namespace gantry::runtime
