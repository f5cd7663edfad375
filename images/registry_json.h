#pragma once

#include "base/log.h"
#include "base/result.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

// The small documents of registries and of credential files; for this folder only.
namespace gantry::images {

struct TokenResponse {
  Secret text;
  std::chrono::seconds lifetime{60};
};
// Source: distribution's token specification: `token` or `access_token`, `expires_in`.
Result<TokenResponse> parse_token_response(std::string_view body, std::string_view source);

// "CODE: message" of each of an error body's `errors`; empty when it is no such body.
std::vector<std::string> error_texts(std::string_view body);

}  // namespace gantry::images
