#include "base/tree_size.h"

#include <fts.h>
#include <memory>
#include <set>
#include <string>
#include <sys/stat.h>
#include <utility>

namespace gantry {

Result<uint64_t> tree_size(const std::string& path) {
  std::string root = path;
  char* const roots[] = {root.data(), nullptr};
  const std::unique_ptr<FTS, int (*)(FTS*)> walk(
      fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr), fts_close);
  if (!walk) return Error::system(errno, "list {}", path);
  std::set<std::pair<dev_t, ino_t>> linked;
  uint64_t bytes = 0;
  while (const FTSENT* entry = fts_read(walk.get())) {
    switch (entry->fts_info) {
      case FTS_DP:  // a folder for the second time
      case FTS_NS:  // gone meanwhile
        continue;
      case FTS_DNR:
      case FTS_ERR:
        if (entry->fts_errno == ENOENT) continue;
        return Error::system(entry->fts_errno, "list {}", entry->fts_path);
      default:
        break;
    }
    const struct stat& info = *entry->fts_statp;
    const bool counted =
        info.st_nlink > 1 && !S_ISDIR(info.st_mode) && !linked.insert({info.st_dev, info.st_ino}).second;
    if (!counted) bytes += static_cast<uint64_t>(info.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace gantry
