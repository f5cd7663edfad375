#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// linux.seccomp of config.json. Source: runtime-spec 1.3 config-linux.md "Seccomp".

namespace gantry::oci {

enum class SeccompAction { kill, kill_thread, kill_process, trap, error, trace, allow, log, notify };
enum class SeccompOperator {
  not_equal,
  less_than,
  less_or_equal,
  equal,
  greater_or_equal,
  greater_than,
  masked_equal,
};

struct SeccompArgument {
  uint32_t index = 0;
  uint64_t value = 0;
  uint64_t value_two = 0;  // masked_equal: compared with (argument & value)
  SeccompOperator op = SeccompOperator::equal;
};

struct SeccompRule {
  std::vector<std::string> names;
  SeccompAction action = SeccompAction::allow;
  std::optional<uint32_t> errno_return;
  std::vector<SeccompArgument> arguments;
};

struct SeccompProfile {
  SeccompAction default_action = SeccompAction::allow;
  std::optional<uint32_t> default_errno_return;
  std::vector<std::string> architectures;  // "SCMP_ARCH_X86_64"; empty: the native one
  std::vector<std::string> flags;          // "SECCOMP_FILTER_FLAG_LOG"
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompRule> syscalls;
};

}  // namespace gantry::oci
