#include "cgroups/processes.h"

#include "base/files.h"
#include "base/text.h"
#include "cgroups/statistics.h"

#include <algorithm>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <poll.h>
#include <unistd.h>

namespace gantry::cgroups {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

bool is_gone(const Error& error) {
  return error.kind() == ErrorKind::not_found || error.system_errno() == ENODEV;  // removed while it was open
}

Result<std::vector<std::string>> child_folders(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(directory.c_str()), closedir);
  const int error = errno;
  if (!folder) return Error::system(error, "open cgroup {}", directory);
  std::vector<std::string> names;
  while (const auto* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
  }
  return names;
}

// Visits the folder and all below it, children before parents. What vanishes meanwhile is skipped.
Result<void> visit_deepest_first(const std::string& directory,
                                 const std::function<Result<void>(const std::string&)>& visit) {
  auto children = child_folders(directory);
  if (!children) return is_gone(children.error()) ? Result<void>() : std::move(children).error();
  for (const auto& name : *children) TRY(visit_deepest_first(join_path(directory, name), visit));
  return visit(directory);
}

bool is_threaded(const Error& error) {
  return error.system_errno() == EOPNOTSUPP;
}

// The process that a thread belongs to; 0: it is gone. proc_pid_status(5)
pid_t process_of(pid_t thread) {
  for (const auto& line : split(read_file(format("/proc/{}/status", thread)).value_or(""), '\n')) {
    if (line.rfind("Tgid:", 0) != 0) continue;
    const auto pid = parse_unsigned("Tgid", trim(std::string_view(line).substr(5)), INT32_MAX);
    return pid ? static_cast<pid_t>(*pid) : 0;
  }
  return 0;
}

// A threaded cgroup lists its threads alone.
Result<void> add_processes(const std::string& folder, std::vector<pid_t>& pids) {
  auto text = read_file(join_path(folder, "cgroup.procs"));
  const bool threaded = !text && is_threaded(text.error());
  if (threaded) text = read_file(join_path(folder, "cgroup.threads"));
  if (!text) {
    const bool fine = is_gone(text.error()) || is_threaded(text.error());
    return fine ? Result<void>() : std::move(text).error();
  }
  for (const auto& line : split(trim(*text), '\n')) {
    if (line.empty()) continue;
    const auto number = static_cast<pid_t>(TRY(parse_unsigned("cgroup.procs", line, INT32_MAX)));
    const pid_t pid = threaded ? process_of(number) : number;
    if (pid != 0) pids.push_back(pid);  // 0: a process outside of our pid namespace
  }
  return {};
}

Result<uint64_t> event_value(BorrowedFd events, const std::string& key) {
  char text[512];
  const ssize_t length = pread(events.get(), text, sizeof text, 0);
  if (length < 0) return Error::system(errno, "read cgroup.events");
  const auto values = parse_flat_keyed({text, static_cast<size_t>(length)});
  const auto found = values.find(key);
  return found == values.end() ? uint64_t{0} : found->second;
}

// Longer than `limit` only while their number falls: thousands that were killed need processor time to die,
// too.
Result<void> wait_while_fewer_are_left(const std::string& directory, milliseconds limit) {
  auto before = TRY(processes_below(directory)).size();
  for (;;) {
    auto empty = wait_until_empty(directory, limit);
    if (empty || empty.error().kind() != ErrorKind::timeout) return empty;
    const auto left = TRY(processes_below(directory)).size();
    if (left >= before) return empty;
    before = left;
  }
}

Result<void> remove_one(const std::string& directory, steady_clock::time_point deadline) {
  for (;;) {
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
    const int error = errno;
    if (error != EBUSY) return Error::system(error, "remove cgroup {}", directory);
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    // Dying processes still count; the kernel says when they are gone. Another child cgroup made meanwhile is
    // EBUSY too.
    auto empty = wait_while_fewer_are_left(directory, std::max(left, milliseconds(0)));
    if (!empty) {
      return Error::make(ErrorKind::conflict, "remove cgroup {}: {} processes live in it", directory,
                         processes_below(directory).value_or({}).size());
    }
    if (left.count() <= 0) return Error::system(error, "remove cgroup {}", directory);
    const auto try_to_remove = [](const std::string& folder) -> Result<void> {
      rmdir(folder.c_str());
      return {};
    };
    TRY(visit_deepest_first(directory, try_to_remove));
  }
}

}  // namespace

Result<void> wait_for_event(const std::string& directory, const std::string& key, uint64_t value,
                            milliseconds limit) {
  const auto events = TRY(open_file(join_path(directory, "cgroup.events"), O_RDONLY));
  const auto deadline = steady_clock::now() + limit;
  while (TRY(event_value(events, key)) != value) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) {
      return Error::make(ErrorKind::timeout, "cgroup {}: no \"{} {}\" within {} ms", directory, key, value,
                         limit.count());
    }
    pollfd waiting{events.get(), POLLPRI, 0};
    if (poll(&waiting, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) {
      return Error::system(errno, "wait for cgroup {}", directory);
    }
  }
  return {};
}

Result<std::vector<pid_t>> processes_below(const std::string& directory) {
  std::vector<pid_t> pids;
  const auto add = [&](const std::string& folder) { return add_processes(folder, pids); };
  TRY(visit_deepest_first(directory, add));
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Result<void> signal_all(const std::string& directory, int signal) {
  for (const auto pid : TRY(processes_below(directory))) {
    if (::kill(pid, signal) != 0 && errno != ESRCH)
      return Error::system(errno, "signal process {} of cgroup {}", pid, directory);
  }
  return {};
}

Result<void> set_frozen(const std::string& directory, bool frozen, milliseconds limit) {
  TRY(write_existing(join_path(directory, "cgroup.freeze"), frozen ? "1" : "0"));
  return wait_for_event(directory, "frozen", frozen ? 1 : 0, limit);
}

Result<void> kill_all(const std::string& directory) {
  auto killed = write_existing(join_path(directory, "cgroup.kill"), "1");
  if (killed || !path_exists(directory)) return {};
  if (!is_gone(killed.error()) && !is_threaded(killed.error())) return killed;
  // Before Linux 5.14, and in a threaded cgroup. Frozen, so that nobody forks between the list and the
  // signal; they die frozen or not.
  const auto thaw_later = [&](Result<void> result) {
    (void)write_existing(join_path(directory, "cgroup.freeze"), "0");
    return result;
  };
  TRY(set_frozen(directory, true, std::chrono::seconds(2)));
  return thaw_later(signal_all(directory, SIGKILL));
}

Result<void> wait_until_empty(const std::string& directory, milliseconds limit) {
  auto waited = wait_for_event(directory, "populated", 0, limit);
  if (!waited && is_gone(waited.error())) return {};
  return waited;
}

Result<void> remove_folders(const std::string& directory, milliseconds limit) {
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
  const auto deadline = steady_clock::now() + limit;
  return visit_deepest_first(directory,
                             [&](const std::string& folder) { return remove_one(folder, deadline); });
}

}  // namespace gantry::cgroups
