#include "tests/cli/terminal.h"

#include "base/files.h"

#include <array>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::test {

TerminalSession::TerminalSession(std::vector<std::string> command) {
  winsize size{};
  size.ws_row = 30;
  size.ws_col = 100;
  int master = -1;
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = forkpty(&master, nullptr, nullptr, &size);
  if (pid_ == 0) {
    execv(argv[0], argv.data());
    _exit(127);
  }
  master_ = UniqueFd(master);
}

TerminalSession::~TerminalSession() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void TerminalSession::type(const std::string& keys) {
  (void)write_all(master_, keys);
}

bool TerminalSession::read_some() {
  pollfd poll_fd{master_.get(), POLLIN, 0};
  if (poll(&poll_fd, 1, 20000) <= 0) return false;
  std::array<char, 4096> buffer{};
  const ssize_t size = read(master_.get(), buffer.data(), buffer.size());
  if (size <= 0) return false;  // EIO: the last process has closed the terminal
  seen_.append(buffer.data(), static_cast<size_t>(size));
  return true;
}

bool TerminalSession::expect(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (seen_.find(text) == std::string::npos) {
    if (std::chrono::steady_clock::now() > deadline || !read_some()) return false;
  }
  return true;
}

int TerminalSession::wait() {
  while (read_some()) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gantry::test
