#pragma once

#include "base/result.h"
#include "oci/linux_resources.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What systemd is told of a container: pure functions from the runtime spec's fields to a unit's properties.
// Sources: systemd.resource-control(5), systemd.scope(5), org.freedesktop.systemd1(5); runc's and crun's
// conversions as of 2026.
namespace gantry::cgroups {

// A property of a unit. The alternatives are D-Bus's types b, i, u, x, t, d, s, as, au, ay and a(ss).
struct UnitProperty {
  using DeviceList = std::vector<std::pair<std::string, std::string>>;  // node or group, access
  using Value =
      std::variant<bool, int32_t, uint32_t, int64_t, uint64_t, double, std::string, std::vector<std::string>,
                   std::vector<uint32_t>, std::vector<uint8_t>, DeviceList>;
  std::string name;
  Value value;
};

using UnitProperties = std::vector<UnitProperty>;

// Where a container goes among systemd's units.
struct UnitPlace {
  std::string slice;  // "machine.slice"
  std::string unit;   // "libpod-4f1c.scope"
};

// linux.cgroupsPath for the systemd driver: "SLICE:PREFIX:NAME"; empty: gantry-oci-ID.scope. An empty slice
// is system.slice, or user.slice for a user's manager. Errors: invalid, with runc's text; unsupported for a
// name that ends in .slice, as no process may live in one.
Result<UnitPlace> parse_unit_place(const std::string& cgroups_path, const std::string& id, bool user_manager);

// What systemd, at that major version, is told of `resources`. What it has no property for, or not yet, is
// left to the cgroup's files. `device_groups` is the text of /proc/devices, for rules that name a whole major
// number; empty: nothing is said of devices, which a user's manager can't guard. Errors: invalid, naming the
// JSON path.
Result<UnitProperties> resource_properties(const oci::LinuxResources& resources, unsigned version,
                                           const std::string& device_groups);

// What can only be said when a scope is made: OOMPolicy, from unified's memory.oom.group.
Result<UnitProperties> oom_properties(const oci::LinuxResources& resources, unsigned version);

// DevicePolicy and DeviceAllow for the rules. systemd knows no denials: its list lets through all that the
// rules do, and what it lets through beyond that the cgroup's own program refuses.
UnitProperties device_properties(const std::vector<oci::DeviceRule>& rules, const std::string& device_groups);

// cpu.quota as systemd keeps it, in whole percents of a CPU, so that the cgroup's file says the same.
oci::LinuxResources with_rounded_quota(oci::LinuxResources resources);

// The properties that annotations named org.systemd.property.NAME ask for; each value is GVariant text: true,
// 'text', uint64 5, ['a', 'b']. A name like TimeoutStopSec becomes TimeoutStopUSec, its number microseconds.
// Errors: invalid, naming the annotation.
Result<UnitProperties> annotation_properties(const std::map<std::string, std::string>& annotations);

// "0-3,7" as systemd takes it: bit N of byte N / 8. Errors: invalid, naming `field`.
Result<std::vector<uint8_t>> cpu_mask(std::string_view field, std::string_view list);

// 252 of "252.39-1~deb12u2" or "v252". 0 when there is no number.
unsigned parse_systemd_version(std::string_view text);

}  // namespace gantry::cgroups
