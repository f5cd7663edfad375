#include "runtime/plan.h"

#include "base/files.h"
#include "cgroups/host.h"
#include "runtime/closed_together.h"
#include "runtime/intel_rdt.h"
#include "runtime/procfs.h"
#include "runtime/seccomp_names.h"
#include "runtime/terminal.h"
#include "runtime/user_namespace.h"

#include <algorithm>
#include <fcntl.h>
#include <sched.h>

namespace gantry::runtime {
namespace {

bool asks_to_share(const oci::Mount& mount) {
  return std::any_of(mount.options.begin(), mount.options.end(),
                     [](const auto& option) { return option == "shared" || option == "rshared"; });
}

Result<void> plan_mounts(const oci::RuntimeConfig& config, const CreateOptions& options,
                         const std::string& source, InitPlan& plan) {
  MountContext context;
  context.bundle = options.bundle;
  context.user_namespace = plan.namespaces.has_user();
  context.own_network = plan.namespaces.creates(CLONE_NEWNET);
  context.cgroup_mount = cgroups::detect_mount().mount;
  context.shares = std::any_of(config.mounts.begin(), config.mounts.end(), asks_to_share);
  MountIdMaps id_maps(*config.linux_, plan.procfs);
  context.id_maps = &id_maps;
  context.label = config.linux_->mount_label;
  for (const auto& mount : config.mounts) {
    plan.mounts.push_back(
        TRY(plan_mount(mount, context).context("{}: $.mounts[{}]", source, plan.mounts.size())));
  }
  plan.devices = TRY(plan_devices(config, context.user_namespace).context("{}: $.linux.devices", source));
  plan.masked_paths = config.linux_->masked_paths;
  plan.readonly_paths = config.linux_->readonly_paths;
  plan.mount_label = config.linux_->mount_label;
  if (!plan.masked_paths.empty()) plan.null_tree = TRY(clone_null_device());
  return {};
}

Result<void> plan_all_hooks(const oci::Hooks& hooks, const Annotations& annotations,
                            const std::string& source, InitPlan& plan) {
  const auto plan_stage = [&](const char* stage, const std::vector<oci::Hook>& list) {
    return plan_hooks(stage, list, annotations).context("{}: $.hooks.{}", source, stage);
  };
  // Planned here for their rules alone; the parent plans them again when it runs them.
  TRY(plan_stage("prestart", hooks.prestart));
  TRY(plan_stage("createRuntime", hooks.create_runtime));
  TRY(plan_stage("poststart", hooks.poststart));
  TRY(plan_stage("poststop", hooks.poststop));
  plan.parent_turn = !hooks.prestart.empty() || !hooks.create_runtime.empty();
  plan.create_container = TRY(plan_stage("createContainer", hooks.create_container));
  plan.start_container = TRY(plan_stage("startContainer", hooks.start_container));
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
  if (socket) plan.socket = TRY(connect_stream_socket("console socket", options.console_socket));
  return {};
}

}  // namespace

std::string seccomp_cache_of(const std::string& root) {
  return join_path(root, "seccomp@4");
}

std::string config_name(const CreateOptions& options) {
  return options.config.empty() ? "config.json" : options.config;
}

Result<void> check_preserved(unsigned count) {
  for (unsigned fd = 3; fd < 3 + count; ++fd) {
    if (::fcntl(static_cast<int>(fd), F_GETFD) >= 0) continue;
    return Error::make(ErrorKind::invalid, "unable to preserve descriptor {}: it is not open", fd);
  }
  return {};
}

Result<InitPlan> plan_init(Configuration& configuration, const CreateOptions& options,
                           const std::string& seccomp_cache, std::vector<std::string>& warnings) {
  const oci::RuntimeConfig& config = configuration.config;
  const std::string source = config_name(options);
  InitPlan plan;
  ProcessContext context;
  context.keyring = options.no_new_keyring ? "" : "_ses." + options.id;
  context.preserved = options.preserve_fds;
  context.seccomp_cache = seccomp_cache;
  context.source = context.container_source = source;
  context.container = &*config.linux_;
  context.filter = &configuration.filter;
  if (config.linux_->seccomp && refuses_unknown_calls(config)) {
    TRY(check_call_names(*config.linux_->seccomp, "$.linux.seccomp").context("{}", source));
  }
  context.keeps_groups = keeps_original_groups(config.annotations);
  if (needs_procfs(config)) plan.procfs = TRY(open_trusted_procfs());
  plan.process = TRY(plan_process(*config.process, context, warnings));
  TRY(plan_terminal(*config.process, options, plan.process.terminal));
  plan.namespaces = TRY(plan_namespaces(*config.linux_, is_ordinary_user()).context("{}", source));
  plan.sysctls = TRY(plan_sysctls(*config.linux_).context("{}: $.linux.sysctl", source));
  plan.root = TRY(plan_root(config, options.bundle, !options.no_pivot).context("{}", source));
  TRY(plan_mounts(config, options, source, plan));
  if (config.hooks) TRY(plan_all_hooks(*config.hooks, config.annotations, source, plan));
  plan.parent_turn = plan.parent_turn || !config.linux_->net_devices.empty();
  if (config.linux_->intel_rdt) {
    const std::string root = TRY(find_resctrl().context("{}: $.linux.intelRdt", source));
    (void)TRY(plan_rdt(*config.linux_->intel_rdt, options.id, root, {source, "$.linux.intelRdt"}));
  }
  plan.hostname = config.hostname;
  plan.domainname = config.domainname;
  return plan;
}

void close_descriptors(InitPlan& plan) {
  ClosedTogether done;
  done.take(std::move(plan.null_tree));
  done.take(std::move(plan.root.tree));
  for (auto& mount : plan.mounts) {
    done.take(std::move(mount.tree));
    done.take(std::move(mount.fallback));
  }
}

}  // namespace gantry::runtime
