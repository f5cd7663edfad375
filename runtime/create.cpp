#include "runtime/create.h"

#include "base/files.h"
#include "base/time.h"
#include "runtime/channel.h"
#include "runtime/creation.h"
#include "runtime/log.h"
#include "runtime/notify.h"
#include "runtime/plan.h"
#include "runtime/root_path.h"
#include "runtime/terminal.h"
#include "runtime/user_namespace.h"
#include "runtime/validate.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>

// The way of a container from `create` to the execve of its program, in the order of its steps: first in the
// runtime's process, then in the one that becomes the container. Each step's own file has the sources.

namespace gantry::runtime {
namespace {

Result<Record> make_record(const oci::RuntimeConfig& config, const CreateOptions& options,
                           const InitPlan& plan) {
  Record record;
  record.id = options.id;
  record.bundle = options.bundle;
  record.rootfs = plan.root.path;
  record.oci_version = config.oci_version;
  record.created = format_rfc3339(SystemClock().now());
  record.annotations = config.annotations;
  record.own_pid_namespace = plan.namespaces.creates(CLONE_NEWPID);
  record.new_keyring = !options.no_new_keyring;
  record.owner = static_cast<uint32_t>(::getauxval(AT_UID));  // not as a user namespace shows it
  if (!plan.root.own_mounts) record.root_mount = TRY(identify_mount(plan.root.tree));
  return record;
}

Result<std::string> read_config(const CreateOptions& options) {
  const std::string path = options.config.empty() ? join_path(options.bundle, "config.json") : options.config;
  return read_file(path);
}

Result<Created> make_container(const GlobalOptions& global, const CreateOptions& options) {
  TRY(check_id(options.id));
  const std::string text = TRY(read_config(options));
  const std::string source = config_name(options);
  const std::string cache = seccomp_cache_of(global.root);
  auto configuration = TRY(parse_configuration(text, source, cache));
  auto& config = configuration.config;
  TRY(check_config(config, source));
  if (wants_notifications()) config.process->env.emplace_back(notify_variable);
  if (is_ordinary_user()) TRY(enter_user_namespace(*config.linux_));
  std::vector<std::string> warnings;
  InitPlan plan = TRY(plan_init(configuration, options, cache, warnings));
  for (const auto& warning : warnings) log_warning(warning);
  auto folder = TRY(ContainerFolder::claim(global.root, options.id));
  Record record = TRY(make_record(config, options, plan));
  Creation creation(std::move(config), std::move(folder), std::move(record));
  TRY(creation.keep_config(text));
  TRY(creation.bind_notify_folder(plan));
  TRY(creation.make_cgroup(global));
  TRY(creation.spawn_init(plan, options.starts_here, global));
  close_descriptors(plan);
  TRY(creation.write_ahead());
  TRY(creation.follow_init(plan));
  return creation.commit(options);
}

Failure build_root(InitPlan& plan) {
  ::umask(0);
  STEP(attach_root(plan.root));
  UniqueFd before;  // for hooks, which run where the caller did
  if (!plan.create_container.empty()) before = UniqueFd(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  MountProgress progress;
  progress.wants_procfs = !plan.procfs && !plan.sysctls.empty();
  for (auto& mount : plan.mounts) STEP(perform_mount(plan.root.tree, mount, progress));
  if (progress.wants_procfs) plan.procfs = std::move(progress.procfs);
  if (before && ::fchdir(before.get()) != 0) return {"go back to the working directory", errno};
  STEP(make_devices(plan.root.tree, std::move(progress.dev), plan.devices, plan.mounts));
  if (plan.parent_turn) {
    send_packet(plan.channel, Message::mounted);
    if (!wait_for_answer(plan.channel)) ::_exit(1);
  }
  return run_hooks_in_init(plan.create_container, plan.created);
}

Failure enter_container(InitPlan& plan) {
  STEP(enter_root(plan.root));
  STEP(set_names(plan));
  STEP(set_up_terminal(plan.process.terminal, plan.root.tree));
  STEP(write_sysctls(plan.sysctls, plan.procfs));
  if (plan.root.readonly) STEP(make_cwd(plan.process, plan.root.tree));
  for (const auto& mount : plan.mounts) STEP(finish_mount(mount));
  STEP(finish_root(plan.root));
  STEP(make_paths_readonly(plan.root.tree, plan.readonly_paths));
  STEP(mask_paths(plan.root.tree, plan.masked_paths, plan.null_tree, plan.mount_label));
  STEP(finish_propagation(plan.root));
  return prepare_process(plan.process, plan.root.tree, plan.procfs);
}

// In init, which waits for `start` when all of it is done.
Failure become_container(InitPlan& plan) {
  STEP(reset_signals(plan.process));
  // Before anything is joined: others there get nothing from /proc/PID of this process (CVE-2016-9962).
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return {"make the process undumpable", errno};
  STEP(enter_namespaces(plan));
  STEP(build_root(plan));
  return enter_container(plan);
}

}  // namespace

Result<Created> create_container(const GlobalOptions& global, const CreateOptions& options) {
  auto created = make_container(global, options);
  if (created || created.error().system_errno() != ENOSYS) return created;
  return std::move(created).context("{}", least_kernel);
}

void run_init(InitPlan& plan) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (plan.wait_first && !wait_for_answer(plan.channel)) ::_exit(1);
  if (const Failure failed = become_container(plan)) {
    send_failure(plan.channel, failed);
    ::_exit(1);
  }
  ::prctl(PR_SET_PDEATHSIG, 0);
  send_packet(plan.channel, Message::ready);
  const UniqueFd connection = wait_for_start(plan);
  Failure failed = run_hooks_in_init(plan.start_container, plan.created, plan.process.envp.data());
  if (!failed) failed = finish_process(plan.process);
  send_failure(connection, failed);
  ::_exit(1);
}

}  // namespace gantry::runtime
