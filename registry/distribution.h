#pragma once

#include "http/server.h"
#include "images/content_store.h"
#include "registry/image_service.h"
#include "registry/outcome.h"
#include "registry/repository_store.h"
#include "registry/uploads.h"

#include <optional>
#include <string>
#include <string_view>

namespace gantry::registry {

// What a path below /v2/ names.
enum class Resource { base, catalog, tags, manifest, blob, upload, referrers, unknown };

struct Route {
  Resource resource = Resource::unknown;
  std::string repository;
  std::string reference;  // tag, digest or upload id; empty for "…/blobs/uploads/"

  static Route parse(std::string_view path);
};

// OCI Distribution 1.1. Source: distribution-spec spec.md. Authentication is the caller's. Threads share it.
class Distribution {
 public:
  // All must outlive it.
  Distribution(RepositoryStore& repositories, images::ContentStore& content, ImageService& images,
               Uploads& uploads)
      : repositories_(repositories), content_(content), images_(images), uploads_(uploads) {}

  // As http::Handler: where a body goes (an upload's into the upload itself), and the answer.
  http::BodyPlan plan_body(const http::Request& head);
  http::Response handle(const http::Request& request);

 private:
  Outcome<http::BodyPlan> plan_upload(const Route& route, const http::Request& head);
  Outcome<Done> check_range(const Uploads::Session& session, const http::Request& head) const;
  http::Response dispatch(const Route& route, const http::Request& request);

  // distribution_uploads.cpp
  http::Response upload(const Route& route, const http::Request& request);
  http::Response begin_upload(const Route& route, const http::Request& request);
  std::optional<http::Response> mount(const Route& route, const http::Request& request);
  http::Response append(const Route& route, const http::Request& request);
  http::Response complete(const Route& route, const http::Request& request);
  http::Response upload_status(const Route& route);
  http::Response cancel_upload(const Route& route);
  http::Response commit(const Route& route, Uploads::Session& session, const std::string& digest_text);

  // distribution_content.cpp
  http::Response blob(const Route& route, const http::Request& request);
  http::Response get_blob(const Route& route, const oci::Digest& digest, const http::Request& request);
  http::Response manifest(const Route& route, const http::Request& request);
  http::Response get_manifest(const Route& route);
  http::Response put_manifest(const Route& route, const http::Request& request);
  http::Response delete_manifest(const Route& route, const http::Request& request);

  // distribution_lists.cpp
  http::Response tags(const Route& route, const http::Request& request);
  http::Response catalog(const http::Request& request);
  http::Response referrers(const Route& route, const http::Request& request);

  RepositoryStore& repositories_;
  images::ContentStore& content_;
  ImageService& images_;
  Uploads& uploads_;
};

// {"errors":[{"code","message"}]} with the status that belongs to the failure.
http::Response failure_response(const Failure& failure);
http::Response error_response(int status, std::string_view code, std::string_view message);
http::Response method_not_allowed(std::string_view method);
// "/v2/NAME/blobs/DIGEST" and the like.
std::string location_of(const Route& route, std::string_view kind, std::string_view reference);

}  // namespace gantry::registry
