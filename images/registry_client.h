#pragma once

#include "base/fd.h"
#include "http/client.h"
#include "images/registry_auth.h"
#include "images/registry_limits.h"
#include "oci/descriptor.h"
#include "oci/reference.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::images {

class CountingSink;  // registry_transfer.cpp's

struct RegistryOptions {
  std::optional<Credential> credential;
  std::string ca_file;
  bool insecure =
      false;  // the certificate isn't verified, and where https isn't answered, plain HTTP is spoken
  RegistryLimits limits;
  unsigned document_attempts = 3;  // for manifests, which nothing can be done without
};

struct FetchedDocument {
  std::string text;
  std::string media_type;
  oci::Digest digest;  // of the bytes as received
};

using BlobSink = std::function<Result<void>(std::string_view)>;
using BytesSent = std::function<void(uint64_t)>;

// One registry's OCI Distribution API, from the client's side. Plain HTTP to loopback hosts, https to all
// others that aren't `insecure`; redirects to plain HTTP beyond loopback are refused, those to another host
// don't get our credentials. Threads may share it. Errors: unauthenticated, denied, not_found, unavailable
// (5xx, 429, the network), invalid (what the registry says about our request), corrupt (digests).
class RegistryClient {
 public:
  RegistryClient(const std::string& host, const RegistryOptions& options);

  // Who is asked: does GET /v2/ with the credentials, for login. Errors: unauthenticated.
  Result<void> check_login();
  // The manifest or index of a tag or digest. At most 4 MiB; its digest is verified when asked for by one.
  Result<FetchedDocument> manifest(const std::string& path, const std::string& tag_or_digest);
  // Streams a blob into `sink`, going on (Range) where a broken connection left off. No more than
  // `blob.size` bytes reach the sink; the digest is the sink's to check.
  Result<void> blob(const std::string& path, const oci::Descriptor& blob, const BlobSink& sink);
  // The same for the bytes from `begin` up to `end`. Errors: also unsupported, when the registry answers no
  // ranges.
  Result<void> blob_range(const std::string& path, const oci::Descriptor& blob, uint64_t begin, uint64_t end,
                          const BlobSink& sink);

  Result<bool> has_blob(const std::string& path, const oci::Digest& digest);
  // Uploads a blob, or mounts it from `mount_from` (a repository of this registry; may be empty).
  enum class Uploaded { uploaded, mounted };
  Result<Uploaded> upload(const std::string& path, const oci::Descriptor& blob, BorrowedFd file,
                          const std::string& mount_from, const BytesSent& progress);
  Result<oci::Digest> put_manifest(const std::string& path, const std::string& tag_or_digest,
                                   const std::string& text, const std::string& media_type);

 private:
  // An insecure registry's scheme is found out by the first request.
  void find_scheme();
  // Sends, answering 401 once, and following redirects of GET and HEAD by hand.
  Result<http::Response> send(http::ClientRequest request, const std::string& scope,
                              const http::SendOptions& options);
  // GET of a document, again after 429, 5xx and broken connections, with Retry-After's pause up to 10 s.
  Result<http::Response> get_document(const std::string& path, const std::string& tag_or_digest);
  Result<http::Response> send_once(http::ClientRequest& request, const std::string& scope,
                                   const http::SendOptions& options);
  // Bytes that a CountingSink counts, asked for until all are there or the attempts are used up.
  Result<void> fetch(const std::string& path, const oci::Descriptor& blob, CountingSink& counting);
  Result<std::string> resolve(const std::string& base, const std::string& location) const;
  Result<void> upload_chunks(std::string location, const oci::Descriptor& blob, BorrowedFd file,
                             const std::string& scope, const BytesSent& progress);
  std::string url(const std::string& path, const std::string& rest);

  std::string origin_;  // "https://host"; constant after find_scheme()
  const RegistryOptions options_;
  http::Client client_;
  RegistryAuth auth_;
  std::once_flag scheme_found_;
};

}  // namespace gantry::images
