#include "images/registry_client.h"

#include "base/text.h"
#include "images/registry_error.h"
#include "oci/hasher.h"
#include "oci/manifest.h"

#include <algorithm>
#include <thread>

namespace gantry::images {
namespace {

constexpr int redirect_limit = 5;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string accepted_types() {
  return format("{}, {}, {}, {}", oci::media_type::oci_index, oci::media_type::oci_manifest,
                oci::media_type::docker_index, oci::media_type::docker_manifest);
}

std::string pull_scope(const std::string& path) {
  return format("repository:{}:pull", path);
}

// RFC 9110 section 10.2.3, in seconds; a date counts as none.
std::chrono::milliseconds retry_after(const http::Response& response) {
  constexpr uint64_t most = 10;
  auto seconds = parse_unsigned("Retry-After", response.headers.get("Retry-After", "0"), UINT32_MAX);
  return std::chrono::seconds(std::min<uint64_t>(std::move(seconds).value_or(0), most));
}

PlainHttp plain_http(const std::string& host, const RegistryOptions& options) {
  if (options.insecure) return PlainHttp::anywhere;
  return is_loopback_host(host) ? PlainHttp::on_loopback : PlainHttp::never;
}

}  // namespace

Error status_error(const http::Response& response, std::string_view what) {
  const auto texts = error_texts(response.body);
  std::string says = texts.empty() ? format("status {}", response.status) : join(texts, "; ");
  if (texts.empty() && response.status == 401) says = "incorrect or missing username or password";
  ErrorKind kind = ErrorKind::invalid;
  if (response.status == 401) kind = ErrorKind::unauthenticated;
  if (response.status == 403) kind = ErrorKind::denied;
  if (response.status == 404) kind = ErrorKind::not_found;
  if (response.status == 429 || response.status >= 500) kind = ErrorKind::unavailable;
  return Error::make(kind, "{}: {}", what, says);
}

RegistryClient::RegistryClient(const std::string& host, const RegistryOptions& options)
    : origin_((is_loopback_host(host) ? "http://" : "https://") + host),
      options_(options),
      client_(http::ClientOptions{.connect_limit = options.limits.connect,
                                  .stall_limit = options.limits.stall,
                                  .ca_file = options.ca_file,
                                  .verify = !options.insecure}),
      auth_(client_, options.credential, plain_http(host, options)) {}

void RegistryClient::find_scheme() {
  if (!options_.insecure || !origin_.starts_with("https://")) return;
  std::call_once(scheme_found_, [this] {
    const auto answer = client_.send({.url = origin_ + "/v2/"}, {.limit = std::chrono::seconds(60)});
    if (!answer && answer.error().kind() == ErrorKind::unavailable) origin_.replace(0, 5, "http");
  });
}

std::string RegistryClient::url(const std::string& path, const std::string& rest) {
  find_scheme();
  return format("{}/v2/{}/{}", origin_, path, rest);
}

Result<std::string> RegistryClient::resolve(const std::string& base, const std::string& location) const {
  const auto from = TRY(http::Url::parse(base));
  const bool absolute = location.find("://") != std::string::npos;
  std::string text = location;
  if (!absolute) {
    const std::string target = from.target.substr(0, from.target.find('?'));
    const std::string folder = location.starts_with('/') ? "" : target.substr(0, target.rfind('/') + 1);
    text = format("{}://{}{}{}", from.scheme, from.authority(), folder, location);
  }
  const auto to = TRY(http::Url::parse(text));
  if (!to.secure() && (from.secure() || (!options_.insecure && !is_loopback_host(to.host)))) {
    return Error::make(ErrorKind::denied, "{} sends us on to {}, which is not https", from.authority(),
                       to.authority());
  }
  return text;
}

Result<http::Response> RegistryClient::send_once(http::ClientRequest& request, const std::string& scope,
                                                 const http::SendOptions& options) {
  // Two answers to a 401: a token may have ended on the way.
  for (int attempt = 0;; ++attempt) {
    const std::string authorization = auth_.header(scope);
    request.headers.remove("Authorization");
    if (!authorization.empty()) request.headers.set("Authorization", authorization);
    auto response = TRY(client_.send(request, options));
    const std::string* challenge = response.headers.find("WWW-Authenticate");
    if (response.status != 401 || attempt > 0 || challenge == nullptr) return response;
    const auto parsed = TRY(parse_challenge(*challenge));
    TRY(auth_.answer(parsed, scope, authorization));
  }
}

Result<http::Response> RegistryClient::send(http::ClientRequest request, const std::string& scope,
                                            const http::SendOptions& options) {
  auto response = TRY(send_once(request, scope, options));
  const bool follows = request.method == "GET" || request.method == "HEAD";
  for (int redirects = 0; follows && is_redirect(response.status); ++redirects) {
    if (redirects == redirect_limit)
      return Error::make(ErrorKind::invalid, "{}: more than {} redirects", request.url, redirect_limit);
    const std::string from = request.url;
    request.url = TRY(resolve(from, response.headers.get("Location")));
    const auto old_url = TRY(http::Url::parse(from));
    const auto new_url = TRY(http::Url::parse(request.url));
    const bool foreign = old_url.authority() != new_url.authority() || old_url.scheme != new_url.scheme;
    if (foreign) request.headers.remove("Authorization");
    response = TRY(client_.send(request, options));
  }
  return response;
}

Result<void> RegistryClient::check_login() {
  find_scheme();
  http::ClientRequest request{.url = origin_ + "/v2/"};
  const auto response = TRY(send(std::move(request), "", {.limit = std::chrono::seconds(60)}));
  if (response.status == 200) return {};
  return status_error(response, "login");
}

Result<http::Response> RegistryClient::get_document(const std::string& path,
                                                    const std::string& tag_or_digest) {
  const http::SendOptions options{.limit = options_.limits.document,
                                  .max_body_size = oci::manifest_size_limit};
  auto pause = options_.limits.retry_pause;
  for (unsigned attempt = 1;; ++attempt) {
    http::ClientRequest request{.url = url(path, "manifests/" + tag_or_digest)};
    request.headers.set("Accept", accepted_types());
    auto response = send(std::move(request), pull_scope(path), options);
    const bool later = response ? response->status == 429 || response->status >= 500
                                : response.error().kind() == ErrorKind::unavailable;
    if (!later || attempt >= options_.document_attempts) return response;
    const auto asked = response ? retry_after(*response) : std::chrono::milliseconds(0);
    std::this_thread::sleep_for(std::max(pause, asked));
    pause *= 2;
  }
}

Result<FetchedDocument> RegistryClient::manifest(const std::string& path, const std::string& tag_or_digest) {
  auto response = TRY(get_document(path, tag_or_digest));
  if (response.status != 200) return status_error(response, "manifest");
  FetchedDocument document;
  document.text = std::move(response.body);
  document.media_type = response.headers.get("Content-Type");
  const auto wanted = oci::Digest::parse(tag_or_digest);
  document.digest =
      oci::digest_of(document.text, wanted ? wanted->algorithm() : oci::DigestAlgorithm::sha256);
  if (wanted && *wanted != document.digest) {
    return Error::make(ErrorKind::corrupt, "manifest: digest doesn't match: expected {}, got {}",
                       tag_or_digest, document.digest.string());
  }
  return document;
}

Result<bool> RegistryClient::has_blob(const std::string& path, const oci::Digest& digest) {
  http::ClientRequest request{.method = "HEAD", .url = url(path, "blobs/" + digest.string())};
  const auto response = TRY(send(std::move(request), pull_scope(path) + ",push", {}));
  if (response.status == 200) return true;
  if (response.status == 404) return false;
  return status_error(response, "look for blob " + digest.string());
}

Result<oci::Digest> RegistryClient::put_manifest(const std::string& path, const std::string& tag_or_digest,
                                                 const std::string& text, const std::string& media_type) {
  http::ClientRequest request{.method = "PUT", .url = url(path, "manifests/" + tag_or_digest)};
  request.headers.set("Content-Type", media_type);
  request.body = text;
  const auto response = TRY(send(std::move(request), pull_scope(path) + ",push", {}));
  if (response.status != 201 && response.status != 200) return status_error(response, "put manifest");
  return oci::digest_of(text);
}

}  // namespace gantry::images
