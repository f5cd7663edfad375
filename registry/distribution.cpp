#include "registry/distribution.h"

#include "api/ecr_model.h"
#include "base/json.h"
#include "base/text.h"
#include "oci/manifest.h"

namespace gantry::registry {
namespace {

struct ErrorEntry {
  std::string code;
  std::string message;
};
struct ErrorList {
  std::vector<ErrorEntry> errors;
};

template <class Visitor>
void members(Visitor& visit, ErrorEntry& entry) {
  visit.required("code", entry.code);
  visit.required("message", entry.message);
}

template <class Visitor>
void members(Visitor& visit, ErrorList& list) {
  visit.required("errors", list.errors);
}

struct StatusAndCode {
  int status;
  std::string_view code;
};

StatusAndCode status_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::repository_unknown:
      return {404, "NAME_UNKNOWN"};
    case FailureKind::repository_name_invalid:
      return {400, "NAME_INVALID"};
    case FailureKind::manifest_unknown:
      return {404, "MANIFEST_UNKNOWN"};
    case FailureKind::manifest_invalid:
      return {400, "MANIFEST_INVALID"};
    case FailureKind::manifest_too_big:
      return {413, "SIZE_INVALID"};
    case FailureKind::manifest_blob_unknown:
    case FailureKind::manifest_reference_unknown:
      return {404, "MANIFEST_BLOB_UNKNOWN"};
    case FailureKind::tag_invalid:
    case FailureKind::tag_immutable:
      return {400, "TAG_INVALID"};
    case FailureKind::blob_unknown:
      return {404, "BLOB_UNKNOWN"};
    case FailureKind::upload_unknown:
      return {404, "BLOB_UPLOAD_UNKNOWN"};
    case FailureKind::upload_busy:
      return {409, "BLOB_UPLOAD_INVALID"};
    case FailureKind::upload_out_of_order:
      return {416, "BLOB_UPLOAD_INVALID"};
    case FailureKind::digest_invalid:
      return {400, "DIGEST_INVALID"};
    case FailureKind::repository_exists:
    case FailureKind::repository_not_empty:
    case FailureKind::image_exists:
    case FailureKind::parameter_invalid:
      return {400, "UNSUPPORTED"};
    case FailureKind::denied:
    case FailureKind::image_archived:
      return {403, "DENIED"};
    case FailureKind::internal:
      return {500, "UNKNOWN"};
  }
  return {500, "UNKNOWN"};
}

std::string join_range(const std::vector<std::string>& parts, size_t from, size_t to) {
  return join({parts.begin() + static_cast<ptrdiff_t>(from), parts.begin() + static_cast<ptrdiff_t>(to)},
              "/");
}

Failure manifest_too_big(uint64_t size) {
  return {FailureKind::manifest_too_big,
          format("manifest is {} bytes long, more than {}", size, oci::manifest_size_limit)};
}

// A manifest that comes in chunks, without its length said before.
class ManifestBody final : public http::BodySink {
 public:
  Result<void> write(std::string_view bytes) override {
    size_ += bytes.size();
    if (size_ <= oci::manifest_size_limit) text_ += bytes;
    return {};
  }
  uint64_t size() const { return size_; }
  const std::string& text() const { return text_; }

 private:
  uint64_t size_ = 0;
  std::string text_;
};

bool is_push(const http::Request& head) {
  return head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
}

}  // namespace

http::Response error_response(int status, std::string_view code, std::string_view message) {
  return http::Response::json(status, to_json(ErrorList{{{std::string(code), std::string(message)}}}));
}

http::Response failure_response(const Failure& failure) {
  const auto [status, code] = status_of(failure.kind);
  return error_response(status, code, failure.message);
}

http::Response method_not_allowed(std::string_view method) {
  return error_response(405, "UNSUPPORTED", format("{} is not supported here", method));
}

std::string location_of(const Route& route, std::string_view kind, std::string_view reference) {
  return format("/v2/{}/{}/{}", route.repository, kind, reference);
}

Route Route::parse(std::string_view path) {
  if (path == "/v2" || path == "/v2/") return {Resource::base, {}, {}};
  if (path == "/v2/_catalog") return {Resource::catalog, {}, {}};
  if (!path.starts_with("/v2/")) return {};
  const auto parts = split(path.substr(4), '/');
  const auto n = parts.size();
  if (n >= 4 && parts[n - 3] == "blobs" && parts[n - 2] == "uploads") {
    return {Resource::upload, join_range(parts, 0, n - 3), parts[n - 1]};
  }
  if (n < 3) return {};
  const auto repository = join_range(parts, 0, n - 2);
  if (parts[n - 2] == "blobs" && parts[n - 1] == "uploads") return {Resource::upload, repository, {}};
  if (parts[n - 2] == "blobs") return {Resource::blob, repository, parts[n - 1]};
  if (parts[n - 2] == "manifests") return {Resource::manifest, repository, parts[n - 1]};
  if (parts[n - 2] == "referrers") return {Resource::referrers, repository, parts[n - 1]};
  if (parts[n - 2] == "tags" && parts[n - 1] == "list") return {Resource::tags, repository, {}};
  return {};
}

