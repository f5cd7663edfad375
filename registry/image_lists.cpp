// Images of a repository as a whole, and what is done to many of them at once.

#include "base/log.h"
#include "oci/manifest.h"
#include "registry/image_service.h"

#include <algorithm>
#include <set>

namespace gantry::registry {

Outcome<std::vector<TaggedImage>> ImageService::list(const std::string& repository) const {
  auto records = TRY(repositories_.manifests(repository));
  std::map<std::string, std::vector<std::string>> tags;
  for (const auto& [tag, digest] : TRY(repositories_.tags(repository))) tags[digest.string()].push_back(tag);
  std::set<std::string> children;
  for (const auto& record : records) {
    if (!oci::is_index_type(record.media_type)) continue;
    const auto content = TRY(text(record));
    const auto index = TRY(oci::parse_index(content, record.digest));
    for (const auto& child : index.manifests) children.insert(child.digest.string());
  }
  std::vector<TaggedImage> images;
  for (auto& record : records) {
    TaggedImage image;
    image.tags = tags[record.digest];
    image.in_index = children.contains(record.digest);
    image.record = std::move(record);
    images.push_back(std::move(image));
  }
  return images;
}

Outcome<size_t> ImageService::change(const std::string& repository, const std::string& host,
                                     const Choose& choose) {
  const auto lock = repositories_.lock(repository);
  TRY(repositories_.find(repository));
  const auto images = TRY(list(repository));
  const auto changes = choose(images);
  for (const auto& change : changes) {
    const auto& record = images[change.image].record;
    if (change.archive) {
      TRY(archive_locked(repository, record, true));
    } else {
      TRY(remove_locked(repository, record, host));
    }
  }
  return changes.size();
}

Outcome<ManifestRecord> ImageService::set_archived(const std::string& repository, const oci::Digest& digest,
                                                   bool archived) {
  const auto lock = repositories_.lock(repository);
  return archive_locked(repository, TRY(resolve(repository, digest.string())), archived);
}

Outcome<ManifestRecord> ImageService::archive_locked(const std::string& repository, ManifestRecord record,
                                                     bool archived) {
  if (record.archived == archived) return record;
  record.archived = archived;
  (archived ? record.archived_at : record.activated_at) = to_epoch_seconds(clock_.now());
  TRY(repositories_.save_manifest(repository, record));
  log::info("image {} repository={} digest={}", archived ? "archived" : "restored", repository,
            record.digest);
  return record;
}

Outcome<std::string> ImageService::text_to_pull(const std::string& repository,
                                                const ManifestRecord& record) const {
  if (!record.archived) return text(record);
  return Failure{FailureKind::image_archived,
                 format("image {} of repository {} is archived; restore it before it is pulled: aws ecr "
                        "update-image-storage-class --target-storage-class STANDARD",
                        record.digest, repository)};
}

}  // namespace gantry::registry
