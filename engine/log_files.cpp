#include "engine/log_files.h"

#include "base/files.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr size_t chunk_size = size_t{64} << 10;

// Counts newlines backwards from the end; `lines` goes down by those found. The offset of the line that makes
// them `lines`, or 0.
Result<uint64_t> seek_back(BorrowedFd fd, uint64_t& lines) {
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return Error::system(errno, "stat log");
  std::string chunk(chunk_size, '\0');
  uint64_t end = static_cast<uint64_t>(status.st_size);
  bool at_end = true;  // the last newline ends a line, it doesn't begin another
  while (end > 0) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(chunk_size, end));
    const ssize_t got = pread(fd.get(), chunk.data(), size, static_cast<off_t>(end - size));
    if (got != static_cast<ssize_t>(size)) return Error::system(errno, "read log");
    for (size_t i = size; i-- > 0;) {
      if (chunk[i] != '\n') continue;
      if (!at_end && --lines == 0) return end - size + i + 1;
      at_end = false;
    }
    end -= size;
  }
  if (!at_end) --lines;  // the first line has no newline before it
  return 0;
}

}  // namespace

std::vector<std::string> log_files(const std::string& path) {
  std::vector<std::string> files;
  if (path_exists(path)) files.push_back(path);
  for (int i = 1; path_exists(path + "." + std::to_string(i)); ++i) {
    files.push_back(path + "." + std::to_string(i));
  }
  std::reverse(files.begin(), files.end());
  return files;
}

Result<LogPosition> find_tail(const std::vector<std::string>& files, uint64_t lines) {
  for (size_t i = files.size(); i-- > 0 && lines > 0;) {
    const UniqueFd fd = TRY(open_file(files[i], O_RDONLY));
    const uint64_t offset = TRY(seek_back(fd, lines));
    if (lines == 0) return LogPosition{i, offset};
  }
  return LogPosition{};
}

Result<std::optional<std::string>> LineReader::next() {
  for (;;) {
    const size_t newline = buffer_.find('\n', start_);
    if (newline != std::string::npos) {
      std::string line = buffer_.substr(start_, newline - start_);
      start_ = newline + 1;
      return std::optional<std::string>(std::move(line));
    }
    buffer_.erase(0, start_);
    start_ = 0;
    std::string chunk(chunk_size, '\0');
    const ssize_t size = read(fd_.get(), chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error::system(errno, "read log");
    if (size == 0) return std::optional<std::string>();
    buffer_.append(chunk, 0, static_cast<size_t>(size));
  }
}

}  // namespace gantry::engine
