#include "base/text.h"
#include "cli/values.h"

#include <algorithm>
#include <array>

namespace gantry::cli {

namespace {

bool is_propagation(const std::string& option) {
  static constexpr std::array<std::string_view, 6> names = {"private", "rprivate", "shared",
                                                            "rshared", "slave",    "rslave"};
  return std::find(names.begin(), names.end(), option) != names.end();
}

Result<void> set_volume_options(engine::MountSpec& mount, const std::string& text) {
  for (const auto& option : split(text, ',')) {
    if (option == "ro") {
      mount.read_only = true;
    } else if (option == "nocopy" || option == "z" || option == "Z") {
      return Error::make(ErrorKind::unsupported, "volume option \"{}\" is not supported", option);
    } else if (is_propagation(option)) {
      mount.options.push_back(option);
    } else if (option != "rw") {
      return Error::make(ErrorKind::invalid, "unknown volume option \"{}\"", option);
    }
  }
  return {};
}

struct MountWord {
  std::string key;
  std::string value;
};

Result<engine::MountType> mount_type(const std::string& text) {
  if (text == "bind") return engine::MountType::bind;
  if (text == "volume") return engine::MountType::volume;
  if (text == "tmpfs") return engine::MountType::tmpfs;
  return Error::make(ErrorKind::unsupported, "mount type must be bind, volume or tmpfs, found \"{}\"", text);
}

Result<bool> switch_value(const std::string& value) {
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return Error::make(ErrorKind::invalid, "readonly must be true or false, found \"{}\"", value);
}

Result<void> apply(engine::MountSpec& mount, const MountWord& word) {
  const auto& [key, value] = word;
  if (key == "type") {
    mount.type = TRY(mount_type(value));
  } else if (key == "source" || key == "src") {
    mount.source = value;
  } else if (key == "target" || key == "destination" || key == "dst") {
    mount.destination = value;
  } else if (key == "readonly" || key == "ro") {
    mount.read_only = TRY(switch_value(value));
  } else if (key == "bind-propagation" && is_propagation(value)) {
    mount.options.push_back(value);
  } else if (key == "tmpfs-size") {
    mount.options.push_back(format("size={}", TRY(parse_memory(value))));
  } else if (key == "tmpfs-mode") {
    mount.options.push_back("mode=" + value);
  } else {
    return Error::make(ErrorKind::unsupported, "mount option \"{}\" is not supported", key);
  }
  return {};
}

Result<std::pair<uint16_t, uint16_t>> parse_range(const std::string& text, const std::string& whole) {
  const size_t dash = text.find('-');
  const auto number = [&](const std::string& word) -> Result<uint16_t> {
    const auto port = parse_unsigned("port", word, 65535);
    if (!port || *port == 0) {
      return Error::make(ErrorKind::invalid, "ports must be 1 to 65535, found \"{}\" in \"{}\"", word, whole);
    }
    return static_cast<uint16_t>(*port);
  };
  const uint16_t first = TRY(number(text.substr(0, dash)));
  const uint16_t last = dash == std::string::npos ? first : TRY(number(text.substr(dash + 1)));
  if (last < first)
    return Error::make(ErrorKind::invalid, "range \"{}\" goes backwards in \"{}\"", text, whole);
  return std::pair(first, last);
}

struct PublishParts {
  std::string host_ip;
  std::string host;
  std::string container;
};

// From the right, since an IPv6 address in brackets has colons of its own.
PublishParts split_publish(const std::string& text) {
  PublishParts parts;
  const size_t last = text.rfind(':');
  parts.container = last == std::string::npos ? text : text.substr(last + 1);
  if (last == std::string::npos) return parts;
  const std::string rest = text.substr(0, last);
  const size_t colon = rest.rfind(':');
  parts.host = colon == std::string::npos ? rest : rest.substr(colon + 1);
  if (colon != std::string::npos) parts.host_ip = rest.substr(0, colon);
  return parts;
}

}  // namespace

Result<engine::MountSpec> parse_volume(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() > 3 || text.empty()) {
    return Error::make(ErrorKind::invalid, "must be [SOURCE:]DESTINATION[:OPTIONS], found \"{}\"", text);
  }
  engine::MountSpec mount;
  mount.type = engine::MountType::volume;
  mount.destination = parts.size() == 1 ? parts[0] : parts[1];
  if (parts.size() > 1) {
    mount.source = parts[0];
    if (mount.source.empty()) {
      return Error::make(ErrorKind::invalid, "the source must not be empty, found \"{}\"", text);
    }
    if (mount.source[0] == '/') {
      mount.type = engine::MountType::bind;
      mount.create_source = true;
    }
  }
  if (parts.size() == 3) TRY(set_volume_options(mount, parts[2]));
  return mount;
}

Result<engine::MountSpec> parse_mount(const std::string& text) {
  engine::MountSpec mount;
  mount.type = engine::MountType::volume;  // docker's default
  for (const auto& part : split(text, ',')) {
    const size_t equals = part.find('=');
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    TRY(apply(mount, {part.substr(0, equals), value}));
  }
  if (mount.destination.empty()) return Error::make(ErrorKind::invalid, "target is required in \"{}\"", text);
  if (!mount.destination.starts_with('/')) {
    return Error::make(ErrorKind::invalid, "target must be an absolute path, found \"{}\"", text);
  }
  if (mount.type == engine::MountType::tmpfs && !mount.source.empty()) {
    return Error::make(ErrorKind::invalid, "a tmpfs has no source, found \"{}\"", text);
  }
  return mount;
}

Result<engine::MountSpec> parse_tmpfs(const std::string& text) {
  const size_t colon = text.find(':');
  engine::MountSpec mount;
  mount.type = engine::MountType::tmpfs;
  mount.destination = text.substr(0, colon);
  if (!mount.destination.starts_with('/')) {
    return Error::make(ErrorKind::invalid, "must be DIR[:OPTIONS] with an absolute DIR, found \"{}\"", text);
  }
  if (colon == std::string::npos) return mount;
  for (const auto& option : split(text.substr(colon + 1), ',')) {
    if (option == "ro") {
      mount.read_only = true;
    } else if (option != "rw" && !option.empty()) {
      mount.options.push_back(option);
    }
  }
  return mount;
}

Result<std::vector<engine::PortSpec>> parse_publish(const std::string& text) {
  const size_t slash = text.rfind('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  if (protocol != "tcp" && protocol != "udp") {
    return Error::make(ErrorKind::unsupported, "protocol must be tcp or udp, found \"{}\"", protocol);
  }
  const PublishParts parts = split_publish(text.substr(0, slash));
  const auto inside = TRY(parse_range(parts.container, text));
  const bool dynamic = parts.host.empty() || parts.host == "0";
  const auto outside = dynamic ? inside : TRY(parse_range(parts.host, text));
  if (outside.second - outside.first != inside.second - inside.first) {
    return Error::make(ErrorKind::invalid, "the ranges in \"{}\" differ in length", text);
  }
  std::vector<engine::PortSpec> ports;
  for (uint32_t i = 0; i <= static_cast<uint32_t>(inside.second - inside.first); ++i) {
    engine::PortSpec port;
    port.host_ip = parts.host_ip;
    port.host_port = dynamic ? uint16_t{0} : static_cast<uint16_t>(outside.first + i);
    port.container_port = static_cast<uint16_t>(inside.first + i);
    port.protocol = protocol == "udp" ? engine::Protocol::udp : engine::Protocol::tcp;
    ports.push_back(port);
  }
  return ports;
}

}  // namespace gantry::cli
