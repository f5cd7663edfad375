#pragma once

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "http/aws_error.h"
#include "http/client.h"
#include "http/message.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// AWS Signature Version 4. Source: docs.aws.amazon.com "Signature Version 4 signing process" (AWS General
// Reference), and what botocore and the AWS SDK for Go send.
namespace gantry::http {

inline constexpr std::string_view sigv4_algorithm = "AWS4-HMAC-SHA256";

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;                 // empty: long-lived keys
  std::optional<TimePoint> expires_at;  // of the session token
};

// Adds X-Amz-Date, X-Amz-Security-Token (with a session token) and Authorization to `request`, replacing old
// ones; signs the host, the body's hash, x-amz-* and content-type. A file upload is signed as
// UNSIGNED-PAYLOAD in X-Amz-Content-Sha256. Errors: invalid (URL).
Result<void> sign(ClientRequest& request, const Credentials& credentials, std::string_view region,
                  std::string_view service, TimePoint time);

// The headers Authorization, X-Amz-Date (and X-Amz-Security-Token) for a websocket upgrade of `url`: a GET
// with only host and x-amz-* signed and an empty body. Put them into WebSocketOptions::headers. They hold for
// one attempt: sign again for the next.
Result<Headers> sign_upgrade(std::string_view url, const Credentials& credentials, std::string_view region,
                             std::string_view service, TimePoint time);

// `url` with the signature in its query (X-Amz-Algorithm and so on), good for `lifetime` (1 s to 7 days).
Result<std::string> presign(std::string_view method, std::string_view url, const Credentials& credentials,
                            std::string_view region, std::string_view service, TimePoint time,
                            std::chrono::seconds lifetime);

// Where a verifier looks up keys. Threads share it.
class CredentialStore {
 public:
  virtual ~CredentialStore() = default;
  virtual std::optional<Credentials> find(std::string_view access_key_id) const = 0;
};

// Who signed.
struct Identity {
  std::string access_key_id;
  std::string region;
  std::string service;
};

struct VerifierOptions {
  std::string region = "us-east-1";
  std::vector<std::string> services;  // signing names accepted here: "ecs", "events"
  std::chrono::seconds max_skew = std::chrono::minutes(15);
};

// Checks signatures in Authorization headers and in presigned queries. Has no state of its own: threads share
// it.
class SigV4Verifier {
 public:
  // All three must outlive it.
  SigV4Verifier(const CredentialStore& store, VerifierOptions options, const Clock& clock)
      : store_(store), options_(std::move(options)), clock_(clock) {}

  // Errors, all with status 400: IncompleteSignatureException (malformed),
  // InvalidSignatureException (wrong signature, date, scope, or "Signature expired: …"),
  // UnrecognizedClientException (unknown key or token), ExpiredTokenException,
  // MissingAuthenticationTokenException (no signature).
  AwsResult<Identity> verify(const Request& request) const;

 private:
  const CredentialStore& store_;
  VerifierOptions options_;
  const Clock& clock_;
};

// The parts that sign and verify share; public for tests and for tools that explain a mismatch.
struct CanonicalRequest {
  std::string method;
  std::string path;                     // as on the wire, up to "?"; encoded once more below, for all but S3
  std::vector<QueryParameter> query;    // decoded, without the signature
  std::vector<Headers::Field> headers;  // those signed: lower case, sorted, values trimmed
  std::string payload_hash;
  bool encode_path_again = true;

  std::string string() const;
  std::string signed_headers() const;  // "content-type;host;x-amz-date"
};
// The value that canonical headers have: trimmed, inner runs of spaces made one.
std::string canonical_header_value(std::string_view value);
// Lower-case hex of the signature; `basic_date` is X-Amz-Date's value.
std::string signature(const std::string& canonical_request, const Secret& secret_access_key,
                      std::string_view basic_date, std::string_view region, std::string_view service);
std::string sha256_hex(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);  // 32 raw bytes
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace gantry::http
