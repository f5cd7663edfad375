#include "tests/images/fake_registry.h"

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "oci/hasher.h"
#include "oci/manifest.h"

#include <zstd.h>

namespace gantry::images::test {
namespace {

http::Response failure(int status, const std::string& code) {
  return http::Response::json(status, format(R"({{"errors":[{{"code":"{}","message":"no"}}]}})", code));
}

http::Response empty(int status, http::Headers headers = {}) {
  http::Response response;
  response.status = status;
  response.headers = std::move(headers);
  return response;
}

}  // namespace

std::shared_ptr<FakeRegistry> FakeRegistry::start(Auth auth) {
  auto registry = std::make_shared<FakeRegistry>();
  registry->auth_ = auth;
  // The server keeps its handler: give it one that doesn't own the registry.
  const std::shared_ptr<http::Handler> handler(registry.get(), [](http::Handler*) {});
  registry->server_ = http::Server::start({}, handler).value();
  return registry;
}

FakeRegistry::~FakeRegistry() {
  if (server_) server_->stop();
}

http::BodyPlan FakeRegistry::plan_body(const http::Request&) {
  return http::BufferBody{size_t{1} << 30};
}

std::vector<std::string> FakeRegistry::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

size_t FakeRegistry::count(const std::string& part) const {
  size_t found = 0;
  for (const auto& line : log()) found += line.find(part) != std::string::npos ? 1 : 0;
  return found;
}

http::Response FakeRegistry::handle(http::Request& request) {
  {
    const std::lock_guard lock(mutex_);
    log_.push_back(format("{} {}{}", request.method, request.target,
                          request.headers.has("Authorization") ? " +auth" : ""));
  }
  if (intercept) {
    auto response = intercept(request);
    if (response.status != 0) return response;
  }
  const std::lock_guard lock(mutex_);
  if (request.path == "/token") return token(request);
  if (!authorized(request)) return challenge();
  return answer(request);
}

bool FakeRegistry::authorized(const http::Request& request) {
  const std::string given = request.headers.get("Authorization");
  if (auth_ == Auth::none) return true;
  if (auth_ == Auth::basic) return given == "Basic " + base64_encode("user:password");
  return given == format("Bearer token-{}", tokens_given_) && uses_left_-- > 0;
}

http::Response FakeRegistry::challenge() const {
  const std::string text = auth_ == Auth::basic
                               ? std::string("Basic realm=\"fake\"")
                               : format(R"(Bearer realm="http://{}/token",service="fake, inc")", host());
  return empty(401, {{"WWW-Authenticate", text}});
}

http::Response FakeRegistry::token(const http::Request& request) {
  if (request.headers.get("Authorization") != "Basic " + base64_encode("user:password")) return empty(401);
  uses_left_ = token_uses;
  return http::Response::json(200, format(R"({{"token":"token-{}","expires_in":300}})", ++tokens_given_));
}

http::Response FakeRegistry::answer(http::Request& request) {
  if (request.path == "/v2/") return empty(200);
  for (const std::string kind : {"/manifests/", "/blobs/uploads/", "/blobs/"}) {
    const size_t at = request.path.find(kind);
    if (at == std::string::npos || !request.path.starts_with("/v2/")) continue;
    const std::string repository = request.path.substr(4, at - 4);
    const std::string rest = request.path.substr(at + kind.size());
    if (kind == "/manifests/") return manifest(request, repository, rest);
    return kind == "/blobs/" ? blob(request, rest) : upload(request, rest);
  }
  return failure(404, "UNKNOWN");
}

http::Response FakeRegistry::blob(const http::Request& request, const std::string& digest) {
  const auto found = blobs.find(digest);
  if (found == blobs.end()) return failure(404, "BLOB_UNKNOWN");
  http::Response response;
  response.body = found->second;
  const std::string range = request.headers.get("Range");
  if (range.empty()) return response;
  const size_t dash = range.find('-');
  const size_t from = parse_unsigned("range", range.substr(6, dash - 6)).value_or(0);
  const size_t last = parse_unsigned("range", range.substr(dash + 1)).value_or(response.body.size() - 1);
  response.status = 206;
  response.headers.set("Content-Range", format("bytes {}-{}/{}", from, last, response.body.size()));
  response.body = response.body.substr(from, last - from + 1);
  return response;
}

http::Response FakeRegistry::manifest(http::Request& request, const std::string& repository,
                                      const std::string& reference) {
  if (request.method == "PUT") {
    const Document document{request.headers.get("Content-Type"), request.body};
    manifests[repository + ":" + reference] = document;
    manifests[repository + ":" + oci::digest_of(request.body).string()] = document;
    return empty(201);
  }
  const auto found = manifests.find(repository + ":" + reference);
  if (found == manifests.end()) return failure(404, "MANIFEST_UNKNOWN");
  http::Response response;
  response.headers.set("Content-Type", found->second.media_type);
  response.body = found->second.text;
  return response;
}

http::Response FakeRegistry::upload(http::Request& request, const std::string& rest) {
  if (request.method == "POST") {
    const std::string* mount = request.parameter("mount");
    if (mount != nullptr && accept_mounts && blobs.count(*mount) != 0) return empty(201);
    const std::string name = random_hex(4);
    uploads_[name] = "";
    return empty(202, {{"Location", format("{}{}?state=1", request.path, name)}});
  }
  if (uploads_.count(rest) == 0) return failure(404, "BLOB_UPLOAD_UNKNOWN");
  uploads_[rest] += request.body;
  if (request.method == "PATCH") return empty(202, {{"Location", request.target}});
  if (request.method == "GET") return empty(204, {{"Range", format("0-{}", uploads_[rest].size() - 1)}});
  const std::string* digest = request.parameter("digest");
  if (digest == nullptr || oci::digest_of(uploads_[rest]).string() != *digest)
    return failure(400, "DIGEST_INVALID");
  blobs[*digest] = uploads_[rest];
  return empty(201);
}

std::string compress(const std::string& bytes, oci::LayerCompression compression) {
  std::string result;
  if (compression == oci::LayerCompression::none) return bytes;
  if (compression == oci::LayerCompression::zstd) {
    result.resize(ZSTD_compressBound(bytes.size()));
    result.resize(ZSTD_compress(result.data(), result.size(), bytes.data(), bytes.size(), 3));
    return result;
  }
  GzipWriter writer([&](std::string_view piece) -> Result<void> {
    result += piece;
    return {};
  });
  (void)writer.write(bytes);
  (void)writer.finish();
  return result;
}

oci::Digest add_image(FakeRegistry& registry, const std::string& name, const std::vector<FakeLayer>& layers,
                      const oci::ContainerConfig& config) {
  const auto add = [&](const std::string& bytes, std::string_view type) {
    const auto digest = oci::digest_of(bytes);
    registry.blobs[digest.string()] = bytes;
    return oci::Descriptor{
        .media_type = std::string(type), .digest = digest, .size = static_cast<int64_t>(bytes.size())};
  };
  oci::ImageConfig image;
  image.platform = oci::Platform::host();
  image.config = config;
  oci::Manifest manifest{.media_type = std::string(oci::media_type::oci_manifest)};
  for (const auto& layer : layers) {
    std::string_view type = oci::media_type::oci_layer;
    if (layer.compression == oci::LayerCompression::gzip) type = oci::media_type::oci_layer_gzip;
    if (layer.compression == oci::LayerCompression::zstd) type = oci::media_type::oci_layer_zstd;
    image.rootfs.diff_ids.push_back(oci::digest_of(layer.tar));
    manifest.layers.push_back(add(compress(layer.tar, layer.compression), type));
  }
  manifest.config = add(oci::to_json_text(image), oci::media_type::oci_config);
  const FakeRegistry::Document document{manifest.media_type, oci::to_json_text(manifest)};
  const std::string repository = name.substr(0, name.rfind(':'));
  registry.manifests[name] = document;
  registry.manifests[repository + ":" + oci::digest_of(document.text).string()] = document;
  return manifest.config.digest;
}

}  // namespace gantry::images::test
