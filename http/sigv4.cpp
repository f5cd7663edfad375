#include "http/sigv4.h"

#include "base/text.h"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace gantry::http {
namespace {

constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

std::string canonical_query(const std::vector<QueryParameter>& query) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& entry : query)
    encoded.emplace_back(percent_encode(entry.name), percent_encode(entry.value));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) text += format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

std::string scope_of(std::string_view basic_date, std::string_view region, std::string_view service) {
  return format("{}/{}/{}/aws4_request", basic_date.substr(0, 8), region, service);
}

bool is_signed_by_us(std::string_view lower_name) {
  return lower_name == "content-type" || lower_name.starts_with("x-amz-");
}

void sort_headers(std::vector<Headers::Field>& headers) {
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& left, const auto& right) { return left.name < right.name; });
}

std::vector<Headers::Field> headers_to_sign(const Url& url, const Headers& headers) {
  std::vector<Headers::Field> chosen{{"host", url.authority()}};
  for (const auto& field : headers) {
    auto name = to_lower(field.name);
    if (is_signed_by_us(name)) chosen.push_back({std::move(name), canonical_header_value(field.value)});
  }
  sort_headers(chosen);
  return chosen;
}

Result<CanonicalRequest> canonical_request(std::string_view method, const Url& url, const Headers& headers,
                                           std::string payload_hash, std::string_view service) {
  CanonicalRequest canonical;
  const auto question = url.target.find('?');
  canonical.method = method;
  canonical.path = url.target.substr(0, question);
  if (question != std::string::npos) {
    canonical.query = TRY(parse_query(std::string_view(url.target).substr(question + 1)));
  }
  canonical.headers = headers_to_sign(url, headers);
  canonical.payload_hash = std::move(payload_hash);
  canonical.encode_path_again = service != "s3";
  return canonical;
}

void set_security_headers(Headers& headers, const Credentials& credentials, const std::string& date) {
  headers.remove("Authorization");
  headers.remove("X-Amz-Security-Token");
  headers.set("X-Amz-Date", date);
  if (!credentials.session_token.empty()) {
    headers.set("X-Amz-Security-Token", credentials.session_token.reveal());
  }
}

std::string authorization(const CanonicalRequest& canonical, const Credentials& credentials,
                          const std::string& date, std::string_view region, std::string_view service) {
  return format("{} Credential={}/{}, SignedHeaders={}, Signature={}", sigv4_algorithm,
                credentials.access_key_id, scope_of(date, region, service), canonical.signed_headers(),
                signature(canonical.string(), credentials.secret_access_key, date, region, service));
}

}  // namespace

std::string CanonicalRequest::string() const {
  std::string header_lines;
  for (size_t i = 0; i < headers.size(); ++i) {
    const bool again = i > 0 && headers[i].name == headers[i - 1].name;
    if (again) header_lines.back() = ',';
    header_lines += again ? headers[i].value + "\n" : format("{}:{}\n", headers[i].name, headers[i].value);
  }
  return format("{}\n{}\n{}\n{}\n{}\n{}", method, encode_path_again ? percent_encode(path, true) : path,
                canonical_query(query), header_lines, signed_headers(), payload_hash);
}

std::string CanonicalRequest::signed_headers() const {
  std::vector<std::string> names;
  for (const auto& field : headers) {
    if (names.empty() || names.back() != field.name) names.push_back(field.name);
  }
  return join(names, ";");
}

std::string canonical_header_value(std::string_view value) {
  std::string out;
  for (const char c : trim(value)) {
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  return hex_encode({reinterpret_cast<const char*>(digest), size});
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string signature(const std::string& canonical_request, const Secret& secret_access_key,
                      std::string_view basic_date, std::string_view region, std::string_view service) {
  const auto to_sign = format("{}\n{}\n{}\n{}", sigv4_algorithm, basic_date,
                              scope_of(basic_date, region, service), sha256_hex(canonical_request));
  auto key = hmac_sha256("AWS4" + secret_access_key.reveal(), basic_date.substr(0, 8));
  key = hmac_sha256(key, region);
  key = hmac_sha256(key, service);
  key = hmac_sha256(key, "aws4_request");
  return hex_encode(hmac_sha256(key, to_sign));
}

Result<void> sign(ClientRequest& request, const Credentials& credentials, std::string_view region,
                  std::string_view service, TimePoint time) {
  const auto url = TRY(Url::parse(request.url));
  const auto date = format_basic_iso8601(time);
  set_security_headers(request.headers, credentials, date);
  auto payload_hash = request.upload ? std::string(unsigned_payload) : sha256_hex(request.body);
  if (request.upload) request.headers.set("X-Amz-Content-Sha256", payload_hash);
  const auto canonical =
      TRY(canonical_request(request.method, url, request.headers, std::move(payload_hash), service));
  request.headers.set("Authorization", authorization(canonical, credentials, date, region, service));
  return {};
}

Result<Headers> sign_upgrade(std::string_view url_text, const Credentials& credentials,
                             std::string_view region, std::string_view service, TimePoint time) {
  const auto url = TRY(Url::parse(url_text));
  const auto date = format_basic_iso8601(time);
  Headers headers;
  set_security_headers(headers, credentials, date);
  const auto canonical = TRY(canonical_request("GET", url, headers, sha256_hex(""), service));
  headers.set("Authorization", authorization(canonical, credentials, date, region, service));
  return headers;
}

Result<std::string> presign(std::string_view method, std::string_view url_text,
                            const Credentials& credentials, std::string_view region, std::string_view service,
                            TimePoint time, std::chrono::seconds lifetime) {
  if (lifetime.count() < 1 || lifetime.count() > 604800) {
    return Error::make(ErrorKind::invalid, "presigned url: lifetime must be 1 to 604800 seconds, found {}",
                       lifetime.count());
  }
  auto url = TRY(Url::parse(url_text));
  const auto date = format_basic_iso8601(time);
  std::vector<QueryParameter> extra = {
      {"X-Amz-Algorithm", std::string(sigv4_algorithm)},
      {"X-Amz-Credential", format("{}/{}", credentials.access_key_id, scope_of(date, region, service))},
      {"X-Amz-Date", date},
      {"X-Amz-Expires", format("{}", lifetime.count())},
      {"X-Amz-SignedHeaders", "host"}};
  if (!credentials.session_token.empty()) {
    extra.push_back({"X-Amz-Security-Token", credentials.session_token.reveal()});
  }
  for (const auto& entry : extra) {
    url.target += format("{}{}={}", url.target.find('?') == std::string::npos ? '?' : '&', entry.name,
                         percent_encode(entry.value));
  }
  const auto hash = service == "s3" ? std::string(unsigned_payload) : sha256_hex("");
  const auto canonical = TRY(canonical_request(method, url, {}, hash, service));
  return url.string() + "&X-Amz-Signature=" +
         signature(canonical.string(), credentials.secret_access_key, date, region, service);
}

}  // namespace gantry::http
