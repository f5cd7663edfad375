#pragma once

#include "base/time.h"
#include "images/content_store.h"
#include "registry/event_queue.h"
#include "registry/outcome.h"
#include "registry/repository_store.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::oci {
struct Descriptor;
}

namespace gantry::registry {

// A layer that is elsewhere, at its URLs, and never pushed. image-spec layer.md "Non-Distributable Layers".
bool is_foreign(const oci::Descriptor& layer);

struct ManifestPush {
  std::string repository;
  std::string host;                   // the registry's name as the client called it: "127.0.0.1:5000"
  std::string text;                   // the manifest's bytes
  std::string media_type;             // as pushed; may be empty: then the document's own
  std::vector<std::string> tags;      // set to this manifest
  std::optional<oci::Digest> digest;  // must be that of the bytes
  bool refuse_same = false;           // ECR's PutImage: the same manifest under the same tag is image_exists
};

// An image with its tags, as lists and rules see it.
struct TaggedImage {
  ManifestRecord record;
  std::vector<std::string> tags;
  bool in_index = false;  // an index of the repository names it
};

// Settings of a repository that a push is to make; empty: none may be made.
using RepositoryMaker = std::function<std::optional<Repository>(const std::string& name)>;

struct PushedManifest {
  oci::Digest digest;
  std::string subject;  // empty when it has none
};

// What a push, a pull and a delete of an image are, for both of the registry's APIs. Threads share it.
class ImageService {
 public:
  // All must outlive it. `maker` is asked for a repository that isn't there at its first upload. `hosts`:
  // further names of this registry, for its events.
  ImageService(RepositoryStore& repositories, images::ContentStore& content, EventQueue& events,
               const Clock& clock, RepositoryMaker maker, std::vector<std::string> hosts)
      : repositories_(repositories),
        content_(content),
        events_(events),
        clock_(clock),
        maker_(std::move(maker)),
        hosts_(std::move(hosts)) {}

  // Before a push: the repository is there, or is made if that is allowed.
  Outcome<Done> expect_repository(const std::string& name);
  // Fails with manifest_invalid, manifest_blob_unknown (naming the digest), digest_invalid, tag_invalid,
  // tag_immutable, image_exists, repository_unknown.
  Outcome<PushedManifest> push(const ManifestPush& push);

  // By tag or digest. Fails with manifest_unknown.
  Outcome<ManifestRecord> resolve(const std::string& repository, const std::string& reference) const;
  Outcome<std::string> text(const ManifestRecord& record) const;
  // Fails with image_archived, too.
  Outcome<std::string> text_to_pull(const std::string& repository, const ManifestRecord& record) const;

  // A tag alone, or a manifest with all its tags; `host` as in a push. Fails with manifest_unknown.
  Outcome<Done> remove_tag(const std::string& repository, const std::string& tag, const std::string& host);
  Outcome<Done> remove_manifest(const std::string& repository, const oci::Digest& digest,
                                const std::string& host);
  // Puts an image into the archive, or takes it out again; the record as it is then.
  Outcome<ManifestRecord> set_archived(const std::string& repository, const oci::Digest& digest,
                                       bool archived);
  // All images of a repository, by digest.
  Outcome<std::vector<TaggedImage>> list(const std::string& repository) const;
  // Does to the repository's images what `choose` says of them, while nothing else changes it: what it names
  // is removed (with events, as remove_manifest does) or archived. Returns how many.
  struct ImageChange {
    size_t image = 0;  // index in the list
    bool archive = false;
  };
  using Choose = std::function<std::vector<ImageChange>(const std::vector<TaggedImage>&)>;
  Outcome<size_t> change(const std::string& repository, const std::string& host, const Choose& choose);
  // True when an index of the repository names it.
  Outcome<bool> is_referenced(const std::string& repository, const oci::Digest& digest) const;

  // Blobs that nothing refers to for a day are removed, and blobs of repositories whose manifests are gone.
  Result<void> collect();

 private:
  // Small manifests, by digest: what a digest names never changes, and a record comes before it is asked for.
  static constexpr size_t most_kept_text = size_t{4} << 10;
  mutable ReadCache<std::string> texts_{512};

  Outcome<ManifestRecord> find_record(const std::string& repository, const std::string& reference) const;
  struct Parsed {
    ManifestRecord record;
    std::vector<oci::Digest> blobs;
    std::vector<oci::Digest> manifests;
    std::map<std::string, std::string> annotations;
    std::string referrer;  // descriptor, as JSON
  };
  static Outcome<Parsed> parse(const ManifestPush& push);
  static Outcome<Parsed> parse_image(const ManifestPush& push);
  static Outcome<Parsed> parse_index(const ManifestPush& push);
  Outcome<Done> check_content(const std::string& repository, const Parsed& parsed) const;
  Outcome<Done> check_tags(const Repository& repository, const ManifestPush& push,
                           const oci::Digest& digest) const;
  Outcome<Done> set_tags(const ManifestPush& push, const ManifestRecord& record, const oci::Digest& digest);
  api::EventEntry event(const std::string& repository, const ManifestRecord& record, const std::string& tag,
                        api::ImageActionType type, const std::string& host) const;
  std::vector<std::string> hosts_with(const std::string& called) const;
  // Makes the event durable, does `change`, and lets the event go; or drops it when the change failed.
  template <class Change>
  Outcome<Done> with_event(const api::EventEntry& entry, const Change& change);
  // With the repository locked.
  Outcome<Done> remove_locked(const std::string& repository, const ManifestRecord& record,
                              const std::string& host);
  Outcome<ManifestRecord> archive_locked(const std::string& repository, ManifestRecord record, bool archived);
  Outcome<Done> unlink_unreferenced_blobs(const std::string& repository);

  RepositoryStore& repositories_;
  images::ContentStore& content_;
  EventQueue& events_;
  const Clock& clock_;
  RepositoryMaker maker_;
  std::vector<std::string> hosts_;
};

}  // namespace gantry::registry
