#include "registry/repository_store.h"

#include "base/files.h"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>

namespace gantry::registry {
namespace {

constexpr std::string_view inner = "_gantry";

std::string digest_path(std::string_view kind, const oci::Digest& digest) {
  return format("{}/{}/{}", kind, digest.algorithm_name(), digest.hex());
}

// With an ending of its own, so that the temporary file of a write in progress isn't taken for a tag.
constexpr std::string_view tag_ending = ".tag";
std::string tag_path(std::string_view tag) {
  return format("tags/{}{}", tag, tag_ending);
}

std::string referrers_path(const oci::Digest& subject) {
  return format("referrers/{}", subject.hex());
}

Outcome<Done> write_durably(const std::string& path, std::string_view text) {
  TRY(make_directories(path.substr(0, path.rfind('/'))));
  TRY(write_file(path, text, 0600, Durability::durable));
  return Done{};
}

// An empty file that says something by being there. Not fsynced itself: its folder is.
Outcome<Done> mark(const std::string& path) {
  if (path_exists(path)) return Done{};
  return write_durably(path, "");
}

Outcome<Done> unmark(const std::string& path) {
  TRY(remove_file(path));
  return Done{};
}

// For decisions to delete: what can't be looked at counts as there.
bool may_exist(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

// What write_file left when it was killed. Only at the start, when nobody writes.
Result<void> remove_temporaries(const std::string& folder) {
  for (const auto& name : TRY(list_directory(folder))) {
    const std::string path = join_path(folder, name);
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return Error::system(errno, "look at {}", path);
    if (S_ISDIR(status.st_mode)) {
      TRY(remove_temporaries(path));
    } else if (name.ends_with(".tmp")) {
      TRY(remove_file(path));
    }
  }
  return {};
}

Result<std::vector<std::string>> list_if_there(const std::string& folder) {
  if (!path_exists(folder)) return std::vector<std::string>{};
  return list_directory(folder);
}

}  // namespace

bool Repository::allows_overwriting(std::string_view tag) const {
  const bool excluded = std::any_of(exclusions.begin(), exclusions.end(),
                                    [&](const auto& pattern) { return matches_wildcard(pattern, tag); });
  switch (mutability) {
    case Mutability::all_mutable:
      return true;
    case Mutability::all_immutable:
      return false;
    case Mutability::mutable_with_exclusion:
      return !excluded;
    case Mutability::immutable_with_exclusion:
      return excluded;
  }
  return true;
}

Failure repository_unknown(std::string_view name) {
  return {FailureKind::repository_unknown, format("repository {} does not exist", name)};
}

Failure manifest_unknown(std::string_view name, std::string_view reference) {
  return {FailureKind::manifest_unknown, format("repository {} has no manifest {}", name, reference)};
}

Result<std::unique_ptr<RepositoryStore>> RepositoryStore::open(const std::string& root) {
  std::unique_ptr<RepositoryStore> store(new RepositoryStore(root));
  TRY(make_directories(root));
  TRY(store->load(root, ""));
  return store;
}

// A repository may lie below another's name ("a" and "a/b"), so every folder is looked at.
Result<void> RepositoryStore::load(const std::string& folder, const std::string& name) {
  for (const auto& entry : TRY(list_directory(folder))) {
    const auto below = join_path(folder, entry);
    if (entry != inner) {
      TRY(load(below, name.empty() ? entry : name + "/" + entry));
      continue;
    }
    const auto file = join_path(below, "repository.json");
    const auto text = read_file(file);
    if (text) {
      repositories_[name] = TRY(parse_repository(*text, file));
      TRY(remove_temporaries(below));
    } else if (text.error().kind() == ErrorKind::not_found) {
      TRY(remove_tree(below));  // a removal that kill -9 cut short
    } else {
      return text.error();
    }
  }
  return {};
}

std::string RepositoryStore::path(std::string_view name, std::string_view rest) const {
  return format("{}/{}/{}/{}", root_, name, inner, rest);
}

std::string RepositoryStore::referrer_file(const oci::Digest& subject, const oci::Digest& referrer) {
  return format("{}/{}", referrers_path(subject), referrer.hex());
}

std::unique_lock<std::mutex> RepositoryStore::lock(std::string_view name) {
  return std::unique_lock(locks_[std::hash<std::string_view>{}(name) % locks_.size()]);
}

Outcome<Done> RepositoryStore::create(const Repository& repository) {
  if (find(repository.name)) {
    return Failure{FailureKind::repository_exists, format("repository {} already exists", repository.name)};
  }
  return save(repository);
}

Outcome<Done> RepositoryStore::save(const Repository& repository) {
  TRY(write_durably(path(repository.name, "repository.json"), to_json_text(repository)));
  const std::lock_guard guard(mutex_);
  repositories_[repository.name] = repository;
  return Done{};
}

Outcome<Repository> RepositoryStore::find(std::string_view name) const {
  const std::lock_guard guard(mutex_);
  const auto found = repositories_.find(name);
  if (found == repositories_.end()) return repository_unknown(name);
  return found->second;
}

std::vector<std::string> RepositoryStore::names() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> names;
  for (const auto& entry : repositories_) names.push_back(entry.first);
  return names;
}

Outcome<Done> RepositoryStore::remove(std::string_view name) {
  TRY(find(name));
  {
    const std::lock_guard guard(mutex_);
    repositories_.erase(repositories_.find(name));
  }
  TRY(remove_file(
      path(name, "repository.json")));  // first: without it the rest is rubbish, swept at the next start
  manifests_.forget_all();
  tags_.forget_all();
  TRY(remove_tree(format("{}/{}/{}", root_, name, inner)));
  return Done{};
}

bool RepositoryStore::has_blob(std::string_view name, const oci::Digest& digest) const {
  return path_exists(path(name, digest_path("blobs", digest)));
}

void RepositoryStore::touch_blob(std::string_view name, const oci::Digest& digest) {
  utimensat(AT_FDCWD, path(name, digest_path("blobs", digest)).c_str(), nullptr, 0);
}

Outcome<Done> RepositoryStore::link_blob(std::string_view name, const oci::Digest& digest) {
  touch_blob(name, digest);
  return mark(path(name, digest_path("blobs", digest)));
}

Outcome<Done> RepositoryStore::unlink_blob(std::string_view name, const oci::Digest& digest) {
  if (!has_blob(name, digest)) {
    return Failure{FailureKind::blob_unknown, format("repository {} has no blob {}", name, digest.string())};
  }
  return unmark(path(name, digest_path("blobs", digest)));
}

bool RepositoryStore::any_has_blob(const oci::Digest& digest) const {
  const auto all = names();
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& name) { return may_exist(path(name, digest_path("blobs", digest))); });
}

