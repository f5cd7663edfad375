#include "cli/flags.h"
#include "cli/session.h"

#include <algorithm>
#include <fmt/core.h>
#include <sys/utsname.h>

namespace gantry::cli {

namespace {

void print_limits(const engine::HostLimits& limits, engine::LimitPolicy policy) {
  fmt::print(" Cgroup v2: {}\n", limits.mount.empty() ? "not mounted" : limits.mount);
  fmt::print(" Limits not enforceable: {}\n",
             policy == engine::LimitPolicy::required ? "refused" : "left out (--cgroup-limits best-effort)");
  fmt::print(" Limits:\n");
  for (const auto& limit : limits.limits) {
    fmt::print("  {:<10} {}\n", limit.controller,
               limit.enforced ? "enforced" : "not enforced: the controller is missing");
  }
  if (!limits.all_enforced()) fmt::print(" Reason: {}\n", limits.reason);
}

Result<int> info(const Session& session, const std::vector<std::string>& words) {
  FlagSet set("info", "Show what is here, and what this host enforces.");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  const auto containers = TRY(engine.list());
  const auto images = TRY(engine.images().list());
  const auto running = std::count_if(containers.begin(), containers.end(), [](const auto& container) {
    return container.state == engine::ContainerState::running;
  });
  const auto& options = engine.options();
  utsname name{};
  uname(&name);
  fmt::print("gantry {}\n", GANTRY_VERSION);
  fmt::print(" Containers: {}\n  Running: {}\n  Stopped: {}\n", containers.size(), running,
             static_cast<std::ptrdiff_t>(containers.size()) - running);
  fmt::print(" Images: {}\n", images.size());
  fmt::print(" Root: {}\n Run root: {}\n", options.root, options.run_root);
  fmt::print(" Runtime: {}\n Monitor: {}\n", options.runtime, options.monitor);
  fmt::print(" Kernel: {} {}\n", name.release, name.machine);
  print_limits(engine::host_limits(), options.limits);
  return 0;
}

Result<int> version(const Session&, const std::vector<std::string>& words) {
  std::string format;
  FlagSet set("version", "Show the version.");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  fmt::print("gantry version {}\n", GANTRY_VERSION);
  return 0;
}

}  // namespace

std::vector<VerbEntry> system_verbs() {
  return {{"info", info, "show what is here, and what this host enforces"},
          {"version", version, "show the version"}};
}

}  // namespace gantry::cli
