#pragma once

#include "images/byte_source.h"

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::images {

enum class TarType { file, hard_link, symlink, character_device, block_device, directory, fifo };

// A run of a sparse file's data; what lies between runs reads as zeros.
struct SparseRun {
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct TarEntry {
  TarType type = TarType::file;
  std::string path;   // as in the archive: may be absolute, hold "..", end in "/"
  std::string link;   // target of a hard link (a path in the archive) or symlink
  uint32_t mode = 0;  // permission bits with setuid, setgid, sticky
  uint32_t uid = 0;
  uint32_t gid = 0;
  timespec mtime{};
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  uint64_t size = 0;         // of the file, holes included
  uint64_t stored_size = 0;  // of its data in the archive
  bool is_sparse = false;
  std::vector<SparseRun> runs;                // ascending, of stored_size in all
  std::map<std::string, std::string> xattrs;  // name to value, binary
};

// Reads tar archives: ustar with prefix, pax (local and global headers, fractions of seconds, extended
// attributes of SCHILY and LIBARCHIVE, GNU.sparse 0.0, 0.1, 1.0), GNU (long names and links, base-256
// numbers, old sparse files). Every length is bounded before it is believed. Errors: corrupt, with the offset
// of the header; unsupported for unknown types. Source: POSIX pax(1); GNU tar manual, "Tar Internals".
class TarReader {
 public:
  explicit TarReader(ByteSource& source) : source_(source) {}

  // The next entry, skipping what is left of this one's data; empty at the end of the archive.
  Result<std::optional<TarEntry>> next();
  // The next piece of the entry's stored data; empty at its end.
  Result<std::string_view> data();
  // Reads to the end of the source, what follows the archive included, so that all of it gets hashed.
  Result<void> drain();

 private:
  using Attributes = std::map<std::string, std::string, std::less<>>;
  struct Header;

  Result<bool> read_block(std::string_view& block);  // false at the source's end
  Result<std::string> read_exactly(uint64_t size);
  Result<void> skip(uint64_t size);
  Result<void> read_header(Header& header, bool& end);
  Result<bool> take_meta(const Header& header);  // true: it was a header about the next one
  Result<void> take_pax(std::string_view body, bool global);
  Result<void> set_global(std::string key, std::string value);
  // A pax header's, of this entry or else of the archive; none when it isn't given or given as empty.
  const std::string* attribute(std::string_view key) const;
  Result<uint64_t> size_attribute(std::string_view key) const;  // Errors: corrupt when it isn't given
  Result<TarEntry> build(const Header& header);
  Result<void> take_attributes(const Header& header, TarEntry& entry) const;
  Result<void> take_xattrs(TarEntry& entry) const;
  Result<void> read_old_sparse(const Header& header, TarEntry& entry);
  Result<void> read_pax_sparse(TarEntry& entry);
  Result<void> read_sparse_1_0(TarEntry& entry);
  Error corrupt(std::string_view rule) const;

  ByteSource& source_;
  std::string_view rest_;  // of the current block of the source
  std::string scratch_;    // a tar block that spans two source blocks
  uint64_t offset_ = 0;    // in the archive
  uint64_t header_at_ = 0;
  uint64_t data_left_ = 0;
  uint64_t padding_ = 0;
  uint64_t meta_size_ = 0;  // of the headers about this entry
  Attributes global_;
  uint64_t global_size_ = 0;  // of its keys and values
  Attributes local_;
  std::vector<SparseRun> pax_runs_;
  std::string long_name_;
  std::string long_link_;
};

}  // namespace gantry::images
