#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace gantry {

// Opens with O_CLOEXEC added. open(2).
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0600);

// The whole file. Errors: not_found; invalid when it is longer than `limit` bytes.
Result<std::string> read_file(const std::string& path, size_t limit = size_t{64} << 20);
Result<std::string> read_all(BorrowedFd fd, size_t limit = size_t{64} << 20);
// The text of a file that the kernel makes in one piece (/proc/PID/stat and status, cgroup.controllers; not
// cgroup.procs): the first read that leaves room ends it. seq_file's single_open.
Result<std::string> read_piece(BorrowedFd fd, size_t limit = size_t{64} << 20);

// Writes all of `data`, going on after short writes and EINTR.
Result<void> write_all(BorrowedFd fd, std::string_view data);

enum class Durability {
  atomic,   // others see the old or the new file, never a part; a power cut may lose the new one (state on
            // tmpfs)
  durable,  // and the new one survives a power cut: fsync of the file and of its folder
};

// Replaces `path` by rename of a temporary file in the same folder.
Result<void> write_file(const std::string& path, std::string_view data, mode_t mode = 0600,
                        Durability durability = Durability::atomic);

// One write(2) to an existing file, as the files of /proc, /sys and cgroupfs want it.
Result<void> write_existing(const std::string& path, std::string_view data);

// mkdir -p: what is missing gets `mode`.
Result<void> make_directories(const std::string& path, mode_t mode = 0700);

// rm -rf that never follows a symbolic link and never goes through a mount, however deep the tree is.
// Missing, and removed meanwhile by another: fine. Errors: conflict when something is mounted in it.
Result<void> remove_tree(const std::string& path);
// The same for one entry of an open folder.
Result<void> remove_tree_at(BorrowedFd parent, const std::string& name);

// Unlinks a file or an empty folder. Missing: fine.
Result<void> remove_file(const std::string& path);

// Names in the folder, sorted, without "." and "..".
Result<std::vector<std::string>> list_directory(const std::string& path);

bool path_exists(const std::string& path);  // lstat(2) succeeds
std::string join_path(std::string_view folder, std::string_view name);
Result<std::string> absolute_path(const std::string& path);  // against the working directory; not resolved

// syncs a folder's entries to disk. fsync(2).
Result<void> sync_directory(const std::string& path);

// A folder of its own, mode 0700, removed with all it holds.
class TemporaryDirectory {
 public:
  // Below `parent`, or below $TMPDIR or /tmp.
  static Result<TemporaryDirectory> make(const std::string& parent = {});
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }
  [[nodiscard]] std::string release() { return std::exchange(path_, {}); }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace gantry
