#include "base/text.h"
#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <csignal>
#include <sys/stat.h>

// The filter of a configuration, for callers that number their system calls in another way: docs/security.md.

namespace gantry::runtime {
namespace {

constexpr int killed = 128 + SIGSYS;

struct Call {
  const char* name;
  oci::SeccompAction action;
  int number_64, number_32;
  int status;  // of the program that makes it
  const char* result;
};

// Each is harmless, and nothing that a program's start needs. With no tracer there, TRACE is ENOSYS.
const Call calls[] = {
    {"getppid", oci::SeccompAction::allow, 110, 64, 0, "0"},
    {"getpriority", oci::SeccompAction::log, 140, 96, 0, "20"},
    {"getpgid", oci::SeccompAction::error, 121, 132, 0, "-77"},
    {"getrusage", oci::SeccompAction::trace, 98, 77, 0, "-38"},
    {"getsid", oci::SeccompAction::kill_process, 124, 147, killed, ""},
    {"getpgrp", oci::SeccompAction::kill_thread, 111, 65, killed, ""},
    {"sched_yield", oci::SeccompAction::trap, 24, 158, killed, ""},
    {"sysinfo", oci::SeccompAction::error, 99, 116, 0, "-1"},  // of no rule: the default
};

class CveSeccompTest : public Containers {
 protected:
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "there are no other callers on this machine";
#endif
    Containers::SetUp();
    if (IsSkipped()) return;
    const auto program = read_file(test::program_directory() + "/../tests/hostile", size_t{1} << 26);
    ASSERT_OK(program);
    ASSERT_OK(write_file(rootfs() + "/bin/hostile", *program, 0755));
  }

  static oci::SeccompProfile profile_for(std::vector<std::string> architectures) {
    oci::SeccompProfile profile;
    profile.default_action = oci::SeccompAction::error;
    profile.architectures = std::move(architectures);
    profile.syscalls.push_back({{"arch_prctl",
                                 "brk",
                                 "close",
                                 "execve",
                                 "exit",
                                 "exit_group",
                                 "fstat",
                                 "fstat64",
                                 "futex",
                                 "getrandom",
                                 "ioctl",
                                 "mmap",
                                 "mmap2",
                                 "mprotect",
                                 "munmap",
                                 "newfstatat",
                                 "prlimit64",
                                 "read",
                                 "readlink",
                                 "readlinkat",
                                 "rseq",
                                 "set_robust_list",
                                 "set_tid_address",
                                 "uname",
                                 "write"},
                                oci::SeccompAction::allow,
                                {},
                                {}});
    for (const auto& call : calls) {
      if (std::string_view(call.name) == "sysinfo") continue;
      profile.syscalls.push_back({{call.name}, call.action, {}, {}});
      if (call.action == oci::SeccompAction::error) profile.syscalls.back().errno_return = 77;
    }
    return profile;
  }

  CommandResult call_as(const char* way, int number, const std::optional<oci::SeccompProfile>& profile) {
    auto result = run({"hostile", "call", way, format("{}", number)},
                      [&](auto& config) { config.linux_->seccomp = profile; });
    result.output = std::string(trim(result.output));
    return result;
  }

  // The kernel knows such callers, so that "nothing happened" is the filter's doing.
  bool kernel_has(const char* way) {
    return call_as(way, std::string_view(way) == "32" ? 64 : 110, {}).output == "0";
  }
};

// kernel CVE-2022-0185 and the like are reached by calls that a filter is to stop: it holds for a 32-bit
// caller (int 0x80) and an x32 one as for a 64-bit one, whichever action it has. Checked: with
// add_architectures of seccomp.cpp adding none.
TEST_F(CveSeccompTest, Cve_2022_0185_EachActionHoldsFor32BitAndX32CallersToo) {
  const auto profile = profile_for({"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"});
  for (const char* way : {"64", "32", "x32"}) {
    const bool known = kernel_has(way);
    for (const auto& call : calls) {
      const bool short_numbers = std::string_view(way) == "32";
      const auto result = call_as(way, short_numbers ? call.number_32 : call.number_64, profile);
      const bool passes = call.action == oci::SeccompAction::allow || call.action == oci::SeccompAction::log;
      EXPECT_EQ(result.status, call.status) << call.name << " by a " << way << " caller" << result.errors;
      EXPECT_EQ(result.output, passes && !known ? "-38" : call.result)
          << call.name << " by a " << way << " caller";
    }
  }
}

// Checked: with SCMP_FLTATR_ACT_BADARCH set to allow.
TEST_F(CveSeccompTest, Cve_2022_0185_CallersOfAnArchitectureThatTheProfileDoesNotNameAreKilled) {
  const auto profile = profile_for({"SCMP_ARCH_X86_64"});
  EXPECT_EQ(call_as("64", 110, profile).output, "0");
  EXPECT_EQ(call_as("32", 64, profile).status, killed);
  EXPECT_EQ(call_as("x32", 110, profile).status, killed);
}

}  // namespace
}  // namespace gantry::runtime
