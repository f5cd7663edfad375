#include "base/text.h"
#include "http/sigv4.h"

#include <algorithm>

namespace gantry::http {
namespace {

// What a request claims, from its Authorization header or from its query.
struct Claim {
  std::string access_key_id;
  std::string scope_date;
  std::string region;
  std::string service;
  std::vector<std::string> signed_headers;
  std::string signature;
  std::string date;  // X-Amz-Date
  std::string token;
  std::optional<std::chrono::seconds> lifetime;  // presigned
};

AwsError incomplete(std::string message) {
  return {"IncompleteSignatureException", std::move(message), 400};
}

AwsError invalid_signature(std::string message) {
  return {"InvalidSignatureException", std::move(message), 400};
}

AwsError unknown_token() {
  return {"UnrecognizedClientException", "The security token included in the request is invalid.", 400};
}

AwsResult<void> read_credential(std::string_view text, Claim& claim) {
  const auto parts = split(text, '/');
  // A key id has no slash, so exactly five parts.
  if (parts.size() != 5 || parts[0].empty() || parts[4] != "aws4_request") {
    return incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/aws4_request");
  }
  claim.access_key_id = parts[0];
  claim.scope_date = parts[1];
  claim.region = parts[2];
  claim.service = parts[3];
  return {};
}

std::string parameter_of(std::string_view header, std::string_view name) {
  for (const auto& part : split(header, ',')) {
    const auto text = trim(part);
    if (text.starts_with(name) && text.substr(name.size()).starts_with('=')) {
      return std::string(text.substr(name.size() + 1));
    }
  }
  return {};
}

AwsResult<Claim> claim_of_header(const Request& request, std::string_view authorization) {
  if (!authorization.starts_with(sigv4_algorithm)) {
    return incomplete("Authorization header must use AWS4-HMAC-SHA256");
  }
  authorization.remove_prefix(sigv4_algorithm.size());
  Claim claim;
  const auto credential = parameter_of(authorization, "Credential");
  const auto headers = parameter_of(authorization, "SignedHeaders");
  claim.signature = parameter_of(authorization, "Signature");
  claim.date = request.headers.get("X-Amz-Date");
  std::string missing;
  if (credential.empty()) missing += "Authorization header requires 'Credential' parameter. ";
  if (claim.signature.empty()) missing += "Authorization header requires 'Signature' parameter. ";
  if (headers.empty()) missing += "Authorization header requires 'SignedHeaders' parameter. ";
  if (claim.date.empty()) missing += "Authorization header requires existence of a 'X-Amz-Date' header. ";
  if (!missing.empty()) return incomplete(std::string(trim(missing)));
  TRY(read_credential(credential, claim));
  claim.signed_headers = split(headers, ';');
  claim.token = request.headers.get("X-Amz-Security-Token");
  return claim;
}

std::string parameter(const Request& request, std::string_view name) {
  const auto* value = request.parameter(name);
  return value ? *value : "";
}

AwsResult<Claim> claim_of_query(const Request& request) {
  if (parameter(request, "X-Amz-Algorithm") != sigv4_algorithm)
    return incomplete("X-Amz-Algorithm must be AWS4-HMAC-SHA256");
  Claim claim;
  for (const auto* name :
       {"X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"}) {
    if (parameter(request, name).empty())
      return incomplete(format("AWS query-string parameters must include '{}'", name));
  }
  TRY(read_credential(parameter(request, "X-Amz-Credential"), claim));
  const auto seconds = parse_unsigned("X-Amz-Expires", parameter(request, "X-Amz-Expires"), 604800);
  if (!seconds || *seconds == 0) return incomplete("X-Amz-Expires must be between 1 and 604800 seconds");
  claim.lifetime = std::chrono::seconds(*seconds);
  claim.signed_headers = split(parameter(request, "X-Amz-SignedHeaders"), ';');
  claim.signature = parameter(request, "X-Amz-Signature");
  claim.date = parameter(request, "X-Amz-Date");
  claim.token = parameter(request, "X-Amz-Security-Token");
  return claim;
}

AwsResult<Claim> claim_of(const Request& request) {
  const auto* authorization = request.headers.find("Authorization");
  if (authorization != nullptr) return claim_of_header(request, *authorization);
  if (request.parameter("X-Amz-Signature") != nullptr || request.parameter("X-Amz-Algorithm") != nullptr) {
    return claim_of_query(request);
  }
  return AwsError{"MissingAuthenticationTokenException", "Missing Authentication Token", 400};
}

AwsResult<void> check_scope(const Claim& claim, const VerifierOptions& options) {
  if (claim.region != options.region) {
    return invalid_signature(
        format("Credential should be scoped to a valid region, not '{}'.", claim.region));
  }
  const auto& services = options.services;
  if (std::find(services.begin(), services.end(), claim.service) == services.end()) {
    return invalid_signature(
        format("Credential should be scoped to correct service: '{}'.", join(services, "' or '")));
  }
  if (claim.scope_date != claim.date.substr(0, 8)) {
    return invalid_signature(
        format("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
               "'{}' != '{}', from '{}'.",
               claim.scope_date, claim.date.substr(0, 8), claim.date));
  }
  return {};
}

AwsResult<void> check_time(const Claim& claim, TimePoint now, std::chrono::seconds skew) {
  const auto parsed = parse_basic_iso8601(claim.date);
  if (!parsed) return incomplete(format("Date must be in ISO-8601 'basic format'. Got '{}'.", claim.date));
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(skew).count();
  const auto good_for = claim.lifetime ? *claim.lifetime : skew;
  if (*parsed + good_for < now) {
    const auto reason = claim.lifetime ? format("{} s", good_for.count()) : format("{} min.", minutes);
    return invalid_signature(format("Signature expired: {} is now earlier than {} ({} - {})", claim.date,
                                    format_basic_iso8601(now - good_for), format_basic_iso8601(now), reason));
  }
  if (*parsed > now + skew) {
    return invalid_signature(format("Signature not yet current: {} is still later than {} ({} + {} min.)",
                                    claim.date, format_basic_iso8601(now + skew), format_basic_iso8601(now),
                                    minutes));
  }
  return {};
}

AwsResult<void> check_token(const Claim& claim, const Credentials& credentials, TimePoint now) {
  if (!equal_in_constant_time(claim.token, credentials.session_token.reveal())) return unknown_token();
  if (credentials.expires_at && *credentials.expires_at <= now) {
    return AwsError{"ExpiredTokenException", "The security token included in the request is expired", 400};
  }
  return {};
}

// What must be signed so that a signature can't be moved to another call.
AwsResult<void> check_signed_headers(const Claim& claim, const Request& request) {
  for (const std::string name : {"host", "x-amz-target", "x-amz-content-sha256"}) {
    const bool needed = name == "host" || request.headers.has(name);
    const bool found = std::find(claim.signed_headers.begin(), claim.signed_headers.end(), name) !=
                       claim.signed_headers.end();
    if (needed && !found)
      return invalid_signature(format("'{}' must be a 'SignedHeader' in the signature.", name));
  }
  return {};
}

AwsResult<CanonicalRequest> rebuild(const Claim& claim, const Request& request) {
  CanonicalRequest canonical;
  canonical.method = request.method;
  canonical.path = request.target.substr(0, request.target.find('?'));
  for (const auto& entry : request.query) {
    if (entry.name != "X-Amz-Signature" || !claim.lifetime) canonical.query.push_back(entry);
  }
  for (const auto& name : claim.signed_headers) {
    const auto values = request.headers.all(name);
    if (values.empty())
      return invalid_signature(format("The signed header '{}' is not in the request.", name));
    for (const auto& value : values)
      canonical.headers.push_back({to_lower(name), canonical_header_value(value)});
  }
  canonical.payload_hash = sha256_hex(request.body);
  return canonical;
}

}  // namespace

AwsResult<Identity> SigV4Verifier::verify(const Request& request) const {
  const auto claim = TRY(claim_of(request));
  const auto now = clock_.now();
  TRY(check_scope(claim, options_));
  TRY(check_time(claim, now, options_.max_skew));
  TRY(check_signed_headers(claim, request));
  const auto credentials = store_.find(claim.access_key_id);
  if (!credentials) return unknown_token();
  TRY(check_token(claim, *credentials, now));
  const auto canonical = TRY(rebuild(claim, request));
  const auto expected =
      signature(canonical.string(), credentials->secret_access_key, claim.date, claim.region, claim.service);
  if (!equal_in_constant_time(expected, claim.signature)) {
    return invalid_signature(
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access "
        "Key and signing method. Consult the service documentation for details.");
  }
  return Identity{claim.access_key_id, claim.region, claim.service};
}

}  // namespace gantry::http
