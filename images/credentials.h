#pragma once

#include "base/log.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <vector>

namespace gantry::images {

struct Credential {
  std::string username;
  Secret password;
  Secret identity_token;  // an OAuth2 refresh token instead of a password
  bool empty() const { return username.empty() && identity_token.empty(); }
};

// Where credentials for registries are looked up, in this order; the first file is the one that login
// writes to.
struct CredentialPaths {
  std::vector<std::string> files;
  // $REGISTRY_AUTH_FILE; $DOCKER_CONFIG/config.json or ~/.docker/config.json;
  // ${XDG_RUNTIME_DIR}/containers/auth.json. With $REGISTRY_AUTH_FILE set, login writes there; else to
  // docker's file.
  static CredentialPaths from_environment();
};

// Docker's config.json (`auths`, `credHelpers`, `credsStore`) and containers' auth.json. Helpers are programs
// `docker-credential-NAME`. Members that we don't know are kept when the file is rewritten.
class CredentialFiles {
 public:
  explicit CredentialFiles(CredentialPaths paths = CredentialPaths::from_environment());

  // For a registry's host as in references ("docker.io", "127.0.0.1:5000"). Empty when none is known.
  // Errors: invalid for a file that can't be parsed, naming it; a helper's own error.
  Result<std::optional<Credential>> lookup(const std::string& host) const;
  // Writes 0600 by rename, or through the helper that the file names for the host.
  Result<void> store(const std::string& host, const Credential& credential) const;
  // Errors: not_found when there is none.
  Result<void> erase(const std::string& host) const;

 private:
  CredentialPaths paths_;
};

}  // namespace gantry::images
