#include "registry/image_service.h"

#include "api/ecr_model.h"
#include "base/log.h"
#include "base/text.h"
#include "oci/hasher.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/referrer_json.h"

#include <algorithm>

namespace gantry::registry {
namespace {

constexpr std::string_view manifest_name = "manifest";

Failure manifest_invalid(const Error& error) {
  return {FailureKind::manifest_invalid, error.message()};
}

// Layers that their manifest says aren't to be distributed, with an address elsewhere, needn't be here.
}  // namespace

bool is_foreign(const oci::Descriptor& layer) {
  return !layer.urls.empty() && (layer.media_type.find("nondistributable") != std::string::npos ||
                                 layer.media_type.find("foreign") != std::string::npos);
}

Outcome<Done> ImageService::expect_repository(const std::string& name) {
  if (repositories_.find(name)) return Done{};
  const auto rule = api::ecr::check_repository_name(name);
  if (!rule.empty()) return Failure{FailureKind::repository_name_invalid, rule};
  auto made = maker_ ? maker_(name) : std::nullopt;
  if (!made) return repository_unknown(name);
  const auto lock = repositories_.lock(name);
  if (repositories_.find(name)) return Done{};
  made->name = name;
  made->created_at = to_epoch_seconds(clock_.now());
  TRY(repositories_.create(*made));
  log::info("repository created by push name={}", name);
  return Done{};
}

Outcome<PushedManifest> ImageService::push(const ManifestPush& push) {
  TRY(expect_repository(push.repository));
  auto parsed = TRY(parse(push));
  parsed.record.pushed_at = to_epoch_seconds(clock_.now());
  const auto digest = TRY(oci::Digest::parse(parsed.record.digest));
  const auto lock = repositories_.lock(push.repository);
  const auto repository = TRY(repositories_.find(push.repository));
  TRY(check_tags(repository, push, digest));
  TRY(check_content(push.repository, parsed));
  auto lease = TRY(content_.lease());  // until the repository refers to it
  TRY(lease.add(digest));
  TRY(content_.put(push.text, digest));
  const auto known = repositories_.manifest(push.repository, digest);
  if (known) {
    parsed.record.pushed_at = known->pushed_at;
    parsed.record.archived = known->archived;
    parsed.record.archived_at = known->archived_at;
    parsed.record.activated_at = known->activated_at;
  }
  TRY(repositories_.add_manifest(push.repository, parsed.record, parsed.referrer));
  TRY(set_tags(push, parsed.record, digest));
  log::info("image pushed repository={} tag={} digest={}", push.repository,
            push.tags.empty() ? "" : push.tags.front(), digest.string());
  return PushedManifest{digest, parsed.record.subject};
}

Outcome<ImageService::Parsed> ImageService::parse(const ManifestPush& push) {
  if (push.text.size() > oci::manifest_size_limit) {
    return Failure{FailureKind::manifest_too_big, format("manifest is {} bytes long, more than {}",
                                                         push.text.size(), oci::manifest_size_limit)};
  }
  const auto kind = oci::classify_document(push.text, push.media_type, manifest_name);
  if (!kind) return manifest_invalid(kind.error());
  auto parsed = TRY(*kind == oci::DocumentKind::index ? parse_index(push) : parse_image(push));
  oci::Hasher hasher(push.digest ? push.digest->algorithm() : oci::DigestAlgorithm::sha256);
  hasher.update(push.text);
  const auto digest = hasher.finish();
  if (push.digest && *push.digest != digest) {
    return Failure{FailureKind::digest_invalid,
                   format("manifest's digest is {}, not {}", digest.string(), push.digest->string())};
  }
  auto& record = parsed.record;
  record.digest = digest.string();
  const std::string type(record.media_type.substr(0, record.media_type.find(';')));
  parsed.referrer.clear();
  if (!record.subject.empty()) {
    parsed.referrer =
        referrer_descriptor(type, digest, push.text.size(), record.artifact_type, parsed.annotations);
  }
  return parsed;
}

Outcome<ImageService::Parsed> ImageService::parse_image(const ManifestPush& push) {
  const auto manifest = oci::parse_manifest(push.text, manifest_name);
  if (!manifest) return manifest_invalid(manifest.error());
  Parsed parsed;
  auto& record = parsed.record;
  record.media_type = !push.media_type.empty() ? push.media_type : manifest->media_type;
  if (record.media_type.empty()) record.media_type = oci::media_type::oci_manifest;
  record.artifact_type =
      manifest->artifact_type.empty() ? manifest->config.media_type : manifest->artifact_type;
  if (manifest->subject) record.subject = manifest->subject->digest.string();
  record.image_size = manifest->config.size;
  parsed.blobs.push_back(manifest->config.digest);
  for (const auto& layer : manifest->layers) {
    record.image_size += layer.size;
    if (!is_foreign(layer)) parsed.blobs.push_back(layer.digest);
  }
  parsed.annotations = manifest->annotations;
  return parsed;
}

Outcome<ImageService::Parsed> ImageService::parse_index(const ManifestPush& push) {
  const auto index = oci::parse_index(push.text, manifest_name);
  if (!index) return manifest_invalid(index.error());
  Parsed parsed;
  auto& record = parsed.record;
  record.media_type = !push.media_type.empty() ? push.media_type : index->media_type;
  if (record.media_type.empty()) record.media_type = oci::media_type::oci_index;
  record.artifact_type = index->artifact_type;
  if (index->subject) record.subject = index->subject->digest.string();
  for (const auto& child : index->manifests) {
    record.image_size += child.size;
    parsed.manifests.push_back(child.digest);
  }
  parsed.annotations = index->annotations;
  return parsed;
}

Outcome<Done> ImageService::check_content(const std::string& repository, const Parsed& parsed) const {
  for (const auto& blob : parsed.blobs) {
    if (repositories_.has_blob(repository, blob) && content_.exists(blob)) continue;
    return Failure{FailureKind::manifest_blob_unknown,
                   format("manifest names blob {}, which repository {} has not", blob.string(), repository)};
  }
  for (const auto& child : parsed.manifests) {
    if (repositories_.manifest(repository, child)) continue;
    return Failure{
        FailureKind::manifest_reference_unknown,
        format("index names manifest {}, which repository {} has not", child.string(), repository)};
  }
  return Done{};
}

Outcome<Done> ImageService::check_tags(const Repository& repository, const ManifestPush& push,
                                       const oci::Digest& digest) const {
  for (const auto& tag : push.tags) {
    if (!oci::is_valid_tag(tag)) return Failure{FailureKind::tag_invalid, format("\"{}\" is not a tag", tag)};
    const auto current = repositories_.tag(repository.name, tag);
    if (!current) continue;
    if (*current == digest) {
      if (push.refuse_same) {
        return Failure{FailureKind::image_exists,
                       format("image {} with tag {} already exists", digest.string(), tag)};
      }
      continue;
    }
    if (!repository.allows_overwriting(tag)) {
      return Failure{
          FailureKind::tag_immutable,
          format("The image tag '{}' already exists in the '{}' repository and cannot be overwritten "
                 "because the tag is immutable.",
                 tag, repository.name)};
    }
  }
  return Done{};
}

Outcome<Done> ImageService::set_tags(const ManifestPush& push, const ManifestRecord& record,
                                     const oci::Digest& digest) {
  if (push.tags.empty()) {
    return with_event(event(push.repository, record, "", api::ImageActionType::push, push.host),
                      []() -> Outcome<Done> { return Done{}; });
  }
  for (const auto& tag : push.tags) {
    TRY(with_event(event(push.repository, record, tag, api::ImageActionType::push, push.host),
                   [&] { return repositories_.set_tag(push.repository, tag, digest); }));
  }
  return Done{};
}

template <class Change>
Outcome<Done> ImageService::with_event(const api::EventEntry& entry, const Change& change) {
  const auto id = TRY(events_.add(entry));
  auto changed = change();
  if (changed) {
    events_.release(id);
  } else {
    events_.cancel(id);
  }
  return changed;
}

api::EventEntry ImageService::event(const std::string& repository, const ManifestRecord& record,
                                    const std::string& tag, api::ImageActionType type,
                                    const std::string& host) const {
  return api::image_action_entry(
      {true, repository, record.digest, type, tag, record.media_type, hosts_with(host)}, clock_.now());
}

// All names of this registry, the one that was called first.
std::vector<std::string> ImageService::hosts_with(const std::string& called) const {
  std::vector<std::string> hosts;
  if (!called.empty()) hosts.push_back(called);
  for (const auto& host : hosts_) {
    if (!equals_ignoring_case(host, called)) hosts.push_back(host);
  }
  return hosts;
}

Outcome<ManifestRecord> ImageService::resolve(const std::string& repository,
                                              const std::string& reference) const {
  auto record = find_record(repository, reference);
  if (!record) TRY(repositories_.find(repository));  // that it isn't there says more
  return record;
}

Outcome<ManifestRecord> ImageService::find_record(const std::string& repository,
                                                  const std::string& reference) const {
  if (reference.find(':') != std::string::npos) {
    const auto digest = oci::Digest::parse(reference);
    if (!digest) return manifest_unknown(repository, reference);
    return repositories_.manifest(repository, *digest);
  }
  if (!oci::is_valid_tag(reference)) return manifest_unknown(repository, reference);
  const auto tagged = TRY(repositories_.tag(repository, reference));
  return repositories_.manifest(repository, tagged);
}

Outcome<std::string> ImageService::text(const ManifestRecord& record) const {
  if (const auto known = texts_.find(record.digest)) return *known;
  const auto generation = texts_.generation();
  const auto digest = TRY(oci::Digest::parse(record.digest));
  auto text = TRY(content_.read(digest, oci::manifest_size_limit));
  if (text.size() <= most_kept_text) texts_.keep(record.digest, text, generation);
  return text;
}

Outcome<Done> ImageService::remove_tag(const std::string& repository, const std::string& tag,
                                       const std::string& host) {
  const auto lock = repositories_.lock(repository);
  const auto record = TRY(resolve(repository, tag));
  TRY(with_event(event(repository, record, tag, api::ImageActionType::remove, host),
                 [&] { return repositories_.remove_tag(repository, tag); }));
  log::info("tag deleted repository={} tag={} digest={}", repository, tag, record.digest);
  return Done{};
}

Outcome<Done> ImageService::remove_manifest(const std::string& repository, const oci::Digest& digest,
                                            const std::string& host) {
  const auto lock = repositories_.lock(repository);
  const auto record = TRY(resolve(repository, digest.string()));
  return remove_locked(repository, record, host);
}

Outcome<Done> ImageService::remove_locked(const std::string& repository, const ManifestRecord& record,
                                          const std::string& host) {
  const auto tags = TRY(repositories_.tags(repository));
  for (const auto& [tag, tagged] : tags) {
    if (tagged.string() != record.digest) continue;
    const auto& name = tag;
    TRY(with_event(event(repository, record, name, api::ImageActionType::remove, host),
                   [&] { return repositories_.remove_tag(repository, name); }));
  }
  TRY(with_event(event(repository, record, "", api::ImageActionType::remove, host),
                 [&] { return repositories_.remove_manifest(repository, record); }));
  log::info("image deleted repository={} digest={}", repository, record.digest);
  return Done{};
}

Outcome<bool> ImageService::is_referenced(const std::string& repository, const oci::Digest& digest) const {
  const auto images = TRY(list(repository));
  return std::any_of(images.begin(), images.end(), [&](const TaggedImage& image) {
    return image.in_index && image.record.digest == digest.string();
  });
}

}  // namespace gantry::registry
