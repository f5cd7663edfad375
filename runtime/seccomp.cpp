#include "runtime/seccomp.h"

#include "base/fd.h"
#include "base/files.h"
#include "runtime/seccomp_compact.h"
#include "runtime/seccomp_enosys.h"

#include <algorithm>
#include <cstring>
#include <linux/seccomp.h>
#include <memory>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

struct FlagName {
  std::string_view name;
  unsigned flag;
};

constexpr unsigned wait_killable = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;  // Linux 5.19

// TSYNC means nothing for one thread; the kernel accepts it.
constexpr FlagName flag_names[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", wait_killable},
};

// Source: runtime-spec config-linux.md "Seccomp".
constexpr std::string_view architecture_names[] = {
    "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",     "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",    "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB",
};

using Context = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

Result<uint32_t> action_value(oci::SeccompAction action, std::optional<uint32_t> errno_return) {
  const bool takes_number = action == oci::SeccompAction::error || action == oci::SeccompAction::trace;
  if (errno_return && !takes_number) {
    return Error::make(ErrorKind::invalid, "errnoRet is given for an action that takes none");
  }
  const uint32_t number = errno_return.value_or(EPERM);
  if (number > 4095) return Error::make(ErrorKind::invalid, "errnoRet {} is out of range", number);
  switch (action) {
    case oci::SeccompAction::kill:
    case oci::SeccompAction::kill_thread:
      return SCMP_ACT_KILL_THREAD;
    case oci::SeccompAction::kill_process:
      return SCMP_ACT_KILL_PROCESS;
    case oci::SeccompAction::trap:
      return SCMP_ACT_TRAP;
    case oci::SeccompAction::error:
      return SCMP_ACT_ERRNO(number);
    case oci::SeccompAction::trace:
      return SCMP_ACT_TRACE(number);
    case oci::SeccompAction::allow:
      return SCMP_ACT_ALLOW;
    case oci::SeccompAction::log:
      return SCMP_ACT_LOG;
    case oci::SeccompAction::notify:
      return SCMP_ACT_NOTIFY;
  }
  return Error::make(ErrorKind::invalid, "unknown action");
}

scmp_compare compare_value(oci::SeccompOperator op) {
  switch (op) {
    case oci::SeccompOperator::not_equal:
      return SCMP_CMP_NE;
    case oci::SeccompOperator::less_than:
      return SCMP_CMP_LT;
    case oci::SeccompOperator::less_or_equal:
      return SCMP_CMP_LE;
    case oci::SeccompOperator::equal:
      return SCMP_CMP_EQ;
    case oci::SeccompOperator::greater_or_equal:
      return SCMP_CMP_GE;
    case oci::SeccompOperator::greater_than:
      return SCMP_CMP_GT;
    case oci::SeccompOperator::masked_equal:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

Result<uint32_t> architecture_token(const std::string& name) {
  std::string plain = name.rfind("SCMP_ARCH_", 0) == 0 ? name.substr(10) : name;
  for (auto& c : plain) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const uint32_t token = ::seccomp_arch_resolve_name(plain.c_str());
  if (token == 0) return Error::make(ErrorKind::invalid, "unknown architecture \"{}\"", name);
  return token;
}

Result<void> add_architectures(scmp_filter_ctx context, const oci::SeccompProfile& profile,
                               std::string_view path) {
  for (size_t i = 0; i < profile.architectures.size(); ++i) {
    const auto& name = profile.architectures[i];
    const uint32_t token = TRY(architecture_token(name).context("{}.architectures[{}]", path, i));
    const int error = ::seccomp_arch_add(context, token);
    if (error == 0 || error == -EEXIST) continue;
    return Error::system(-error, "{}.architectures[{}]: add architecture {}", path, i, name);
  }
  return {};
}

Result<void> add_call(scmp_filter_ctx context, uint32_t action, int number,
                      const std::vector<scmp_arg_cmp>& conditions, const std::string& name) {
  const int error = ::seccomp_rule_add_array(context, action, number,
                                             static_cast<unsigned>(conditions.size()), conditions.data());
  if (error != 0) return Error::system(-error, "add a rule for {}", name);
  return {};
}

// libseccomp takes one condition on an argument in a rule; several become rules of their own, as runc does
// it.
bool has_repeated_argument(const oci::SeccompRule& rule) {
  unsigned seen = 0;
  for (const auto& argument : rule.arguments) {
    if ((seen & (1U << argument.index)) != 0) return true;
    seen |= 1U << argument.index;
  }
  return false;
}

Result<void> add_rule(scmp_filter_ctx context, const oci::SeccompRule& rule, uint32_t default_action) {
  const uint32_t action = TRY(action_value(rule.action, rule.errno_return));
  if (action == default_action) return {};
  std::vector<scmp_arg_cmp> conditions;
  for (const auto& argument : rule.arguments) {
    if (argument.index > 5) {
      return Error::make(ErrorKind::invalid, "argument index {} is out of range", argument.index);
    }
    conditions.push_back({argument.index, compare_value(argument.op), argument.value, argument.value_two});
  }
  for (const auto& name : rule.names) {
    if (name.empty()) return Error::make(ErrorKind::invalid, "empty system call name");
    const int number = ::seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) continue;
    if (!has_repeated_argument(rule)) {
      TRY(add_call(context, action, number, conditions, name));
      continue;
    }
    for (const auto& condition : conditions) TRY(add_call(context, action, number, {condition}, name));
  }
  return {};
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx context) {
  const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return Error::system(errno, "make a memfd");
  const int error = ::seccomp_export_bpf(context, file.get());
  if (error != 0) return Error::system(-error, "compile the filter");
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return Error::system(errno, "seek");
  const std::string bytes = TRY(read_all(file));
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
  return program;
}

Result<unsigned> flag_bits(const oci::SeccompProfile& profile, std::string_view path) {
  unsigned bits = 0;
  for (size_t i = 0; i < profile.flags.size(); ++i) {
    unsigned flag = 0;
    for (const auto& entry : flag_names) {
      if (entry.name == profile.flags[i]) flag = entry.flag;
    }
    if (flag == 0) {
      return Error::make(ErrorKind::unsupported, "{}.flags[{}]: seccomp flag \"{}\" is not known", path, i,
                         profile.flags[i]);
    }
    bits |= flag;
  }
  if (uses_notify(profile)) {
    // The filter is for the one thread; the other, which sends the listener's descriptor, must stay free.
    bits &= ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_TSYNC);
    bits |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  } else if ((bits & wait_killable) != 0) {
    return Error::make(ErrorKind::invalid,
                       "{}.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY",
                       path);
  }
  return bits;
}

}  // namespace

