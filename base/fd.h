#pragma once

#include "base/result.h"

#include <utility>

namespace gantry {

class UniqueFd;

// A descriptor that someone else owns and keeps open for as long as this is used.
class BorrowedFd {
 public:
  explicit BorrowedFd(int fd) : fd_(fd) {}
  BorrowedFd(const UniqueFd& owner);
  int get() const { return fd_; }

 private:
  int fd_;
};

// Owns a file descriptor and closes it. Empty when default made or moved from.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

inline BorrowedFd::BorrowedFd(const UniqueFd& owner) : fd_(owner.get()) {}

// A pipe with both ends O_CLOEXEC. pipe2(2).
struct Pipe {
  UniqueFd read;
  UniqueFd write;
  static Result<Pipe> make();
};

// A connected pair of stream sockets with O_CLOEXEC. socketpair(2).
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
  static Result<SocketPair> make();
};

// Another descriptor for the same open file, O_CLOEXEC. fcntl(2) F_DUPFD_CLOEXEC.
Result<UniqueFd> duplicate(BorrowedFd fd);

}  // namespace gantry
