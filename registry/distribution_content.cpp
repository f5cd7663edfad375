#include "base/text.h"
#include "registry/distribution.h"

namespace gantry::registry {
namespace {

struct ByteRange {
  uint64_t first = 0;
  uint64_t length = 0;
};

// One range of RFC 9110 section 14.1.2. Empty: not one that is understood, so the whole is sent.
std::optional<ByteRange> parse_range(std::string_view text, uint64_t size, bool& satisfiable) {
  satisfiable = true;
  if (!text.starts_with("bytes=") || text.find(',') != std::string_view::npos) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_unsigned("range", text.substr(0, dash));
  const auto last = parse_unsigned("range", text.substr(dash + 1));
  if (dash == 0) {  // the last N bytes
    if (!last) return std::nullopt;
    satisfiable = *last > 0 && size > 0;
    const auto length = std::min(*last, size);
    return ByteRange{size - length, length};
  }
  const bool open_end = dash + 1 == text.size();
  if (!first || (!open_end && !last) || (last && *last < *first)) return std::nullopt;
  satisfiable = *first < size;
  if (!satisfiable) return ByteRange{};
  const auto end = open_end ? size - 1 : std::min(*last, size - 1);
  return ByteRange{*first, end - *first + 1};
}

http::Response accepted() {
  http::Response response;
  response.status = 202;
  return response;
}

}  // namespace

http::Response Distribution::blob(const Route& route, const http::Request& request) {
  const auto digest = oci::Digest::parse(route.reference);
  if (!digest) return failure_response({FailureKind::digest_invalid, digest.error().message()});
  const auto repository = repositories_.find(route.repository);
  if (!repository) return failure_response(repository.error());
  if (request.method == "GET" || request.method == "HEAD") return get_blob(route, *digest, request);
  if (request.method != "DELETE") return method_not_allowed(request.method);
  const auto removed = repositories_.unlink_blob(route.repository, *digest);
  return removed ? accepted() : failure_response(removed.error());
}

http::Response Distribution::get_blob(const Route& route, const oci::Digest& digest,
                                      const http::Request& request) {
  const auto info = content_.info(digest);
  if (!info || !repositories_.has_blob(route.repository, digest)) {
    return failure_response({FailureKind::blob_unknown,
                             format("repository {} has no blob {}", route.repository, digest.string())});
  }
  repositories_.touch_blob(route.repository, digest);
  auto file = content_.open_blob(digest);
  if (!file) return failure_response({FailureKind::internal, file.error().message()});
  http::Response response;
  response.headers = {{"Content-Type", "application/octet-stream"},
                      {"Docker-Content-Digest", digest.string()},
                      {"ETag", format("\"{}\"", digest.string())},
                      {"Accept-Ranges", "bytes"}};
  bool satisfiable = true;
  const auto range = parse_range(request.headers.get("Range"), info->size, satisfiable);
  if (!satisfiable) {
    response.status = 416;
    response.headers.set("Content-Range", format("bytes */{}", info->size));
    return response;
  }
  if (range) {
    response.status = 206;
    response.headers.set("Content-Range", format("bytes {}-{}/{}", range->first,
                                                 range->first + range->length - 1, info->size));
  }
  response.file =
      http::FileBody{std::move(*file), range ? range->first : 0, range ? range->length : info->size};
  return response;
}

http::Response Distribution::manifest(const Route& route, const http::Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return get_manifest(route);
  if (request.method == "PUT") return put_manifest(route, request);
  if (request.method == "DELETE") return delete_manifest(route, request);
  return method_not_allowed(request.method);
}

http::Response Distribution::get_manifest(const Route& route) {
  const auto record = images_.resolve(route.repository, route.reference);
  if (!record) return failure_response(record.error());
  auto text = images_.text_to_pull(route.repository, *record);
  if (!text) return failure_response(text.error());
  auto response = http::Response::text(200, std::move(*text), record->media_type);
  response.headers.set("Docker-Content-Digest", record->digest);
  response.headers.set("ETag", format("\"{}\"", record->digest));
  return response;
}

http::Response Distribution::put_manifest(const Route& route, const http::Request& request) {
  ManifestPush push;
  push.repository = route.repository;
  push.host = request.headers.get("Host");
  push.text = request.body;
  push.media_type = request.headers.get("Content-Type");
  auto digest = oci::Digest::parse(route.reference);
  if (digest) {
    push.digest = *digest;
    for (const auto& entry : request.query) {
      if (entry.name == "tag") push.tags.push_back(entry.value);
    }
  } else if (route.reference.find(':') != std::string::npos) {
    return failure_response({FailureKind::digest_invalid, digest.error().message()});
  } else {
    push.tags.push_back(route.reference);
  }
  const auto pushed = images_.push(push);
  if (!pushed) return failure_response(pushed.error());
  http::Response response;
  response.status = 201;
  response.headers.set("Location", location_of(route, "manifests", pushed->digest.string()));
  response.headers.set("Docker-Content-Digest", pushed->digest.string());
  if (!pushed->subject.empty()) response.headers.set("OCI-Subject", pushed->subject);
  if (push.digest) {
    for (const auto& tag : push.tags) response.headers.add("OCI-Tag", tag);
  }
  return response;
}

http::Response Distribution::delete_manifest(const Route& route, const http::Request& request) {
  const auto host = request.headers.get("Host");
  const auto digest = oci::Digest::parse(route.reference);
  const auto removed = digest ? images_.remove_manifest(route.repository, *digest, host)
                              : images_.remove_tag(route.repository, route.reference, host);
  return removed ? accepted() : failure_response(removed.error());
}

}  // namespace gantry::registry
