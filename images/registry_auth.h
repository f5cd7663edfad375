#pragma once

#include "base/result.h"
#include "http/client.h"
#include "images/credentials.h"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace gantry::images {

// A WWW-Authenticate header: the scheme in lower case, parameters by lower-case name. RFC 9110
// section 11.6.1.
struct Challenge {
  std::string scheme;
  std::map<std::string, std::string> parameters;
};
Result<Challenge> parse_challenge(std::string_view header);

// Plain HTTP is spoken only to hosts that are this machine: 127.0.0.0/8, [::1], localhost; with any port.
bool is_loopback_host(std::string_view host);

// Where a registry's token server may be asked without encryption.
enum class PlainHttp { never, on_loopback, anywhere };

// The credentials of one registry, and the tokens that it gave, by scope. Threads may share it; nothing is
// locked while the network is asked.
class RegistryAuth {
 public:
  RegistryAuth(http::Client& client, std::optional<Credential> credential, PlainHttp plain)
      : client_(client), credential_(std::move(credential)), plain_(plain) {}

  // The Authorization header to send for `scope`; empty when none is known yet, or the token is about to end.
  std::string header(const std::string& scope) const;
  // Answers a 401 to a request that had `refused` as its Authorization (perhaps none): gets a token, or finds
  // that Basic is wanted. Errors: unauthenticated, naming why.
  Result<void> answer(const Challenge& challenge, const std::string& scope, const std::string& refused);

 private:
  struct Token {
    std::string text;
    std::chrono::steady_clock::time_point ends;
  };
  Result<void> fetch_token(const Challenge& challenge, const std::string& scope);

  http::Client& client_;
  const std::optional<Credential> credential_;
  const PlainHttp plain_;
  mutable std::mutex mutex_;
  std::map<std::string, Token> tokens_;
  bool basic_ = false;
};

}  // namespace gantry::images
