#include "cgroups/device_program.h"
#include "cgroups/settings.h"
#include "oci/runtime_config.h"
#include "runtime/mount_options.h"
#include "runtime/sysctl.h"
#include "runtime/validate.h"
#include "tests/fuzz/fuzz.h"

// config.json, and all that is decided from it alone.

FUZZ_TARGET(text) {
  using namespace gantry;
  const auto config = oci::parse_runtime_config(text, "config.json");
  fuzz::check_error(config, "config.json: $");
  if (!config) return;
  fuzz::check_round_trip(*config, oci::parse_runtime_config);
  for (const auto& mount : config->mounts) (void)runtime::parse_mount_options(mount.options);
  if (!config->linux_) return;
  (void)runtime::parse_propagation(config->linux_->rootfs_propagation);
  (void)runtime::plan_sysctls(*config->linux_);
  (void)cgroups::settings_for(config->linux_->resources);
  (void)cgroups::compile_device_program(config->linux_->resources.devices);
  (void)runtime::check_config(*config, "config.json");
}
