#include "images/content_layout.h"

#include "base/files.h"
#include "base/format.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::images::layout {

std::string blob(const std::string& root, const oci::Digest& digest) {
  return format("{}/blobs/{}/{}", root, digest.algorithm_name(), digest.hex());
}

std::string ingest(const std::string& root, const std::string& name) {
  return format("{}/ingest/{}", root, name);
}

std::string collection_lock(const std::string& root) {
  return root + "/locks/collection";
}

std::string blob_lock(const std::string& root, const oci::Digest& digest) {
  return format("{}/locks/{}-{}", root, digest.algorithm_name(), digest.hex());
}

Result<UniqueFd> make_locked(const std::string& path) {
  while (true) {
    auto file = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
    struct stat info {};
    const bool locked = flock(file.get(), LOCK_EX | LOCK_NB) == 0;
    if (locked && fstat(file.get(), &info) == 0 && info.st_nlink > 0) return file;
  }
}

Result<std::optional<UniqueFd>> try_lock_existing(const std::string& path) {
  auto file = TRY(open_file(path, O_RDWR));
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
    struct stat info {};
    if (fstat(file.get(), &info) == 0 && info.st_nlink > 0) return std::optional<UniqueFd>(std::move(file));
    return Error::make(ErrorKind::not_found, "{}: was removed", path);
  }
  const int error = errno;
  if (error == EWOULDBLOCK) return std::optional<UniqueFd>();
  return Error::system(error, "lock {}", path);
}

Result<void> sweep_unlocked(const std::string& folder, const std::string& prefix) {
  for (const auto& name : TRY(list_directory(folder))) {
    if (!name.starts_with(prefix)) continue;
    const std::string path = join_path(folder, name);
    auto lock = try_lock_existing(path);
    if (!lock && lock.error().kind() == ErrorKind::not_found) continue;
    if (!lock) return std::move(lock).error();
    if (*lock) TRY(remove_file(path));
  }
  return {};
}

}  // namespace gantry::images::layout
