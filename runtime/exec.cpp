#include "runtime/exec.h"

#include "base/files.h"
#include "base/text.h"
#include "cgroups/cgroup.h"
#include "runtime/channel.h"
#include "runtime/container_cgroup.h"
#include "runtime/heap.h"
#include "runtime/init.h"
#include "runtime/intel_rdt.h"
#include "runtime/log.h"
#include "runtime/pidfd_socket.h"
#include "runtime/plan.h"
#include "runtime/procfs.h"
#include "runtime/terminal.h"
#include "runtime/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr int new_time = 0x80;  // CLONE_NEWTIME

struct ExecPlan {
  ProcessPlan process;
  UniqueFd container;  // pidfd of its init
  UniqueFd root;       // init's /
  UniqueFd procfs;
  UniqueFd channel;
  int namespaces = 0;         // CLONE_NEW* of those that aren't ours already
  bool user_entered = false;  // we are in its user namespace by now

  bool in_user_namespace() const { return user_entered || (namespaces & CLONE_NEWUSER) != 0; }
};

struct NamespaceFile {
  const char* name;
  int flag;
};

constexpr NamespaceFile namespace_files[] = {
    {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
    {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"time", new_time},    {"cgroup", CLONE_NEWCGROUP},
};

Result<int> foreign_namespaces(pid_t pid) {
  int flags = 0;
  for (const auto& entry : namespace_files) {
    struct stat theirs {};
    struct stat ours {};
    if (::stat(format("/proc/{}/ns/{}", pid, entry.name).c_str(), &theirs) != 0) {
      if (errno == ENOENT && entry.flag == new_time) continue;
      return Error::make(ErrorKind::conflict, "cannot exec in a stopped container");
    }
    if (::stat(format("/proc/self/ns/{}", entry.name).c_str(), &ours) != 0) continue;
    if (theirs.st_ino != ours.st_ino) flags |= entry.flag;
  }
  return flags;
}

Failure enter_container(ExecPlan& plan) {
  STEP(reset_signals(plan.process));
  const int flags = plan.namespaces & ~CLONE_NEWPID;  // the parent arranged for that one
  if (flags != 0 && ::setns(plan.container.get(), flags) != 0)
    return {"join the container's namespaces", errno};
  if (plan.in_user_namespace()) STEP(become_namespace_root());
  if (::fchdir(plan.root.get()) != 0 || ::chroot(".") != 0) return {"enter the container's root", errno};
  if (::setsid() < 0) return {"make a session", errno};
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return {"open the container's root", errno};
  STEP(set_up_terminal(plan.process.terminal, root));
  return prepare_process(plan.process, root, plan.procfs);
}

[[noreturn]] void run_exec(ExecPlan& plan) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!wait_for_answer(plan.channel)) ::_exit(1);
  if (const Failure failed = enter_container(plan)) {
    send_failure(plan.channel, failed);
    ::_exit(1);
  }
  ::prctl(PR_SET_PDEATHSIG, 0);
  send_packet(plan.channel, Message::ready);
  if (!wait_for_answer(plan.channel)) ::_exit(1);
  send_failure(plan.channel, finish_process(plan.process));
  ::_exit(1);
}

Result<std::optional<cgroups::Cgroup>> find_cgroup(const Record& record, const std::string& sub) {
  if (record.cgroup.empty() && sub.empty()) return std::optional<cgroups::Cgroup>();
  if (record.cgroup.empty())
    return Error::make(ErrorKind::unsupported, "--cgroup \"{}\": the container has no cgroup", sub);
  for (const auto& part : split(sub, '/')) {
    if (part == "..")
      return Error::make(ErrorKind::invalid, "--cgroup \"{}\": `..` components are not allowed", sub);
  }
  const std::string path = sub.empty() || sub == "/"
                               ? record.cgroup
                               : join_path(record.cgroup, sub[0] == '/' ? sub.substr(1) : sub);
  auto cgroup = cgroups::Cgroup::open(path);
  if (cgroup) return std::optional<cgroups::Cgroup>(std::move(*cgroup));
  if (sub.empty())
    return Error::make(ErrorKind::conflict, "container not running: {}", cgroup.error().message());
  return std::move(cgroup).error();
}

// Children are born in the container's pid namespace while this lives.
class PidNamespaceForChildren {
 public:
  static Result<PidNamespaceForChildren> enter(const ExecPlan& plan) {
    PidNamespaceForChildren guard;
    if ((plan.namespaces & CLONE_NEWPID) == 0) return guard;
    guard.own_ = TRY(open_file("/proc/self/ns/pid", O_RDONLY));
    if (::setns(plan.container.get(), CLONE_NEWPID) == 0) return guard;
    const int error = errno;
    guard.own_.reset();
    if (error == ESRCH) return Error::make(ErrorKind::conflict, "cannot exec in a stopped container");
    return Error::system(error, "join the container's pid namespace");
  }
  PidNamespaceForChildren(PidNamespaceForChildren&&) = default;
  PidNamespaceForChildren& operator=(PidNamespaceForChildren&&) = delete;
  PidNamespaceForChildren(const PidNamespaceForChildren&) = delete;
  PidNamespaceForChildren& operator=(const PidNamespaceForChildren&) = delete;
  ~PidNamespaceForChildren() {
    if (own_) (void)::setns(own_.get(), CLONE_NEWPID);
  }

