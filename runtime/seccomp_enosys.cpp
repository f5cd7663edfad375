#include "runtime/seccomp_enosys.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string>

namespace gantry::runtime {
namespace {

constexpr uint32_t x32_bit = 0x40000000;

struct Newest {
  uint32_t architecture = 0;  // AUDIT_ARCH_*, which libseccomp's tokens are
  uint32_t number = 0;
};

uint32_t token_of(const std::string& name) {
  std::string plain = name.rfind("SCMP_ARCH_", 0) == 0 ? name.substr(10) : name;
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ::seccomp_arch_resolve_name(plain.c_str());
}

// Empty when the profile names no call of that architecture.
Newest newest_call(const oci::SeccompProfile& profile, uint32_t architecture) {
  int newest = -1;
  for (const auto& rule : profile.syscalls) {
    for (const auto& name : rule.names) {
      newest = std::max(newest, ::seccomp_syscall_resolve_name_arch(architecture, name.c_str()));
    }
  }
  return newest < 0 ? Newest{} : Newest{architecture, static_cast<uint32_t>(newest)};
}

sock_filter load(size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}

// Leaves the accumulator holding the architecture when it is another one, so that blocks can follow each
// other.
void add_block(const Newest& newest, std::vector<sock_filter>& stub) {
  const bool has_x32 = newest.architecture == SCMP_ARCH_X86_64;
  const uint8_t skipped = has_x32 ? 5 : 4;
  stub.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, newest.architecture, 0, skipped));
  stub.push_back(load(offsetof(seccomp_data, nr)));
  // x32 shares the architecture's number: its calls are left to the profile.
  if (has_x32) stub.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_bit, 2, 0));
  stub.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest.number, 0, 1));
  stub.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  stub.push_back(load(offsetof(seccomp_data, arch)));
}

}  // namespace

void add_enosys_stub(const oci::SeccompProfile& profile, std::vector<sock_filter>& program) {
  std::vector<uint32_t> architectures = {::seccomp_arch_native()};
  for (const auto& name : profile.architectures) {
    const uint32_t token = token_of(name);
    const bool x32 = token == SCMP_ARCH_X32;
    if (!x32 && std::find(architectures.begin(), architectures.end(), token) == architectures.end()) {
      architectures.push_back(token);
    }
  }
  std::vector<sock_filter> stub = {load(offsetof(seccomp_data, arch))};
  for (const uint32_t architecture : architectures) {
    const Newest newest = newest_call(profile, architecture);
    if (newest.architecture != 0) add_block(newest, stub);
  }
  if (stub.size() > 1) program.insert(program.begin(), stub.begin(), stub.end());
}

}  // namespace gantry::runtime
