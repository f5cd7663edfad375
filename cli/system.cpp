#include "cli/flags.h"
#include "cli/session.h"
#include "cli/system_json.h"
#include "cli/template.h"

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

Result<HostFacts> read_facts(const engine::Engine& engine) {
  HostFacts facts;
  for (const auto& container : TRY(engine.list())) {
    facts.containers += 1;
    if (container.state == engine::ContainerState::running) facts.running += 1;
  }
  facts.images = TRY(engine.images().list()).size();
  facts.options = engine.options();
  facts.limits = engine::host_limits();
  return facts;
}

void print_facts(const HostFacts& facts) {
  const auto& options = facts.options;
  utsname name{};
  uname(&name);
  fmt::print("gantry {}\n", GANTRY_VERSION);
  fmt::print(" Containers: {}\n  Running: {}\n  Stopped: {}\n", facts.containers, facts.running,
             facts.containers - facts.running);
  fmt::print(" Images: {}\n", facts.images);
  fmt::print(" Root: {}\n Run root: {}\n", options.root, options.run_root);
  fmt::print(" Runtime: {}\n Monitor: {}\n", options.runtime, options.monitor);
  fmt::print(" Kernel: {} {}\n", name.release, name.machine);
  print_limits(facts.limits, options.limits);
}

// "json" or a template, of `json`.
Result<int> print_formatted(const std::string& format, const std::string& json) {
  fmt::print("{}\n", format == "json" ? json : TRY(render_template(format, json)));
  return 0;
}

Result<int> info(const Session& session, const std::vector<std::string>& words) {
  std::string format;
  FlagSet set(session.title, "[OPTIONS]");
  set.value("format", 'f', format, "FORMAT", "json, or a template such as {{.NCPU}} (default: text)");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  const auto facts = TRY(read_facts(engine));
  if (!format.empty()) return print_formatted(format, info_json(facts));
  print_facts(facts);
  return 0;
}

Result<int> version(const Session& session, const std::vector<std::string>& words) {
  std::string format;
  FlagSet set(session.title, "[OPTIONS]");
  set.value("format", 'f', format, "FORMAT",
            "json, or a template such as {{.Server.Version}} (default: text)");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  if (!format.empty()) return print_formatted(format, version_json());
  fmt::print("gantry version {}\n", GANTRY_VERSION);
  return 0;
}

}  // namespace

std::vector<VerbEntry> system_verbs() {
  return {{{"info", "system info"}, info, "Show what is here, and what this host enforces"},
          {{"version"}, version, "Show the version"}};
}

}  // namespace gantry::cli
