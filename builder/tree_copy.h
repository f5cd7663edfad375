#pragma once

#include "base/fd.h"
#include "builder/source_tree.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace gantry::builder {

struct Owner {
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// chmod(1)'s notations: "0755", "u=rwX,go=rX". Errors: invalid.
class ModeChange {
 public:
  static Result<ModeChange> parse(std::string_view text);
  uint32_t apply(uint32_t mode, bool is_folder) const;

 private:
  struct Clause {
    uint32_t who = 0;  // mask of the bits that it may change
    char operation = '=';
    uint32_t bits = 0;          // for all three, 0777 and 07000
    bool execute_some = false;  // X
  };
  std::optional<uint32_t> absolute_;
  std::vector<Clause> clauses_;
};

struct CopyRules {
  std::optional<Owner> owner;  // absent: the source's
  std::optional<ModeChange> mode;
};

// Copies trees into the root of a build's step. Its paths are resolved inside that root; below the
// destination no link is followed any more. Not for concurrent use.
class TreeCopy {
 public:
  TreeCopy(BorrowedFd root, CopyRules rules) : root_(root), rules_(std::move(rules)) {}

  // A folder's content into the folder `destination`, a file to the path `destination` (clean, absolute).
  // What is missing above it is made 0755. Files are replaced, folders merged. Errors: invalid for a folder
  // in a file's place or the other way round.
  Result<void> copy(const SourceRoot& source, const SourceTree& tree, const std::string& destination);
  Result<void> write_file(const std::string& content, const std::string& destination, timespec mtime);
  // Whether the path leads to a folder.
  bool is_folder(const std::string& path) const;

 private:
  Result<UniqueFd> make_parent(const std::string& destination);
  Result<void> enter_folder(const std::string& destination);
  Result<void> enter_parent(const std::string& destination);
  Result<void> copy_entry(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry);
  Result<void> copy_folder(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry);
  Result<void> copy_other(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry,
                          BorrowedFd parent, const std::string& name);
  Result<void> set_metadata(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry,
                            BorrowedFd to);
  Result<BorrowedFd> parent_of(const std::string& path);
  Result<void> make_room(BorrowedFd parent, const std::string& name, const std::string& path);
  Result<bool> link_again(const TreeEntry& entry, const std::string& path);

  BorrowedFd root_;
  CopyRules rules_;
  UniqueFd base_;          // what the tree's entries are below of
  std::string base_name_;  // a file's own name there
  std::string parent_path_;
  UniqueFd parent_;
  std::vector<std::pair<std::string, timespec>> folder_times_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // of files with several names, the first copy
};

}  // namespace gantry::builder