 private:
  PidNamespaceForChildren() = default;
  UniqueFd own_;
};

Result<void> join_rdt(const oci::RuntimeConfig& config, const Record& record, pid_t pid) {
  if (!config.linux_->intel_rdt) return {};
  const std::string root = TRY(find_resctrl());
  return join_rdt_groups(existing_rdt_groups(*config.linux_->intel_rdt, record.id, root), pid);
}

Result<void> follow(const UniqueFd& channel, const ExecPlan& plan, const Spawned& child) {
  for (;;) {
    const auto packet = TRY(receive_packet(channel));
    if (!packet) return {};
    if (packet->message == Message::failed)
      return Error::make(ErrorKind::system, "unable to start container process: {}", packet->text);
    TRY(apply_from_outside(plan.process, child.pid, plan.in_user_namespace(), plan.procfs));
    TRY(answer(channel));
  }
}

Result<ExecPlan> make_plan(const GlobalOptions& global, const Record& record, Configuration& configuration,
                           const oci::Process& process, const ExecOptions& options) {
  const oci::RuntimeConfig& config = configuration.config;
  ExecPlan plan;
  plan.container = TRY(open_process(record.process()));
  if (is_ordinary_user()) plan.user_entered = TRY(enter_user_namespace_of(plan.container, record.pid));
  std::vector<std::string> warnings;
  ProcessContext context;
  context.keyring = record.new_keyring ? "_ses." + record.id : "";
  context.preserved = options.preserve_fds;
  context.seccomp_cache = seccomp_cache_of(global.root);
  context.container = &*config.linux_;
  context.filter = &configuration.filter;
  context.keeps_groups = keeps_original_groups(config.annotations);
  context.source = options.source;
  context.place = options.place;
  if (needs_procfs(process, *config.linux_)) plan.procfs = TRY(open_trusted_procfs());
  plan.process = TRY(plan_process(process, context, warnings));
  for (const auto& warning : warnings) log_warning(warning);
  if (plan.process.listener.socket) {
    set_listener_message(plan.process.listener, *config.linux_->seccomp,
                         describe(record, oci::Status::running));
  }
  plan.process.terminal.bind_console = false;
  plan.process.make_cwd = false;  // the container is the program's by now: nothing of ours appears in it
  plan.namespaces = TRY(foreign_namespaces(record.pid));
  plan.root = TRY(open_file(format("/proc/{}/root", record.pid), O_PATH | O_DIRECTORY));
  // Once more after the paths of that pid were used: they were of the right process.
  TRY(open_process(record.process()));
  return plan;
}

}  // namespace

Result<Executed> execute(const GlobalOptions& global, const Record& record, Configuration& configuration,
                         const oci::Process& process, const ExecOptions& options) {
  ExecPlan plan = TRY(make_plan(global, record, configuration, process, options));
  auto cgroup = TRY(find_cgroup(record, options.sub_cgroup));
  UniqueFd cgroup_folder;
  if (cgroup) cgroup_folder = TRY(cgroup->open_directory());
  UniqueFd terminal_socket;
  if (!options.console_socket.empty()) {
    plan.process.terminal.socket = TRY(connect_stream_socket("console socket", options.console_socket));
  } else if (plan.process.terminal.wanted) {
    auto pair = TRY(SocketPair::make());
    terminal_socket = std::move(pair.first);
    plan.process.terminal.socket = std::move(pair.second);
  }
  auto channel = TRY(Channel::make());
  plan.channel = std::move(channel.child);
  const auto oom_score = TRY(lend_oom_score(plan.process, plan.user_entered));
  // Before the child exists: the container's processes see it in their pid namespace from its first moment.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::system(errno, "make the process undumpable");
  TRY(set_affinity(plan.process.affinity.initial, 0, "initial"));
  Spawned child;
  {
    const auto guard = TRY(PidNamespaceForChildren::enter(plan));
    child = TRY(spawn(0, cgroup ? &cgroup_folder : nullptr));
    if (child.pid == 0) {
      channel.parent.reset();
      run_exec(plan);
    }
  }
  set_frees_memory(false);
  plan.channel.reset();
  plan.process.terminal.socket.reset();
  plan.process.listener.socket.reset();
  const auto run = [&]() -> Result<void> {
    if (cgroup && !child.in_cgroup) TRY(attach_to_cgroup(record, *cgroup, options.sub_cgroup, child.pid));
    TRY(set_affinity(plan.process.affinity.final, child.pid, "final"));
    TRY(join_rdt(configuration.config, record, child.pid));
    TRY(answer(channel.parent));
    TRY(follow(channel.parent, plan, child));
    if (!options.pidfd_socket.empty()) TRY(send_pidfd(options.pidfd_socket, child.pidfd));
    if (options.pid_file.empty()) return {};
    return write_file(options.pid_file, std::to_string(child.pid), 0644).context("write pid file");
  };
  if (auto result = run(); !result) {
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    return std::move(result).error();
  }
  Executed executed{child.pid, std::move(child.pidfd), {}};
  log_debug("container {}: process {} runs", record.id, child.pid);
  if (terminal_socket) executed.terminal = TRY(receive_terminal(terminal_socket));
  return executed;
}

}  // namespace gantry::runtime
