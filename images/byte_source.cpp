#include "images/byte_source.h"

#include <unistd.h>

namespace gantry::images {

constexpr size_t block_size = size_t{512} << 10;

FileSource::FileSource(UniqueFd file) : file_(std::move(file)), buffer_(block_size, '\0') {}

Result<std::string_view> FileSource::next() {
  while (true) {
    const ssize_t got = read(file_.get(), buffer_.data(), buffer_.size());
    const int error = errno;
    if (got >= 0) return std::string_view(buffer_.data(), static_cast<size_t>(got));
    if (error != EINTR) return Error::system(error, "read");
  }
}

Result<std::string_view> TeeSource::next() {
  const std::string_view block = TRY(source_.next());
  if (!block.empty()) TRY(observe_(block));
  return block;
}

Result<std::string_view> PrefixSource::next() {
  if (!taken_) {
    taken_ = true;
    if (!prefix_.empty()) return std::string_view(prefix_);
  }
  return rest_.next();
}

Result<std::string> read_start(ByteSource& source, size_t least) {
  std::string start;
  while (start.size() < least) {
    const std::string_view block = TRY(source.next());
    if (block.empty()) break;
    start += block;
  }
  return start;
}

Result<void> BlockPipe::push(std::string_view bytes) {
  while (!bytes.empty()) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_ || blocks_.size() < capacity_; });
    if (stopped_) return Error(ErrorKind::conflict, "the reader stopped");
    std::string block;
    if (!spare_.empty()) {
      block = std::move(spare_.back());
      spare_.pop_back();
    }
    lock.unlock();
    block.assign(bytes.substr(0, block_size));
    bytes.remove_prefix(block.size());
    lock.lock();
    blocks_.push_back(std::move(block));
    changed_.notify_all();
  }
  return {};
}

void BlockPipe::close(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  error_ = std::move(error);
  changed_.notify_all();
}

void BlockPipe::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

Result<std::string_view> BlockPipe::next() {
  std::unique_lock lock(mutex_);
  if (current_.capacity() >= block_size) spare_.push_back(std::move(current_));
  current_.clear();
  changed_.wait(lock, [this] { return closed_ || !blocks_.empty(); });
  if (!blocks_.empty()) {
    current_ = std::move(blocks_.front());
    blocks_.pop_front();
    changed_.notify_all();
    return std::string_view(current_);
  }
  if (error_) return *error_;
  return std::string_view();
}

}  // namespace gantry::images
