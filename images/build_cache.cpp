#include "images/build_cache.h"

#include "base/files.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace gantry::images {
namespace {

constexpr size_t record_limit = size_t{64} << 10;

bool used_before(const std::pair<timespec, CachedStep>& left, const std::pair<timespec, CachedStep>& right) {
  if (left.first.tv_sec != right.first.tv_sec) return left.first.tv_sec < right.first.tv_sec;
  return left.first.tv_nsec < right.first.tv_nsec;
}

}  // namespace

std::optional<CachedStep> BuildCacheFiles::find(const oci::Digest& key) const {
  const std::string file = path(key);
  const auto text = read_file(file, record_limit);
  if (!text) return std::nullopt;
  auto step = parse_cached_step(*text, file);
  if (!step || step->key != key) return std::nullopt;  // of another version: made again
  (void)utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
  return std::move(step).value();
}

Result<void> BuildCacheFiles::put(const CachedStep& step) const {
  return write_file(path(step.key), to_json_text(step));
}

Result<std::vector<CachedStep>> BuildCacheFiles::list() const {
  std::vector<std::pair<timespec, CachedStep>> found;
  for (const auto& name : TRY(list_directory(folder()))) {
    if (!name.ends_with(".json")) continue;
    const std::string file = join_path(folder(), name);
    const auto text = read_file(file, record_limit);
    struct stat info {};
    if (!text || stat(file.c_str(), &info) != 0) continue;  // removed meanwhile
    auto step = parse_cached_step(*text, file);
    if (step) found.emplace_back(info.st_mtim, std::move(step).value());
  }
  std::stable_sort(found.begin(), found.end(), used_before);
  std::vector<CachedStep> steps;
  for (auto& [used, step] : found) steps.push_back(std::move(step));
  return steps;
}

Result<void> BuildCacheFiles::remove(const oci::Digest& key) const {
  return remove_file(path(key));
}

}  // namespace gantry::images
