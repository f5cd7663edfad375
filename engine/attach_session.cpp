#include "engine/attach_session.h"

#include "base/files.h"
#include "base/process.h"
#include "base/terminal.h"
#include "runtime/monitor_client.h"

#include <array>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr size_t most_packet = 8192;

// Signals as descriptors while this lives. signalfd(2).
class SignalReader {
 public:
  static Result<SignalReader> make(const std::vector<int>& forwarded) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    for (const int signal : forwarded) sigaddset(&set, signal);
    SignalReader reader;
    pthread_sigmask(SIG_BLOCK, &set, &reader.before_);
    reader.fd_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!reader.fd_) return Error::system(errno, "signalfd");
    return reader;
  }
  SignalReader(SignalReader&&) noexcept = default;
  SignalReader& operator=(SignalReader&&) = delete;
  SignalReader(const SignalReader&) = delete;
  SignalReader& operator=(const SignalReader&) = delete;
  ~SignalReader() {
    if (fd_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  int fd() const { return fd_.get(); }
  int next() const {  // 0: none
    signalfd_siginfo info{};
    return read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  SignalReader() = default;
  UniqueFd fd_;
  sigset_t before_{};
};

class Relay {
 public:
  Relay(AttachSession session, const SignalReader& signals)
      : session_(std::move(session)),
        signals_(signals),
        keys_(session_.detach_keys),
        stdin_open_(session_.open_stdin) {}

  Result<AttachEnd> run() {
    resize();
    for (;;) {
      std::array<pollfd, 3> fds = {{{session_.socket.get(), POLLIN, 0},
                                    {signals_.fd(), POLLIN, 0},
                                    {stdin_open_ ? STDIN_FILENO : -1, POLLIN, 0}}};
      if (poll(fds.data(), fds.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return Error::system(errno, "wait for the container");
      }
      if (fds[0].revents != 0 && !TRY(take_output())) {
        return reader_gone_ ? AttachEnd::reader_gone : AttachEnd::container_ended;
      }
      if (fds[1].revents != 0) take_signal();
      if (fds[2].revents != 0 && TRY(take_input())) return AttachEnd::detached;
    }
  }

 private:
  // False at the end of file, or when nobody reads ours.
  Result<bool> take_output() {
    std::array<char, most_packet + 1> packet{};
    const ssize_t size = recv(session_.socket.get(), packet.data(), packet.size(), 0);
    // ECONNRESET, once, tells that the monitor closed with input of ours unread; the last output comes behind
    // it.
    if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == ECONNRESET)) return true;
    if (size < 0) return Error::system(errno, "read from the container");
    if (size <= 0) return false;
    const int to = packet[0] == 3 ? STDERR_FILENO : STDOUT_FILENO;
    auto written = write_all(BorrowedFd(to), {packet.data() + 1, static_cast<size_t>(size) - 1});
    if (!written && written.error().system_errno() == EPIPE && !session_.forwarded_signals.empty()) {
      forward(SIGPIPE);  // as if the pipe were the program's own
      reader_gone_ = true;
      return false;
    }
    TRY(std::move(written).context("write output"));
    return true;
  }

  // True when the detach keys were typed.
  Result<bool> take_input() {
    std::array<char, most_packet> typed{};
    const ssize_t size = read(STDIN_FILENO, typed.data(), typed.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    if (size <= 0) {
      stdin_open_ = false;
      shutdown(session_.socket.get(), SHUT_WR);
      return false;
    }
    std::string input;
    const bool detach = keys_.feed({typed.data(), static_cast<size_t>(size)}, input);
    if (!input.empty()) send_input(input);
    return detach;
  }

  // A container that has ended reads no more; the end of its output says so.
  void send_input(const std::string& input) {
    ssize_t sent = 0;
    do {
      sent = send(session_.socket.get(), input.data(), input.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) stdin_open_ = false;
  }

  void take_signal() {
    const int signal = signals_.next();
    if (signal == SIGWINCH) return resize();
    if (signal != 0) forward(signal);
  }

  void forward(int signal) const {
    const auto status = runtime::read_monitor_status(session_.directory);
    if (!status || status->pid == 0) return;
    const auto process = open_process(status->process());
    if (process) syscall(SYS_pidfd_send_signal, process->get(), signal, nullptr, 0);
  }

  void resize() const {
    if (!session_.terminal) return;
    const auto size = terminal_size(BorrowedFd(STDIN_FILENO));
    if (size) (void)runtime::resize_terminal(session_.directory, size->rows, size->columns);
  }

  AttachSession session_;
  const SignalReader& signals_;
  DetachKeys keys_;
  bool stdin_open_;
  bool reader_gone_ = false;
};

}  // namespace

Result<std::array<UniqueFd, 2>> packet_pair() {
  std::array<int, 2> fds{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return Error::system(errno, "socketpair");
  }
  return std::array<UniqueFd, 2>{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

bool DetachKeys::feed(std::string_view typed, std::string& input) {
  for (const char c : typed) {
    if (!keys_.empty() && c == keys_[matched_]) {
      if (++matched_ == keys_.size()) return true;
      continue;
    }
    input.append(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(matched_));
    matched_ = !keys_.empty() && c == keys_[0] ? 1 : 0;
    if (matched_ == 0) input += c;
  }
  return false;
}

Result<AttachEnd> run_attach_session(AttachSession session) {
  const auto signals = TRY(SignalReader::make(session.forwarded_signals));
  std::optional<RawTerminal> raw;
  if (session.terminal && session.open_stdin) raw.emplace(TRY(RawTerminal::enter(BorrowedFd(STDIN_FILENO))));
  return Relay(std::move(session), signals).run();
}

}  // namespace gantry::engine
