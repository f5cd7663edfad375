#include "images/registry_json.h"

#include "base/json.h"

namespace gantry::images {
namespace {

struct TokenDocument {
  std::string token;
  std::string access_token;
  int64_t expires_in = 60;
};

template <class Visitor>
void members(Visitor& visit, TokenDocument& document) {
  visit("token", document.token);
  visit("access_token", document.access_token);
  visit("expires_in", document.expires_in);
}

struct ErrorEntry {
  std::string code;
  std::string message;
};

template <class Visitor>
void members(Visitor& visit, ErrorEntry& entry) {
  visit("code", entry.code);
  visit("message", entry.message);
}

struct ErrorDocument {
  std::vector<ErrorEntry> errors;
};

template <class Visitor>
void members(Visitor& visit, ErrorDocument& document) {
  visit("errors", document.errors);
}

}  // namespace

Result<TokenResponse> parse_token_response(std::string_view body, std::string_view source) {
  const auto document = TRY(parse_json<TokenDocument>(body, source));
  const std::string& text = document.token.empty() ? document.access_token : document.token;
  if (text.empty() || text.find_first_of("\r\n") != std::string::npos) {
    return Error::invalid(source, "$.token", "must be a token");
  }
  // The specification's minimum; a server that says less would be asked again for each request.
  return TokenResponse{Secret(text), std::chrono::seconds(std::max<int64_t>(document.expires_in, 60))};
}

std::vector<std::string> error_texts(std::string_view body) {
  std::vector<std::string> texts;
  const auto document = parse_json<ErrorDocument>(body, "errors");
  if (!document) return texts;
  for (const auto& entry : document->errors) {
    texts.push_back(entry.message.empty() ? entry.code : format("{}: {}", entry.code, entry.message));
  }
  return texts;
}

}  // namespace gantry::images
