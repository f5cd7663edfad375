#include "builder/source_tree.h"

#include "base/files.h"
#include "base/root_path.h"
#include "base/text.h"
#include "builder/expand.h"
#include "builder/key.h"
#include "builder/paths.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace gantry::builder {
namespace {

constexpr int most_nested = 500;

std::string below(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : name.empty() ? folder : folder + "/" + name;
}

Result<std::string> read_link(BorrowedFd folder, const std::string& name) {
  std::string target(4096, '\0');
  const ssize_t size = readlinkat(folder.get(), name.c_str(), target.data(), target.size());
  if (size < 0) return Error::system(errno, "read link {}", name);
  target.resize(static_cast<size_t>(size));
  return target;
}

class Scanner {
 public:
  Scanner(const SourceRoot& root, SourceTree& tree, const IgnoreRules& exclude)
      : root_(root), tree_(tree), exclude_(exclude) {}

  Result<void> run() {
    const UniqueFd top = tree_.location.empty() ? TRY(open_in_root(root_.folder, "", O_PATH))
                                                : open_resolved(root_.folder, tree_.location.c_str(),
                                                                O_PATH | O_NOFOLLOW, no_links);
    if (!top) return Error::system(errno, "open {}", tree_.name);
    TreeEntry entry;
    if (fstat(top.get(), &entry.info) != 0) return Error::system(errno, "stat {}", tree_.name);
    const bool folder = S_ISDIR(entry.info.st_mode);
    if (!folder && left_out(tree_.location, "")) return {};
    tree_.entries.push_back(std::move(entry));
    return folder ? scan(top, "", 0) : Result<void>();
  }

 private:
  bool left_out(const std::string& in_root, const std::string& in_tree) const {
    if (root_.ignore != nullptr && root_.ignore->ignores(in_root)) return true;
    if (exclude_.empty()) return false;
    const std::string& name = in_tree.empty() ? in_root : in_tree;
    return exclude_.ignores(name) || exclude_.ignores(in_root);
  }

  Result<void> scan(const UniqueFd& folder, const std::string& path, int depth) {
    if (depth > most_nested)
      return Error::make(ErrorKind::invalid, "{}: nested deeper than {}", path, most_nested);
    const UniqueFd opened = TRY(open_file(descriptor_path(folder), O_RDONLY | O_DIRECTORY));
    for (const auto& name : TRY(list_directory(descriptor_path(opened)))) {
      TRY(add(opened, name, below(path, name), depth));
    }
    return {};
  }

