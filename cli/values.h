#pragma once

#include "base/result.h"
#include "base/time.h"
#include "engine/container_spec.h"

#include <chrono>
#include <string>
#include <vector>

// The notations of docker run's values. All errors are `invalid` and name the text and the rule.

namespace gantry::cli {

// "8080:80", "127.0.0.1:8080:80/udp", "80", "8000-8010:80-90", "127.0.0.1::80".
Result<std::vector<engine::PortSpec>> parse_publish(const std::string& text);
// "name:/data:ro", "/host:/data", "/data".
Result<engine::MountSpec> parse_volume(const std::string& text);
// "type=bind,source=/a,target=/b,readonly".
Result<engine::MountSpec> parse_mount(const std::string& text);
// "/run:size=64m,mode=1777".
Result<engine::MountSpec> parse_tmpfs(const std::string& text);
// "nofile=1024:2048", "core=-1".
Result<engine::UlimitSpec> parse_ulimit(const std::string& text);
// "/dev/fuse", "/dev/a:/dev/b:r".
Result<engine::DeviceSpec> parse_device(const std::string& text);
// "on-failure:3".
Result<engine::RestartSpec> parse_restart(const std::string& text);
// An IPv4 or IPv6 address, unchanged.
Result<std::string> parse_address(const std::string& text);
// An IPv4 ADDRESS/PREFIX, unchanged.
Result<std::string> parse_subnet(const std::string& text);
// "1.5" CPUs in units of 1e-9.
Result<int64_t> parse_cpus(const std::string& text);
// An RFC 3339 time, seconds since the epoch, or a duration before now.
Result<TimePoint> parse_moment(const std::string& text, TimePoint now);
// "NAME=VALUE"; "NAME" takes our own value and gives "" when we have none (docker leaves it out).
std::string expand_variable(const std::string& text);
// Lines of NAME=VALUE or NAME; blank ones and those that begin with # are passed by.
Result<std::vector<std::string>> read_environment_file(const std::string& path);
// "key=value", "key" for an empty value.
std::pair<std::string, std::string> parse_label(const std::string& text);
Result<int64_t> parse_memory(const std::string& text);  // bytes; "512m"

}  // namespace gantry::cli
