#include "http/credentials_file.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

#include <cstdlib>
#include <sys/stat.h>

namespace gantry::http {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<std::string> parse_section(std::string_view line, std::string_view place) {
  if (!line.ends_with(']')) return Error::make(ErrorKind::invalid, "{}: \"[\" without \"]\"", place);
  auto name = trim(line.substr(1, line.size() - 2));
  if (name.starts_with("profile ")) name = trim(name.substr(8));
  if (name.empty()) return Error::make(ErrorKind::invalid, "{}: a profile must have a name", place);
  return std::string(name);
}

void set_member(Credentials& credentials, std::string_view key, std::string value) {
  if (key == "aws_access_key_id")
    credentials.access_key_id = std::move(value);
  else if (key == "aws_secret_access_key")
    credentials.secret_access_key = Secret(std::move(value));
  else if (key == "aws_session_token")
    credentials.session_token = Secret(std::move(value));
}

Result<void> check_complete(const std::map<std::string, Credentials>& profiles, std::string_view source) {
  for (const auto& [name, credentials] : profiles) {
    if (credentials.access_key_id.empty() != credentials.secret_access_key.empty()) {
      return Error::make(ErrorKind::invalid,
                         "{}: profile {}: must have both aws_access_key_id and aws_secret_access_key", source,
                         name);
    }
  }
  return {};
}

Result<std::string> stamp_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    const int error = errno;
    return Error::system(error, "credentials file {}", path);
  }
  return format("{}:{}:{}.{}", status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

Result<void> check_private(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    const int error = errno;
    return Error::system(error, "credentials file {}", path);
  }
  if ((status.st_mode & 077) != 0) {
    return Error::make(ErrorKind::denied,
                       "credentials file {}: mode is {:04o}: others may use it (chmod 600 {})", path,
                       status.st_mode & 07777, path);
  }
  return {};
}

std::string default_credentials_path() {
  const auto path = environment("AWS_SHARED_CREDENTIALS_FILE");
  if (!path.empty()) return path;
  const auto home = environment("HOME");
  return home.empty() ? "" : join_path(home, ".aws/credentials");
}

Result<Credentials> profile_of(const std::string& path, const std::string& profile) {
  auto profiles = TRY(load_credentials_file(path));
  const auto found = profiles.find(profile);
  if (found == profiles.end()) {
    return Error::make(ErrorKind::not_found, "credentials file {}: has no profile {} with keys", path,
                       profile);
  }
  return found->second;
}

}  // namespace

Result<std::map<std::string, Credentials>> parse_credentials(std::string_view text, std::string_view source) {
  std::map<std::string, Credentials> profiles;
  std::string profile;
  size_t number = 0;
  for (const auto& raw : split(text, '\n')) {
    const auto place = format("{}: line {}", source, ++number);
    const auto line = trim(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      profile = TRY(parse_section(line, place));
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
      return Error::make(ErrorKind::invalid, "{}: must be NAME = VALUE", place);
    if (profile.empty()) return Error::make(ErrorKind::invalid, "{}: comes before any [profile]", place);
    set_member(profiles[profile], trim(line.substr(0, equals)), std::string(trim(line.substr(equals + 1))));
  }
  TRY(check_complete(profiles, source));
  std::erase_if(profiles, [](const auto& entry) { return entry.second.access_key_id.empty(); });
  return profiles;
}

Result<std::map<std::string, Credentials>> load_credentials_file(const std::string& path) {
  return parse_credentials(TRY(read_file(path, 1 << 20).context("credentials file")),
                           "credentials file " + path);
}

Result<Credentials> find_credentials(const std::string& file, const std::string& profile) {
  auto name = profile.empty() ? environment("AWS_PROFILE") : profile;
  if (name.empty()) name = "default";
  if (!file.empty()) return profile_of(file, name);
  Credentials credentials{environment("AWS_ACCESS_KEY_ID"),
                          Secret(environment("AWS_SECRET_ACCESS_KEY")),
                          Secret(environment("AWS_SESSION_TOKEN")),
                          {}};
  if (!credentials.access_key_id.empty() && !credentials.secret_access_key.empty()) return credentials;
  const auto path = default_credentials_path();
  if (path.empty() || !path_exists(path)) {
    return Error::make(
        ErrorKind::not_found,
        "no AWS credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor a file {}",
        path.empty() ? "~/.aws/credentials" : path);
  }
  return profile_of(path, name);
}

Result<std::unique_ptr<FileCredentialStore>> FileCredentialStore::open(const std::string& path) {
  std::unique_ptr<FileCredentialStore> store(new FileCredentialStore);
  TRY(check_private(path));
  store->path_ = path;
  store->stamp_ = TRY(stamp_of(path));
  store->profiles_ = TRY(load_credentials_file(path));
  if (store->profiles_.empty()) {
    return Error::make(ErrorKind::invalid, "credentials file {}: has no profile with keys", path);
  }
  return store;
}

void FileCredentialStore::refresh() const {
  const auto stamp = stamp_of(path_);
  if (!stamp || *stamp == stamp_) return;
  stamp_ = *stamp;
  auto profiles = load_credentials_file(path_);
  if (profiles && !profiles->empty()) {
    profiles_ = std::move(profiles).value();
    log::info("credentials file read again path={} profiles={}", path_, profiles_.size());
  } else {
    log::warning("credentials file not usable, keeping the last ones path={} error=\"{}\"", path_,
                 profiles ? "no profile with keys" : profiles.error().message());
  }
}

std::optional<Credentials> FileCredentialStore::find(std::string_view access_key_id) const {
  const std::lock_guard lock(mutex_);
  refresh();
  for (const auto& [name, credentials] : profiles_) {
    if (credentials.access_key_id == access_key_id) return credentials;
  }
  return std::nullopt;
}

std::string FileCredentialStore::profile_of(std::string_view access_key_id) const {
  const std::lock_guard lock(mutex_);
  refresh();
  for (const auto& [name, credentials] : profiles_) {
    if (credentials.access_key_id == access_key_id) return name;
  }
  return {};
}

Credentials FileCredentialStore::first() const {
  const std::lock_guard lock(mutex_);
  const auto found = profiles_.find("default");
  return found == profiles_.end() ? profiles_.begin()->second : found->second;
}

void MemoryCredentialStore::add(Credentials credentials) {
  const std::lock_guard lock(mutex_);
  auto id = credentials.access_key_id;
  keys_.insert_or_assign(std::move(id), std::move(credentials));
}

void MemoryCredentialStore::remove(std::string_view access_key_id) {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(access_key_id);
  if (found != keys_.end()) keys_.erase(found);
}

std::optional<Credentials> MemoryCredentialStore::find(std::string_view access_key_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(access_key_id);
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

}  // namespace gantry::http
