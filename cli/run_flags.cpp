#include "cli/run_flags.h"

#include "base/files.h"
#include "base/text.h"
#include "cli/cid_file.h"
#include "cli/values.h"

namespace gantry::cli {

namespace {

using Setter = FlagSet::Setter;

// A setter that parses and appends, or parses and assigns.
template <class T, class Parse>
Setter append(std::vector<T>& target, Parse parse) {
  return [&target, parse](const std::string& text) -> Result<void> {
    target.push_back(TRY(parse(text)));
    return {};
  };
}

template <class T, class Parse>
Setter assign(T& target, Parse parse) {
  return [&target, parse](const std::string& text) -> Result<void> {
    target = TRY(parse(text));
    return {};
  };
}

Result<uint64_t> parse_count(const std::string& text) {
  return parse_unsigned("value", text);
}

Result<int64_t> parse_signed(const std::string& text) {
  return parse_integer("value", text, INT64_MIN, INT64_MAX);
}

Result<int64_t> parse_swap(const std::string& text) {
  if (text == "-1") return int64_t{-1};
  return parse_memory(text);
}

Result<std::chrono::seconds> parse_seconds(const std::string& text) {
  return std::chrono::seconds(TRY(parse_integer("seconds", text, -1, INT32_MAX)));
}

Setter add_key_value(std::map<std::string, std::string>& target) {
  return [&target](const std::string& text) -> Result<void> {
    const auto [key, value] = parse_label(text);
    if (key.empty()) return Error::make(ErrorKind::invalid, "must be KEY=VALUE, found \"{}\"", text);
    target[key] = value;
    return {};
  };
}

void add_process_flags(FlagSet& set, RunFlags& flags) {
  auto& spec = flags.spec;
  const auto add_variable = [&spec](const std::string& text) -> Result<void> {
    // A name that we don't have ourselves takes the image's away, as with docker.
    const std::string variable = expand_variable(text);
    spec.environment.push_back(variable.empty() ? text : variable);
    return {};
  };
  const auto add_file = [&spec](const std::string& path) -> Result<void> {
    for (auto& variable : TRY(read_environment_file(path))) spec.environment.push_back(std::move(variable));
    return {};
  };
  const auto set_entrypoint = [&flags](const std::string& text) -> Result<void> {
    flags.entrypoint = text;
    return {};
  };
  set.toggle("interactive", 'i', spec.open_stdin, "keep stdin open")
      .toggle("tty", 't', spec.terminal, "allocate a terminal")
      .custom("env", 'e', add_variable, "NAME=VALUE", "set a variable; NAME alone takes ours")
      .custom("env-file", 0, add_file, "FILE", "read variables from a file")
      .custom("entrypoint", 0, set_entrypoint, "PROGRAM",
              "program to run (default the image's; \"\" clears it)")
      .value("user", 'u', spec.user, "USER[:GROUP]", "name or number (default the image's)")
      .values("group-add", 0, spec.additional_groups, "GROUP", "a further group, name or number")
      .value("workdir", 'w', spec.working_directory, "DIR",
             "working directory in the container (default the image's)")
      .toggle("init", 0, spec.init, "run an init as process 1 that reaps and forwards signals")
      .custom("ulimit", 0, append(spec.ulimits, parse_ulimit), "NAME=SOFT[:HARD]",
              "resource limit, such as nofile=1024:2048; -1: none")
      .custom("oom-score-adj", 0,
              assign(spec.oom_score_adjustment,
                     [](const std::string& text) -> Result<int> {
                       return static_cast<int>(TRY(parse_integer("value", text, -1000, 1000)));
                     }),
              "N", "how readily the kernel kills it, -1000 to 1000");
}

void add_network_flags(FlagSet& set, RunFlags& flags) {
  auto& spec = flags.spec;
  const auto publish = [&spec](const std::string& text) -> Result<void> {
    for (const auto& port : TRY(parse_publish(text))) spec.ports.push_back(port);
    return {};
  };
  set.value("hostname", 'h', spec.hostname, "NAME", "the container's host name (default the short id)")
      .value("domainname", 0, spec.domainname, "NAME", "the container's domain name")
      .value("network", 0, spec.network, "MODE", "bridge, host, none or container:NAME")
      .value("net", 0, spec.network, "MODE", "the same as --network")
      .custom("publish", 'p', publish, "[IP:][HOST:]PORT[/udp]", "make a port reachable on the host")
      .toggle("publish-all", 'P', spec.publish_all_ports, "publish all ports that the image exposes")
      .custom("dns", 0, append(spec.dns, parse_address), "ADDRESS", "name server (default the host's)")
      .values("dns-search", 0, spec.dns_search, "DOMAIN", "search domain (default the host's)")
      .values("dns-option", 0, spec.dns_options, "OPTION", "resolver option (default the host's)")
      .values("add-host", 0, spec.extra_hosts, "NAME:ADDRESS", "a line of /etc/hosts");
}

void add_storage_flags(FlagSet& set, RunFlags& flags) {
  auto& spec = flags.spec;
  const auto shm_size = [](const std::string& text) { return parse_size("size", text); };
  set.custom("volume", 'v', append(spec.mounts, parse_volume), "[SOURCE:]DIR[:ro]",
             "mount a host folder or a named volume")
      .custom("mount", 0, append(spec.mounts, parse_mount), "KEY=VALUE,...",
              "mount, by the keys type, source, target, readonly, ...")
      .custom("tmpfs", 0, append(spec.mounts, parse_tmpfs), "DIR[:OPTIONS]", "mount a tmpfs")
      .toggle("read-only", 0, spec.read_only_root, "mount the root read-only")
      .custom("shm-size", 0, assign(spec.shm_size, shm_size), "SIZE", "size of /dev/shm (default 64m)")
      .custom("device", 0, append(spec.devices, parse_device), "HOST[:PATH][:rwm]",
              "give a device (default rwm)");
}

void add_resource_flags(FlagSet& set, RunFlags& flags) {
  auto& spec = flags.spec;
  auto& resources = spec.resources;
  set.custom("memory", 'm', assign(resources.memory, parse_memory), "SIZE", "memory limit (default none)")
      .custom("memory-reservation", 0, assign(resources.memory_reservation, parse_memory), "SIZE",
              "memory that is protected (default none)")
      .custom("memory-swap", 0, assign(resources.memory_swap, parse_swap), "SIZE",
              "memory and swap together (default twice --memory; -1: no limit)")
      .custom("cpus", 0, assign(resources.nano_cpus, parse_cpus), "N",
              "number of CPUs, such as 1.5 (default no limit)")
      .custom("cpu-shares", 'c', assign(resources.cpu_shares, parse_count), "N", "relative weight")
      .custom("cpu-quota", 0, assign(resources.cpu_quota, parse_signed), "µs",
              "CPU time a period (default no limit)")
      .custom("cpu-period", 0, assign(resources.cpu_period, parse_count), "µs", "the period (default 100000)")
      .value("cpuset-cpus", 0, resources.cpuset_cpus, "LIST", "CPUs to run on, such as 0-1,3 (default all)")
      .custom("pids-limit", 0, assign(resources.pids_limit, parse_signed), "N",
              "most processes (default -1: no limit)")
      .value("cgroup-parent", 0, spec.cgroup_parent, "PATH",
             "the cgroup above the container's (default /gantry)");
}

Result<void> apply_security_option(engine::ContainerSpec& spec, const std::string& text) {
  const size_t at = text.find_first_of("=:");
  const std::string key = text.substr(0, at);
  const std::string value = at == std::string::npos ? "" : text.substr(at + 1);
  if (key == "no-new-privileges" && (value.empty() || value == "true")) {
    spec.no_new_privileges = true;
  } else if (key == "no-new-privileges" && value == "false") {
    spec.no_new_privileges = false;
  } else if (key == "seccomp") {
    spec.seccomp = value == "unconfined" ? value : TRY(read_file(value));
  } else if (key == "systempaths" && value == "unconfined") {
    spec.unmasked_paths = true;
  } else {
    return Error::make(ErrorKind::unsupported,
                       "\"{}\" is not supported (no-new-privileges, seccomp=FILE, seccomp=unconfined and "
                       "systempaths=unconfined are)",
                       text);
  }
  return {};
}

void add_security_flags(FlagSet& set, RunFlags& flags) {
  auto& spec = flags.spec;
  const auto security = [&spec](const std::string& text) { return apply_security_option(spec, text); };
  set.values("cap-add", 0, spec.capabilities_added, "NAME", "add a capability")
      .values("cap-drop", 0, spec.capabilities_dropped, "NAME", "drop a capability")
      .toggle("privileged", 0, spec.privileged, "all capabilities and devices, nothing masked")
      .custom("security-opt", 0, security, "OPTION",
              "no-new-privileges[=BOOL], seccomp=FILE|unconfined, systempaths=unconfined")
      .custom("sysctl", 0, add_key_value(spec.sysctls), "NAME=VALUE",
              "a sysctl of the container's namespaces")
      .value("pid", 0, spec.pid_mode, "host", "share the host's process ids")
      .value("ipc", 0, spec.ipc_mode, "host", "share the host's IPC")
      .value("uts", 0, spec.uts_mode, "host", "share the host's name");
}

Result<engine::LogDriver> parse_log_driver(const std::string& text) {
  if (text == "json-file") return engine::LogDriver::json_file;
  if (text == "cri" || text == "k8s-file") return engine::LogDriver::cri;
  if (text == "journald") return engine::LogDriver::journald;
  if (text == "none") return engine::LogDriver::none;
  return Error::make(ErrorKind::unsupported,
                     "\"{}\" is not supported (json-file, cri, journald and none are)", text);
}

Result<PullPolicy> parse_pull(const std::string& text) {
  if (text == "missing") return PullPolicy::missing;
  if (text == "always") return PullPolicy::always;
  if (text == "never") return PullPolicy::never;
  return Error::make(ErrorKind::invalid, "must be missing, always or never, found \"{}\"", text);
}

void add_life_flags(FlagSet& set, RunFlags& flags) {
  auto& spec = flags.spec;
  set.value("name", 0, spec.name, "NAME", "the container's name")
      .custom("label", 'l', add_key_value(spec.labels), "KEY=VALUE", "a label")
      .custom("annotation", 0, add_key_value(spec.annotations), "KEY=VALUE", "an annotation of config.json")
      .toggle("rm", 0, spec.auto_remove, "remove it and its anonymous volumes when it ends")
      .custom("restart", 0, assign(spec.restart, parse_restart), "POLICY",
              "no, on-failure[:MAX], always, unless-stopped (default no)")
      .value("stop-signal", 0, spec.stop_signal, "SIGNAL",
             "signal that stops it (default the image's, else TERM)")
      .custom("stop-timeout", 0, assign(spec.stop_timeout, parse_seconds), "SECONDS",
              "before it is killed (default 10; -1: never)")
      .custom("log-driver", 0, assign(spec.log.driver, parse_log_driver), "NAME",
              "json-file, cri, journald or none (default json-file)")
      .values("log-opt", 0, flags.log_options, "KEY=VALUE",
              "max-size=SIZE, max-file=N of the files, tag=TAG of journald (default one file without limit)")
      .custom("pull", 0, assign(flags.pull, parse_pull), "POLICY", "missing, always, never (default missing)")
      .value("cidfile", 0, flags.cidfile, "FILE", "write the id there; it must not exist");
}

void add_health_flags(FlagSet& set, RunFlags& flags) {
  const auto duration = [&flags](std::chrono::nanoseconds& target) -> Setter {
    return [&flags, &target](const std::string& text) -> Result<void> {
      target = TRY(parse_duration(text));
      flags.health_given = true;
      return {};
    };
  };
  const auto retries = [&flags](const std::string& text) -> Result<void> {
    flags.health.retries = static_cast<uint32_t>(TRY(parse_unsigned("retries", text, UINT32_MAX)));
    flags.health_given = true;
    return {};
  };
  set.value("health-cmd", 0, flags.health_command, "COMMAND",
            "shell command that tells whether it is well (default the image's)")
      .custom("health-interval", 0, duration(flags.health.interval), "TIME", "between checks (default 30s)")
      .custom("health-timeout", 0, duration(flags.health.timeout), "TIME", "most time for one (default 30s)")
      .custom("health-start-period", 0, duration(flags.health.start_period), "TIME",
              "in which failures don't count (default 0s)")
      .custom("health-start-interval", 0, duration(flags.health.start_interval), "TIME",
              "between checks in that period (default 5s)")
      .custom("health-retries", 0, retries, "N", "failures in a row that make it unhealthy (default 3)")
      .toggle("no-healthcheck", 0, flags.no_health_check, "turn the image's health check off");
}

// Which driver takes which option is the engine's rule.
Result<void> apply_log_options(engine::LogSpec& log, const std::vector<std::string>& options) {
  for (const auto& text : options) {
    const auto [key, value] = parse_label(text);
    if (text.find('=') == std::string::npos || key.empty()) {
      return Error::make(ErrorKind::invalid, "--log-opt must be KEY=VALUE, found \"{}\"", text);
    }
    if (log.driver == engine::LogDriver::none) {
      return Error::make(ErrorKind::invalid, "--log-opt {}: log driver none takes no options", key);
    }
    if (key == "max-size") {
      log.maximum_size = TRY(parse_size("--log-opt max-size", value));
    } else if (key == "max-file") {
      log.maximum_files = static_cast<uint32_t>(TRY(parse_unsigned("--log-opt max-file", value, 1000)));
    } else if (key == "tag") {
      log.tag = value;
    } else {
      return Error::make(ErrorKind::unsupported,
                         "--log-opt {} is not supported (max-size and max-file of json-file and cri, tag of "
                         "journald are)",
                         key);
    }
  }
  return {};
}

Result<void> apply_health(engine::ContainerSpec& spec, const RunFlags& flags) {
  const bool given = flags.health_given || !flags.health_command.empty();
  if (flags.no_health_check && given) {
    return Error::make(ErrorKind::invalid, "--no-healthcheck conflicts with --health-* options");
  }
  if (flags.no_health_check) spec.health = engine::HealthSpec{.test = {"NONE"}};
  if (!given) return {};
  spec.health = flags.health;
  if (!flags.health_command.empty()) spec.health->test = {"CMD-SHELL", flags.health_command};
  return {};
}

}  // namespace

void add_run_flags(FlagSet& set, RunFlags& flags) {
  add_process_flags(set, flags);
  add_life_flags(set, flags);
  add_network_flags(set, flags);
  add_storage_flags(set, flags);
  add_resource_flags(set, flags);
  add_security_flags(set, flags);
  add_health_flags(set, flags);
}

Result<engine::ContainerSpec> finish_spec(const RunFlags& flags, const std::vector<std::string>& arguments) {
  engine::ContainerSpec spec = flags.spec;
  spec.image = arguments[0];
  spec.command.assign(arguments.begin() + 1, arguments.end());
  if (flags.entrypoint) spec.entrypoint = std::vector<std::string>{*flags.entrypoint};
  TRY(apply_log_options(spec.log, flags.log_options));
  TRY(apply_health(spec, flags));
  TRY(CidFile::check(flags.cidfile));
  return spec;
}

}  // namespace gantry::cli