bool uses_notify(const oci::SeccompProfile& profile) {
  return std::any_of(profile.syscalls.begin(), profile.syscalls.end(),
                     [](const auto& rule) { return rule.action == oci::SeccompAction::notify; });
}

Result<SeccompPlan> compile_seccomp(const oci::SeccompProfile& profile, std::string_view path) {
  SeccompPlan plan;
  plan.flags = TRY(flag_bits(profile, path));
  const uint32_t default_action = TRY(
      action_value(profile.default_action, profile.default_errno_return).context("{}.defaultAction", path));
  const Context context(::seccomp_init(default_action), [](scmp_filter_ctx c) { ::seccomp_release(c); });
  if (!context) return Error::make(ErrorKind::system, "{}: libseccomp can't start a filter", path);
  TRY(add_architectures(context.get(), profile, path));
  for (size_t i = 0; i < profile.syscalls.size(); ++i) {
    TRY(add_rule(context.get(), profile.syscalls[i], default_action).context("{}.syscalls[{}]", path, i));
  }
  plan.program = TRY(export_program(context.get()).context("{}", path));
  if (profile.default_action == oci::SeccompAction::error) add_enosys_stub(profile, plan.program);
  plan.program = compact_filter(plan.program);
  if (plan.program.size() > longest_program) {
    return Error::make(ErrorKind::invalid, "{}: the filter has {} instructions, the kernel takes {}", path,
                       plan.program.size(), longest_program);
  }
  return plan;
}

Failure install_seccomp(const SeccompPlan& plan) {
  if (plan.program.empty()) return {};
  const sock_fprog program{static_cast<unsigned short>(plan.program.size()),
                           const_cast<sock_filter*>(plan.program.data())};  // NOLINT: the kernel only reads
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, plan.flags, &program) != 0) {
    return {"install the seccomp filter", errno};
  }
  return {};
}

std::string libseccomp_version() {
  const scmp_version* version = ::seccomp_version();
  return format("{}.{}.{}", version->major, version->minor, version->micro);
}

std::vector<std::string> seccomp_architectures() {
  std::vector<std::string> known;
  for (const auto name : architecture_names) {
    if (architecture_token(std::string(name))) known.emplace_back(name);
  }
  return known;
}

std::vector<std::string> seccomp_flags() {
  std::vector<std::string> names;
  for (const auto& entry : flag_names) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> supported_seccomp_flags() {
  std::vector<std::string> names;
  for (const auto& entry : flag_names) {
    // A flag that the kernel knows gets it as far as reading the program at address 0.
    const unsigned flags = entry.flag | (entry.flag == wait_killable ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0U);
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, nullptr) != 0 && errno == EFAULT) {
      names.emplace_back(entry.name);
    }
  }
  return names;
}

}  // namespace gantry::runtime
