#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::images {

// Writes a folder's content as a tar archive (pax where ustar is too small): names sorted, "./" first, owners
// as numbers, times in whole seconds, extended attributes user.* and security.capability, hard links as
// such. The same folder gives the same bytes. Sockets are left out, as tar(1) does; other kinds of entries
// than the usual are refused by name.
using TarOutput = std::function<Result<void>(std::string_view)>;
Result<void> write_tar(const std::string& directory, const TarOutput& output);

struct LayerTarOptions {
  std::optional<int64_t> latest_mtime;  // seconds; later times are brought back to it ($SOURCE_DATE_EPOCH)
  bool root = false;                    // with an entry for the root itself
  // Paths ("etc/hosts") that are left out as long as they are empty files or folders: where something was
  // mounted.
  std::vector<std::string> mount_points;
};

// The same for an overlay's upper folder, as a layer: character devices 0:0 become whiteouts ".wh.NAME",
// opaque folders get a ".wh..wh..opq". Errors: invalid for a name that begins with ".wh.", which no layer
// can hold; unsupported for overlay's redirects. Source: image-spec layer.md "Whiteouts".
// Answers the bytes of files' data.
Result<uint64_t> write_layer_tar(const std::string& upper, const LayerTarOptions& options,
                                 const TarOutput& output);

// An archive that is put together file by file: 0644, owner 0, time 0.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(const TarOutput& output) : output_(output) {}
  Result<void> add_text(const std::string& path, std::string_view text);
  // The whole of an open file, from its beginning.
  Result<void> add_file(const std::string& path, BorrowedFd file);
  Result<void> end();

 private:
  const TarOutput& output_;
};

}  // namespace gantry::images
