#include "builder/file_digests.h"

#include "base/files.h"
#include "base/lock.h"
#include "base/text.h"

#include <charconv>
#include <ctime>

namespace gantry::builder {
namespace {

constexpr std::string_view first_line = "gantry file digests 1\n";
constexpr size_t digest_size = 64;
constexpr time_t settled_after = 2;  // seconds

// Numbers parted by blanks; false when there are fewer.
template <size_t N>
bool read_numbers(std::string_view& line, std::array<uint64_t, N>& numbers) {
  for (auto& number : numbers) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc()) return false;
    line.remove_prefix(static_cast<size_t>(end - line.data()));
    if (!line.starts_with(' ')) return false;
    line.remove_prefix(1);
  }
  return true;
}

// What a killed build left of its writing. The lock is held.
Result<void> sweep_temporaries(const std::string& folder, const std::string& name) {
  for (const auto& each : TRY(list_directory(folder))) {
    if (each.starts_with(name) && each.ends_with(".tmp")) TRY(remove_file(join_path(folder, each)));
  }
  return {};
}

}  // namespace

FileDigests::FileDigests(FileDigests&& other) noexcept
    : file_(std::move(other.file_)), known_(std::move(other.known_)), changed_(other.changed_) {}

FileDigests::Identity FileDigests::identity(const struct stat& info) {
  return {info.st_dev,
          info.st_ino,
          static_cast<uint64_t>(info.st_size),
          static_cast<uint64_t>(info.st_mtim.tv_sec),
          static_cast<uint64_t>(info.st_mtim.tv_nsec),
          static_cast<uint64_t>(info.st_ctim.tv_sec),
          static_cast<uint64_t>(info.st_ctim.tv_nsec)};
}

void FileDigests::read(const std::string& text) {
  std::string_view rest = text;
  if (!rest.starts_with(first_line)) return;
  rest.remove_prefix(first_line.size());
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    Identity numbers{};
    if (read_numbers(line, numbers) && line.size() == digest_size)
      known_[numbers] = {std::string(line), false};
  }
}

FileDigests FileDigests::load(std::string file) {
  FileDigests digests(std::move(file));
  digests.read(read_file(digests.file_).value_or(""));
  return digests;
}

std::optional<std::string> FileDigests::find(const struct stat& info) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(identity(info));
  if (found == known_.end()) return std::nullopt;
  found->second.asked = true;
  return found->second.digest;
}

void FileDigests::add(const struct stat& info, const std::string& digest) {
  if (info.st_ctim.tv_sec + settled_after > time(nullptr)) return;
  const std::lock_guard lock(mutex_);
  known_[identity(info)] = {digest, true};
  changed_ = true;
}

Result<void> FileDigests::save() {
  const std::lock_guard lock(mutex_);
  if (!changed_) return {};
  std::string text(first_line);
  for (const auto& [numbers, known] : known_) {
    if (!known.asked) continue;
    for (const uint64_t number : numbers) text += std::to_string(number) + " ";
    text += known.digest + "\n";
  }
  const size_t slash = file_.rfind('/');
  TRY(make_directories(file_.substr(0, slash)));
  const auto lock_file = TRY(FileLock::try_acquire(file_ + ".lock"));
  if (!lock_file) return {};  // another build of the same context writes its own
  TRY(sweep_temporaries(file_.substr(0, slash), file_.substr(slash + 1)));
  return write_file(file_, text);
}

}  // namespace gantry::builder
