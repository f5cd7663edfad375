#include "images/credentials.h"

#include "base/files.h"
#include "base/lock.h"
#include "base/process.h"
#include "base/text.h"
#include "images/credentials_json.h"

#include <cstdlib>

namespace gantry::images {
namespace {

constexpr std::string_view docker_server = "https://index.docker.io/v1/";
constexpr size_t file_limit = size_t{1} << 20;

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

// The key under which a file or helper knows the registry.
std::string server_of(const std::string& host) {
  return host == "docker.io" ? std::string(docker_server) : host;
}

// "https://index.docker.io/v1/" and "index.docker.io" are docker.io; "https://host/v2/" is host.
std::string host_of(std::string_view server) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (server.starts_with(scheme)) server.remove_prefix(scheme.size());
  }
  for (const std::string_view ending : {"/", "/v1", "/v2"}) {
    if (server.ends_with(ending)) server.remove_suffix(ending.size());
  }
  if (server == "index.docker.io" || server == "registry-1.docker.io") return "docker.io";
  return std::string(server);
}

Result<CredentialFile> read(const std::string& path) {
  const auto text = read_file(path, file_limit);
  if (!text && text.error().kind() == ErrorKind::not_found) return CredentialFile{};
  if (!text) return text.error();
  if (trim(*text).empty()) return CredentialFile{};
  return parse_credential_file(*text, path);
}

// The helper that a file names for a host; "" when it names none.
std::string helper_for(const CredentialFile& file, const std::string& host) {
  for (const auto& [name, helper] : file.helpers) {
    if (host_of(name) == host) return helper;
  }
  return file.store;
}

Result<CommandResult> run_helper(const std::string& helper, const std::string& verb,
                                 const std::string& input) {
  if (helper.empty() || helper.find('/') != std::string::npos) {
    return Error::make(ErrorKind::invalid, "credential helper \"{}\" must be a name without slashes", helper);
  }
  return run_command({.arguments = {"docker-credential-" + helper, verb},
                      .input = input,
                      .limit = std::chrono::seconds(60)});
}

Error helper_failed(const std::string& helper, const CommandResult& result) {
  const auto says = trim(result.errors.empty() ? result.output : result.errors);
  return Error::make(ErrorKind::unavailable, "credential helper {} ended with status {}: {}", helper,
                     result.status, says.substr(0, 200));
}

Result<std::optional<Credential>> ask_helper(const std::string& helper, const std::string& host) {
  const auto result = TRY(run_helper(helper, "get", server_of(host)));
  const bool unknown = result.output.find("credentials not found") != std::string::npos;
  if (result.status != 0 && unknown) return std::optional<Credential>();
  if (result.status != 0) return helper_failed(helper, result);
  return std::optional<Credential>(TRY(parse_helper_answer(result.output, "credential helper " + helper)));
}

Result<void> make_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? Result<void>()
                                                  : make_directories(path.substr(0, slash), 0700);
}

}  // namespace

CredentialPaths CredentialPaths::from_environment() {
  CredentialPaths paths;
  const std::string explicit_file = environment("REGISTRY_AUTH_FILE");
  if (!explicit_file.empty()) paths.files.push_back(explicit_file);
  const std::string docker = environment("DOCKER_CONFIG");
  const std::string home = environment("HOME");
  if (!docker.empty())
    paths.files.push_back(join_path(docker, "config.json"));
  else if (!home.empty())
    paths.files.push_back(join_path(home, ".docker/config.json"));
  const std::string runtime = environment("XDG_RUNTIME_DIR");
  if (!runtime.empty()) paths.files.push_back(join_path(runtime, "containers/auth.json"));
  return paths;
}

CredentialFiles::CredentialFiles(CredentialPaths paths) : paths_(std::move(paths)) {}

Result<std::optional<Credential>> CredentialFiles::lookup(const std::string& host) const {
  for (const auto& path : paths_.files) {
    const auto file = TRY(read(path));
    for (const auto& [server, entry] : file.auths) {
      if (host_of(server) != host) continue;
      auto credential = TRY(parse_auth_entry(entry, path));
      if (!credential.empty()) return std::optional<Credential>(std::move(credential));
    }
    const std::string helper = helper_for(file, host);
    if (helper.empty()) continue;
    auto credential = TRY(ask_helper(helper, host));
    if (credential) return credential;
  }
  return std::optional<Credential>();
}

Result<void> CredentialFiles::store(const std::string& host, const Credential& credential) const {
  if (paths_.files.empty())
    return Error(ErrorKind::invalid, "no place for credentials: set HOME or DOCKER_CONFIG");
  const std::string& path = paths_.files.front();
  TRY(make_folder_of(path));
  const auto lock = TRY(FileLock::acquire(path + ".lock"));
  auto file = TRY(read(path));
  const std::string helper = helper_for(file, host);
  if (!helper.empty()) {
    const auto result = TRY(run_helper(helper, "store", helper_request(server_of(host), credential)));
    return result.status == 0 ? Result<void>() : helper_failed(helper, result);
  }
  std::erase_if(file.auths, [&](const auto& entry) { return host_of(entry.first) == host; });
  file.auths[server_of(host)] = auth_entry_text(credential);
  return write_file(path, to_json_text(file), 0600, Durability::durable);
}

Result<void> CredentialFiles::erase(const std::string& host) const {
  bool erased = false;
  for (const auto& path : paths_.files) {
    if (!path_exists(path)) continue;
    const auto lock = TRY(FileLock::acquire(path + ".lock"));
    auto file = TRY(read(path));
    const size_t gone =
        std::erase_if(file.auths, [&](const auto& entry) { return host_of(entry.first) == host; });
    if (gone > 0) TRY(write_file(path, to_json_text(file), 0600, Durability::durable));
    const std::string helper = helper_for(file, host);
    const bool known = !helper.empty() && TRY(ask_helper(helper, host)).has_value();
    if (known) {
      const auto result = TRY(run_helper(helper, "erase", server_of(host)));
      if (result.status != 0) return helper_failed(helper, result);
    }
    erased = erased || gone > 0 || known;
  }
  if (erased) return {};
  return Error::make(ErrorKind::not_found, "not logged in to {}", host);
}

}  // namespace gantry::images
