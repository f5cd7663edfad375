#include "agent/config.h"

#include "agent/config_values.h"
#include "base/files.h"
#include "base/text.h"
#include "base/time.h"
#include "http/message.h"
#include "oci/reference.h"

#include <algorithm>

namespace gantry::agent {

namespace {

using Values = std::map<std::string, std::string>;
using Apply = std::function<Result<void>(Config&, const std::string& name, const std::string& value)>;

struct Setting {
  std::string_view flag;         // "--cluster"; empty: none
  std::string_view placeholder;  // of the flag's value: "NAME"
  std::string_view variable;     // "ECS_CLUSTER"; empty: none
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
    const auto parsed = TRY(parse_duration(trim(value)).context("{}", name));
    if (parsed < least) {
      return Error::make(ErrorKind::invalid, "{}: must be at least {} s, found {}", name,
                         std::chrono::duration_cast<std::chrono::seconds>(least).count(), value);
    }
    config.*member = parsed;
    return {};
  };
}

Result<void> apply_endpoint(Config& config, const std::string& name, const std::string& value) {
  // As the ECS agent: only a value without a scheme gets one.
  config.endpoint = value.find("://") == std::string::npos ? "https://" + value : value;
  while (config.endpoint.ends_with('/')) config.endpoint.pop_back();
  const auto url = TRY(http::Url::parse(config.endpoint).context("{}", name));
  if (url.scheme == "http" || url.scheme == "https") return {};
  return Error::make(ErrorKind::invalid, "{}: must begin with http:// or https://, found \"{}\"", name,
                     value);
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
  const auto period = TRY(parse_duration(trim(value)).context("{}", name));
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

Result<void> apply_exclusions(Config& config, const std::string& name, const std::string& value) {
  config.image_cleanup_exclusions.clear();
  for (const auto& part : split(value, ',')) {
    const auto image = std::string(trim(part));
    TRY(oci::Reference::parse(image).context("{}", name));
    config.image_cleanup_exclusions.push_back(image);
  }
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
    return Error::make(ErrorKind::invalid, "{}: must be trace, debug, info, warn or error, found \"{}\"",
                       name, value);
  }
  config.log_level = found->second;
  return {};
}

const std::vector<Setting>& settings() {
  using std::chrono::seconds;
  static const std::vector<Setting> all = {
      // Before AWS_REGION, which wins: they are applied in this order.
      {"", "", "AWS_DEFAULT_REGION", "as AWS_REGION, which wins over it", text(&Config::region)},
      {"--cluster", "NAME", "ECS_CLUSTER", "cluster to join (default \"default\")", text(&Config::cluster)},
      {"--endpoint", "URL", "ECS_BACKEND_HOST",
       "the control plane; without a scheme: https (default http://127.0.0.1:51480)", apply_endpoint},
      {"--region", "NAME", "AWS_REGION", "region that requests are signed for (default us-east-1)",
       text(&Config::region)},
      {"--data-dir", "DIR", "ECS_DATADIR", "the agent's own state (default /var/lib/gantry/agent)",
       text(&Config::data_directory)},
      {"--root", "DIR", "", "images and containers (default /var/lib/gantry)", text(&Config::root)},
      {"--run-root", "DIR", "", "network and runtime state (default /run/gantry)", text(&Config::run_root)},
      {"--bridge", "NAME", "", "the bridge of --root's network (default gantry0)", text(&Config::bridge)},
      {"--credentials", "FILE", "",
       "AWS shared-credentials file (default: the environment, then ~/.aws/credentials)",
       text(&Config::credentials_file)},
      {"--ca-file", "FILE", "",
       "CA certificates of the control plane and of registries (default: the system's)",
       text(&Config::ca_file)},
      {"--cgroup-limits", "MODE", "",
       "required, or best-effort: run tasks where the host can't enforce limits (default required)",
       apply_limits},
      {"--introspection-port", "PORT", "", "/v1/metadata and /v1/tasks on 127.0.0.1; 0: off (default 51678)",
       apply_introspection},
      {"--log-level", "LEVEL", "ECS_LOGLEVEL",
       "trace, debug, info, warn (warning) or error (crit) (default info)", apply_level},
      {"", "", "ECS_LOGFILE", "log file (default: stderr)", text(&Config::log_file)},
      {"", "", "ECS_RESERVED_MEMORY", "MiB kept from tasks (default 0)",
       number(&Config::reserved_memory, 0, int64_t{1} << 40)},
      {"", "", "ECS_RESERVED_PORTS",
       "TCP ports kept from tasks, a JSON list (default [22,2375,2376,51678,51679])",
       ports(&Config::reserved_ports)},
      {"", "", "ECS_RESERVED_PORTS_UDP", "UDP ports kept from tasks, a JSON list (default [])",
       ports(&Config::reserved_udp_ports)},
      {"", "", "ECS_INSTANCE_ATTRIBUTES", "attributes of the host, a JSON object of strings (default {})",
       pairs(&Config::attributes)},
      {"", "", "ECS_CONTAINER_INSTANCE_TAGS", "tags of the host, a JSON object of strings (default {})",
       pairs(&Config::tags)},
      {"", "", "ECS_AVAILABLE_LOGGING_DRIVERS",
       "of json-file and none, a JSON list (default [\"json-file\",\"none\"])", names(&Config::log_drivers)},
      {"", "", "ECS_DISABLE_PRIVILEGED", "refuse privileged containers (default false)",
       flag(&Config::disable_privileged)},
      {"", "", "ECS_ENABLE_TASK_CPU_MEM_LIMIT", "hold tasks to their CPU and memory (default true)",
       flag(&Config::task_limits)},
      {"", "", "ECS_CGROUP_CPU_PERIOD", "8ms to 100ms (default 100ms)", apply_period},
      {"", "", "ECS_TASK_PIDS_LIMIT", "processes of a task, 1 to 4194304 (default: no limit)",
       number(&Config::task_pids_limit, 1, 4'194'304)},
      {"", "", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION",
       "how long stopped tasks are kept, at least 1s (default 3h)",
       duration(&Config::cleanup_wait, seconds(1))},
      {"", "", "ECS_CONTAINER_STOP_TIMEOUT", "from the stop signal to the kill, at least 1s (default 30s)",
       duration(&Config::stop_timeout, seconds(1))},
      {"", "", "ECS_CONTAINER_START_TIMEOUT", "for a dependency's condition, at least 45s (default 3m)",
       duration(&Config::start_timeout, seconds(45))},
      {"", "", "ECS_IMAGE_PULL_BEHAVIOR", "default, always, once or prefer-cached (default \"default\")",
       apply_pull},
      {"", "", "ECS_DISABLE_IMAGE_CLEANUP", "never remove images that the agent pulled (default false)",
       flag(&Config::disable_image_cleanup)},
      {"", "", "ECS_IMAGE_CLEANUP_INTERVAL",
       "between removals of images that no task needs, at least 10m (default 30m)",
       duration(&Config::image_cleanup_interval, std::chrono::minutes(10))},
      {"", "", "ECS_IMAGE_MINIMUM_CLEANUP_AGE",
       "how long an image is kept after its pull, at least 1s (default 1h)",
       duration(&Config::image_cleanup_age, seconds(1))},
      {"", "", "ECS_NUM_IMAGES_DELETE_PER_CYCLE", "images removed at once, at least 1 (default 5)",
       number(&Config::images_removed_per_cycle, 1, 1'000'000)},
      {"", "", "ECS_EXCLUDE_UNTRACKED_IMAGE",
       "images that are never removed, separated by commas (default: none)", apply_exclusions},
      {"", "", "ECS_DISABLE_METRICS", "send no metrics (default false)", flag(&Config::disable_metrics)},
      {"", "", "ECS_DISABLE_DOCKER_HEALTH_CHECK", "run no health checks (default false)",
       flag(&Config::disable_health_checks)},
      {"", "", "ECS_DYNAMIC_HOST_PORT_RANGE",
       "FIRST-LAST for dynamic host ports (default: the kernel's ip_local_port_range)", apply_dynamic_ports},
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

Error wrong_option(std::string_view what) {
  return Error::make(ErrorKind::invalid, "{} (see gantry-agent --help)", what);
}

// "--name value" and "--name=value".
Result<Flags> read_flags(const std::vector<std::string>& arguments) {
  Flags flags;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    const auto equals = argument.find('=');
    const auto name = argument.substr(0, equals);
    const bool help = argument == "--help" || argument == "-h";
    const bool version = argument == "--version" || argument == "-v";
    flags.help |= help;
    flags.version |= version;
    if (help || version) continue;
    const auto* setting = setting_of(name);
    if (setting == nullptr && name != "--config") {
      return wrong_option(
          format("unknown {} \"{}\"", argument.starts_with('-') ? "option" : "argument", argument));
    }
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      return wrong_option(format("option {} needs a value", name));
    }
    const auto value = equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1);
    if (value.empty()) return wrong_option(format("option {} must not be empty", name));
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
      "Usage: gantry-agent [OPTIONS]\n\n"
      "Joins this host to an ECS control plane and runs the tasks that it sends.\n\n"
      "Options, and the variables that say the same (an option wins over the environment, that over the "
      "file):\n";
  const auto line = [&](std::string_view name, std::string_view help) {
    text += format("  {:<31} {}\n", name, help);
  };
  line("    --config FILE", "KEY=VALUE lines of variables (default /etc/ecs/ecs.config, if there)");
  for (const auto& setting : settings()) {
    if (setting.flag.empty()) continue;
    const auto variable = setting.variable.empty() ? std::string() : format(" [{}]", setting.variable);
    line(format("    {} {}", setting.flag, setting.placeholder), format("{}{}", setting.help, variable));
  }
  line("-v, --version", "show the version");
  line("-h, --help", "show this help");
  text += "\nVariables without an option:\n";
  for (const auto& setting : settings()) {
    if (setting.flag.empty()) text += format("  {:<38} {}\n", setting.variable, setting.help);
  }
  return text +
         "\nExit status: 0 ended by SIGTERM or SIGINT (tasks run on), 1 an error, 2 wrong options or "
         "variables, 5 the\n"
         "control plane refused this host for good: starting again won't help.\n";
}

}  // namespace gantry::agent
