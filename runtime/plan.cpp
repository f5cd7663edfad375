#include "runtime/plan.h"

#include "base/files.h"
#include "cgroups/host.h"
#include "runtime/procfs.h"
#include "runtime/terminal.h"

#include <algorithm>
#include <fcntl.h>
#include <sched.h>

namespace gantry::runtime {
namespace {

bool owns(NamespacePlan& spaces, uint64_t flag) {
  return spaces.creates(flag);
}

bool asks_to_share(const oci::Mount& mount) {
  return std::any_of(mount.options.begin(), mount.options.end(),
                     [](const auto& option) { return option == "shared" || option == "rshared"; });
}

Result<void> plan_mounts(const oci::RuntimeConfig& config, const CreateOptions& options, InitPlan& plan) {
  MountContext context;
  context.bundle = options.bundle;
  context.user_namespace = plan.namespaces.has(CLONE_NEWUSER);
  context.own_network = owns(plan.namespaces, CLONE_NEWNET);
  if (context.user_namespace) context.cgroup_mount = cgroups::detect_mount().mount;
  context.shares = std::any_of(config.mounts.begin(), config.mounts.end(), asks_to_share);
  for (const auto& mount : config.mounts) plan.mounts.push_back(TRY(plan_mount(mount, context)));
  plan.devices = TRY(plan_devices(config, context.user_namespace));
  plan.masked_paths = config.linux_->masked_paths;
  plan.readonly_paths = config.linux_->readonly_paths;
  if (!plan.masked_paths.empty()) plan.null_tree = TRY(clone_null_device());
  return {};
}

Result<void> plan_all_hooks(const oci::Hooks& hooks, InitPlan& plan) {
  // Planned here for their rules alone; the parent plans them again when it runs them.
  TRY(plan_hooks("prestart", hooks.prestart));
  TRY(plan_hooks("createRuntime", hooks.create_runtime));
  TRY(plan_hooks("poststart", hooks.poststart));
  TRY(plan_hooks("poststop", hooks.poststop));
  plan.parent_hooks = !hooks.prestart.empty() || !hooks.create_runtime.empty();
  plan.create_container = TRY(plan_hooks("createContainer", hooks.create_container));
  plan.start_container = TRY(plan_hooks("startContainer", hooks.start_container));
  return {};
}

Result<void> plan_terminal(const oci::Process& process, const CreateOptions& options, TerminalPlan& plan) {
  const bool socket = !options.console_socket.empty();
  if (process.terminal && options.detached && !socket) {
    return Error::make(ErrorKind::invalid,
                       "cannot allocate tty if gantry-oci will detach without setting console socket");
  }
  if (socket && (!options.detached || !process.terminal)) {
    return Error::make(ErrorKind::invalid,
                       "cannot use console socket if gantry-oci will not detach or allocate tty");
  }
  if (socket) plan.socket = TRY(connect_console_socket(options.console_socket));
  return {};
}

}  // namespace

std::string seccomp_cache_of(const std::string& root) {
  return join_path(root, "seccomp@3");
}

Result<void> check_preserved(unsigned count) {
  for (unsigned fd = 3; fd < 3 + count; ++fd) {
    if (::fcntl(static_cast<int>(fd), F_GETFD) >= 0) continue;
    return Error::make(ErrorKind::invalid, "unable to preserve descriptor {}: it is not open", fd);
  }
  return {};
}

Result<InitPlan> plan_init(const oci::RuntimeConfig& config, const CreateOptions& options,
                           const std::string& seccomp_cache, std::vector<std::string>& warnings) {
  InitPlan plan;
  ProcessContext context;
  context.keyring = options.no_new_keyring ? "" : "_ses." + options.id;
  context.preserved = options.preserve_fds;
  context.seccomp_cache = seccomp_cache;
  context.seccomp = &config.linux_->seccomp;
  context.personality = &config.linux_->personality;
  plan.procfs = TRY(open_trusted_procfs());
  plan.process = TRY(plan_process(*config.process, context, plan.procfs, warnings));
  TRY(plan_terminal(*config.process, options, plan.process.terminal));
  plan.namespaces = TRY(plan_namespaces(*config.linux_));
  plan.sysctls = TRY(plan_sysctls(*config.linux_));
  plan.root = TRY(plan_root(config, options.bundle, !options.no_pivot));
  TRY(plan_mounts(config, options, plan));
  if (config.hooks) TRY(plan_all_hooks(*config.hooks, plan));
  plan.hostname = config.hostname;
  plan.domainname = config.domainname;
  return plan;
}

}  // namespace gantry::runtime
