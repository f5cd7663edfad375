#include "registry/check.h"

#include "base/files.h"
#include "base/lock.h"
#include "images/byte_source.h"
#include "images/content_store.h"
#include "oci/hasher.h"
#include "oci/manifest.h"
#include "registry/image_service.h"
#include "registry/referrer_json.h"
#include "registry/repository_store.h"

namespace gantry::registry {
namespace {

class Checker {
 public:
  Checker(images::ContentStore& content, RepositoryStore& repositories)
      : content_(content), repositories_(repositories) {}

  Result<CheckResult> run() {
    for (const auto& blob : TRY(content_.list())) check_blob(blob);
    for (const auto& name : repositories_.names()) {
      repository_ = name;
      const auto checked = check_repository();
      if (!checked) fault(checked.error().message());
    }
    result_.repositories = repositories_.names().size();
    return std::move(result_);
  }

 private:
  void check_blob(const images::BlobInfo& blob);
  Result<void> check_repository();
  Result<std::vector<std::string>> list(const std::string& folder) const;
  Result<void> check_links();
  Result<void> check_records();
  Result<void> check_record(const oci::Digest& digest);
  Result<void> check_document(const oci::Digest& digest, const ManifestRecord& record);
  Result<void> check_tags();
  Result<void> check_referrers();
  Result<void> check_referrer(const std::string& file, const ManifestRecord& record);

  void fault(const std::string& text) {
    result_.faults.push_back(format("repository {}: {}", repository_, text));
  }
  void expect_blob(const oci::Digest& owner, const oci::Digest& blob);
  void expect_manifest(const oci::Digest& owner, const oci::Digest& child);

