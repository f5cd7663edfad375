#include "runtime/creation.h"

#include "base/files.h"
#include "runtime/channel.h"
#include "runtime/container_cgroup.h"
#include "runtime/destroy.h"
#include "runtime/heap.h"
#include "runtime/intel_rdt.h"
#include "runtime/log.h"
#include "runtime/net_devices.h"
#include "runtime/notify.h"
#include "runtime/pidfd_socket.h"
#include "runtime/plan.h"
#include "runtime/start_socket.h"
#include "runtime/syscalls.h"
#include "runtime/terminal.h"
#include "runtime/user_namespace.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {

Result<void> Creation::make_cgroup(const GlobalOptions& global) {
  cgroup_ = TRY(make_container_cgroup(*config_.linux_, global, folder_, record_));
  if (cgroup_) log_debug("container {}: cgroup {}", record_.id, record_.cgroup);
  return {};
}

// Around init, which waits: systemd makes no scope without a process. Before the id maps, as a user's manager
// moves only the user's own.
Result<void> Creation::make_scope(Limits limits) {
  auto made = create_scope(record_, *config_.linux_, init_.pid, limits);
  if (!made) {
    record_.scope.clear();  // stopped again, or not ours
    return std::move(made).error();
  }
  cgroup_ = std::move(*made);
  init_.in_cgroup = true;
  return {};
}

Result<void> Creation::bind_notify_folder(InitPlan& plan) {
  if (!wants_notifications()) return {};
  MountContext context;
  context.user_namespace = plan.namespaces.has(CLONE_NEWUSER);
  plan.mounts.push_back(TRY(plan_notify_mount(folder_, context)));
  return {};
}

// A user may move a process only within what is his: not from a session's cgroup to one that was made for
// him.
Result<void> Creation::move_to_cgroup(const GlobalOptions& global) {
  auto moved = cgroup_->attach(init_.pid);
  if (moved || !can_do_without_cgroup(config_.linux_->resources, global)) return moved;
  TRY(cgroup_->remove());
  cgroup_.reset();
  record_.cgroup.clear();
  return {};
}

Result<void> Creation::spawn_init(InitPlan& plan, bool starts_here, const GlobalOptions& global) {
  auto channel = TRY(Channel::make());
  plan.channel = std::move(channel.child);
  channel_ = std::move(channel.parent);
  if (!starts_here) plan.start_socket = TRY(listen_for_start(folder_));
  if (plan.process.terminal.wanted && !plan.process.terminal.socket) {
    auto pair = TRY(SocketPair::make());
    terminal_socket_ = std::move(pair.first);
    plan.process.terminal.socket = std::move(pair.second);
  }
  plan.created = plan_hook_state(describe(record_, oci::Status::created));
  if (plan.process.listener.socket) {
    set_listener_message(plan.process.listener, *config_.linux_->seccomp,
                         describe(record_, oci::Status::creating));
  }
  UniqueFd cgroup_folder;
  if (cgroup_) cgroup_folder = TRY(cgroup_->open_directory());
  const bool maps = plan.namespaces.creates(CLONE_NEWUSER);
  plan.wait_first = maps || cgroup_ || !record_.scope.empty();
  const auto oom_score = TRY(lend_oom_score(plan.process, plan.namespaces.user_entered));
  // Processes of a joined pid namespace see init from its first moment (CVE-2016-9962). With maps to write it
  // must wait: /proc/PID of an undumpable process is root's.
  if (!maps && plan.namespaces.find_join(CLONE_NEWPID) != nullptr &&
      ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return Error::system(errno, "make the process undumpable");
  }
  {
    const auto children = TRY(ForChildren::enter(plan.namespaces, plan.procfs));
    const uint64_t flags =
        plan.namespaces.joins_user() ? 0 : plan.namespaces.created & ~uint64_t{CLONE_NEWCGROUP};
    init_ = TRY(spawn(flags, cgroup_ ? &cgroup_folder : nullptr));
    if (init_.pid == 0) {
      folder_.unlock_in_child();
      channel_.reset();
      run_init(plan);
    }
  }
  set_frees_memory(false);
  log_debug("container {}: init is process {}", record_.id, init_.pid);
  plan.channel.reset();
  plan.start_socket.reset();
  plan.process.terminal.socket.reset();
  plan.process.listener.socket.reset();
  if (!record_.scope.empty()) TRY(make_scope(global.limits));
  if (cgroup_ && !init_.in_cgroup) TRY(move_to_cgroup(global));
  if (maps)
    TRY(write_id_maps(plan.procfs, init_.pid, config_.linux_->uid_mappings, config_.linux_->gid_mappings));
  if (plan.wait_first) TRY(answer(channel_));
  return {};
}

