// Removal of blobs that nothing refers to any more.

#include "base/log.h"
#include "oci/manifest.h"
#include "registry/image_service.h"

#include <set>

namespace gantry::registry {
namespace {

constexpr auto grace = std::chrono::hours(24);  // a client may take so long between a blob and its manifest

Result<void> add_blobs(const std::string& text, std::set<oci::Digest>& used) {
  const auto manifest = TRY(oci::parse_manifest(text, "stored manifest"));
  used.insert(manifest.config.digest);
  for (const auto& layer : manifest.layers) used.insert(layer.digest);
  return {};
}

}  // namespace

// A blob's link that is older than the blob's own age limit and that no manifest of the repository needs.
Outcome<Done> ImageService::unlink_unreferenced_blobs(const std::string& repository) {
  const auto lock = repositories_.lock(repository);
  std::set<oci::Digest> used;
  const auto records = TRY(repositories_.manifests(repository));
  for (const auto& record : records) {
    if (oci::is_index_type(record.media_type)) continue;
    const auto content = TRY(text(record));
    TRY(add_blobs(content, used));
  }
  const auto linked = TRY(repositories_.blobs_linked_before(repository, clock_.now() - grace));
  for (const auto& digest : linked) {
    if (!used.contains(digest)) TRY(repositories_.unlink_blob(repository, digest));
  }
  return Done{};
}

Result<void> ImageService::collect() {
  for (const auto& name : repositories_.names()) {
    const auto unlinked = unlink_unreferenced_blobs(name);
    if (!unlinked) log::error("collection failed repository={} error=\"{}\"", name, unlinked.error().message);
  }
  const auto is_used = [this](const oci::Digest& digest) {
    return repositories_.any_has_blob(digest) || repositories_.any_has_manifest(digest);
  };
  const auto collected = TRY(content_.collect(is_used, grace));
  if (collected.blobs > 0) log::info("blobs removed count={} bytes={}", collected.blobs, collected.bytes);
  return {};
}

}  // namespace gantry::registry
