#include "registry/distribution.h"

#include <memory>

namespace gantry::registry {
namespace {

std::string range_of(uint64_t size) {
  return format("0-{}", size > 0 ? size - 1 : 0);
}

http::Response progress(const Route& route, int status, const std::string& id, uint64_t size) {
  http::Response response;
  response.status = status;
  response.headers.set("Location", location_of(route, "blobs/uploads", id));
  response.headers.set("Range", range_of(size));
  response.headers.set("Docker-Upload-UUID", id);
  return response;
}

http::Response created(const Route& route, const oci::Digest& digest) {
  http::Response response;
  response.status = 201;
  response.headers.set("Location", location_of(route, "blobs", digest.string()));
  response.headers.set("Docker-Content-Digest", digest.string());
  return response;
}

std::string parameter(const http::Request& request, std::string_view name) {
  const auto* value = request.parameter(name);
  return value ? *value : "";
}

std::shared_ptr<Uploads::Session> session_of(const http::Request& request) {
  return std::dynamic_pointer_cast<Uploads::Session>(request.sink);
}

}  // namespace

http::Response Distribution::upload(const Route& route, const http::Request& request) {
  if (route.reference.empty()) {
    return request.method == "POST" ? begin_upload(route, request) : method_not_allowed(request.method);
  }
  if (request.method == "PATCH") return append(route, request);
  if (request.method == "PUT") return complete(route, request);
  if (request.method == "GET") return upload_status(route);
  if (request.method == "DELETE") return cancel_upload(route);
  return method_not_allowed(request.method);
}

http::Response Distribution::begin_upload(const Route& route, const http::Request& request) {
  if (const auto session = session_of(request)) return commit(route, *session, parameter(request, "digest"));
  if (request.parameter("mount") != nullptr) {
    if (auto mounted = mount(route, request)) return std::move(*mounted);
  }
  const auto algorithm = parameter(request, "digest-algorithm");
  if (!algorithm.empty() && algorithm != "sha256" && algorithm != "sha512") {
    return error_response(400, "DIGEST_INVALID", format("digest algorithm {} is not supported", algorithm));
  }
  const auto session = uploads_.begin(
      route.repository, algorithm == "sha512" ? oci::DigestAlgorithm::sha512 : oci::DigestAlgorithm::sha256);
  if (!session) return failure_response(session.error());
  return progress(route, 202, (*session)->id(), 0);
}

// Without `from`, from wherever the blob is: who may push here may read all repositories.
std::optional<http::Response> Distribution::mount(const Route& route, const http::Request& request) {
  const auto digest = oci::Digest::parse(parameter(request, "mount"));
  if (!digest) return failure_response({FailureKind::digest_invalid, digest.error().message()});
  const auto from = parameter(request, "from");
  if (!from.empty() && !repositories_.find(from)) return std::nullopt;
  auto lease = content_.lease();
  if (!lease || !lease->add(*digest)) return std::nullopt;
  const bool there =
      from.empty() ? repositories_.any_has_blob(*digest) : repositories_.has_blob(from, *digest);
  if (!there || !content_.exists(*digest)) return std::nullopt;
  const auto linked = repositories_.link_blob(route.repository, *digest);
  if (!linked) return failure_response(linked.error());
  return created(route, *digest);
}

http::Response Distribution::append(const Route& route, const http::Request& request) {
  const auto session = session_of(request);
  if (!session) return error_response(400, "BLOB_UPLOAD_INVALID", "PATCH needs a body");
  return progress(route, 202, session->id(), session->size());
}

http::Response Distribution::complete(const Route& route, const http::Request& request) {
  const auto session = session_of(request);
  if (!session)
    return error_response(404, "BLOB_UPLOAD_UNKNOWN", format("there is no upload {}", route.reference));
  return commit(route, *session, parameter(request, "digest"));
}

http::Response Distribution::commit(const Route& route, Uploads::Session& session,
                                    const std::string& digest_text) {
  const auto digest = oci::Digest::parse(digest_text);
  if (!digest) return failure_response({FailureKind::digest_invalid, digest.error().message()});
  const auto committed = session.commit(*digest);
  if (!committed) return failure_response(committed.error());
  return created(route, *digest);
}

http::Response Distribution::upload_status(const Route& route) {
  const auto size = uploads_.size(route.repository, route.reference);
  if (!size) return failure_response(size.error());
  return progress(route, 204, route.reference, *size);
}

http::Response Distribution::cancel_upload(const Route& route) {
  const auto cancelled = uploads_.cancel(route.repository, route.reference);
  if (!cancelled) return failure_response(cancelled.error());
  http::Response response;
  response.status = 204;
  return response;
}

}  // namespace gantry::registry
