#include "engine/bundle.h"

namespace gantry::engine {

namespace {

constexpr uint64_t default_period = 100'000;  // µs, the kernel's and docker's

// Docker's rule: a limit on memory alone allows as much again in swap.
oci::MemoryResources make_memory(const ResourceSpec& resources) {
  oci::MemoryResources memory;
  memory.limit = resources.memory;
  memory.reservation = resources.memory_reservation;
  if (resources.memory) memory.swap = resources.memory_swap.value_or(2 * *resources.memory);
  return memory;
}

oci::CpuResources make_cpu(const ResourceSpec& resources) {
  oci::CpuResources cpu;
  cpu.shares = resources.cpu_shares;
  cpu.quota = resources.cpu_quota;
  cpu.period = resources.cpu_period;
  if (resources.nano_cpus) {
    cpu.period = default_period;
    cpu.quota = *resources.nano_cpus / 10'000;  // 1e-9 CPUs of 1e5 µs
  }
  if (!resources.cpuset_cpus.empty()) cpu.cpus = resources.cpuset_cpus;
  return cpu;
}

}  // namespace

Result<oci::LinuxResources> requested_resources(const ResourceSpec& resources) {
  oci::LinuxResources wanted;
  if (resources.memory || resources.memory_reservation) wanted.memory = make_memory(resources);
  const bool cpu = resources.cpu_shares || resources.nano_cpus || resources.cpu_quota ||
                   resources.cpu_period || !resources.cpuset_cpus.empty();
  if (cpu) wanted.cpu = make_cpu(resources);
  if (resources.pids_limit) wanted.pids = oci::PidsResources{*resources.pids_limit};
  return wanted;
}

}  // namespace gantry::engine
