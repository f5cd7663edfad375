#pragma once

#include "agent/container_driver.h"
#include "http/sigv4.h"
#include "images/credentials.h"
#include "images/image_store.h"

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace gantry::agent {

// Registry passwords from ECR's GetAuthorizationToken, kept for half of their life. Thread-safe.
class EcrLogin {
 public:
  EcrLogin(http::Credentials credentials, std::string ca_file, const Clock& clock)
      : credentials_(std::move(credentials)), ca_file_(std::move(ca_file)), clock_(clock) {}

  // Errors: unauthenticated, unavailable, as the service says; denied for plain HTTP to another machine,
  // where the password would come back in the clear; invalid for another scheme.
  Result<images::Credential> login(const RegistryLogin& wanted);

  // Pulls with the password; where the registry refuses it, that is forgotten, and a new one is tried once.
  using Pull = std::function<Result<images::Image>(const images::Credential&)>;
  Result<images::Image> pull(const RegistryLogin& wanted, const Pull& pull);

 private:
  void forget(const RegistryLogin& wanted, const images::Credential& refused);
  struct Kept {
    images::Credential credential;
    TimePoint until;
  };
  http::Credentials credentials_;
  std::string ca_file_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;  // by endpoint
};

// The answer's first token: base64 of "AWS:PASSWORD". Errors: corrupt.
struct EcrToken {
  images::Credential credential;
  double expires_at = 0;  // seconds since 1970
};
Result<EcrToken> parse_ecr_token(std::string_view answer);

}  // namespace gantry::agent
