#include "base/random.h"
#include "images/content_layout.h"
#include "images/content_store.h"

#include <unistd.h>

namespace gantry::images {

Lease::Lease(Lease&&) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  if (file_) unlink(path_.c_str());
  root_ = std::move(other.root_);
  path_ = std::move(other.path_);
  file_ = std::move(other.file_);
  return *this;
}

Lease::~Lease() {
  if (file_) unlink(path_.c_str());
}

Result<void> Lease::add(const oci::Digest& digest) {
  // A collection that runs now ends first and has perhaps removed the blob; one that comes later reads this.
  const auto lock = TRY(FileLock::acquire(layout::collection_lock(root_), LockMode::shared));
  return write_all(file_, digest.string() + "\n").context("lease {}", path_);
}

Result<Lease> ContentStore::lease() {
  std::string path = format("{}/leases/{}", root_, random_hex(12));
  auto file = TRY(layout::make_locked(path));
  return Lease(root_, std::move(path), std::move(file));
}

}  // namespace gantry::images