Outcome<std::vector<oci::Digest>> RepositoryStore::blobs_linked_before(std::string_view name,
                                                                       TimePoint time) const {
  std::vector<oci::Digest> digests;
  for (const auto& algorithm : TRY(list_if_there(path(name, "blobs")))) {
    for (const auto& hex : TRY(list_directory(path(name, "blobs/" + algorithm)))) {
      const auto digest = oci::Digest::parse(algorithm + ":" + hex);
      struct stat status {};
      if (!digest || stat(path(name, digest_path("blobs", *digest)).c_str(), &status) != 0) continue;
      if (TimePoint(std::chrono::seconds(status.st_mtim.tv_sec)) < time) digests.push_back(*digest);
    }
  }
  return digests;
}

bool RepositoryStore::any_has_manifest(const oci::Digest& digest) const {
  const auto all = names();
  return std::any_of(all.begin(), all.end(), [&](const auto& name) {
    return may_exist(path(name, digest_path("manifests", digest)));
  });
}

std::string RepositoryStore::key(std::string_view name, std::string_view reference) {
  std::string key(name);
  key += ' ';
  key += reference;
  return key;
}

Outcome<ManifestRecord> RepositoryStore::manifest(std::string_view name, const oci::Digest& digest) const {
  const auto known_as = key(name, digest.string());
  if (const auto known = manifests_.find(known_as)) return *known;
  const auto generation = manifests_.generation();
  const auto file = path(name, digest_path("manifests", digest));
  auto text = read_file(file);
  if (!text && text.error().kind() == ErrorKind::not_found) return manifest_unknown(name, digest.string());
  if (!text) return text.error();
  auto record = TRY(parse_manifest_record(*text, file));
  manifests_.keep(known_as, record, generation);
  return record;
}

Outcome<std::vector<ManifestRecord>> RepositoryStore::manifests(std::string_view name) const {
  std::vector<ManifestRecord> records;
  for (const auto& algorithm : TRY(list_if_there(path(name, "manifests")))) {
    for (const auto& hex : TRY(list_directory(path(name, "manifests/" + algorithm)))) {
      const auto digest = oci::Digest::parse(algorithm + ":" + hex);
      if (!digest) continue;  // a temporary file of a write that kill -9 cut short
      auto record = manifest(name, *digest);
      const bool gone = !record && record.error().kind == FailureKind::manifest_unknown;
      if (gone) continue;  // removed since the folder was listed
      records.push_back(TRY(std::move(record)));
    }
  }
  return records;
}

