#include "builder/run_mount.h"

#include "base/text.h"

namespace gantry::builder {
namespace {

Error bad_mount(const std::string& rule) {
  return Error::make(ErrorKind::invalid, "--mount: {}", rule);
}

Result<bool> parse_switch(const std::string& key, const std::string& value) {
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return bad_mount(format("{} must be true or false, found \"{}\"", key, value));
}

Result<uint32_t> parse_mode(const std::string& text) {
  if (!text.empty() && text.size() <= 5 && text.find_first_not_of("01234567") == std::string::npos) {
    const auto mode = static_cast<uint32_t>(std::stoul(text, nullptr, 8));
    if (mode <= 07777) return mode;
  }
  return bad_mount(format("mode must be octal, found \"{}\"", text));
}

Result<RunMountType> parse_type(const std::string& text) {
  if (text == "bind") return RunMountType::bind;
  if (text == "cache") return RunMountType::cache;
  if (text == "tmpfs") return RunMountType::tmpfs;
  if (text == "secret") return RunMountType::secret;
  return Error::make(ErrorKind::unsupported,
                     "--mount: type \"{}\" is not supported (bind, cache, tmpfs and secret are)", text);
}

Result<void> set_sharing(RunMount& mount, const std::string& value) {
  if (value != "shared" && value != "locked") {
    return Error::make(ErrorKind::unsupported, "--mount: sharing={} is not supported (shared and locked are)",
                       value);
  }
  mount.locked = value == "locked";
  return {};
}

using Type = RunMountType;

bool takes(Type type, const std::string& key) {
  if (key == "target" || key == "dst" || key == "destination") return true;
  const bool owned = key == "uid" || key == "gid" || key == "mode";
  switch (type) {
    case Type::bind:
      return key == "source" || key == "src" || key == "from" || key == "rw" || key == "readwrite" ||
             key == "ro" || key == "readonly";
    case Type::cache:
      return owned || key == "id" || key == "sharing" || key == "ro" || key == "readonly" || key == "rw" ||
             key == "readwrite";
    case Type::tmpfs:
      return key == "size";
    case Type::secret:
      return owned || key == "id" || key == "required" || key == "env" || key == "source" || key == "src";
  }
  return false;
}

Result<void> set_member(RunMount& mount, const std::string& key, const std::string& value) {
  if (key == "target" || key == "dst" || key == "destination") mount.target = value;
  if (key == "source" || key == "src") mount.source = value;
  if (key == "from") mount.from = to_lower(value);
  if (key == "id") mount.id = value;
  if (key == "env") mount.environment = value;
  if (key == "ro" || key == "readonly") mount.read_only = TRY(parse_switch(key, value));
  if (key == "rw" || key == "readwrite") mount.read_only = !TRY(parse_switch(key, value));
  if (key == "required") mount.required = TRY(parse_switch(key, value));
  if (key == "sharing") TRY(set_sharing(mount, value));
  if (key == "size") mount.size = TRY(parse_size("--mount: size", value));
  if (key == "mode") mount.mode = TRY(parse_mode(value));
  if (key == "uid")
    mount.uid = static_cast<uint32_t>(TRY(parse_unsigned("--mount: uid", value, UINT32_MAX - 1)));
  if (key == "gid")
    mount.gid = static_cast<uint32_t>(TRY(parse_unsigned("--mount: gid", value, UINT32_MAX - 1)));
  return {};
}

Result<void> check(RunMount& mount) {
  if (mount.type == Type::secret) {
    if (mount.id.empty()) mount.id = mount.source;
    if (mount.id.empty() && !mount.target.empty())
      mount.id = mount.target.substr(mount.target.rfind('/') + 1);
    if (mount.id.empty()) return bad_mount("a secret needs an id");
    if (mount.target.empty() && mount.environment.empty()) mount.target = "/run/secrets/" + mount.id;
    return {};
  }
  if (mount.target.empty()) return bad_mount("needs a target");
  if (mount.type == Type::cache && mount.id.empty()) mount.id = mount.target;
  return {};
}

}  // namespace

Result<RunMount> parse_run_mount(std::string_view text) {
  RunMount mount;
  std::vector<std::pair<std::string, std::string>> members;
  mount.read_only = true;
  for (const auto& field : split(text, ',')) {
    const size_t equals = field.find('=');
    const std::string key = to_lower(trim(field.substr(0, equals)));
    const std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    if (key == "type")
      mount.type = TRY(parse_type(value));
    else
      members.emplace_back(key, value);
  }
  if (mount.type != Type::bind) mount.read_only = false;
  for (const auto& [key, value] : members) {
    if (!takes(mount.type, key)) {
      return Error::make(ErrorKind::unsupported, "--mount: key \"{}\" is not supported with this type", key);
    }
    TRY(set_member(mount, key, value));
  }
  TRY(check(mount));
  return mount;
}

}  // namespace gantry::builder
