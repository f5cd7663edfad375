#include "base/files.h"
#include "cgroups/cgroup.h"
#include "runtime/commands.h"
#include "runtime/container_cgroup.h"
#include "runtime/destroy.h"
#include "runtime/log.h"
#include "runtime/signal_names.h"
#include "runtime/syscalls.h"

#include <functional>
#include <regex.h>
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

constexpr const char* regex_help =
    "ID is an extended regular expression: all containers whose id it matches anywhere; regex(7)";

Result<void> kill_one(const GlobalOptions& global, const std::string& id, bool all, int number) {
  const auto found = TRY(find_container(global, id, false));
  const auto status = current_status(found.folder, found.record);
  // Without a pid namespace of its own the container's other processes outlive init: KILL means all of them.
  if (all || (number == SIGKILL && !found.record.own_pid_namespace)) {
    const bool reached = TRY(signal_everything(found.record, number));
    if (all && status == oci::Status::stopped) return {};
    if (reached && status != oci::Status::stopped) return {};  // init too, which may be gone by now
  }
  if (status == oci::Status::stopped) return Error::make(ErrorKind::conflict, "container not running");
  TRY(signal_init(found.record, number));
  // The kernel kills them with init, whose turn comes late among thousands that fork: all at once is sooner.
  if (number == SIGKILL) (void)signal_everything(found.record, number);
  return {};
}

Result<void> delete_one(const GlobalOptions& global, const std::string& id, bool force) {
  auto folder = ContainerFolder::open(global.root, id);
  if (!folder && folder.error().kind() == ErrorKind::not_found && force) return {};
  if (!folder) return std::move(folder).error();
  const auto locked = folder->lock();
  if (!locked && locked.error().kind() == ErrorKind::not_found && force) return {};
  TRY(Result<void>(locked));
  auto record = folder->load();
  if (!record) {
    // A creation that was killed before it had made anything else.
    if (record.error().kind() == ErrorKind::not_found) return folder->remove();
    // Only this names its processes: without the folder nothing would.
    return std::move(record).error().context("container {} is left as it is, end its processes and remove {}",
                                             id, folder->path());
  }
  const auto status = current_status(*folder, *record);
  if (!force && (status == oci::Status::running || status == oci::Status::paused)) {
    return Error::make(ErrorKind::conflict, "cannot delete container {} that is not stopped: {}", id,
                       oci::status_name(status));
  }
  const auto config = folder->load_config();
  return destroy_container(*folder, *record, config ? &*config : nullptr);
}

Result<std::vector<std::string>> matching_ids(const std::string& root, const std::string& pattern) {
  regex_t compiled{};
  if (const int error = ::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB); error != 0) {
    char text[200] = {};
    ::regerror(error, &compiled, text, sizeof text);
    return Error::make(ErrorKind::invalid, "--regex: \"{}\" is not a regular expression: {}", pattern, text);
  }
  auto ids = ContainerFolder::list(root);
  if (ids) {
    std::erase_if(
        *ids, [&](const std::string& id) { return ::regexec(&compiled, id.c_str(), 0, nullptr, 0) != 0; });
  }
  ::regfree(&compiled);
  return ids;
}

// With `regex`, one that fails is told and doesn't keep the others from their turn; the exit status tells of
// it.
Result<int> for_each_id(const GlobalOptions& global, const std::string& id, bool regex,
                        const std::function<Result<void>(const std::string&)>& act) {
  if (!regex) {
    TRY(act(id));
    return 0;
  }
  int status = 0;
  for (const auto& match : TRY(matching_ids(global.root, id))) {
    const auto done = act(match);
    if (done) continue;
    log_error(format("{}: {}", match, done.error().message()));
    status = 1;
  }
  return status;
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
  bool regex = false;
  const auto rest = TRY(arguments_of("kill",
                                     {toggle("all", 'a', all, "signal all its processes, not only init"),
                                      toggle("regex", 'r', regex, regex_help)},
                                     arguments));
  if (!rest) return 0;
  const int number = TRY(parse_signal(rest->size() > 1 ? rest->at(1) : "TERM"));
  return for_each_id(global, rest->at(0), regex,
                     [&](const std::string& id) { return kill_one(global, id, all, number); });
}

Result<int> command_delete(const GlobalOptions& global, const Arguments& arguments) {
  bool force = false;
  bool regex = false;
  const auto rest = TRY(arguments_of(
      "delete",
      {toggle("force", 'f', force, "kill it first when it runs; one that isn't there is no error"),
       toggle("regex", 'r', regex, regex_help)},
      arguments));
  if (!rest) return 0;
  return for_each_id(global, rest->at(0), regex,
                     [&](const std::string& id) { return delete_one(global, id, force); });
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