  images::ContentStore& content_;
  RepositoryStore& repositories_;
  std::string repository_;  // being looked at
  CheckResult result_;
};

void Checker::check_blob(const images::BlobInfo& blob) {
  result_.blobs += 1;
  result_.bytes += blob.size;
  const auto damaged = [&](std::string_view why) {
    result_.faults.push_back(format("blob {}: {}", blob.digest.string(), why));
  };
  auto file = content_.open_blob(blob.digest);
  if (!file) return damaged(file.error().message());
  images::FileSource source(std::move(*file));
  oci::Hasher hasher(blob.digest.algorithm());
  while (true) {
    const auto block = source.next();
    if (!block) return damaged(block.error().message());
    if (block->empty()) break;
    hasher.update(*block);
  }
  const auto found = hasher.finish();
  if (found != blob.digest) damaged(format("its content's digest is {}", found.string()));
}

Result<void> Checker::check_repository() {
  TRY(check_links());
  TRY(check_records());
  TRY(check_tags());
  return check_referrers();
}

Result<std::vector<std::string>> Checker::list(const std::string& folder) const {
  const auto path = repositories_.path(repository_, folder);
  if (!path_exists(path)) return std::vector<std::string>{};
  return list_directory(path);
}

Result<void> Checker::check_links() {
  for (const auto& algorithm : TRY(list("blobs"))) {
    for (const auto& hex : TRY(list("blobs/" + algorithm))) {
      const auto digest = oci::Digest::parse(algorithm + ":" + hex);
      if (!digest) {
        fault(format("blobs/{}/{}: {}", algorithm, hex, digest.error().message()));
      } else if (!content_.exists(*digest)) {
        fault(format("blob {} is missing in the store", digest->string()));
      }
    }
  }
  return {};
}

Result<void> Checker::check_records() {
  for (const auto& algorithm : TRY(list("manifests"))) {
    for (const auto& hex : TRY(list("manifests/" + algorithm))) {
      const auto digest = oci::Digest::parse(algorithm + ":" + hex);
      const auto checked = digest ? check_record(*digest) : Result<void>(digest.error());
      if (!checked) fault(format("manifest {}:{}: {}", algorithm, hex, checked.error().message()));
    }
  }
  return {};
}

Result<void> Checker::check_record(const oci::Digest& digest) {
  result_.manifests += 1;
  const auto record = repositories_.manifest(repository_, digest);
  if (!record) return Error::make(ErrorKind::corrupt, "{}", record.error().message);
  if (record->digest != digest.string()) {
    return Error::make(ErrorKind::corrupt, "its record is of {}", record->digest);
  }
  if (!record->subject.empty()) {
    const auto subject = TRY(oci::Digest::parse(record->subject).context("subject"));
    const auto file = repositories_.path(repository_, RepositoryStore::referrer_file(subject, digest));
    if (!path_exists(file))
      fault(
          format("manifest {}: subject {} doesn't list it as a referrer", digest.string(), record->subject));
  }
  return check_document(digest, *record);
}

Result<void> Checker::check_document(const oci::Digest& digest, const ManifestRecord& record) {
  const auto text = TRY(content_.read(digest, oci::manifest_size_limit));
  if (oci::is_index_type(record.media_type.substr(0, record.media_type.find(';')))) {
    const auto index = TRY(oci::parse_index(text, "stored index"));
    for (const auto& child : index.manifests) expect_manifest(digest, child.digest);
    return {};
  }
  const auto manifest = TRY(oci::parse_manifest(text, "stored manifest"));
  expect_blob(digest, manifest.config.digest);
  for (const auto& layer : manifest.layers) {
    if (!is_foreign(layer)) expect_blob(digest, layer.digest);
  }
  return {};
}

// That the store has what is linked, check_links() says.
void Checker::expect_blob(const oci::Digest& owner, const oci::Digest& blob) {
  if (repositories_.has_blob(repository_, blob)) return;
  fault(format("manifest {}: blob {} is missing in the repository", owner.string(), blob.string()));
}

void Checker::expect_manifest(const oci::Digest& owner, const oci::Digest& child) {
  if (repositories_.manifest(repository_, child)) return;
  fault(format("index {}: manifest {} is missing in the repository", owner.string(), child.string()));
}

Result<void> Checker::check_tags() {
  constexpr std::string_view ending = ".tag";
  for (const auto& file : TRY(list("tags"))) {
    if (!file.ends_with(ending)) {
      fault(format("tags/{}: no tag's file", file));
      continue;
    }
    result_.tags += 1;
    const auto name = file.substr(0, file.size() - ending.size());
    const auto digest = repositories_.tag(repository_, name);
    if (!digest) {
      fault(format("tag {}: {}", name, digest.error().message));
    } else if (const auto record = repositories_.manifest(repository_, *digest); !record) {
      fault(format("tag {}: {}", name, record.error().message));
    }
  }
  return {};
}

Result<void> Checker::check_referrers() {
  for (const auto& subject : TRY(list("referrers"))) {
    for (const auto& hex : TRY(list(format("referrers/{}", subject)))) {
      const auto file = format("referrers/{}/{}", subject, hex);
      const auto algorithm = hex.size() == 128 ? "sha512" : "sha256";
      const auto digest = oci::Digest::parse(format("{}:{}", algorithm, hex));
      // One without a record is what a push that was killed leaves, and no list shows it.
      const auto record =
          digest ? repositories_.manifest(repository_, *digest) : Outcome<ManifestRecord>(digest.error());
      if (!digest) fault(format("{}: {}", file, digest.error().message()));
      if (!record) continue;
      const auto checked = check_referrer(file, *record);
      if (!checked) fault(format("{}: {}", file, checked.error().message()));
    }
  }
  return {};
}

Result<void> Checker::check_referrer(const std::string& file, const ManifestRecord& record) {
  const auto text = TRY(read_file(repositories_.path(repository_, file)));
  const auto described = parse_referrer(text).digest;
  if (described != record.digest) {
    return Error::make(ErrorKind::corrupt, "describes \"{}\", not {}", described, record.digest);
  }
  const auto subject = TRY(oci::Digest::parse(record.subject).context("subject of {}", record.digest));
  const auto expected = RepositoryStore::referrer_file(subject, TRY(oci::Digest::parse(record.digest)));
  if (file == expected) return {};
  return Error::make(ErrorKind::corrupt, "{} has another subject, {}", record.digest, record.subject);
}

}  // namespace

Result<CheckResult> check(const std::string& data) {
  const auto folder = join_path(data, "repositories");
  if (!path_exists(folder)) {
    return Error::make(ErrorKind::not_found, "data folder {}: there is no registry in it", data);
  }
  const auto lock = TRY(FileLock::try_acquire(join_path(data, "lock")));
  if (!lock) {
    return Error::make(ErrorKind::conflict, "data folder {}: a registry is running on it; stop it first",
                       data);
  }
  auto content = TRY(images::ContentStore::open(join_path(data, "store")));
  const auto repositories = TRY(RepositoryStore::open(folder));
  return Checker(content, *repositories).run();
}

}  // namespace gantry::registry
