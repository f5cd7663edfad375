#include "agent/config.h"

#include "agent/config_values.h"
#include "base/files.h"
#include "base/text.h"

#include <algorithm>

namespace gantry::agent {

namespace {

using Values = std::map<std::string, std::string>;
using Apply = std::function<Result<void>(Config&, const std::string& name, const std::string& value)>;

struct Setting {
  std::string_view flag;      // "--cluster"; empty: none
  std::string_view variable;  // "ECS_CLUSTER"; empty: none
  std::string_view help;
  Apply apply;
};

Apply text(std::string Config::*member) {
  return [member](Config& config, const std::string&, const std::string& value) -> Result<void> {
    config.*member = value;
    return {};
  };
}

Apply flag(bool Config::*member) {
  return [member](Config& config, const std::string& name, const std::string& value) -> Result<void> {
    config.*member = TRY(parse_bool(name, value));
    return {};
  };
}

Apply number(int64_t Config::*member, int64_t least, int64_t most) {
  return [=](Config& config, const std::string& name, const std::string& value) -> Result<void> {
    config.*member = TRY(parse_integer(name, value, least, most));
    return {};
  };
}

Apply names(std::vector<std::string> Config::*member) {
  return [member](Config& config, const std::string& name, const std::string& value) -> Result<void> {
    config.*member = TRY(parse_string_list(name, value));
    return {};
  };
}

Apply ports(std::vector<std::string> Config::*member) {
  return [member](Config& config, const std::string& name, const std::string& value) -> Result<void> {
    config.*member = TRY(parse_port_list(name, value));
    return {};
  };
}

Apply pairs(Values Config::*member) {
  return [member](Config& config, const std::string& name, const std::string& value) -> Result<void> {
    config.*member = TRY(parse_string_map(name, value));
    return {};
  };
}

Apply duration(std::chrono::nanoseconds Config::*member, std::chrono::nanoseconds least) {
  return [=](Config& config, const std::string& name, const std::string& value) -> Result<void> {
    const auto parsed = TRY(parse_duration(name, value));
    if (parsed < least) {
      return Error::make(ErrorKind::invalid, "{}: must be at least {} s, found {}", name,
                         std::chrono::duration_cast<std::chrono::seconds>(least).count(), value);
    }
    config.*member = parsed;
    return {};
  };
}

Result<void> apply_endpoint(Config& config, const std::string&, const std::string& value) {
  // As the ECS agent: only a value without a scheme gets one.
  config.endpoint = value.find("://") == std::string::npos ? "https://" + value : value;
  while (config.endpoint.ends_with('/')) config.endpoint.pop_back();
  return {};
}

Result<void> apply_limits(Config& config, const std::string& name, const std::string& value) {
  if (value != "required" && value != "best-effort") {
    return Error::make(ErrorKind::invalid, "{}: must be required or best-effort, found \"{}\"", name, value);
  }
  config.best_effort_limits = value == "best-effort";
  return {};
}

Result<void> apply_introspection(Config& config, const std::string& name, const std::string& value) {
  config.introspection_port = static_cast<uint16_t>(TRY(parse_unsigned(name, value, 65535)));
  return {};
}

Result<void> apply_period(Config& config, const std::string& name, const std::string& value) {
  const auto period = TRY(parse_duration(name, value));
  if (period < std::chrono::milliseconds(8) || period > std::chrono::milliseconds(100)) {
    return Error::make(ErrorKind::invalid, "{}: must be 8ms to 100ms, found {}", name, value);
  }
  config.cpu_period = std::chrono::duration_cast<std::chrono::microseconds>(period);
  return {};
}

Result<void> apply_pull(Config& config, const std::string& name, const std::string& value) {
  const std::map<std::string, PullBehavior> known = {{"default", PullBehavior::default_},
                                                     {"always", PullBehavior::always},
                                                     {"once", PullBehavior::once},
                                                     {"prefer-cached", PullBehavior::prefer_cached}};
  const auto found = known.find(value);
  if (found == known.end()) {
    return Error::make(ErrorKind::invalid, "{}: must be default, always, once or prefer-cached, found \"{}\"",
                       name, value);
  }
  config.pull_behavior = found->second;
  return {};
}

Result<void> apply_dynamic_ports(Config& config, const std::string& name, const std::string& value) {
  const auto parts = split(value, '-');
  if (parts.size() != 2)
    return Error::make(ErrorKind::invalid, "{}: must be FIRST-LAST, found \"{}\"", name, value);
  config.dynamic_ports.first = static_cast<uint16_t>(TRY(parse_unsigned(name, parts[0], 65535)));
  config.dynamic_ports.last = static_cast<uint16_t>(TRY(parse_unsigned(name, parts[1], 65535)));
  if (config.dynamic_ports.first > 0 && config.dynamic_ports.first <= config.dynamic_ports.last) return {};
  return Error::make(ErrorKind::invalid, "{}: must be FIRST-LAST with 1 <= FIRST <= LAST, found \"{}\"", name,
                     value);
}

Result<void> apply_level(Config& config, const std::string& name, const std::string& value) {
  const Values levels = {{"trace", "trace"},     {"debug", "debug"}, {"info", "info"}, {"warn", "warning"},
                         {"warning", "warning"}, {"error", "error"}, {"crit", "error"}};
  const auto found = levels.find(to_lower(value));
  if (found == levels.end()) {
    return Error::make(ErrorKind::invalid, "{}: must be debug, info, warn or error, found \"{}\"", name,
                       value);
  }
  config.log_level = found->second;
  return {};
}

const std::vector<Setting>& settings() {
  using std::chrono::seconds;
  static const std::vector<Setting> all = {
      {"--cluster", "ECS_CLUSTER", "cluster to join (default)", text(&Config::cluster)},
      {"--endpoint", "ECS_BACKEND_HOST", "URL of the control plane (http://127.0.0.1:51480)", apply_endpoint},
      {"--region", "AWS_DEFAULT_REGION", "region that requests are signed for (us-east-1)",
       text(&Config::region)},
      {"", "AWS_REGION", "", text(&Config::region)},
      {"--data-dir", "ECS_DATADIR", "the agent's own state (/var/lib/gantry/agent)",
       text(&Config::data_directory)},
      {"--root", "", "images and containers (/var/lib/gantry)", text(&Config::root)},
      {"--run-root", "", "network and runtime state (/run/gantry)", text(&Config::run_root)},
      {"--credentials", "", "AWS shared-credentials file (environment, then ~/.aws/credentials)",
       text(&Config::credentials_file)},
      {"--ca-file", "", "CA certificates of the control plane (the system's)", text(&Config::ca_file)},
      {"--cgroup-limits", "", "required, or best-effort: run tasks where the host can't enforce limits",
       apply_limits},
      {"--introspection-port", "", "port of 127.0.0.1 for /v1/tasks (51678); 0: off", apply_introspection},
      {"--log-level", "ECS_LOGLEVEL", "debug, info, warn, error (info)", apply_level},
      {"", "ECS_LOGFILE", "log file (stderr)", text(&Config::log_file)},
      {"", "ECS_RESERVED_MEMORY", "MiB kept from tasks (0)",
       number(&Config::reserved_memory, 0, int64_t{1} << 40)},
      {"", "ECS_RESERVED_PORTS", "TCP ports kept from tasks, a JSON list", ports(&Config::reserved_ports)},
      {"", "ECS_RESERVED_PORTS_UDP", "UDP ports kept from tasks, a JSON list",
       ports(&Config::reserved_udp_ports)},
      {"", "ECS_INSTANCE_ATTRIBUTES", "attributes of the host, a JSON object", pairs(&Config::attributes)},
      {"", "ECS_CONTAINER_INSTANCE_TAGS", "tags of the host, a JSON object", pairs(&Config::tags)},
      {"", "ECS_AVAILABLE_LOGGING_DRIVERS", "of json-file and none, a JSON list",
       names(&Config::log_drivers)},
      {"", "ECS_DISABLE_PRIVILEGED", "refuse privileged containers (false)",
       flag(&Config::disable_privileged)},
      {"", "ECS_ENABLE_TASK_CPU_MEM_LIMIT", "hold tasks to their CPU and memory (true)",
       flag(&Config::task_limits)},
      {"", "ECS_CGROUP_CPU_PERIOD", "8ms to 100ms (100ms)", apply_period},
      {"", "ECS_TASK_PIDS_LIMIT", "processes of a task (no limit)",
       number(&Config::task_pids_limit, 1, 4'194'304)},
      {"", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", "how long stopped tasks are kept (3h)",
       duration(&Config::cleanup_wait, seconds(1))},
      {"", "ECS_CONTAINER_STOP_TIMEOUT", "from the stop signal to the kill (30s)",
       duration(&Config::stop_timeout, seconds(1))},
      {"", "ECS_CONTAINER_START_TIMEOUT", "for a dependency's condition (3m)",
       duration(&Config::start_timeout, seconds(45))},
      {"", "ECS_IMAGE_PULL_BEHAVIOR", "default, always, once, prefer-cached", apply_pull},
      {"", "ECS_DISABLE_METRICS", "send no metrics (false)", flag(&Config::disable_metrics)},
      {"", "ECS_DISABLE_DOCKER_HEALTH_CHECK", "run no health checks (false)",
       flag(&Config::disable_health_checks)},
      {"", "ECS_DYNAMIC_HOST_PORT_RANGE", "FIRST-LAST for dynamic host ports (the kernel's local range)",
       apply_dynamic_ports},
  };
  return all;
}

Result<Values> read_file_values(const std::string& path) {
  Values values;
  size_t number = 0;
  for (const auto& raw : split(TRY(read_file(path)), '\n')) {
    ++number;
    const auto line = trim(raw);
    if (line.empty() || line[0] == '#') continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Error::make(ErrorKind::invalid, "{}: line {}: must be KEY=VALUE", path, number);
    }
    auto value = trim(line.substr(equals + 1));
    const bool quoted =
        value.size() >= 2 && value.front() == value.back() && (value[0] == '"' || value[0] == '\'');
    if (quoted) value = value.substr(1, value.size() - 2);
    values[std::string(trim(line.substr(0, equals)))] = std::string(value);
  }
  return values;
}

Result<void> apply_variables(Config& config, const Values& values) {
  for (const auto& setting : settings()) {
    const auto found = values.find(std::string(setting.variable));
    if (setting.variable.empty() || found == values.end() || found->second.empty()) continue;
    TRY(setting.apply(config, found->first, found->second));
  }
  for (const auto& [name, value] : values) {
    const bool known =
        std::any_of(settings().begin(), settings().end(),
                    [&, &key = name](const Setting& setting) { return setting.variable == key; });
    if (!known && name.starts_with("ECS_")) config.ignored.push_back(name);
  }
  return {};
}

struct Flags {
  std::vector<std::pair<const Setting*, std::string>> values;
  std::optional<std::string> config_file;
  bool help = false;
  bool version = false;
};

const Setting* setting_of(const std::string& flag_name) {
  for (const auto& setting : settings()) {
    if (!setting.flag.empty() && setting.flag == flag_name) return &setting;
  }
  return nullptr;
}

// "--name value" and "--name=value".
Result<Flags> read_flags(const std::vector<std::string>& arguments) {
  Flags flags;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto equals = arguments[i].find('=');
    const auto name = arguments[i].substr(0, equals);
    if (name == "--help" || name == "-h") flags.help = true;
    if (name == "--version") flags.version = true;
    if (name == "--help" || name == "-h" || name == "--version") continue;
    const auto* setting = setting_of(name);
    if (setting == nullptr && name != "--config") {
      return Error::make(ErrorKind::invalid, "unknown argument \"{}\": see gantry-agent --help",
                         arguments[i]);
    }
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      return Error::make(ErrorKind::invalid, "{}: needs a value", name);
    }
    const auto value = equals == std::string::npos ? arguments[++i] : arguments[i].substr(equals + 1);
    if (setting != nullptr) flags.values.emplace_back(setting, value);
    if (setting == nullptr) flags.config_file = value;
  }
  return flags;
}

