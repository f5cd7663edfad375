#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <termios.h>

namespace gantry {

// Our terminal in raw mode, put back when destroyed. Nothing when the descriptor is no terminal. termios(3).
class RawTerminal {
 public:
  static Result<RawTerminal> enter(BorrowedFd fd);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&&) = delete;
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal();

 private:
  RawTerminal(int fd, std::optional<termios> before) : fd_(fd), before_(before) {}
  int fd_;
  std::optional<termios> before_;
};

struct TerminalSize {
  uint16_t rows = 0;
  uint16_t columns = 0;
};

// Absent when it is no terminal.
std::optional<TerminalSize> terminal_size(BorrowedFd fd);

}  // namespace gantry
