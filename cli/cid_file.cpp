#include "cli/cid_file.h"

#include "base/files.h"

#include <fcntl.h>

namespace gantry::cli {

namespace {

Error in_use(const std::string& path) {
  return Error::make(
      ErrorKind::exists,
      "--cidfile: container ID file found, make sure the other container isn't running or delete {}", path);
}

}  // namespace

Result<void> CidFile::check(const std::string& path) {
  if (path.empty() || !path_exists(path)) return {};
  return in_use(path);
}

Result<CidFile> CidFile::claim(std::string path) {
  if (path.empty()) return CidFile("");
  const auto made = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (made) return CidFile(std::move(path));
  if (made.error().kind() == ErrorKind::exists) return in_use(path);
  return Error(made.error()).context("--cidfile");
}

CidFile::CidFile(CidFile&& other) noexcept : path_(std::exchange(other.path_, "")) {}

CidFile::~CidFile() {
  if (!path_.empty()) (void)remove_file(path_);
}

Result<void> CidFile::keep(const std::string& id) {
  if (path_.empty()) return {};
  TRY(write_file(path_, id, 0644).context("--cidfile"));
  path_.clear();
  return {};
}

}  // namespace gantry::cli