Result<void> check(const Config& config) {
  for (const auto& driver : config.log_drivers) {
    if (driver != "json-file" && driver != "none") {
      return Error::make(ErrorKind::unsupported,
                         "ECS_AVAILABLE_LOGGING_DRIVERS: only json-file and none are supported, found \"{}\"",
                         driver);
    }
  }
  if (config.cluster.empty()) return Error::make(ErrorKind::invalid, "--cluster: must not be empty");
  return {};
}

}  // namespace

Result<CommandLine> read_config(const ConfigSource& source) {
  const auto flags = TRY(read_flags(source.arguments));
  CommandLine line{{}, flags.help, flags.version};
  if (line.help || line.version) return line;
  const auto file = flags.config_file.value_or(source.config_file);
  if (flags.config_file || path_exists(file)) {
    const auto values = TRY(read_file_values(file).context("configuration"));
    TRY(apply_variables(line.config, values).context("{}", file));
  }
  TRY(apply_variables(line.config, source.environment));
  for (const auto& [setting, value] : flags.values) {
    TRY(setting->apply(line.config, std::string(setting->flag), value));
  }
  TRY(check(line.config));
  return line;
}

std::string help_text() {
  std::string text =
      "usage: gantry-agent [OPTION…]\n\n"
      "Joins this host to an ECS control plane and runs the tasks that it sends.\n\n"
      "Options (each wins over its variable, the environment over the file):\n"
      "  --config FILE                KEY=VALUE lines of the variables below (/etc/ecs/ecs.config)\n";
  for (const auto& setting : settings()) {
    if (setting.flag.empty()) continue;
    const auto variable = setting.variable.empty() ? std::string() : format(" [{}]", setting.variable);
    text += format("  {:<28} {}{}\n", format("{} VALUE", setting.flag), setting.help, variable);
  }
  text += "  --help, --version\n\nVariables without an option:\n";
  for (const auto& setting : settings()) {
    if (setting.flag.empty() && !setting.help.empty())
      text += format("  {:<38} {}\n", setting.variable, setting.help);
  }
  return text;
}

}  // namespace gantry::agent
