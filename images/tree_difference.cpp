#include "images/tree_difference.h"

#include "base/fd.h"
#include "base/files.h"

#include <array>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace gantry::images {
namespace {

using Difference = std::optional<std::string>;

struct Entry {
  struct stat info {};
  std::string link;                           // a symbolic link's target
  std::map<std::string, std::string> xattrs;  // of files and folders
};

// What overlay writes into an upper folder for itself; whether it is opaque belongs to the layer.
bool is_overlays_note(const std::string& name) {
  return name.starts_with("trusted.overlay.") && name != "trusted.overlay.opaque";
}

Result<std::map<std::string, std::string>> read_attributes(const std::string& path) {
  std::map<std::string, std::string> attributes;
  std::string names(size_t{64} << 10, '\0');
  const ssize_t size = llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0 && errno == EOPNOTSUPP) return attributes;
  if (size < 0) return Error::system(errno, "list extended attributes of {}", path);
  names.resize(static_cast<size_t>(size));
  for (size_t at = 0; at < names.size(); at += names.substr(at).find('\0') + 1) {
    const std::string name = names.c_str() + at;
    if (is_overlays_note(name)) continue;
    std::string value(size_t{64} << 10, '\0');
    const ssize_t length = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0) return Error::system(errno, "read extended attribute {} of {}", name, path);
    attributes[name] = value.substr(0, static_cast<size_t>(length));
  }
  return attributes;
}

Result<Entry> read_entry(const std::string& path) {
  Entry entry;
  if (lstat(path.c_str(), &entry.info) != 0) return Error::system(errno, "stat {}", path);
  if (S_ISLNK(entry.info.st_mode)) {
    std::array<char, 4097> target{};
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return Error::system(errno, "read link {}", path);
    entry.link.assign(target.data(), static_cast<size_t>(size));
  } else {
    entry.xattrs = TRY(read_attributes(path));
  }
  return entry;
}

Result<std::string_view> read_block(BorrowedFd file, std::string& buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = read(file.get(), buffer.data() + filled, buffer.size() - filled);
    const int error = errno;
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return Error::system(error, "read");
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  return std::string_view(buffer.data(), filled);
}

Result<bool> same_content(const std::string& left, const std::string& right) {
  const auto first = TRY(open_file(left, O_RDONLY | O_NOFOLLOW));
  const auto second = TRY(open_file(right, O_RDONLY | O_NOFOLLOW));
  std::string a(size_t{128} << 10, '\0');
  std::string b(a.size(), '\0');
  while (true) {
    const auto one = TRY(read_block(first, a).context("{}", left));
    const auto other = TRY(read_block(second, b).context("{}", right));
    if (one != other) return false;
    if (one.empty()) return true;
  }
}

Difference time_difference(const Entry& expected, const Entry& found) {
  const auto should = expected.info.st_mtim.tv_sec;
  if (found.info.st_mtim.tv_sec == should) return {};
  return format("modification time {}, should be {}", found.info.st_mtim.tv_sec, should);
}

Difference attribute_difference(const Entry& expected, const Entry& found) {
  const auto& a = expected.info;
  const auto& b = found.info;
  const auto differs = [](std::string_view what, auto is, auto should) -> Difference {
    return format("{} {}, should be {}", what, is, should);
  };
  if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT)) return "another type of file";
  if (a.st_mode != b.st_mode) {
    return differs("mode", format("{:04o}", b.st_mode & 07777U), format("{:04o}", a.st_mode & 07777U));
  }
  if (a.st_uid != b.st_uid) return differs("owner", b.st_uid, a.st_uid);
  if (a.st_gid != b.st_gid) return differs("group", b.st_gid, a.st_gid);
  if (a.st_rdev != b.st_rdev) return differs("device", b.st_rdev, a.st_rdev);
  if (expected.link != found.link) return differs("target", found.link, expected.link);
  if (expected.xattrs != found.xattrs) return "other extended attributes";
  if (S_ISDIR(a.st_mode)) return {};
  if (a.st_nlink != b.st_nlink) return differs("links", b.st_nlink, a.st_nlink);
  if (a.st_size != b.st_size) return differs("size", b.st_size, a.st_size);
  return time_difference(expected, found);
}

// Depth of a path's folders is bounded by what the unpacker makes; each level costs a few hundred bytes of
// stack.
Result<Difference> compare(const std::string& expected, const std::string& found, const std::string& path) {
  const auto at = [&](const std::string& difference) -> Difference {
    return format("{}: {}", path.empty() ? "/" : path, difference);
  };
  if (!path_exists(found)) return at("is missing");
  const auto left = TRY(read_entry(expected));
  const auto right = TRY(read_entry(found));
  if (const auto difference = attribute_difference(left, right)) return at(*difference);
  if (S_ISREG(left.info.st_mode)) {
    return TRY(same_content(expected, found)) ? Difference() : at("its content differs");
  }
  if (!S_ISDIR(left.info.st_mode)) return Difference();
  const auto names = TRY(list_directory(expected));
  for (const auto& name : TRY(list_directory(found))) {
    if (!path_exists(join_path(expected, name))) return at(format("{} shouldn't be there", name));
  }
  for (const auto& name : names) {
    const auto below = path.empty() ? name : join_path(path, name);
    if (auto difference = TRY(compare(join_path(expected, name), join_path(found, name), below))) {
      return difference;
    }
  }
  return Difference();
}

}  // namespace

Result<std::optional<std::string>> tree_difference(const std::string& expected, const std::string& found) {
  return compare(expected, found, "");
}

}  // namespace gantry::images
