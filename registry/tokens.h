#pragma once

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"

#include <chrono>
#include <string>
#include <string_view>

namespace gantry::registry {

struct Token {
  std::string text;
  TimePoint expires_at;
};

// Issues and checks authorization tokens: "gantry1.EXPIRY.KEYID.MAC", where MAC is an HMAC-SHA256 of what
// stands before it. No state but the key, so tokens outlive a restart. Threads share it.
class TokenAuthority {
 public:
  // The key is made at the first start, 0600. `clock` must outlive this. Errors: invalid when the key file
  // isn't ours.
  static Result<TokenAuthority> open(const std::string& key_path, std::chrono::seconds lifetime,
                                     const Clock& clock);

  Token issue(std::string_view access_key_id) const;
  // The key id that the token was issued to. Errors: unauthenticated, saying "expired" if it is that.
  Result<std::string> check(std::string_view token) const;

 private:
  TokenAuthority(Secret key, std::chrono::seconds lifetime, const Clock& clock)
      : key_(std::move(key)), lifetime_(lifetime), clock_(&clock) {}
  std::string mac(std::string_view text) const;

  Secret key_;
  std::chrono::seconds lifetime_;
  const Clock* clock_;
};

}  // namespace gantry::registry
