#pragma once

#include "base/fd.h"
#include "base/files.h"
#include "base/lock.h"
#include "base/result.h"
#include "oci/digest.h"
#include "oci/hasher.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::images {

struct BlobInfo {
  oci::Digest digest;
  uint64_t size = 0;
  std::chrono::system_clock::time_point written;  // mtime
};

// A blob on its way into the store: a file under ingest/, locked (flock) by who writes it, that becomes the
// blob by rename. Destroyed without commit() or keep(), it is removed.
class Ingest {
 public:
  Ingest(Ingest&&) noexcept;
  Ingest& operator=(Ingest&&) noexcept;
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;
  ~Ingest();

  Result<void> write(std::string_view bytes);
  uint64_t size() const { return size_; }  // bytes so far
  // For bytes that come in no order: stores some at `offset`, without counting them. Threads may call it at
  // once.
  Result<void> place(std::string_view bytes, uint64_t offset);
  // Counts what was placed up to `end` as written, and hands it on in order.
  Result<void> absorb(uint64_t end, const std::function<Result<void>(std::string_view)>& observe);
  // Ends the writing and says the digest, so that a lease can name it before commit().
  const oci::Digest& seal();

  // Verifies size and digest, makes the data safe as `durability` says, and renames. What doesn't match is
  // removed. A blob that is there already is kept and this one dropped.
  // Errors: corrupt, naming what was expected and what was found.
  Result<BlobInfo> commit(const std::optional<oci::Digest>& expected = {},
                          const std::optional<uint64_t>& size = {},
                          Durability durability = Durability::durable);
  // Throws away what was written so far and starts at 0.
  Result<void> restart();
  // Leaves a named ingest in place for resume(); its lock is dropped.
  void keep();
  const std::string& name() const { return name_; }

 private:
  friend class ContentStore;
  Ingest(const std::string& root, std::string name, oci::DigestAlgorithm algorithm, UniqueFd file);
  void discard();

  std::string root_;
  std::string name_;
  oci::DigestAlgorithm algorithm_;
  UniqueFd file_;
  oci::Hasher hasher_;
  oci::Digest sealed_;
  uint64_t size_ = 0;
};

// Names blobs that garbage collection must pass by while they are being pulled or pushed, before anything
// on disk refers to them. Held until destroyed; a dead process's lease counts for nothing (its flock is
// gone).
class Lease {
 public:
  // From when this returns, collect() leaves the blob alone; so: add first, then look whether it exists.
  Result<void> add(const oci::Digest& digest);
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

 private:
  friend class ContentStore;
  Lease(std::string root, std::string path, UniqueFd file)
      : root_(std::move(root)), path_(std::move(path)), file_(std::move(file)) {}
  std::string root_;
  std::string path_;
  UniqueFd file_;
};

// Blobs under their digest: ROOT/blobs/sha256/HEX (files 0600, folders 0700), with ROOT/ingest for what is
// being written, ROOT/leases, and ROOT/locks. Several processes may use one store at once. All functions may
// be called from any thread; an Ingest or Lease belongs to one thread at a time.
class ContentStore {
 public:
  // Makes what is missing, and sweeps unnamed ingests and leases whose writer is dead.
  static Result<ContentStore> open(const std::string& root);

  bool exists(const oci::Digest& digest) const;
  // Errors: not_found, naming the digest.
  Result<BlobInfo> info(const oci::Digest& digest) const;
  Result<UniqueFd> open_blob(const oci::Digest& digest) const;
  // The whole blob. Errors: invalid when longer than `limit`; corrupt when its digest is another one.
  Result<std::string> read(const oci::Digest& digest, size_t limit) const;
  // Path for what needs a name (sendfile doesn't: use open_blob). The blob may not exist.
  std::string path(const oci::Digest& digest) const;
  Result<std::vector<BlobInfo>> list() const;
  // Missing: fine.
  Result<void> remove(const oci::Digest& digest);
  // Ingest and commit in one.
  Result<BlobInfo> put(std::string_view bytes, const std::optional<oci::Digest>& expected = {},
                       Durability durability = Durability::durable);

  // A new unnamed ingest; the digest will be of `algorithm`.
  Result<Ingest> begin(oci::DigestAlgorithm algorithm = oci::DigestAlgorithm::sha256);
  // A named one that survives restarts (a registry's upload). Names: [A-Za-z0-9-]{1,64}. Errors: exists.
  Result<Ingest> begin_named(const std::string& name,
                             oci::DigestAlgorithm algorithm = oci::DigestAlgorithm::sha256);
  // Goes on with a kept one: reads it again to hash it. Errors: not_found; conflict while another holds it.
  Result<Ingest> resume(const std::string& name,
                        oci::DigestAlgorithm algorithm = oci::DigestAlgorithm::sha256);
  Result<uint64_t> ingest_size(const std::string& name) const;  // Errors: not_found
  Result<void> remove_ingest(const std::string& name);          // Errors: not_found, conflict
  // Removes named ingests that no one holds and that weren't written to for `age`; says how many.
  Result<size_t> expire_ingests(std::chrono::seconds age);

  Result<Lease> lease();
  // Held by who fetches a blob, so that two pulls of one blob download it once.
  Result<FileLock> lock_blob(const oci::Digest& digest,
                             std::chrono::milliseconds limit = std::chrono::hours(1)) const;
  // Removes each blob that `is_used` doesn't know, no live lease names and that is older than `grace`.
  // `is_used` is asked under the store's collection lock, so it must not add to a lease.
  struct Collected {
    size_t blobs = 0;
    uint64_t bytes = 0;
  };
  // `begin` is called first, under the same lock, with what live leases name.
  using Leased = std::set<oci::Digest>;
  Result<Collected> collect(const std::function<bool(const oci::Digest&)>& is_used,
                            std::chrono::seconds grace = std::chrono::seconds(0),
                            const std::function<Result<void>(const Leased&)>& begin = {});

  const std::string& root() const { return root_; }

 private:
  explicit ContentStore(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

}  // namespace gantry::images
