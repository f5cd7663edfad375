#include "base/text.h"
#include "cgroups/cgroup.h"
#include "engine/context.h"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

// Fields 4 (parent), 14 and 15 (ticks of user and system time) of /proc/PID/stat, counted after the command's
// closing parenthesis, which may hold anything.
void add_stat(ContainerProcess& process, const std::string& text) {
  const size_t close = text.rfind(')');
  if (close == std::string::npos) return;
  const auto fields = split(trim(text.substr(close + 1)), ' ');
  if (fields.size() < 13) return;
  process.parent_pid = static_cast<pid_t>(parse_unsigned("pid", fields[1]).value_or(0));
  const uint64_t ticks =
      parse_unsigned("time", fields[11]).value_or(0) + parse_unsigned("time", fields[12]).value_or(0);
  process.cpu_microseconds = ticks * 1'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
}

// Errors: not_found when it has ended meanwhile.
Result<ContainerProcess> read_process(pid_t pid) {
  const std::string folder = format("/proc/{}", pid);
  ContainerProcess process;
  process.pid = pid;
  struct stat status {};
  if (stat(folder.c_str(), &status) != 0) return Error::system(errno, "{}", folder);
  process.uid = status.st_uid;
  add_stat(process, TRY(read_file(folder + "/stat")));
  process.command = TRY(read_file(folder + "/cmdline"));
  std::replace(process.command.begin(), process.command.end(), '\0', ' ');
  process.command = std::string(trim(process.command));
  return process;
}

}  // namespace

Result<std::vector<ContainerProcess>> Engine::processes(const std::string& reference) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const auto info = TRY(read_info(*context_, id));
  if (info.state != ContainerState::running) {
    return Error::make(ErrorKind::conflict, "container {} is not running", reference);
  }
  const auto cgroup = TRY(cgroups::Cgroup::open(info.cgroup_path));
  std::vector<ContainerProcess> processes;
  for (const pid_t pid : TRY(cgroup.processes())) {
    if (auto process = read_process(pid)) processes.push_back(std::move(process).value());
  }
  return processes;
}

}  // namespace gantry::engine
