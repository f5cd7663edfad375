#pragma once

#include "base/files.h"
#include "base/result.h"
#include "base/time.h"
#include "oci/digest.h"
#include "registry/access_policy.h"
#include "registry/lifecycle_policy.h"
#include "registry/outcome.h"
#include "registry/read_cache.h"
#include "registry/wildcard.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

enum class Mutability { all_mutable, all_immutable, mutable_with_exclusion, immutable_with_exclusion };

// A repository's settings, as repository.json keeps them.
struct Repository {
  std::string name;
  double created_at = 0;  // epoch seconds
  Mutability mutability = Mutability::all_mutable;
  std::vector<std::string> exclusions;  // patterns with "*" of tags for which the opposite holds
  bool scan_on_push = false;            // kept for clients that read it back; nothing scans
  std::map<std::string, std::string> tags;
  std::shared_ptr<const AccessPolicy> policy;        // null: none
  std::shared_ptr<const LifecyclePolicy> lifecycle;  // null: none
  std::string lifecycle_host;                        // the registry's name as the policy's setter called it
  double lifecycle_evaluated_at = 0;                 // epoch seconds; 0: never

  bool allows_overwriting(std::string_view tag) const;
};

// What is known of a manifest beside its bytes, which are a blob.
struct ManifestRecord {
  std::string digest;
  std::string media_type;
  std::string artifact_type;  // artifactType, else the config's media type
  std::string subject;        // a digest, or empty
  int64_t image_size = 0;     // compressed: layers and config
  double pushed_at = 0;       // epoch seconds
  bool archived = false;      // in the archive: it can't be pulled
  double archived_at = 0;     // last put there; 0: never
  double activated_at = 0;    // last restored from there; 0: never
};

// Repositories as files (README.md). Reads are from disk, changes are atomic and durable when they return. A
// caller that reads and then changes holds lock(name) over both. A repository's name is valid in every call
// below but create().
class RepositoryStore {
 public:
  // `root` is the folder "repositories". Errors: corrupt, invalid when a repository.json can't be read.
  static Result<std::unique_ptr<RepositoryStore>> open(const std::string& root);

  // Held while a repository's tags, manifests or settings change.
  std::unique_lock<std::mutex> lock(std::string_view name);

  Outcome<Done> create(const Repository& repository);     // fails with repository_exists
  Outcome<Repository> find(std::string_view name) const;  // fails with repository_unknown
  std::vector<std::string> names() const;                 // sorted
  Outcome<Done> save(const Repository& repository);       // settings of an existing one
  Outcome<Done> remove(std::string_view name);            // with all it holds

  // Blobs that may be read through a repository.
  bool has_blob(std::string_view name, const oci::Digest& digest) const;
  // Keeps the blob's link from collection for a while longer: a client that asks for a blob is about to name
  // it.
  void touch_blob(std::string_view name, const oci::Digest& digest);
  Outcome<Done> link_blob(std::string_view name, const oci::Digest& digest);
  Outcome<Done> unlink_blob(std::string_view name, const oci::Digest& digest);  // fails with blob_unknown
  bool any_has_blob(const oci::Digest& digest) const;
  Outcome<std::vector<oci::Digest>> blobs_linked_before(std::string_view name, TimePoint time) const;

  Outcome<ManifestRecord> manifest(std::string_view name,
                                   const oci::Digest& digest) const;  // manifest_unknown
  Outcome<std::vector<ManifestRecord>> manifests(std::string_view name) const;
  // Writes the record, and the referrer's `descriptor` (JSON) when the record has a subject.
  Outcome<Done> add_manifest(std::string_view name, const ManifestRecord& record,
                             std::string_view descriptor);
  Outcome<Done> save_manifest(std::string_view name, const ManifestRecord& record);  // of one that is there
  Outcome<Done> remove_manifest(std::string_view name, const ManifestRecord& record);
  bool any_has_manifest(const oci::Digest& digest) const;
  // The descriptors (JSON) of manifests whose subject is `subject`.
  Outcome<std::vector<std::string>> referrers(std::string_view name, const oci::Digest& subject) const;

  Outcome<oci::Digest> tag(std::string_view name, std::string_view tag) const;  // manifest_unknown
  Outcome<std::map<std::string, oci::Digest>> tags(std::string_view name) const;
  Outcome<Done> set_tag(std::string_view name, std::string_view tag, const oci::Digest& digest);
  Outcome<Done> remove_tag(std::string_view name, std::string_view tag);

  // Further files of a repository, such as "pulls.json"; not found: empty.
  Outcome<std::string> note(std::string_view name, std::string_view file) const;
  Outcome<Done> save_note(std::string_view name, std::string_view file, std::string_view text,
                          Durability durability);

  // Uploads that belong to a repository.
  bool has_upload(std::string_view name, std::string_view id) const;
  Outcome<Done> add_upload(std::string_view name, std::string_view id);
  Outcome<Done> remove_upload(std::string_view name, std::string_view id);
  Outcome<std::vector<std::string>> uploads(std::string_view name) const;

  // For who checks what lies on disk: the path of a repository's file, such as "tags/v1.tag", and the file
  // that makes `referrer` one of `subject`.
  std::string path(std::string_view name, std::string_view rest) const;
  static std::string referrer_file(const oci::Digest& subject, const oci::Digest& referrer);

 private:
  explicit RepositoryStore(std::string root) : root_(std::move(root)) {}
  Result<void> load(const std::string& folder, const std::string& name);

  static std::string key(std::string_view name, std::string_view reference);

  std::string root_;
  mutable std::mutex mutex_;  // guards repositories_
  std::map<std::string, Repository, std::less<>> repositories_;
  std::array<std::mutex, 64> locks_;
  mutable ReadCache<ManifestRecord> manifests_{2048};
  mutable ReadCache<oci::Digest> tags_{2048};
};

Result<Repository> parse_repository(std::string_view text, std::string_view source);
std::string to_json_text(const Repository& repository);
Result<ManifestRecord> parse_manifest_record(std::string_view text, std::string_view source);
std::string to_json_text(const ManifestRecord& record);

Failure repository_unknown(std::string_view name);
Failure manifest_unknown(std::string_view name, std::string_view reference);

}  // namespace gantry::registry
