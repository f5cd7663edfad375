#pragma once

#include "images/rooted_directory.h"
#include "images/unpack.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::images {

// Applies the entries of one layer to a folder, in the archive's order. Only unpack.cpp uses it.
class LayerWriter {
 public:
  LayerWriter(RootedDirectory root, TarReader& reader, uint64_t size_limit)
      : root_(std::move(root)), reader_(reader), size_limit_(size_limit) {}

  Result<void> apply(const TarEntry& entry);
  // Gives folders their times, once nothing is written into them any more.
  Result<void> finish();
  Unpacked take_result();
  uint64_t folders_made() const { return root_.made(); }  // parents that weren't in the archive

 private:
  Result<void> apply_whiteout(const RootedPath& path);
  Result<void> remember_time(std::string path, timespec time);
  Result<void> set_root(const TarEntry& entry);
  Result<void> make_file(const TarEntry& entry, const RootedPath& path);
  Result<void> make_directory(const TarEntry& entry, const RootedPath& path);
  Result<void> make_symlink(const TarEntry& entry, const RootedPath& path);
  Result<void> make_hard_link(const TarEntry& entry, const RootedPath& path);
  Result<void> make_node(const TarEntry& entry, const RootedPath& path);
  // Removes what has the name, if the kernel said EEXIST.
  Result<void> replace(BorrowedFd parent, const RootedPath& path);
  Result<void> write_data(const TarEntry& entry, BorrowedFd file);
  Result<void> write_whole(const TarEntry& entry, BorrowedFd file);
  Result<void> write_runs(const TarEntry& entry, BorrowedFd file);
  Result<void> set_metadata(const TarEntry& entry, BorrowedFd file);
  Result<void> set_xattrs(const TarEntry& entry, const std::string& proc_path, int fd);

  RootedDirectory root_;
  TarReader& reader_;
  const uint64_t size_limit_;
  std::vector<std::pair<std::string, timespec>> folder_times_;
  size_t folder_times_size_ = 0;
  std::set<std::string> refused_xattrs_;
  Unpacked result_;
};

}  // namespace gantry::images
