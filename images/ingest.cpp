#include "images/content_layout.h"
#include "images/content_store.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::images {
namespace {

constexpr size_t buffer_size = size_t{1} << 20;

// Hashes a file from its start to its end.
Result<oci::Digest> hash_file(BorrowedFd file, oci::DigestAlgorithm algorithm) {
  oci::Hasher hasher(algorithm);
  std::string buffer(buffer_size, '\0');
  for (off_t offset = 0;;) {
    const ssize_t got = pread(file.get(), buffer.data(), buffer.size(), offset);
    const int error = errno;
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return Error::system(error, "read");
    if (got == 0) return hasher.finish();
    hasher.update({buffer.data(), static_cast<size_t>(got)});
    offset += got;
  }
}

}  // namespace

Ingest::Ingest(const std::string& root, std::string name, oci::DigestAlgorithm algorithm, UniqueFd file)
    : root_(root),
      name_(std::move(name)),
      algorithm_(algorithm),
      file_(std::move(file)),
      hasher_(algorithm) {}

Ingest::Ingest(Ingest&&) noexcept = default;

Ingest& Ingest::operator=(Ingest&& other) noexcept {
  if (this == &other) return *this;
  discard();
  root_ = std::move(other.root_);
  name_ = std::move(other.name_);
  algorithm_ = other.algorithm_;
  file_ = std::move(other.file_);
  hasher_ = std::move(other.hasher_);
  sealed_ = std::move(other.sealed_);
  size_ = other.size_;
  return *this;
}

Ingest::~Ingest() {
  discard();
}

void Ingest::discard() {
  if (!file_) return;
  unlink(layout::ingest(root_, name_).c_str());
  file_.reset();
}

void Ingest::keep() {
  file_.reset();
}

Result<void> Ingest::write(std::string_view bytes) {
  TRY(write_all(file_, bytes).context("ingest {}", name_));
  hasher_.update(bytes);
  size_ += bytes.size();
  return {};
}

Result<void> Ingest::place(std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    const int error = errno;
    if (put < 0 && error == EINTR) continue;
    if (put < 0) return Error::system(error, "ingest {}: write", name_);
    bytes.remove_prefix(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return {};
}

Result<void> Ingest::absorb(uint64_t end, const std::function<Result<void>(std::string_view)>& observe) {
  std::string buffer(buffer_size, '\0');
  while (size_ < end) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), end - size_);
    const ssize_t got = pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(size_));
    const int error = errno;
    if (got < 0 && error == EINTR) continue;
    if (got <= 0) return Error::system(got < 0 ? error : EIO, "ingest {}: read", name_);
    const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
    hasher_.update(bytes);
    size_ += bytes.size();
    TRY(observe(bytes));
  }
  return {};
}

const oci::Digest& Ingest::seal() {
  if (sealed_.empty()) sealed_ = hasher_.finish();
  return sealed_;
}

Result<void> Ingest::restart() {
  if (ftruncate(file_.get(), 0) != 0 || lseek(file_.get(), 0, SEEK_SET) != 0) {
    return Error::system(errno, "ingest {}: start over", name_);
  }
  hasher_ = oci::Hasher(algorithm_);
  sealed_ = {};
  size_ = 0;
  return {};
}

Result<BlobInfo> Ingest::commit(const std::optional<oci::Digest>& expected,
                                const std::optional<uint64_t>& size, Durability durability) {
  if (size && *size != size_) {
    discard();
    return Error::make(ErrorKind::corrupt, "size doesn't match: expected {} bytes, got {}", *size, size_);
  }
  oci::Digest digest = seal();
  if (expected && expected->algorithm() != algorithm_) digest = TRY(hash_file(file_, expected->algorithm()));
  if (expected && *expected != digest) {
    discard();
    return Error::make(ErrorKind::corrupt, "digest doesn't match: expected {}, got {}", expected->string(),
                       digest.string());
  }
  if (durability == Durability::durable && fdatasync(file_.get()) != 0) {
    return Error::system(errno, "sync ingest {}", name_);
  }
  const std::string blob = layout::blob(root_, digest);
  if (path_exists(blob)) {
    discard();
  } else if (rename(layout::ingest(root_, name_).c_str(), blob.c_str()) != 0) {
    return Error::system(errno, "rename ingest {} to {}", name_, blob);
  }
  file_.reset();
  if (durability == Durability::durable) TRY(sync_directory(blob.substr(0, blob.rfind('/'))));
  return BlobInfo{digest, size_, std::chrono::system_clock::now()};
}

Result<Ingest> ContentStore::resume(const std::string& name, oci::DigestAlgorithm algorithm) {
  auto file = TRY(layout::try_lock_existing(layout::ingest(root_, name)).context("upload {}", name));
  if (!file) return Error::make(ErrorKind::conflict, "upload {}: another request is writing to it", name);
  Ingest ingest(root_, name, algorithm, std::move(*file));
  std::string buffer(buffer_size, '\0');
  while (true) {
    const ssize_t got = ::read(ingest.file_.get(), buffer.data(), buffer.size());
    const int error = errno;
    if (got < 0 && error == EINTR) continue;
    if (got < 0) {
      ingest.keep();
      return Error::system(error, "read upload {}", name);
    }
    if (got == 0) return ingest;
    ingest.hasher_.update({buffer.data(), static_cast<size_t>(got)});
    ingest.size_ += static_cast<uint64_t>(got);
  }
}

}  // namespace gantry::images
