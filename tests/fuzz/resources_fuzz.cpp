#include "cgroups/device_program.h"
#include "cgroups/settings.h"
#include "cgroups/systemd_properties.h"
#include "oci/linux_resources.h"
#include "tests/fuzz/fuzz.h"

// The document of `update --resources`, to what the cgroup's files and systemd are told.

FUZZ_TARGET(text) {
  using namespace gantry;
  const auto resources = oci::parse_linux_resources(text, "resources");
  fuzz::check_error(resources, "resources: $");
  if (!resources) return;
  fuzz::check_round_trip(*resources, oci::parse_linux_resources);
  const auto settings = cgroups::settings_for(*resources);
  if (settings) {
    for (const auto& setting : *settings) {
      if (setting.file.find('/') != std::string::npos) fuzz::fail("a file elsewhere: " + setting.file);
    }
  }
  (void)cgroups::compile_device_program(resources->devices);
  const std::string groups = "Character devices:\n  1 mem\n  5 tty\n\nBlock devices:\n  8 sd\n";
  for (const unsigned version : {239U, 252U}) {
    (void)cgroups::resource_properties(*resources, version, groups);
    (void)cgroups::oom_properties(*resources, version);
  }
  (void)cgroups::with_rounded_quota(*resources);
}
