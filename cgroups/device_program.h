#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "oci/linux_resources.h"

#include <cstdint>
#include <vector>

// The guard of device nodes: cgroup v2 has no files for it, but a hook for an eBPF program.
// Source: kernel Documentation/bpf, linux/bpf.h BPF_PROG_TYPE_CGROUP_DEVICE; runtime-spec config-linux.md
// "Allowed Device List".
namespace gantry::cgroups {

// The rules that are in force: deny all, then those given, then what every container may use: mknod of
// anything, /dev/{null,zero,full,random,urandom,tty,ptmx} and pseudo-terminals. Later rules win, for each of
// r, w, m on its own.
std::vector<oci::DeviceRule> effective_rules(const std::vector<oci::DeviceRule>& rules);

// Whether the rules given ask for more than the default: a host that can't attach a program may then go
// without.
bool asks_for_devices(const std::vector<oci::DeviceRule>& rules);

// Nothing is denied: no program is needed.
bool allows_everything(const std::vector<oci::DeviceRule>& rules);

// The program's instructions (struct bpf_insn as 64-bit words, host order). Errors: invalid, naming the
// rule's JSON path.
Result<std::vector<uint64_t>> compile_device_program(const std::vector<oci::DeviceRule>& rules);

// Loads the program and attaches it to the cgroup in place of those attached there before. bpf(2).
Result<void> attach_device_program(BorrowedFd cgroup, const std::vector<uint64_t>& program);
// Detaches all device programs of this cgroup.
Result<void> detach_device_programs(BorrowedFd cgroup);

}  // namespace gantry::cgroups
