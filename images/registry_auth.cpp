#include "images/registry_auth.h"

#include "base/text.h"
#include "http/listen.h"
#include "images/registry_json.h"

namespace gantry::images {
namespace {

// Before a token's end by its own words, so that it doesn't end on the way.
constexpr auto token_margin = std::chrono::seconds(10);

std::string_view skip_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == ',' || text.front() == '\t'))
    text.remove_prefix(1);
  return text;
}

// A quoted string or a token, taken off `text`.
std::string take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const size_t end = text.find_first_of(", \t");
    value = text.substr(0, end);
    text.remove_prefix(value.size());
    return value;
  }
  size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    value += text[i];
  }
  text.remove_prefix(std::min(text.size(), i + 1));
  return value;
}

std::string form(const std::string& name, const std::string& value) {
  return format("{}={}", name, http::percent_encode(value));
}

std::string basic_header(const Credential& credential) {
  return "Basic " + base64_encode(credential.username + ":" + credential.password.reveal());
}

}  // namespace

Result<Challenge> parse_challenge(std::string_view header) {
  Challenge challenge;
  std::string_view rest = trim(header);
  const size_t blank = rest.find(' ');
  challenge.scheme = to_lower(rest.substr(0, blank));
  rest = blank == std::string_view::npos ? std::string_view() : skip_blanks(rest.substr(blank));
  while (!rest.empty()) {
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) {
      return Error::make(ErrorKind::invalid, "WWW-Authenticate \"{}\" is malformed", header);
    }
    const std::string name = to_lower(trim(rest.substr(0, equals)));
    rest.remove_prefix(equals + 1);
    challenge.parameters[name] = take_value(rest);
    rest = skip_blanks(rest);
  }
  return challenge;
}

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) return http::is_loopback(host.substr(1, host.find(']') - 1));
  return http::is_loopback(host) || http::is_loopback(host.substr(0, host.rfind(':')));
}

std::string RegistryAuth::header(const std::string& scope) const {
  const std::lock_guard lock(mutex_);
  if (basic_ && credential_) return basic_header(*credential_);
  const auto token = tokens_.find(scope);
  if (token == tokens_.end() || token->second.ends <= std::chrono::steady_clock::now()) return {};
  return "Bearer " + token->second.text;
}

Result<void> RegistryAuth::answer(const Challenge& challenge, const std::string& scope,
                                  const std::string& refused) {
  if (challenge.scheme == "bearer") return fetch_token(challenge, scope);
  if (challenge.scheme != "basic") {
    return Error::make(ErrorKind::unsupported, "authentication scheme \"{}\" is not supported",
                       challenge.scheme);
  }
  if (!credential_ || credential_->username.empty()) {
    return Error(ErrorKind::unauthenticated, "no basic auth credentials: log in first");
  }
  const std::lock_guard lock(mutex_);
  // Another thread may have found out meanwhile: only what was sent and refused is wrong.
  if (refused.starts_with("Basic "))
    return Error(ErrorKind::unauthenticated, "incorrect username or password");
  basic_ = true;
  return {};
}

Result<void> RegistryAuth::fetch_token(const Challenge& challenge, const std::string& scope) {
  const auto realm = challenge.parameters.find("realm");
  if (realm == challenge.parameters.end()) {
    return Error(ErrorKind::invalid, "the registry's challenge names no realm");
  }
  const auto url = TRY(http::Url::parse(realm->second));
  // Credentials go there: only encrypted, or not beyond this machine.
  const bool plain_allowed =
      plain_ == PlainHttp::anywhere || (plain_ == PlainHttp::on_loopback && is_loopback_host(url.host));
  if (!url.secure() && !plain_allowed) {
    return Error::make(ErrorKind::denied, "the token server {} is not https", realm->second);
  }
  std::string query;
  const auto service = challenge.parameters.find("service");
  if (service != challenge.parameters.end()) query = form("service", service->second);
  for (const auto& part : split(scope, ' ')) {
    if (!part.empty()) query += (query.empty() ? "" : "&") + form("scope", part);
  }
  http::ClientRequest request;
  if (credential_ && !credential_->identity_token.empty()) {
    request.method = "POST";
    request.url = realm->second;
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = format("grant_type=refresh_token&client_id=gantry&{}&{}", query,
                          form("refresh_token", credential_->identity_token.reveal()));
  } else {
    const bool has_query = realm->second.find('?') != std::string::npos;
    request.url = realm->second + (query.empty() ? "" : (has_query ? "&" : "?") + query);
    if (credential_ && !credential_->username.empty()) {
      request.headers.set("Authorization", basic_header(*credential_));
    }
  }
  const auto response =
      TRY(client_.send(request, {.limit = std::chrono::seconds(60), .max_body_size = size_t{1} << 20}));
  if (response.status == 401 || response.status == 403) {
    return Error::make(ErrorKind::unauthenticated,
                       "the token server refused: incorrect username or password");
  }
  if (response.status != 200) {
    return Error::make(ErrorKind::unavailable, "the token server {} answered {}", url.authority(),
                       response.status);
  }
  const auto token = TRY(parse_token_response(response.body, "token response"));
  const std::lock_guard lock(mutex_);
  tokens_[scope] = {token.text.reveal(), std::chrono::steady_clock::now() + token.lifetime - token_margin};
  return {};
}

}  // namespace gantry::images
