#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::images {

// A stream of bytes, taken in blocks as they come.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next block, valid until the next call; empty at the end.
  virtual Result<std::string_view> next() = 0;
};

// Reads a file, pipe or socket to its end.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(UniqueFd file);
  Result<std::string_view> next() override;

 private:
  UniqueFd file_;
  std::string buffer_;
};

// Shows each block of another source to `observe` on its way.
class TeeSource final : public ByteSource {
 public:
  using Observe = std::function<Result<void>(std::string_view)>;
  TeeSource(ByteSource& source, Observe observe) : source_(source), observe_(std::move(observe)) {}
  Result<std::string_view> next() override;

 private:
  ByteSource& source_;
  Observe observe_;
};

// Some bytes already taken from a source, then the rest of it.
class PrefixSource final : public ByteSource {
 public:
  PrefixSource(std::string prefix, ByteSource& rest) : prefix_(std::move(prefix)), rest_(rest) {}
  Result<std::string_view> next() override;

 private:
  std::string prefix_;
  bool taken_ = false;
  ByteSource& rest_;
};

// The first bytes of a source, `least` of them unless it is shorter: a pipe may give them one by one.
Result<std::string> read_start(ByteSource& source, size_t least);

// A bounded queue of blocks between two threads: one writes, one reads. Blocks are used again, so that memory
// stays at capacity + 2 blocks.
class BlockPipe final : public ByteSource {
 public:
  explicit BlockPipe(size_t capacity = 4) : capacity_(capacity) {}

  // Waits while the pipe is full. Errors: conflict when the reader has stopped.
  Result<void> push(std::string_view bytes);
  // The writer is done; with an error, the reader gets it after the blocks before it.
  void close(std::optional<Error> error = {});
  // The reader is done: pushes fail from now on.
  void stop();
  Result<std::string_view> next() override;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  const size_t capacity_;
  std::deque<std::string> blocks_;
  std::vector<std::string> spare_;
  std::string current_;
  bool closed_ = false;
  bool stopped_ = false;
  std::optional<Error> error_;
};

}  // namespace gantry::images
