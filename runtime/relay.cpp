#include "runtime/relay.h"

#include "base/terminal.h"
#include "runtime/heap.h"
#include "runtime/log.h"
#include "runtime/notify.h"
#include "runtime/syscalls.h"

#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace gantry::runtime {
namespace {

constexpr int drain_ms = 200;
constexpr int most_drain_reads = 256;      // of 4 KiB: a pty holds less
constexpr size_t most_at_once = PIPE_BUF;  // a pipe that poll(2) calls writable takes so much without waiting

// One direction: at most one buffer of bytes is under way.
class Stream {
 public:
  Stream(BorrowedFd from, BorrowedFd to) : from_(from), to_(to) {}
  BorrowedFd from() const { return from_; }
  BorrowedFd to() const { return to_; }
  bool open() const { return open_; }
  short wanted_from() const { return open_ && pending_.empty() ? POLLIN : short{0}; }
  short wanted_to() const { return pending_.empty() ? short{0} : POLLOUT; }

  void read_some() {
    char buffer[most_at_once];
    const ssize_t got = ::read(from_.get(), buffer, sizeof buffer);
    if (got > 0) {
      pending_.assign(buffer, static_cast<size_t>(got));
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
      open_ = false;  // EIO: nobody has the terminal open any more
    }
  }

  void write_some() {
    const ssize_t put = ::write(to_.get(), pending_.data(), pending_.size());
    if (put > 0) {
      pending_.erase(0, static_cast<size_t>(put));
    } else if (put < 0 && errno != EINTR && errno != EAGAIN) {
      pending_.clear();
      open_ = false;
    }
  }

 private:
  BorrowedFd from_;
  BorrowedFd to_;
  bool open_ = true;
  std::string pending_;
};

void copy_window_size(const UniqueFd& terminal) {
  winsize size{};
  if (::ioctl(0, TIOCGWINSZ, &size) == 0) (void)::ioctl(terminal.get(), TIOCSWINSZ, &size);
}

// Lines as typed still reach the program when our terminal can't be set, so that it is run all the same.
std::optional<RawTerminal> enter_raw_mode() {
  auto raw = RawTerminal::enter(BorrowedFd(0));
  if (raw) return std::move(*raw);
  log_warning(raw.error().message());
  return std::nullopt;
}

// 0: none that concerns the process.
int take_signal(const UniqueFd& signals) {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return 0;
  const int number = static_cast<int>(info.ssi_signo);
  return number == SIGCHLD || number == SIGURG || number == SIGPIPE ? 0 : number;
}

void pass_signal(const UniqueFd& signals, const UniqueFd& pidfd, const UniqueFd& terminal) {
  const int number = take_signal(signals);
  if (number == 0) return;
  if (number == SIGWINCH && terminal) {
    copy_window_size(terminal);
    return;
  }
  (void)send_signal(pidfd, number);
}

void pass_notification(const NotifyRelay& notifications) {
  const auto passed = notifications.pass_on(::getpid());
  if (!passed) log_warning(passed.error().message());
}

Result<int> reap(const UniqueFd& pidfd) {
  siginfo_t info{};
  while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd.get()), &info, WEXITED) != 0) {
    if (errno != EINTR) return Error::system(errno, "wait for the container's process");
  }
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

// What the process printed last. Others may hold the terminal, so that it isn't waited for long when nothing
// comes, nor taken more than the process can have left (CVE-2026-53495); for our own reader we wait, until a
// signal says otherwise.
void drain(Stream& output, const UniqueFd& signals) {
  for (int reads = 0; reads < most_drain_reads || output.wanted_to() != 0;) {
    const bool takes = output.wanted_from() != 0;
    const bool writes = output.wanted_to() != 0;
    if (!takes && !writes) return;
    pollfd waits[3] = {{takes ? output.from().get() : -1, POLLIN, 0},
                       {writes ? output.to().get() : -1, POLLOUT, 0},
                       {signals.get(), POLLIN, 0}};
    const int ready = ::poll(waits, 3, writes ? -1 : drain_ms);
    if (ready == 0) return;
    if (ready < 0) continue;
    const int number = waits[2].revents != 0 ? take_signal(signals) : 0;
    if (number != 0 && number != SIGWINCH) return;
    if (waits[1].revents != 0) output.write_some();
    if (waits[0].revents == 0) continue;
    output.read_some();
    ++reads;
  }
}

}  // namespace

Result<SignalRelay> SignalRelay::make() {
  sigset_t all;
  sigfillset(&all);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    sigdelset(&all, number);
  if (::sigprocmask(SIG_BLOCK, &all, nullptr) != 0) return Error::system(errno, "block signals");
  UniqueFd fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::system(errno, "make a signalfd");
  return SignalRelay(std::move(fd));
}

Result<int> follow_process(const UniqueFd& pidfd, const UniqueFd& terminal, const SignalRelay& signals,
                           const NotifyRelay* notifications) {
  set_frees_memory(true);  // this may take years
  const auto raw = terminal ? enter_raw_mode() : std::optional<RawTerminal>();
  if (terminal) {
    ::fcntl(terminal.get(), F_SETFL, O_NONBLOCK);
    copy_window_size(terminal);
  }
  Stream input(BorrowedFd(0), terminal);
  Stream output(terminal, BorrowedFd(1));
  for (;;) {
    const bool relays = bool(terminal);
    const auto wanted = static_cast<short>(input.wanted_to() | output.wanted_from());
    const bool listens = relays && output.open() && wanted != 0;  // with nothing wanted its end would wake us
    pollfd waits[6] = {
        {pidfd.get(), POLLIN, 0},
        {signals.fd().get(), POLLIN, 0},
        {relays && input.wanted_from() != 0 ? 0 : -1, POLLIN, 0},
        {listens ? terminal.get() : -1, wanted, 0},
        {relays && output.wanted_to() != 0 ? 1 : -1, POLLOUT, 0},
        {notifications != nullptr ? notifications->fd().get() : -1, POLLIN, 0},
    };
    if (::poll(waits, 6, -1) < 0) continue;
    if (waits[1].revents != 0) pass_signal(signals.fd(), pidfd, terminal);
    if (waits[2].revents != 0) input.read_some();
    if ((waits[3].revents & POLLOUT) != 0 && input.wanted_to() != 0) input.write_some();
    if ((waits[3].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && output.wanted_from() != 0)
      output.read_some();
    if (waits[4].revents != 0) output.write_some();
    if (waits[5].revents != 0) pass_notification(*notifications);
    if (waits[0].revents == 0) continue;
    if (relays) drain(output, signals.fd());
    set_frees_memory(false);
    return reap(pidfd);
  }
}

}  // namespace gantry::runtime
