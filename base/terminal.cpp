#include "base/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace gantry {

Result<RawTerminal> RawTerminal::enter(BorrowedFd fd) {
  termios before{};
  if (isatty(fd.get()) == 0) return RawTerminal(fd.get(), std::nullopt);
  if (tcgetattr(fd.get(), &before) != 0) return Error::system(errno, "read terminal mode");
  termios raw = before;
  cfmakeraw(&raw);
  if (tcsetattr(fd.get(), TCSANOW, &raw) != 0) return Error::system(errno, "set terminal mode");
  return RawTerminal(fd.get(), before);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : fd_(other.fd_), before_(std::exchange(other.before_, std::nullopt)) {}

RawTerminal::~RawTerminal() {
  if (before_) tcsetattr(fd_, TCSADRAIN, &*before_);
}

std::optional<TerminalSize> terminal_size(BorrowedFd fd) {
  winsize size{};
  if (ioctl(fd.get(), TIOCGWINSZ, &size) != 0) return std::nullopt;
  return TerminalSize{size.ws_row, size.ws_col};
}

}  // namespace gantry