http::BodyPlan Distribution::plan_body(const http::Request& head) {
  const auto route = Route::parse(head.path);
  if (!is_push(head)) return http::BufferBody{};
  if (route.resource == Resource::manifest) {
    const auto length = parse_unsigned("Content-Length", head.headers.get("Content-Length"));
    if (!length) return std::make_shared<ManifestBody>();
    if (*length <= oci::manifest_size_limit) return http::BufferBody{oci::manifest_size_limit};
    return failure_response(manifest_too_big(*length));
  }
  if (route.resource != Resource::upload) return http::BufferBody{};
  auto plan = plan_upload(route, head);
  if (plan) return std::move(*plan);
  auto response = failure_response(plan.error());
  if (plan.error().kind == FailureKind::upload_out_of_order) {
    const auto size = uploads_.size(route.repository, route.reference);
    response.headers.set("Range", format("0-{}", size && *size > 0 ? *size - 1 : 0));
    response.headers.set("Location", location_of(route, "blobs/uploads", route.reference));
  }
  return response;
}

Outcome<http::BodyPlan> Distribution::plan_upload(const Route& route, const http::Request& head) {
  if (!route.reference.empty()) {
    auto session = TRY(uploads_.take(route.repository, route.reference));
    TRY(check_range(*session, head));
    return http::BodyPlan(std::shared_ptr<http::BodySink>(std::move(session)));
  }
  TRY(images_.expect_repository(route.repository));
  const auto* digest_text = head.parameter("digest");
  if (digest_text == nullptr) return http::BodyPlan(http::BufferBody{});
  const auto digest = oci::Digest::parse(*digest_text);
  if (!digest) return Failure{FailureKind::digest_invalid, digest.error().message()};
  auto session = TRY(uploads_.begin(route.repository, digest->algorithm()));
  return http::BodyPlan(std::shared_ptr<http::BodySink>(std::move(session)));
}

// Content-Range: START-END must go on where the upload ends.
Outcome<Done> Distribution::check_range(const Uploads::Session& session, const http::Request& head) const {
  auto range = head.headers.get("Content-Range");
  if (range.empty()) return Done{};
  if (range.starts_with("bytes ")) range = range.substr(6);
  range = range.substr(0, range.find('/'));
  const auto dash = range.find('-');
  const auto start = parse_unsigned("Content-Range", range.substr(0, dash));
  const auto end =
      dash == std::string::npos ? start : parse_unsigned("Content-Range", range.substr(dash + 1));
  if (start && end && *start == session.size() && *end + 1 >= *start) return Done{};
  return Failure{FailureKind::upload_out_of_order,
                 format("Content-Range {} does not go on at byte {}", range, session.size())};
}

http::Response Distribution::handle(const http::Request& request) {
  if (const auto chunked = std::dynamic_pointer_cast<ManifestBody>(request.sink)) {
    if (chunked->size() > oci::manifest_size_limit) {
      return failure_response(manifest_too_big(chunked->size()));
    }
    http::Request whole = request;
    whole.sink.reset();
    whole.body = chunked->text();
    return handle(whole);
  }
  auto response = dispatch(Route::parse(request.path), request);
  response.headers.set("Docker-Distribution-API-Version", "registry/2.0");
  return response;
}

http::Response Distribution::dispatch(const Route& route, const http::Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  switch (route.resource) {
    case Resource::base:
      return reads ? http::Response::json(200, "{}") : method_not_allowed(request.method);
    case Resource::catalog:
      return reads ? catalog(request) : method_not_allowed(request.method);
    case Resource::tags:
      return reads ? tags(route, request) : method_not_allowed(request.method);
    case Resource::referrers:
      return reads ? referrers(route, request) : method_not_allowed(request.method);
    case Resource::manifest:
      return manifest(route, request);
    case Resource::blob:
      return blob(route, request);
    case Resource::upload:
      return upload(route, request);
    case Resource::unknown:
      break;
  }
  return error_response(404, "UNSUPPORTED", format("there is nothing at {}", request.path));
}

}  // namespace gantry::registry
