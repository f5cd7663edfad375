#include "runtime/monitor_log_file.h"

#include "base/files.h"

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

constexpr int log_flags = O_WRONLY | O_CREAT | O_APPEND;
constexpr size_t largest_batch = size_t{32} << 10;
constexpr size_t kept_capacity = size_t{64} << 10;

// The end of the last whole line of a file, found from its end backwards.
Result<uint64_t> end_of_last_line(const std::string& path, uint64_t size) {
  const auto file = TRY(open_file(path, O_RDONLY));
  std::array<char, 4096> chunk;
  while (size > 0) {
    const uint64_t from = size - std::min<uint64_t>(size, chunk.size());
    const ssize_t got = pread(file.get(), chunk.data(), size - from, static_cast<off_t>(from));
    if (got != static_cast<ssize_t>(size - from))
      return Error::system(got < 0 ? errno : EIO, "read {}", path);
    const auto newline = std::string_view(chunk.data(), static_cast<size_t>(got)).rfind('\n');
    if (newline != std::string_view::npos) return from + newline + 1;
    size = from;
  }
  return uint64_t{0};
}

}  // namespace

Result<void> LogFile::open() {
  file_ = TRY(open_file(config_.path, log_flags, 0600).context("open the log"));
  struct stat info {};
  if (fstat(file_.get(), &info) != 0) return Error::system(errno, "stat {}", config_.path);
  size_ = static_cast<uint64_t>(info.st_size);
  has_rest_ = false;
  if (S_ISREG(info.st_mode)) TRY(drop_torn_end());
  return {};
}

// A monitor that was killed while it wrote left a part of a record; what is appended to it can't be read.
Result<void> LogFile::drop_torn_end() {
  const uint64_t end = TRY(end_of_last_line(config_.path, size_));
  if (end == size_) return {};
  if (ftruncate(file_.get(), static_cast<off_t>(end)) != 0)
    return Error::system(errno, "cut {}", config_.path);
  size_ = end;
  lose(1);
  return {};
}

void LogFile::append(const LogRecord& record) {
  const size_t before = batch_.size();
  format_(batch_, record);
  ++batch_records_;
  const bool over = config_.maximum_size != 0 && size_ + batch_.size() > config_.maximum_size;
  if (over && size_ + before > 0) {
    const std::string last = batch_.substr(before);
    batch_.resize(before);
    --batch_records_;
    flush();
    begin_file();
    batch_ = last;
    batch_records_ = 1;
  }
  if (batch_.size() >= largest_batch) flush();
}

void LogFile::flush() {
  if (batch_.empty()) return;
  if (!file_) (void)open();  // it couldn't be, when the monitor was replaced
  if (has_rest_) has_rest_ = ftruncate(file_.get(), static_cast<off_t>(size_)) != 0;
  if (file_ && !has_rest_ && write_all(file_, batch_)) {
    size_ += batch_.size();
  } else {  // ENOSPC, EDQUOT, EIO
    lose(batch_records_);
    has_rest_ = file_ && ftruncate(file_.get(), static_cast<off_t>(size_)) != 0;
  }
  batch_.clear();
  batch_records_ = 0;
  if (batch_.capacity() > kept_capacity) batch_.shrink_to_fit();
}

std::string LogFile::older(uint32_t number) const {
  return format("{}.{}", config_.path, number);
}

// From the first number that is free: a limit of millions of files costs nothing. What is missing is no harm.
void LogFile::move_older_files() {
  uint32_t free = 1;
  while (free + 1 < config_.maximum_files && path_exists(older(free))) ++free;
  for (uint32_t number = free; number > 1; --number) {
    std::rename(older(number - 1).c_str(), older(number).c_str());
  }
  if (config_.maximum_files > 1) std::rename(config_.path.c_str(), older(1).c_str());
}

// The new file is made first: on a full disk nothing is moved, and the current one is written on (with one
// file only, from its beginning). A reader that follows sees by the file's inode that a new one was begun.
void LogFile::begin_file() {
  const auto fresh = config_.path + ".new";
  auto next = open_file(fresh, log_flags | O_TRUNC, 0600);
  if (next) {
    move_older_files();
    if (std::rename(fresh.c_str(), config_.path.c_str()) == 0) {
      file_ = std::move(next).value();
      size_ = 0;
      has_rest_ = false;
    }
  } else if (config_.maximum_files == 1 && ftruncate(file_.get(), 0) == 0) {
    size_ = 0;
    has_rest_ = false;
  }
}

}  // namespace gantry::runtime
