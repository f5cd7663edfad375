#include "base/files.h"

#include "base/random.h"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// 0: not known, as of files in /proc and of pipes.
size_t size_of(BorrowedFd file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0) return 0;
  return static_cast<size_t>(info.st_size);
}

// Straight into the string. The file's size is asked for when a first piece isn't all of it.
Result<std::string> read_until_end(BorrowedFd fd, size_t limit, bool short_read_ends) {
  constexpr size_t first_piece = 4096;
  size_t expected = 0;
  std::string data(std::min(first_piece, limit) + 1, '\0');
  for (size_t length = 0;;) {
    const ssize_t got = ::read(fd.get(), data.data() + length, data.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::system(errno, "read");
    const bool is_short = static_cast<size_t>(got) < data.size() - length;
    length += static_cast<size_t>(got);
    if (length > limit) {
      return Error::make(ErrorKind::invalid, "longer than the limit of {} bytes", limit);
    }
    if (got == 0 || (is_short && (short_read_ends || length == expected))) {
      data.resize(length);
      return data;
    }
    if (length < data.size()) continue;
    if (expected == 0) expected = size_of(fd);
    data.resize(std::min(std::max(expected, 2 * length), limit) + 1);
  }
}

}  // namespace

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return Error::system(errno, "open {}", path);
  return fd;
}

Result<std::string> read_all(BorrowedFd fd, size_t limit) {
  return read_until_end(fd, limit, false);
}

Result<std::string> read_piece(BorrowedFd fd, size_t limit) {
  return read_until_end(fd, limit, true);
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  const UniqueFd fd = TRY(open_file(path, O_RDONLY));
  return read_all(fd, limit).context("read {}", path);
}

Result<void> write_all(BorrowedFd fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd.get(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::system(errno, "write");
    data.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> write_file(const std::string& path, std::string_view data, mode_t mode, Durability durability) {
  const std::string temporary = format("{}.{}.tmp", path, random_hex(8));
  const auto write_temporary = [&]() -> Result<void> {
    const UniqueFd fd = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    TRY(write_all(fd, data).context("write {}", path));
    if (::fchmod(fd.get(), mode) != 0) return Error::system(errno, "chmod {}", temporary);
    if (durability == Durability::durable && ::fsync(fd.get()) != 0) {
      return Error::system(errno, "fsync {}", temporary);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) return Error::system(errno, "rename to {}", path);
    return {};
  };
  auto result = write_temporary();
  if (!result) {
    ::unlink(temporary.c_str());
    return result;
  }
  if (durability == Durability::durable) TRY(sync_directory(parent_of(path)));
  return {};
}

Result<void> write_existing(const std::string& path, std::string_view data) {
  const UniqueFd fd = TRY(open_file(path, O_WRONLY));
  const ssize_t written = ::write(fd.get(), data.data(), data.size());
  if (written < 0) return Error::system(errno, "write \"{}\" to {}", data, path);
  if (static_cast<size_t>(written) != data.size()) {
    return Error::make(ErrorKind::system, "write \"{}\" to {}: short write", data, path);
  }
  return {};
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  if (path.empty()) return Error::make(ErrorKind::invalid, "cannot make a folder with an empty name");
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == EEXIST) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
    return Error::system(ENOTDIR, "make folder {}", path);
  }
  if (errno != ENOENT) return Error::system(errno, "make folder {}", path);
  const std::string parent = parent_of(path);
  if (parent == path) return Error::system(ENOENT, "make folder {}", path);
  TRY(make_directories(parent, mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return Error::system(errno, "make folder {}", path);
  return {};
}

Result<void> remove_file(const std::string& path) {
  if (::remove(path.c_str()) == 0 || errno == ENOENT) return {};
  return Error::system(errno, "remove {}", path);
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  Directory directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return Error::system(errno, "read folder {}", path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool path_exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

std::string join_path(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && path.back() != '/') path += '/';
  while (!path.empty() && !name.empty() && name.front() == '/') name.remove_prefix(1);
  return path.append(name);
}

Result<std::string> absolute_path(const std::string& path) {
  if (!path.empty() && path.front() == '/') return path;
  const std::unique_ptr<char, void (*)(void*)> current(::getcwd(nullptr, 0), std::free);
  if (!current) return Error::system(errno, "getcwd");
  return join_path(current.get(), path);
}

Result<void> sync_directory(const std::string& path) {
  const UniqueFd fd = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return Error::system(errno, "fsync {}", path);
  return {};
}

Result<TemporaryDirectory> TemporaryDirectory::make(const std::string& parent) {
  const char* environment = ::getenv("TMPDIR");
  const std::string base = !parent.empty() ? parent : environment != nullptr ? environment : "/tmp";
  std::string pattern = join_path(base, "gantry.XXXXXX");
  if (::mkdtemp(pattern.data()) == nullptr) return Error::system(errno, "make temporary folder in {}", base);
  return TemporaryDirectory(std::move(pattern));
}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) (void)remove_tree(path_);
}

}  // namespace gantry
