#include "images/content_store.h"

#include "base/random.h"
#include "base/text.h"
#include "images/content_layout.h"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::images {
namespace {

constexpr std::string_view unnamed_prefix = "tmp-";

std::chrono::system_clock::time_point modified(const struct stat& info) {
  return std::chrono::system_clock::from_time_t(info.st_mtim.tv_sec);
}

Result<void> check_name(const std::string& name) {
  if (is_plain(name, "-") && name.size() <= 64 && !name.starts_with(unnamed_prefix)) return {};
  return Error::make(ErrorKind::invalid, "upload name \"{}\" must be 1 to 64 letters, digits and dashes",
                     name);
}

// The digests that live leases name. Dead ones are removed.
Result<std::set<oci::Digest>> leased(const std::string& root) {
  TRY(layout::sweep_unlocked(root + "/leases", ""));
  std::set<oci::Digest> digests;
  for (const auto& name : TRY(list_directory(root + "/leases"))) {
    const auto text = read_file(format("{}/leases/{}", root, name));
    // Given up meanwhile: what it named is committed, or isn't wanted any more. One that can't be read may
    // name all.
    if (!text && text.error().kind() == ErrorKind::not_found) continue;
    if (!text) return Error(text.error());
    for (const auto& line : split(*text, '\n')) {
      if (auto digest = oci::Digest::parse(line)) digests.insert(std::move(digest).value());
    }
  }
  return digests;
}

}  // namespace

Result<ContentStore> ContentStore::open(const std::string& root) {
  for (const char* folder : {"blobs/sha256", "blobs/sha512", "ingest", "leases", "locks"}) {
    TRY(make_directories(join_path(root, folder), 0700));
  }
  TRY(layout::sweep_unlocked(root + "/ingest", std::string(unnamed_prefix)));
  TRY(layout::sweep_unlocked(root + "/leases", ""));
  return ContentStore(root);
}

bool ContentStore::exists(const oci::Digest& digest) const {
  return path_exists(path(digest));
}

std::string ContentStore::path(const oci::Digest& digest) const {
  return layout::blob(root_, digest);
}

Result<BlobInfo> ContentStore::info(const oci::Digest& digest) const {
  struct stat info {};
  if (lstat(path(digest).c_str(), &info) != 0) return Error::system(errno, "blob {}", digest.string());
  return BlobInfo{digest, static_cast<uint64_t>(info.st_size), modified(info)};
}

Result<UniqueFd> ContentStore::open_blob(const oci::Digest& digest) const {
  auto file = open_file(path(digest), O_RDONLY | O_NOFOLLOW);
  if (!file && file.error().kind() == ErrorKind::not_found) {
    return Error::make(ErrorKind::not_found, "blob {} isn't in the store", digest.string());
  }
  return file;
}

Result<std::string> ContentStore::read(const oci::Digest& digest, size_t limit) const {
  const auto file = TRY(open_blob(digest));
  auto text = TRY(read_all(file, limit).context("blob {}", digest.string()));
  const auto found = oci::digest_of(text, digest.algorithm());
  if (found == digest) return text;
  return Error::make(ErrorKind::corrupt, "blob {}: its content has digest {}", digest.string(),
                     found.string());
}

Result<std::vector<BlobInfo>> ContentStore::list() const {
  std::vector<BlobInfo> blobs;
  for (const char* algorithm : {"sha256", "sha512"}) {
    for (const auto& name : TRY(list_directory(format("{}/blobs/{}", root_, algorithm)))) {
      const auto digest = oci::Digest::parse(format("{}:{}", algorithm, name));
      if (!digest) continue;
      if (auto found = info(*digest)) blobs.push_back(std::move(found).value());
    }
  }
  return blobs;
}

Result<void> ContentStore::remove(const oci::Digest& digest) {
  return remove_file(path(digest));
}

Result<BlobInfo> ContentStore::put(std::string_view bytes, const std::optional<oci::Digest>& expected,
                                   Durability durability) {
  auto ingest = TRY(begin(expected ? expected->algorithm() : oci::DigestAlgorithm::sha256));
  TRY(ingest.write(bytes));
  return ingest.commit(expected, bytes.size(), durability);
}

Result<Ingest> ContentStore::begin(oci::DigestAlgorithm algorithm) {
  std::string name = std::string(unnamed_prefix) + random_hex(12);
  auto file = TRY(layout::make_locked(layout::ingest(root_, name)));
  return Ingest(root_, std::move(name), algorithm, std::move(file));
}

Result<Ingest> ContentStore::begin_named(const std::string& name, oci::DigestAlgorithm algorithm) {
  TRY(check_name(name));
  auto file = TRY(layout::make_locked(layout::ingest(root_, name)).context("upload {}", name));
  return Ingest(root_, name, algorithm, std::move(file));
}

Result<uint64_t> ContentStore::ingest_size(const std::string& name) const {
  TRY(check_name(name));
  struct stat info {};
  if (lstat(layout::ingest(root_, name).c_str(), &info) != 0) return Error::system(errno, "upload {}", name);
  return static_cast<uint64_t>(info.st_size);
}

Result<void> ContentStore::remove_ingest(const std::string& name) {
  TRY(check_name(name));
  const std::string path = layout::ingest(root_, name);
  const auto lock = TRY(layout::try_lock_existing(path).context("upload {}", name));
  if (!lock) return Error::make(ErrorKind::conflict, "upload {}: another request is writing to it", name);
  return remove_file(path);
}

Result<size_t> ContentStore::expire_ingests(std::chrono::seconds age) {
  size_t removed = 0;
  for (const auto& name : TRY(list_directory(root_ + "/ingest"))) {
    const std::string path = layout::ingest(root_, name);
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) continue;
    if (modified(info) + age > std::chrono::system_clock::now()) continue;
    const auto lock = layout::try_lock_existing(path);
    if (!lock || !*lock) continue;
    TRY(remove_file(path));
    ++removed;
  }
  return removed;
}

Result<FileLock> ContentStore::lock_blob(const oci::Digest& digest, std::chrono::milliseconds limit) const {
  return FileLock::acquire(layout::blob_lock(root_, digest), LockMode::exclusive, limit);
}

Result<ContentStore::Collected> ContentStore::collect(
    const std::function<bool(const oci::Digest&)>& is_used, std::chrono::seconds grace,
    const std::function<Result<void>(const Leased&)>& begin) {
  const auto lock = TRY(FileLock::acquire(layout::collection_lock(root_)));
  const auto held = TRY(leased(root_));
  if (begin) TRY(begin(held));
  Collected collected;
  for (const auto& blob : TRY(list())) {
    const bool young = grace.count() > 0 && blob.written + grace > std::chrono::system_clock::now();
    if (young || held.count(blob.digest) != 0 || is_used(blob.digest)) continue;
    TRY(remove(blob.digest));
    // Two downloads of one blob at once, should someone wait for this lock, do no harm.
    TRY(remove_file(layout::blob_lock(root_, blob.digest)));
    collected.blobs += 1;
    collected.bytes += blob.size;
  }
  return collected;
}

}  // namespace gantry::images
