#include "cli/values.h"

#include "base/address.h"
#include "base/files.h"
#include "base/text.h"

#include <cmath>
#include <cstdlib>

namespace gantry::cli {

Result<int64_t> parse_memory(const std::string& text) {
  const uint64_t bytes = TRY(parse_size("memory", text));
  if (bytes > static_cast<uint64_t>(INT64_MAX)) {
    return Error::make(ErrorKind::invalid, "memory: \"{}\" is too large", text);
  }
  return static_cast<int64_t>(bytes);
}

Result<std::string> parse_address(const std::string& text) {
  if (is_ipv4(text) || is_ipv6(text)) return text;
  return Error::make(ErrorKind::invalid, "must be an IP address, found \"{}\"", text);
}

Result<std::string> parse_subnet(const std::string& text) {
  const size_t slash = text.find('/');
  const bool good = slash != std::string::npos && is_ipv4(text.substr(0, slash)) &&
                    parse_unsigned("prefix", text.substr(slash + 1), 32);
  if (good) return text;
  return Error::make(ErrorKind::invalid, "must be ADDRESS/PREFIX, such as 10.88.0.0/16, found \"{}\"", text);
}

Result<int64_t> parse_cpus(const std::string& text) {
  char* end = nullptr;
  const double cpus = strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(cpus) || cpus <= 0 || cpus > 1e6) {
    return Error::make(ErrorKind::invalid, "must be a number of CPUs such as 1.5, found \"{}\"", text);
  }
  return std::llround(cpus * 1e9);
}

// Go's notation, as docker takes it.
Result<TimePoint> parse_moment(const std::string& text, TimePoint now) {
  if (const auto time = parse_rfc3339(text)) return *time;
  char* end = nullptr;
  const double seconds = strtod(text.c_str(), &end);
  if (!text.empty() && *end == '\0' && seconds >= 0 && std::isfinite(seconds))
    return from_epoch_seconds(seconds);
  if (const auto ago = parse_duration(text)) return now - *ago;
  return Error::make(ErrorKind::invalid,
                     "must be a time such as 2026-11-24T11:00:00Z, seconds since 1970, or a duration such as "
                     "10m, found \"{}\"",
                     text);
}

std::string expand_variable(const std::string& text) {
  if (text.find('=') != std::string::npos) return text;
  const char* value = getenv(text.c_str());
  return value == nullptr ? std::string() : text + "=" + value;
}

Result<std::vector<std::string>> read_environment_file(const std::string& path) {
  std::vector<std::string> variables;
  size_t number = 0;
  const std::string text = TRY(read_file(path));
  for (const auto& raw : split(text, '\n')) {
    ++number;
    std::string line = raw;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line[0] == '#') continue;
    const std::string name = line.substr(0, line.find('='));
    if (name.empty() || name.find_first_of(" \t") != std::string::npos) {
      return Error::make(ErrorKind::invalid, "{}: line {}: variable \"{}\" has a blank in its name or none",
                         path, number, name);
    }
    if (const auto variable = expand_variable(line); !variable.empty()) variables.push_back(variable);
  }
  return variables;
}

std::pair<std::string, std::string> parse_label(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Result<engine::RestartSpec> parse_restart(const std::string& text) {
  engine::RestartSpec restart;
  const size_t colon = text.find(':');
  const std::string mode = text.substr(0, colon);
  if (mode == "no" || mode.empty()) {
    restart.mode = engine::RestartMode::none;
  } else if (mode == "always") {
    restart.mode = engine::RestartMode::always;
  } else if (mode == "on-failure") {
    restart.mode = engine::RestartMode::on_failure;
  } else if (mode == "unless-stopped") {
    restart.mode = engine::RestartMode::unless_stopped;
  } else {
    return Error::make(ErrorKind::invalid,
                       "must be no, always, unless-stopped or on-failure[:MAX], found \"{}\"", text);
  }
  if (colon != std::string::npos) {
    restart.maximum_retries =
        static_cast<uint32_t>(TRY(parse_unsigned("maximum retry count", text.substr(colon + 1), UINT32_MAX)));
  }
  return restart;
}

Result<engine::UlimitSpec> parse_ulimit(const std::string& text) {
  engine::UlimitSpec ulimit;
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return Error::make(ErrorKind::invalid, "must be NAME=SOFT[:HARD], found \"{}\"", text);
  }
  const auto number = [](const std::string& word) -> Result<uint64_t> {
    if (word == "-1" || word == "unlimited") return UINT64_MAX;
    return parse_unsigned("limit", word);
  };
  ulimit.name = text.substr(0, equals);
  const auto parts = split(text.substr(equals + 1), ':');
  if (parts.size() > 2) {
    return Error::make(ErrorKind::invalid, "must be NAME=SOFT[:HARD], found \"{}\"", text);
  }
  ulimit.soft = TRY(number(parts[0]));
  ulimit.hard = parts.size() == 2 ? TRY(number(parts[1])) : ulimit.soft;
  return ulimit;
}

Result<engine::DeviceSpec> parse_device(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() > 3 || parts[0].empty() || parts[0][0] != '/') {
    return Error::make(ErrorKind::invalid, "must be HOST[:CONTAINER][:rwm], found \"{}\"", text);
  }
  engine::DeviceSpec device{parts[0], parts[0], "rwm"};
  const auto is_permissions = [](const std::string& word) {
    return !word.empty() && word.find_first_not_of("rwm") == std::string::npos;
  };
  if (parts.size() == 2 && is_permissions(parts[1])) {
    device.permissions = parts[1];
  } else if (parts.size() >= 2) {
    device.container_path = parts[1];
  }
  if (parts.size() == 3) device.permissions = parts[2];
  if (!is_permissions(device.permissions) || device.container_path[0] != '/') {
    return Error::make(ErrorKind::invalid, "must be HOST[:CONTAINER][:rwm], found \"{}\"", text);
  }
  return device;
}

}  // namespace gantry::cli