Outcome<Done> RepositoryStore::add_manifest(std::string_view name, const ManifestRecord& record,
                                            std::string_view descriptor) {
  const auto digest = TRY(oci::Digest::parse(record.digest));
  if (!record.subject.empty()) {
    const auto subject = TRY(oci::Digest::parse(record.subject));
    TRY(write_durably(path(name, referrer_file(subject, digest)), descriptor));
  }
  return save_manifest(name, record);
}

Outcome<Done> RepositoryStore::save_manifest(std::string_view name, const ManifestRecord& record) {
  const auto digest = TRY(oci::Digest::parse(record.digest));
  auto written = write_durably(path(name, digest_path("manifests", digest)), to_json_text(record));
  manifests_.forget(key(name, record.digest));  // also after an error: the file may be the new one
  return written;
}

Outcome<Done> RepositoryStore::remove_manifest(std::string_view name, const ManifestRecord& record) {
  const auto digest = TRY(oci::Digest::parse(record.digest));
  auto unmarked = unmark(path(name, digest_path("manifests", digest)));
  manifests_.forget(key(name, record.digest));
  TRY(std::move(unmarked));
  if (record.subject.empty()) return Done{};
  const auto subject = TRY(oci::Digest::parse(record.subject));
  return unmark(path(name, referrer_file(subject, digest)));
}

Outcome<std::vector<std::string>> RepositoryStore::referrers(std::string_view name,
                                                             const oci::Digest& subject) const {
  std::vector<std::string> descriptors;
  const auto folder = path(name, referrers_path(subject));
  for (const auto& hex : TRY(list_if_there(folder))) {
    // A referrer whose record is missing was cut short while it was added or removed.
    const auto algorithm = hex.size() == 128 ? "sha512" : "sha256";
    const auto digest = oci::Digest::parse(format("{}:{}", algorithm, hex));
    if (!digest || !manifest(name, *digest)) continue;
    auto text = read_file(join_path(folder, hex));
    if (text) descriptors.push_back(std::move(*text));
  }
  return descriptors;
}

Outcome<oci::Digest> RepositoryStore::tag(std::string_view name, std::string_view tag_name) const {
  const auto known_as = key(name, tag_name);
  if (const auto known = tags_.find(known_as)) return *known;
  const auto generation = tags_.generation();
  const auto file = path(name, tag_path(tag_name));
  auto text = read_file(file, 4096);
  if (!text && text.error().kind() == ErrorKind::not_found) return manifest_unknown(name, tag_name);
  if (!text) return text.error();
  auto digest = TRY(oci::Digest::parse(*text).context("{}", file));
  tags_.keep(known_as, digest, generation);
  return digest;
}

Outcome<std::map<std::string, oci::Digest>> RepositoryStore::tags(std::string_view name) const {
  std::map<std::string, oci::Digest> all;
  for (const auto& entry : TRY(list_if_there(path(name, "tags")))) {
    if (!entry.ends_with(tag_ending)) continue;
    const auto name_of_tag = entry.substr(0, entry.size() - tag_ending.size());
    auto digest = tag(name, name_of_tag);
    if (digest) all[name_of_tag] = std::move(*digest);
  }
  return all;
}

Outcome<Done> RepositoryStore::set_tag(std::string_view name, std::string_view tag_name,
                                       const oci::Digest& digest) {
  auto written = write_durably(path(name, tag_path(tag_name)), digest.string());
  tags_.forget(key(name, tag_name));
  return written;
}

Outcome<Done> RepositoryStore::remove_tag(std::string_view name, std::string_view tag_name) {
  auto unmarked = unmark(path(name, tag_path(tag_name)));
  tags_.forget(key(name, tag_name));
  return unmarked;
}

Outcome<std::string> RepositoryStore::note(std::string_view name, std::string_view file) const {
  auto text = read_file(path(name, file));
  if (!text && text.error().kind() == ErrorKind::not_found) return std::string();
  if (!text) return text.error();
  return std::move(*text);
}

Outcome<Done> RepositoryStore::save_note(std::string_view name, std::string_view file, std::string_view text,
                                         Durability durability) {
  TRY(write_file(path(name, file), text, 0600, durability));
  return Done{};
}

bool RepositoryStore::has_upload(std::string_view name, std::string_view id) const {
  return path_exists(path(name, format("uploads/{}", id)));
}

Outcome<Done> RepositoryStore::add_upload(std::string_view name, std::string_view id) {
  const auto file = path(name, format("uploads/{}", id));
  TRY(make_directories(file.substr(0, file.rfind('/'))));
  TRY(write_file(file, ""));
  return Done{};
}

Outcome<Done> RepositoryStore::remove_upload(std::string_view name, std::string_view id) {
  return unmark(path(name, format("uploads/{}", id)));
}

Outcome<std::vector<std::string>> RepositoryStore::uploads(std::string_view name) const {
  return TRY(list_if_there(path(name, "uploads")));
}

}  // namespace gantry::registry