// The process that goes on is a sibling of the first one, which ends.
Result<void> Creation::take_over(pid_t pid) {
  ::waitpid(init_.pid, nullptr, 0);
  written_ahead_ = false;
  init_.pid = pid;
  init_.pidfd = open_pidfd(pid);
  if (!init_.pidfd) return Error::system(errno, "open the init process {}", pid);
  return {};
}

Result<void> Creation::move_devices(const InitPlan& plan) {
  if (config_.linux_->net_devices.empty()) return {};
  const std::string path = format("{}/ns/net", init_.pid);
  const UniqueFd netns(::openat(plan.procfs.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return Error::system(errno, "open the container's network namespace");
  return move_net_devices(config_.linux_->net_devices, netns);
}

Result<void> Creation::run_runtime_hooks() {
  if (!config_.hooks) return {};
  // The environment stands (step 2 of the lifecycle), so it is `created`, as crun and runtime-tools have it.
  oci::State state = describe(record_, oci::Status::created);
  state.pid = init_.pid;
  const auto prestart = TRY(plan_hooks("prestart", config_.hooks->prestart, record_.annotations));
  const auto create_runtime =
      TRY(plan_hooks("createRuntime", config_.hooks->create_runtime, record_.annotations));
  TRY(run_hooks_here(prestart, state));
  return run_hooks_here(create_runtime, state);
}

Result<void> Creation::join_rdt() {
  if (!config_.linux_->intel_rdt) return {};
  const std::string root = TRY(find_resctrl());
  const auto plan =
      TRY(plan_rdt(*config_.linux_->intel_rdt, record_.id, root, {"config.json", "$.linux.intelRdt"}));
  // On disk before they are made, so that `delete` finds them whatever happens next.
  if (plan.own_group) record_.rdt_group = plan.group;
  record_.rdt_monitor = plan.monitor;
  written_ahead_ = false;
  TRY(folder_.save(record_));
  TRY(make_rdt_groups(plan));
  return join_rdt_groups(plan, init_.pid);
}

Result<void> Creation::write_ahead() {
  const auto identity = TRY(identify_process(init_.pid));
  record_.pid = identity.pid;
  record_.start_time = identity.start_time;
  const auto written = folder_.prepare(record_);
  written_ahead_ = bool(written);
  record_.pid = 0;
  return written;
}

Result<void> Creation::follow_init(InitPlan& plan) {
  const std::string what = "unable to start container process";
  for (;;) {
    const auto packet = TRY(receive_packet(channel_));
    if (!packet)
      return Error::make(ErrorKind::system, "{}: init died while it was made{}", what, oom_note(cgroup_));
    switch (packet->message) {
      case Message::failed:
        return Error::make(ErrorKind::system, "{}: {}", what, packet->text);
      case Message::pid:
        TRY(take_over(packet->number));
        break;
      case Message::mounted:
        TRY(move_devices(plan).context("{}", what));
        TRY(run_runtime_hooks());
        log_debug("container {}: mounts are made, runtime hooks have run", record_.id);
        TRY(answer(channel_));
        break;
      case Message::ready:
        TRY(join_rdt());
        return apply_from_outside(plan.process, init_.pid, plan.namespaces.has_user(), plan.procfs);
    }
  }
}

Result<Created> Creation::commit(const CreateOptions& options) {
  UniqueFd terminal;
  if (terminal_socket_) terminal = TRY(receive_terminal(terminal_socket_));
  if (!written_ahead_) TRY(write_ahead());
  TRY(folder_.publish());
  record_.pid = init_.pid;
  if (!options.pid_file.empty()) {
    TRY(write_file(options.pid_file, std::to_string(init_.pid), 0644).context("write pid file"));
  }
  if (!options.pidfd_socket.empty()) TRY(send_pidfd(options.pidfd_socket, init_.pidfd));
  const auto receiver = record_.annotations.find("run.oci.pidfd_receiver");
  if (receiver != record_.annotations.end()) TRY(send_pidfd(receiver->second, init_.pidfd));
  if (!options.starts_here) TRY(answer(channel_));
  committed_ = true;
  log_debug("container {}: created", record_.id);
  return Created{std::move(folder_),     std::move(record_),  std::move(config_),
                 std::move(init_.pidfd), std::move(terminal), std::move(channel_)};
}

void Creation::undo() {
  if (init_.pid > 0) {
    ::kill(init_.pid, SIGKILL);
    ::waitpid(init_.pid, nullptr, 0);
  }
  record_.pid = 0;
  log_result(destroy_container(folder_, record_, init_.pid > 0 ? &config_ : nullptr));
}

}  // namespace gantry::runtime
