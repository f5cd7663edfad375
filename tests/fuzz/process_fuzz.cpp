#include "oci/runtime_config.h"
#include "runtime/process.h"
#include "tests/fuzz/fuzz.h"

// The document of `exec --process`, to what the child needs.

FUZZ_TARGET(text) {
  using namespace gantry;
  const auto process = oci::parse_process(text, "process");
  fuzz::check_error(process, "process: $");
  if (!process) return;
  fuzz::check_round_trip(*process, oci::parse_process);
  std::vector<std::string> warnings;
  const auto plan = runtime::plan_process(*process, {}, warnings);
  if (!plan) return;
  if (plan->argv.size() != process->args.size() + 1 || plan->argv.back() != nullptr) {
    fuzz::fail("arguments were lost");
  }
  if (plan->uid == UINT32_MAX || plan->gid == UINT32_MAX) fuzz::fail("an id that means `unchanged`");
}
