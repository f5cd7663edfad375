#include "base/files.h"
#include "cgroups/cgroup.h"
#include "runtime/commands.h"
#include "runtime/container_cgroup.h"
#include "runtime/destroy.h"
#include "runtime/log.h"
#include "runtime/signal_names.h"
#include "runtime/syscalls.h"

#include <cstdio>
#include <signal.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

// False: there is no cgroup that says which processes these are.
Result<bool> signal_everything(const Record& record, int number) {
  if (record.cgroup.empty()) return false;
  const auto cgroup = cgroups::Cgroup::open(record.cgroup);
  if (!cgroup) return false;
  TRY(number == SIGKILL ? cgroup->kill() : cgroup->signal(number));
  return true;
}

Result<void> signal_init(const Record& record, int number) {
  const auto process = open_process(record.process());
  if (!process) return Error::make(ErrorKind::conflict, "container not running");
  if (send_signal(*process, number) == 0) return {};
  if (errno == ESRCH) return Error::make(ErrorKind::conflict, "container not running");
  return Error::system(errno, "signal the init process {}", record.pid);
}

}  // namespace

Result<cgroups::Cgroup> cgroup_of(const Record& record) {
  if (record.cgroup.empty()) {
    return Error::make(ErrorKind::unsupported,
                       "container {} has no cgroup: this host can't pause or update it", record.id);
  }
  return cgroups::Cgroup::open(record.cgroup);
}

void print_line(const std::string& text) {
  (void)write_all(BorrowedFd(1), text + "\n");
}

Result<Found> find_container(const GlobalOptions& global, const std::string& id, bool locked) {
  auto folder = TRY(ContainerFolder::open(global.root, id));
  if (locked) TRY(folder.lock());
  auto record = folder.load();
  if (!record && record.error().kind() == ErrorKind::not_found) {
    return Error::make(ErrorKind::not_found,
                       "container does not exist: {} was never fully created ({} has no state)", id,
                       folder.path());
  }
  return Found{std::move(folder), TRY(std::move(record))};
}

Result<int> command_state(const GlobalOptions& global, const Arguments& arguments) {
  const auto rest = TRY(arguments_of("state", {}, arguments));
  if (!rest) return 0;
  const auto found = TRY(find_container(global, rest->at(0), false));
  (void)write_all(BorrowedFd(1),
                  oci::to_json_text(describe(found.record, current_status(found.folder, found.record)), 2));
  return 0;
}

Result<int> command_kill(const GlobalOptions& global, const Arguments& arguments) {
  bool all = false;
  const auto rest = TRY(
      arguments_of("kill", {toggle("all", 'a', all, "signal all its processes, not only init")}, arguments));
  if (!rest) return 0;
  const int number = TRY(parse_signal(rest->size() > 1 ? rest->at(1) : "TERM"));
  const auto found = TRY(find_container(global, rest->at(0), false));
  const auto status = current_status(found.folder, found.record);
  // Without a pid namespace of its own the container's other processes outlive init: KILL means all of them.
  if (all || (number == SIGKILL && !found.record.own_pid_namespace)) {
    const bool reached = TRY(signal_everything(found.record, number));
    if (all && status == oci::Status::stopped) return 0;
    if (reached && status != oci::Status::stopped) return 0;  // init too, which may be gone by now
  }
  if (status == oci::Status::stopped) return Error::make(ErrorKind::conflict, "container not running");
  TRY(signal_init(found.record, number));
  return 0;
}

Result<int> command_delete(const GlobalOptions& global, const Arguments& arguments) {
  bool force = false;
  const auto rest = TRY(arguments_of(
      "delete", {toggle("force", 'f', force, "kill it first when it runs; one that isn't there is no error")},
      arguments));
  if (!rest) return 0;
  auto folder = ContainerFolder::open(global.root, rest->at(0));
  if (!folder && folder.error().kind() == ErrorKind::not_found && force) return 0;
  if (!folder) return std::move(folder).error();
  const auto locked = folder->lock();
  if (!locked && locked.error().kind() == ErrorKind::not_found && force) return 0;
  TRY(Result<void>(locked));
  auto record = folder->load();
  if (!record) {
    // A creation that was killed before it had made anything else.
    if (record.error().kind() != ErrorKind::not_found && !force) return std::move(record).error();
    TRY(folder->remove());
    return 0;
  }
  const auto status = current_status(*folder, *record);
  if (!force && (status == oci::Status::running || status == oci::Status::paused)) {
    return Error::make(ErrorKind::conflict, "cannot delete container {} that is not stopped: {}", rest->at(0),
                       oci::status_name(status));
  }
  const auto config = folder->load_config();
  TRY(destroy_container(*folder, *record, config ? &*config : nullptr));
  return 0;
}

Result<int> command_pause(const GlobalOptions& global, const Arguments& arguments) {
  const auto rest = TRY(arguments_of("pause", {}, arguments));
  if (!rest) return 0;
  const auto found = TRY(find_container(global, rest->at(0), true));
  const auto status = current_status(found.folder, found.record);
  if (status != oci::Status::running && status != oci::Status::created) {
    return Error::make(ErrorKind::conflict, "container not running");
  }
  const auto cgroup = TRY(cgroup_of(found.record));
  TRY(cgroup.freeze());
  return 0;
}

Result<int> command_resume(const GlobalOptions& global, const Arguments& arguments) {
  const auto rest = TRY(arguments_of("resume", {}, arguments));
  if (!rest) return 0;
  const auto found = TRY(find_container(global, rest->at(0), true));
  if (current_status(found.folder, found.record) != oci::Status::paused) {
    return Error::make(ErrorKind::conflict, "container not paused");
  }
  const auto cgroup = TRY(cgroup_of(found.record));
  TRY(cgroup.thaw());
  return 0;
}

}  // namespace gantry::runtime
