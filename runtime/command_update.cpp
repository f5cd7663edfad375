#include "base/files.h"
#include "base/text.h"
#include "runtime/commands.h"
#include "runtime/container_cgroup.h"
#include "runtime/intel_rdt.h"
#include "runtime/log.h"

#include <array>

namespace gantry::runtime {
namespace {

// The flags, as they were given; an empty one wasn't.
struct UpdateFlags {
  std::string file;
  std::string blkio_weight, cpu_period, cpu_quota, cpu_burst, cpu_share, cpu_idle;
  std::string cpuset_cpus = not_given, cpuset_mems = not_given;  // an empty list means: as the parent's
  std::string memory, memory_reservation, memory_swap, pids_limit;
  std::string kernel_memory, kernel_memory_tcp, rt_period, rt_runtime, l3_cache, memory_bandwidth;
};

std::vector<Flag> flags_of(UpdateFlags& flags) {
  return {
      option("resources", 'r', flags.file, "FILE",
             "a linux.resources object as JSON, instead of flags; - is stdin"),
      option("blkio-weight", 0, flags.blkio_weight, "WEIGHT", "share of block I/O, 10 to 1000"),
      option("cpu-period", 0, flags.cpu_period, "US", "period of the CPU quota, in microseconds"),
      option("cpu-quota", 0, flags.cpu_quota, "US",
             "CPU time in each period, in microseconds; -1: unlimited"),
      option("cpu-burst", 0, flags.cpu_burst, "US", "unused quota that may be used later, in microseconds"),
      option("cpu-share", 0, flags.cpu_share, "SHARES", "share of the CPU against others, 2 to 262144"),
      option("cpu-idle", 0, flags.cpu_idle, "0|1", "1: runs only when nothing else wants to"),
      option("cpuset-cpus", 0, flags.cpuset_cpus, "LIST", "CPUs that it may use, such as 0-3,6"),
      option("cpuset-mems", 0, flags.cpuset_mems, "LIST", "memory nodes that it may use"),
      option("memory", 0, flags.memory, "BYTES", "memory limit, with k, m or g; -1: unlimited"),
      option("memory-reservation", 0, flags.memory_reservation, "BYTES", "memory that is kept for it"),
      option("memory-swap", 0, flags.memory_swap, "BYTES", "memory and swap together; -1: unlimited swap"),
      option("pids-limit", 0, flags.pids_limit, "COUNT", "most processes and threads; -1: unlimited"),
      option("kernel-memory", 0, flags.kernel_memory, "BYTES", "without effect, as in runc"),
      option("kernel-memory-tcp", 0, flags.kernel_memory_tcp, "BYTES", "without effect, as in runc"),
      option("cpu-rt-period", 0, flags.rt_period, "US", "not supported by cgroup v2, and refused"),
      option("cpu-rt-runtime", 0, flags.rt_runtime, "US", "not supported by cgroup v2, and refused"),
      option("l3-cache-schema", 0, flags.l3_cache, "SCHEMA",
             "Intel RDT's L3 cache, L3:ID=MASK;..., of a container that has a class of its own or another"),
      option("mem-bw-schema", 0, flags.memory_bandwidth, "SCHEMA",
             "Intel RDT's memory bandwidth, MB:ID=PERCENT;..."),
  };
}

Result<void> refuse_unsupported(const UpdateFlags& flags) {
  const std::array<std::pair<const char*, const std::string*>, 2> refused = {{
      {"--cpu-rt-period: cgroup v2 has no limit of real-time CPU time", &flags.rt_period},
      {"--cpu-rt-runtime: cgroup v2 has no limit of real-time CPU time", &flags.rt_runtime},
  }};
  for (const auto& [reason, value] : refused) {
    if (!value->empty()) return Error::make(ErrorKind::unsupported, "update {}", reason);
  }
  if (!flags.kernel_memory.empty() || !flags.kernel_memory_tcp.empty()) {
    log_warning("update: --kernel-memory and --kernel-memory-tcp are without effect");
  }
  return {};
}

Result<void> take(std::optional<int64_t>& into, std::string_view flag, const std::string& text) {
  if (!text.empty()) into = TRY(parse_integer(flag, text, -1, INT64_MAX));
  return {};
}

Result<void> take(std::optional<uint64_t>& into, std::string_view flag, const std::string& text) {
  if (!text.empty()) into = TRY(parse_unsigned(flag, text));
  return {};
}

Result<void> take_bytes(std::optional<int64_t>& into, std::string_view flag, const std::string& text) {
  if (text.empty()) return {};
  if (text == "-1") {
    into = -1;
    return {};
  }
  const auto bytes = TRY(parse_size(flag, text));
  if (bytes > INT64_MAX) return Error::make(ErrorKind::invalid, "{}: \"{}\" is too large", flag, text);
  into = static_cast<int64_t>(bytes);
  return {};
}

Result<oci::LinuxResources> resources_of(const UpdateFlags& flags) {
  oci::LinuxResources resources;
  auto& memory = resources.memory.emplace();
  TRY(take_bytes(memory.limit, "--memory", flags.memory));
  TRY(take_bytes(memory.reservation, "--memory-reservation", flags.memory_reservation));
  TRY(take_bytes(memory.swap, "--memory-swap", flags.memory_swap));
  auto& cpu = resources.cpu.emplace();
  TRY(take(cpu.shares, "--cpu-share", flags.cpu_share));
  TRY(take(cpu.quota, "--cpu-quota", flags.cpu_quota));
  TRY(take(cpu.burst, "--cpu-burst", flags.cpu_burst));
  TRY(take(cpu.period, "--cpu-period", flags.cpu_period));
  TRY(take(cpu.idle, "--cpu-idle", flags.cpu_idle));
  if (flags.cpuset_cpus != not_given) cpu.cpus = flags.cpuset_cpus;
  if (flags.cpuset_mems != not_given) cpu.mems = flags.cpuset_mems;
  TRY(take(resources.pids.emplace().limit, "--pids-limit", flags.pids_limit));
  if (!flags.blkio_weight.empty()) {
    const auto weight = TRY(parse_unsigned("--blkio-weight", flags.blkio_weight, UINT16_MAX));
    resources.block_io.emplace().weight = static_cast<uint16_t>(weight);
  }
  return resources;
}

// One of a pair that the kernel wants whole (quota and period, memory and swap) keeps what is there of the
// other, as it does with runc, which keeps the last configuration.
Result<void> complete(oci::LinuxResources& resources, const cgroups::Cgroup& cgroup) {
  auto* cpu = resources.cpu ? &*resources.cpu : nullptr;
  if (cpu != nullptr && (cpu->quota.value_or(0) != 0) != (cpu->period.value_or(0) != 0)) {
    const auto now = split(trim(read_file(cgroup.directory() + "/cpu.max").value_or("")), ' ');
    if (now.size() == 2 && !cpu->quota && now[0] != "max") {
      cpu->quota = TRY(parse_integer("cpu.max", now[0], 0, INT64_MAX));
    }
    if (now.size() == 2 && !cpu->period) cpu->period = TRY(parse_unsigned("cpu.max", now[1]));
  }
  auto* memory = resources.memory ? &*resources.memory : nullptr;
  if (memory != nullptr && memory->swap.value_or(0) > 0 && !memory->limit) {
    const auto text = read_file(cgroup.directory() + "/memory.max").value_or("");
    const auto now = trim(text);
    if (!now.empty() && now != "max") memory->limit = TRY(parse_integer("memory.max", now, 0, INT64_MAX));
  }
  return {};
}

// The name of the first flag that was given, besides --resources; empty if none was.
std::string_view first_limit(UpdateFlags& flags) {
  UpdateFlags untouched;
  const auto defaults = flags_of(untouched);
  const auto all = flags_of(flags);
  for (size_t i = 1; i < all.size(); ++i) {
    if (*all[i].value != *defaults[i].value) return all[i].name;
  }
  return {};
}

Result<oci::LinuxResources> wanted_resources(UpdateFlags& flags) {
  const auto limit = first_limit(flags);
  if (flags.file.empty()) {
    if (limit.empty()) return Error::make(ErrorKind::invalid, "update needs a limit, or --resources FILE");
    TRY(refuse_unsupported(flags));
    return resources_of(flags);
  }
  if (!limit.empty()) {
    return Error::make(ErrorKind::invalid, "update: --{} can't be given beside --resources {}", limit,
                       flags.file);
  }
  const bool from_stdin = flags.file == "-";
  const std::string text = from_stdin ? TRY(read_all(BorrowedFd(0))) : TRY(read_file(flags.file));
  return oci::parse_linux_resources(text, from_stdin ? "stdin" : flags.file);
}

// Before any other limit changes, so that its refusal, the likeliest of all, leaves everything as it was.
Result<void> update_intel_rdt(const UpdateFlags& flags, const Found& found) {
  if (flags.l3_cache.empty() && flags.memory_bandwidth.empty()) return {};
  const auto config = TRY(found.folder.load_config());
  if (!config.linux_ || !config.linux_->intel_rdt) {
    return Error::make(ErrorKind::unsupported,
                       "updating a non-existent Intel RDT configuration is not supported");
  }
  const auto groups = existing_rdt_groups(*config.linux_->intel_rdt, found.record.id, TRY(find_resctrl()));
  return update_rdt(groups, flags.l3_cache, flags.memory_bandwidth);
}

// Intel RDT alone needs no cgroup.
bool changes_only_intel_rdt(const UpdateFlags& flags) {
  UpdateFlags others = flags;
  others.l3_cache.clear();
  others.memory_bandwidth.clear();
  return flags.file.empty() && first_limit(others).empty();
}

}  // namespace

Result<int> command_update(const GlobalOptions& global, const Arguments& arguments) {
  UpdateFlags flags;
  const auto rest = TRY(arguments_of("update", flags_of(flags), arguments));
  if (!rest) return 0;
  auto resources = TRY(wanted_resources(flags));
  const auto found = TRY(find_container(global, rest->at(0), true));
  if (current_status(found.folder, found.record) == oci::Status::stopped) {
    return Error::make(ErrorKind::conflict, "container not running");
  }
  TRY(update_intel_rdt(flags, found));
  if (changes_only_intel_rdt(flags)) return 0;
  auto cgroup = TRY(cgroup_of(found.record));
  TRY(complete(resources, cgroup));
  TRY(update_cgroup(found.record, cgroup, resources, global.limits));
  return 0;
}

}  // namespace gantry::runtime
