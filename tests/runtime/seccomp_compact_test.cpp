#include "runtime/seccomp_compact.h"

#include "oci/runtime_config.h"
#include "runtime/seccomp.h"
#include "tests/support/results.h"

#include <cstddef>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <random>
#include <seccomp.h>

// A filter and its compact form decide the same, for every call: both are interpreted here, as the kernel
// would.

namespace gantry::runtime {
namespace {

using Program = std::vector<sock_filter>;

// What `program` returns; fails the test where the kernel would refuse the program.
uint32_t decide(const Program& program, const seccomp_data& data) {
  uint32_t accumulator = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& code = program[at];
    switch (code.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + code.k, sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= code.k;
        break;
      case BPF_JMP | BPF_JA:
        at += code.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == code.k ? code.jt : code.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= code.k ? code.jt : code.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += accumulator > code.k ? code.jt : code.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (accumulator & code.k) != 0 ? code.jt : code.jf;
        break;
      case BPF_RET | BPF_K:
        return code.k;
      default:
        ADD_FAILURE() << "unknown instruction " << code.code;
        return 0;
    }
  }
  ADD_FAILURE() << "ran past the end";
  return 0;
}

void expect_same_decisions(const Program& one, const Program& other) {
  constexpr uint32_t architectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0};
  constexpr uint64_t values[] = {0, 1, 8, 9, 16, 0x20000, 0xFFFFFFFF, 0x7E020000, 0x900000010};
  for (const uint32_t architecture : architectures) {
    for (const uint32_t base : {0U, 0x40000000U, 0x7FFFFF00U, 0xFFFFFB00U}) {
      for (uint32_t number = 0; number < 0x500; ++number) {
        for (const uint64_t value : values) {
          seccomp_data data{};
          data.nr = static_cast<int>(base + number);
          data.arch = architecture;
          for (auto& argument : data.args) argument = value;
          data.args[1] = value == 8 ? 0 : value;
          ASSERT_EQ(decide(one, data), decide(other, data))
              << "call " << base + number << " of " << architecture << ", arguments " << value;
        }
      }
    }
  }
}

// libseccomp's own filter, with calls chosen at random, some with conditions.
Program random_filter(unsigned seed) {
  std::mt19937 random(seed);
  scmp_filter_ctx context = ::seccomp_init(SCMP_ACT_ERRNO(random() % 2 == 0 ? 1 : 38));
  if (random() % 2 == 0) ::seccomp_arch_add(context, SCMP_ARCH_X86);
  if (random() % 2 == 0) ::seccomp_arch_add(context, SCMP_ARCH_X32);
  const unsigned one_in = 1 + random() % 6;
  for (int number = 0; number < 450; ++number) {
    if (random() % one_in != 0) continue;
    const uint32_t action = random() % 5 == 0 ? SCMP_ACT_ERRNO(random() % 3 + 13) : SCMP_ACT_ALLOW;
    if (random() % 10 == 0) {
      const auto compare = static_cast<scmp_compare>(SCMP_CMP_NE + random() % 6);
      const scmp_arg_cmp condition{static_cast<unsigned>(random() % 3), compare, random() % 20, 0};
      ::seccomp_rule_add_array(context, action, number, 1, &condition);
    } else {
      ::seccomp_rule_add_array(context, action, number, 0, nullptr);
    }
  }
  FILE* file = ::tmpfile();
  ::seccomp_export_bpf(context, ::fileno(file));
  ::seccomp_release(context);
  ::fseek(file, 0, SEEK_END);
  Program program(static_cast<size_t>(::ftell(file)) / sizeof(sock_filter));
  ::rewind(file);
  EXPECT_EQ(::fread(program.data(), sizeof(sock_filter), program.size(), file), program.size());
  ::fclose(file);
  return program;
}

TEST(CompactFilter, DecidesAsTheFilterThatItCameFrom) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const Program program = random_filter(seed);
    const Program compact = compact_filter(program);
    EXPECT_LE(compact.size(), program.size());
    expect_same_decisions(program, compact);
    if (HasFatalFailure()) return;
  }
}

TEST(CompactFilter, IsAFractionOfALongList) {
  oci::SeccompProfile profile;
  profile.default_action = oci::SeccompAction::error;
  profile.default_errno_return = 38;
  oci::SeccompRule rule;
  rule.action = oci::SeccompAction::allow;
  for (int number = 0; number < 330; ++number) {
    char* name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
    if (name != nullptr && number % 50 != 0) rule.names.emplace_back(name);
    ::free(name);
  }
  profile.syscalls = {rule};
  const auto plan = compile_seccomp(profile);
  ASSERT_OK(plan);
  EXPECT_LT(plan->program.size(), rule.names.size() / 3);
}

TEST(CompactFilter, LeavesAloneWhatItDoesNotUnderstand) {
  const Program shifts = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  EXPECT_EQ(compact_filter(shifts).size(), shifts.size());
  const Program open_ended = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 9),
                              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  EXPECT_EQ(compact_filter(open_ended).size(), open_ended.size());
  EXPECT_TRUE(compact_filter({}).empty());
}

TEST(CompactFilter, ReachesFartherThanAConditionalJump) {
  // 300 ranges of three numbers: half of their search is longer than 255 instructions.
  Program program = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (uint32_t number = 0; number < 900; ++number) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, number / 3 % 2 == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD));
  const Program compact = compact_filter(program);
  EXPECT_LT(compact.size(), 700U);
  expect_same_decisions(program, compact);
}

}  // namespace
}  // namespace gantry::runtime
