#pragma once

#include "base/fd.h"
#include "builder/file_digests.h"
#include "builder/ignore.h"
#include "oci/hasher.h"

#include <string>
#include <sys/stat.h>
#include <vector>

namespace gantry::builder {

// A folder that files are copied from: the context, a stage's root, an image's. Whatever symbolic links lie
// in it, nothing outside is reached (openat2, RESOLVE_IN_ROOT).
struct SourceRoot {
  UniqueFd folder;
  const IgnoreRules* ignore = nullptr;  // of the context
  FileDigests* digests = nullptr;       // of the context: what is known of its files
};

struct TreeEntry {
  std::string path;  // below the tree's top; "" for the top itself
  struct stat info {};
  std::string link;  // a symbolic link's target
};

// What one source of a COPY is: a file, or a folder with all that is in it; parents before children, names
// sorted.
struct SourceTree {
  std::string name;      // its path in the root as asked for, clean
  std::string location;  // its path with links resolved as far as its own last component; for opening
  std::vector<TreeEntry> entries;
  bool is_folder() const { return !entries.empty() && S_ISDIR(entries.front().info.st_mode); }
};

// The paths that a source with * ? [ ] means, sorted; one without them stands for itself.
Result<std::vector<std::string>> match_sources(const SourceRoot& root, const std::string& source);
bool has_wildcards(std::string_view source);

// Reads it, without what `ignore` and `exclude` leave out; a link that is the source itself is followed
// inside the root. Sockets are left out. Errors: not_found "NAME: not found in CONTEXT".
Result<SourceTree> read_source_tree(const SourceRoot& root, const std::string& path,
                                    const IgnoreRules& exclude);

// Opens an entry without following any link. Errors: conflict when it is another kind of file by now.
Result<UniqueFd> open_entry(const SourceRoot& root, const SourceTree& tree, const TreeEntry& entry,
                            int flags);

// Of names, kinds, modes, owners (unless the copy gives its own), contents, links and extended attributes;
// not of times.
enum class Owners { counted, ignored };
Result<oci::Digest> digest_of_tree(const SourceRoot& root, const SourceTree& tree, Owners owners);

// Where a path leads inside the root, no link in it any more: "usr/bin"; "" for the root.
Result<std::string> place_in_root(BorrowedFd root, const std::string& path);

// The extended attributes that a layer can hold: user.* and security.capability.
Result<std::vector<std::pair<std::string, std::string>>> read_xattrs(const std::string& path);

}  // namespace gantry::builder