  Result<void> scan_below(const UniqueFd& folder, const std::string& name, const std::string& path,
                          int depth) {
    const UniqueFd below(openat(folder.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) return Error::system(errno, "open {}", path);
    return scan(below, path, depth + 1);
  }

  Result<void> add(const UniqueFd& folder, const std::string& name, const std::string& path, int depth) {
    TreeEntry entry;
    entry.path = path;
    if (fstatat(folder.get(), name.c_str(), &entry.info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Result<void>() : Error::system(errno, "stat {}", path);
    }
    if (S_ISSOCK(entry.info.st_mode)) return {};
    const bool skipped = left_out(below(tree_.location, path), path);
    const bool is_folder = S_ISDIR(entry.info.st_mode);
    const bool look_inside = is_folder && root_.ignore != nullptr && root_.ignore->has_exceptions();
    if (skipped && !look_inside) return {};
    if (S_ISLNK(entry.info.st_mode)) entry.link = TRY(read_link(folder, name));
    tree_.entries.push_back(std::move(entry));
    const size_t before = tree_.entries.size();
    if (is_folder) TRY(scan_below(folder, name, path, depth));
    // An ignored folder is there only for what was taken back in it.
    if (skipped && tree_.entries.size() == before) tree_.entries.pop_back();
    return {};
  }

  const SourceRoot& root_;
  SourceTree& tree_;
  const IgnoreRules& exclude_;
};

Result<void> match_level(const SourceRoot& root, const std::string& path,
                         const std::vector<std::string>& parts, size_t level,
                         std::vector<std::string>& found) {
  if (level == parts.size()) {
    found.push_back(path);
    return {};
  }
  if (!has_wildcards(parts[level])) {
    const std::string next = below(path, parts[level]);
    if (!open_in_root(root.folder, next, O_PATH | O_NOFOLLOW)) return {};
    return match_level(root, next, parts, level + 1, found);
  }
  const auto folder = open_in_root(root.folder, path, O_RDONLY | O_DIRECTORY);
  if (!folder) return {};
  for (const auto& name : TRY(list_directory(descriptor_path(*folder)))) {
    const std::string next = below(path, name);
    const bool ignored =
        root.ignore != nullptr && !root.ignore->has_exceptions() && root.ignore->ignores(next);
    if (!ignored && matches_shell_pattern(parts[level], name))
      TRY(match_level(root, next, parts, level + 1, found));
  }
  return {};
}

Result<void> add_xattrs(Key& key, BorrowedFd file) {
  for (const auto& [name, value] : TRY(read_xattrs(descriptor_path(file)))) key.add(name).add(value);
  return {};
}

// Of a file's content and extended attributes.
Result<std::string> file_digest(const SourceRoot& root, const SourceTree& tree, const TreeEntry& entry) {
  const UniqueFd file = TRY(open_entry(root, tree, entry, O_RDONLY));
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return Error::system(errno, "stat {}", entry.path);
  oci::Hasher content;
  std::string buffer(size_t{256} << 10, '\0');
  while (true) {
    const ssize_t size = read(file.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error::system(errno, "read {}", entry.path);
    if (size == 0) break;
    content.update({buffer.data(), static_cast<size_t>(size)});
  }
  Key key;
  key.add(content.finish().hex());
  TRY(add_xattrs(key, file));
  std::string digest = key.finish().hex();
  // As it was before it was read: had it changed meanwhile, its ctime is another one now.
  if (root.digests != nullptr) root.digests->add(info, digest);
  return digest;
}

Result<void> add_file(Key& key, const SourceRoot& root, const SourceTree& tree, const TreeEntry& entry) {
  std::optional<std::string> known;
  if (root.digests != nullptr) known = root.digests->find(entry.info);
  key.add(known ? *known : TRY(file_digest(root, tree, entry)));
  return {};
}

}  // namespace

Result<std::string> place_in_root(BorrowedFd root, const std::string& path) {
  const UniqueFd fd = TRY(open_in_root(root, path, O_PATH));
  const std::string top = TRY(read_link(BorrowedFd(AT_FDCWD), descriptor_path(root)));
  const std::string place = TRY(read_link(BorrowedFd(AT_FDCWD), descriptor_path(fd)));
  if (place == top) return std::string();
  if (top == "/") return place.substr(1);
  if (place.starts_with(top + "/")) return place.substr(top.size() + 1);
  return Error::make(ErrorKind::conflict, "{}: was moved while it was read", path);
}

bool has_wildcards(std::string_view source) {
  return source.find_first_of("*?[\\") != std::string_view::npos;
}

Result<std::vector<std::string>> match_sources(const SourceRoot& root, const std::string& source) {
  const std::string cleaned = clean_relative(source);
  if (!has_wildcards(cleaned)) return std::vector<std::string>{cleaned};
  std::vector<std::string> found;
  TRY(match_level(root, "", split(cleaned, '/'), 0, found));
  return found;
}

Result<SourceTree> read_source_tree(const SourceRoot& root, const std::string& path,
                                    const IgnoreRules& exclude) {
  SourceTree tree;
  tree.name = clean_relative(path);
  auto location = place_in_root(root.folder, tree.name);
  if (!location && location.error().kind() == ErrorKind::not_found) {
    return Error::make(ErrorKind::not_found, "{}: not found", tree.name);
  }
  tree.location = TRY(location);
  TRY(Scanner(root, tree, exclude).run());
  if (tree.entries.empty()) {
    return Error::make(ErrorKind::not_found, "{}: not found: it is excluded by .dockerignore", tree.name);
  }
  return tree;
}

Result<UniqueFd> open_entry(const SourceRoot& root, const SourceTree& tree, const TreeEntry& entry,
                            int flags) {
  const std::string path = below(tree.location, entry.path);
  UniqueFd fd = open_resolved(root.folder, path.empty() ? "." : path.c_str(),
                              flags | O_NOFOLLOW | ((flags & O_PATH) != 0 ? 0 : O_NONBLOCK), no_links);
  if (!fd) return Error::system(errno, "open {}", path);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return Error::system(errno, "stat {}", path);
  if ((info.st_mode & S_IFMT) == (entry.info.st_mode & S_IFMT)) return fd;
  return Error::make(ErrorKind::conflict, "{}: was replaced while it was read", path);
}

Result<std::vector<std::pair<std::string, std::string>>> read_xattrs(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> found;
  std::string names(size_t{64} << 10, '\0');
  const ssize_t size = listxattr(path.c_str(), names.data(), names.size());
  if (size < 0 && errno == EOPNOTSUPP) return found;
  if (size < 0) return Error::system(errno, "list extended attributes");
  for (const char* name = names.data(); name < names.data() + size; name += strlen(name) + 1) {
    const std::string key = name;
    const bool wanted =
        (key.starts_with("user.") && !key.starts_with("user.overlay.")) || key == "security.capability";
    if (!wanted) continue;
    std::string value(size_t{64} << 10, '\0');
    const ssize_t got = getxattr(path.c_str(), name, value.data(), value.size());
    if (got < 0) return Error::system(errno, "read extended attribute {}", key);
    value.resize(static_cast<size_t>(got));
    found.emplace_back(key, std::move(value));
  }
  return found;
}

Result<oci::Digest> digest_of_tree(const SourceRoot& root, const SourceTree& tree, Owners owners) {
  Key key;
  for (const auto& entry : tree.entries) {
    key.add(entry.path).add(format("{:o}", entry.info.st_mode)).add(entry.link);
    if (owners == Owners::counted) key.add(format("{}:{}", entry.info.st_uid, entry.info.st_gid));
    if (S_ISCHR(entry.info.st_mode) || S_ISBLK(entry.info.st_mode)) key.add(format("{}", entry.info.st_rdev));
    if (S_ISLNK(entry.info.st_mode)) continue;
    if (S_ISREG(entry.info.st_mode)) {
      TRY(add_file(key, root, tree, entry));
    } else {
      const UniqueFd other = TRY(open_entry(root, tree, entry, O_PATH));
      TRY(add_xattrs(key, other));
    }
  }
  return key.finish();
}

}  // namespace gantry::builder
