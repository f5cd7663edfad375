#include "base/time.h"
#include "runtime/commands.h"
#include "runtime/event_records.h"
#include "runtime/syscalls.h"

#include <chrono>
#include <poll.h>
#include <sys/inotify.h>

namespace gantry::runtime {
namespace {

// What is read anew for each record.
struct Watched {
  const Record& record;
  const cgroups::Cgroup& cgroup;
  std::optional<RdtPlan> rdt;
};

Result<std::optional<RdtPlan>> rdt_of(const Found& found) {
  const auto config = TRY(found.folder.load_config());
  if (!config.linux_ || !config.linux_->intel_rdt) return std::optional<RdtPlan>();
  const std::string root = TRY(find_resctrl());
  return std::optional(existing_rdt_groups(*config.linux_->intel_rdt, found.record.id, root));
}

Result<void> print_stats(const Watched& watched) {
  ContainerStatistics now;
  now.cgroup = TRY(watched.cgroup.statistics());
  if (watched.rdt) now.rdt = TRY(read_rdt_statistics(*watched.rdt));
  now.interfaces = interfaces_of(watched.record.pid);
  print_line(stats_record(watched.record.id, now));
  return {};
}

// inotify(7) tells of each change of memory.events, as the kernel notifies its readers.
UniqueFd watch_memory_events(const cgroups::Cgroup& cgroup) {
  UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const auto file = cgroup.directory() + "/memory.events";
  if (!watch || ::inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY) < 0) return {};
  return watch;
}

// Until the container's init is gone.
Result<void> follow(const Watched& watched, std::chrono::milliseconds interval) {
  const auto& cgroup = watched.cgroup;
  const auto init = open_process(watched.record.process());
  if (!init) return Error::make(ErrorKind::conflict, "container not running");
  const auto watch = watch_memory_events(cgroup);
  uint64_t kills = TRY(cgroup.events()).oom_kill;
  auto next = std::chrono::steady_clock::now();
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next) {
      TRY(print_stats(watched));
      next = now + interval;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - std::chrono::steady_clock::now());
    pollfd files[] = {{init->get(), POLLIN, 0}, {watch ? watch.get() : -1, POLLIN, 0}};
    const int ready = ::poll(files, 2, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready < 0 && errno != EINTR) return Error::system(errno, "wait for the container's events");
    char drained[4096];
    while (watch && ::read(watch.get(), drained, sizeof drained) > 0) {
    }
    const auto events = cgroup.events();
    if (events && events->oom_kill > kills) {
      kills = events->oom_kill;
      print_line(oom_record(watched.record.id));
    }
    if (ready > 0 && files[0].revents != 0) return {};
  }
}

}  // namespace

Result<int> command_events(const GlobalOptions& global, const Arguments& arguments) {
  bool once = false;
  std::string interval_text = "5s";
  const auto rest = TRY(arguments_of("events",
                                     {toggle("stats", 0, once, "print the statistics once"),
                                      option("interval", 0, interval_text, "TIME", "between statistics")},
                                     arguments));
  if (!rest) return 0;
  const auto interval =
      std::chrono::ceil<std::chrono::milliseconds>(TRY(parse_duration(interval_text).context("--interval")));
  if (interval.count() < 1 || interval > std::chrono::hours(24)) {
    return Error::make(ErrorKind::invalid, "--interval must be 1ms to 24h, found {}", interval_text);
  }
  const auto found = TRY(find_container(global, rest->at(0), false));
  if (current_status(found.folder, found.record) == oci::Status::stopped) {
    return Error::make(ErrorKind::conflict, "container with id {} is not running", found.record.id);
  }
  const auto cgroup = TRY(cgroup_of(found.record));
  const Watched watched{found.record, cgroup, TRY(rdt_of(found))};
  TRY(once ? print_stats(watched) : follow(watched, interval));
  return 0;
}

}  // namespace gantry::runtime
