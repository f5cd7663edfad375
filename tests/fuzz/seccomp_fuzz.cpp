#include "oci/runtime_config.h"
#include "runtime/seccomp.h"
#include "tests/fuzz/fuzz.h"

// linux.seccomp of config.json, to the program that the kernel gets.

FUZZ_TARGET(text) {
  using namespace gantry;
  const std::string document = R"({"ociVersion":"1.2.0","linux":{"seccomp":)" + std::string(text) + "}}";
  const auto config = oci::parse_runtime_config(document, "config.json");
  fuzz::check_error(config, "config.json: $");
  if (!config || !config->linux_ || !config->linux_->seccomp) return;
  const auto& profile = *config->linux_->seccomp;
  const auto plan = runtime::compile_seccomp(profile);
  if (plan && plan->program.empty()) fuzz::fail("a filter without an instruction");
  if (plan && plan->program.size() > runtime::longest_program) fuzz::fail("a filter that is too long");
}
