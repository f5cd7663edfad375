#pragma once

#include "agent/container_driver.h"
#include "http/sigv4.h"
#include "images/credentials.h"

#include <map>
#include <mutex>
#include <string>

namespace gantry::agent {

// Registry passwords from ECR's GetAuthorizationToken, kept for half of their life. Thread-safe.
class EcrLogin {
 public:
  EcrLogin(http::Credentials credentials, std::string ca_file)
      : credentials_(std::move(credentials)), ca_file_(std::move(ca_file)) {}

  // Errors: unauthenticated, unavailable, as the service says.
  Result<images::Credential> login(const RegistryLogin& wanted);

 private:
  struct Kept {
    images::Credential credential;
    TimePoint until;
  };
  http::Credentials credentials_;
  std::string ca_file_;
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
