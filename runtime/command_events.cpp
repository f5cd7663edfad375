#include "base/json.h"
#include "base/time.h"
#include "runtime/commands.h"
#include "runtime/syscalls.h"

#include <chrono>
#include <limits>
#include <poll.h>
#include <sys/inotify.h>

// The lines that containerd and others read. Source: runc's types/events.go; cgroup v2's files are put into
// its older terms as runc does it. Times are in nanoseconds.

namespace gantry::runtime {
namespace {

constexpr uint64_t unlimited = std::numeric_limits<uint64_t>::max();

struct PressureLine {
  cgroups::PressureLine value;
};

struct Psi {
  PressureLine some, full;
};

struct CpuUsage {
  uint64_t total = 0, kernel = 0, user = 0;
};

struct Throttling {
  uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;
};

struct Cpu {
  CpuUsage usage;
  Throttling throttling;
  std::optional<Psi> psi;
};

struct MemoryEntry {
  uint64_t limit = 0, usage = 0, max = 0, failures = 0;
};

struct Memory {
  uint64_t cache = 0;
  MemoryEntry usage, swap, kernel, kernel_tcp;
  std::map<std::string, uint64_t> raw;
  std::optional<Psi> psi;
};

struct Pids {
  uint64_t current = 0, limit = 0;
};

struct IoEntry {
  uint32_t major = 0, minor = 0;
  std::string op;
  uint64_t value = 0;
};

struct BlockIo {
  std::vector<IoEntry> bytes, operations;
  std::optional<Psi> psi;
};

struct Hugetlb {
  uint64_t usage = 0, max = 0, failures = 0;
};

struct Stats {
  Cpu cpu;
  Memory memory;
  Pids pids;
  BlockIo block_io;
  std::map<std::string, Hugetlb> hugetlb;
};

struct Event {
  std::string type, id;
  std::optional<Stats> data;
};

template <class Visitor>
void members(Visitor& visit, PressureLine& line) {
  visit("avg10", line.value.average_10);
  visit("avg60", line.value.average_60);
  visit("avg300", line.value.average_300);
  visit("total", line.value.total_us);
}

template <class Visitor>
void members(Visitor& visit, Psi& psi) {
  visit("some", psi.some);
  visit("full", psi.full);
}

template <class Visitor>
void members(Visitor& visit, CpuUsage& usage) {
  visit.required("total", usage.total);
  visit.required("kernel", usage.kernel);
  visit.required("user", usage.user);
}

template <class Visitor>
void members(Visitor& visit, Throttling& throttling) {
  visit("periods", throttling.periods);
  visit("throttledPeriods", throttling.throttled_periods);
  visit("throttledTime", throttling.throttled_time);
}

template <class Visitor>
void members(Visitor& visit, Cpu& cpu) {
  visit("usage", cpu.usage);
  visit("throttling", cpu.throttling);
  visit("psi", cpu.psi);
}

template <class Visitor>
void members(Visitor& visit, MemoryEntry& entry) {
  visit.required("limit", entry.limit);
  visit("usage", entry.usage);
  visit("max", entry.max);
  visit.required("failcnt", entry.failures);
}

template <class Visitor>
void members(Visitor& visit, Memory& memory) {
  visit("cache", memory.cache);
  visit("usage", memory.usage);
  visit("swap", memory.swap);
  visit("kernel", memory.kernel);
  visit("kernelTCP", memory.kernel_tcp);
  visit("raw", memory.raw);
  visit("psi", memory.psi);
}

template <class Visitor>
void members(Visitor& visit, Pids& pids) {
  visit("current", pids.current);
  visit("limit", pids.limit);
}

template <class Visitor>
void members(Visitor& visit, IoEntry& entry) {
  visit.required("major", entry.major);
  visit.required("minor", entry.minor);
  visit("op", entry.op);
  visit.required("value", entry.value);
}

template <class Visitor>
void members(Visitor& visit, BlockIo& io) {
  visit("ioServiceBytesRecursive", io.bytes);
  visit("ioServicedRecursive", io.operations);
  visit("psi", io.psi);
}

template <class Visitor>
void members(Visitor& visit, Hugetlb& hugetlb) {
  visit("usage", hugetlb.usage);
  visit("max", hugetlb.max);
  visit.required("failcnt", hugetlb.failures);
}

template <class Visitor>
void members(Visitor& visit, Stats& stats) {
  visit("cpu", stats.cpu);
  visit("memory", stats.memory);
  visit("pids", stats.pids);
  visit("blkio", stats.block_io);
  visit("hugetlb", stats.hugetlb);
}

template <class Visitor>
void members(Visitor& visit, Event& event) {
  visit("type", event.type);
  visit("id", event.id);
  visit("data", event.data);
}

std::optional<Psi> psi_of(const std::optional<cgroups::Pressure>& pressure) {
  if (!pressure) return std::nullopt;
  return Psi{{pressure->some}, {pressure->full}};
}

Cpu cpu_of(const cgroups::Statistics& now) {
  Cpu cpu;
  cpu.usage = {now.cpu.usage_us * 1000, now.cpu.system_us * 1000, now.cpu.user_us * 1000};
  cpu.throttling = {now.cpu.periods, now.cpu.throttled_periods, now.cpu.throttled_us * 1000};
  cpu.psi = psi_of(now.cpu_pressure);
  return cpu;
}

// cgroup v1 counted memory and swap together, and clients still expect that of "swap".
Memory memory_of(const cgroups::Statistics& now) {
  Memory memory;
  memory.psi = psi_of(now.memory_pressure);
  if (!now.memory) return memory;
  const auto& from = *now.memory;
  const auto cache = from.detail.find("file");
  if (cache != from.detail.end()) memory.cache = cache->second;
  memory.usage = {from.maximum.value_or(unlimited), from.current, from.peak, 0};
  const bool both = from.maximum && from.swap_maximum;
  memory.swap = {both ? *from.maximum + *from.swap_maximum : unlimited, from.current + from.swap_current, 0,
                 0};
  memory.raw = from.detail;
  return memory;
}

BlockIo block_io_of(const cgroups::Statistics& now) {
  BlockIo io;
  io.psi = psi_of(now.io_pressure);
  for (const auto& device : now.io.value_or(std::vector<cgroups::IoStatistics>{})) {
    io.bytes.push_back({device.major, device.minor, "Read", device.read_bytes});
    io.bytes.push_back({device.major, device.minor, "Write", device.written_bytes});
    io.operations.push_back({device.major, device.minor, "Read", device.reads});
    io.operations.push_back({device.major, device.minor, "Write", device.writes});
  }
  return io;
}

Stats stats_of(const cgroups::Statistics& now) {
  Stats stats;
  stats.cpu = cpu_of(now);
  stats.memory = memory_of(now);
  if (now.pids) stats.pids = {now.pids->current, now.pids->maximum.value_or(0)};
  stats.block_io = block_io_of(now);
  for (const auto& [size, usage] : now.hugetlb) stats.hugetlb[size] = {usage.current, 0, usage.failures};
  return stats;
}

Result<void> print_stats(const std::string& id, const cgroups::Cgroup& cgroup) {
  print_line(to_json(Event{"stats", id, stats_of(TRY(cgroup.statistics()))}));
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
Result<void> follow(const Record& record, const cgroups::Cgroup& cgroup, std::chrono::milliseconds interval) {
  const auto init = open_process(record.process());
  if (!init) return Error::make(ErrorKind::conflict, "container not running");
  const auto watch = watch_memory_events(cgroup);
  uint64_t kills = TRY(cgroup.events()).oom_kill;
  auto next = std::chrono::steady_clock::now();
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next) {
      TRY(print_stats(record.id, cgroup));
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
      print_line(to_json(Event{"oom", record.id, std::nullopt}));
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
  if (once) {
    TRY(print_stats(found.record.id, cgroup));
  } else {
    TRY(follow(found.record, cgroup, interval));
  }
  return 0;
}

}  // namespace gantry::runtime
